"""Bulk API 2.0 ingest over HTTP: a job is created, filled, closed, asked about, read and deleted (CRM_APIS 4.3)."""

from dataclasses import replace

from usage_pipeline.sandbox.exchange import Call, Reply, Routes
from usage_pipeline.sandbox.salesforce import access, bulk_csv, bulk_jobs, refusals, schema, sobjects
from usage_pipeline.sandbox.salesforce.bulk_jobs import ENDED, Job
from usage_pipeline.sandbox.store import Store

OPERATIONS = ("insert", "update", "upsert", "delete")
PAGE = 1_000
# 150 MB once it is in base64, which makes four bytes of three.
LARGEST = 150_000_000 * 3 // 4


def routes(on: Routes) -> None:
    on.on("POST", "jobs/ingest", create)
    on.on("GET", "jobs/ingest", everything)
    on.on("GET", "jobs/ingest/{job}", read)
    on.on("PATCH", "jobs/ingest/{job}", change)
    on.on("DELETE", "jobs/ingest/{job}", delete)
    on.on("PUT", "jobs/ingest/{job}/batches", upload)
    on.on("GET", "jobs/ingest/{job}/successfulresults", successful)
    on.on("GET", "jobs/ingest/{job}/failedresults", failed)
    on.on("GET", "jobs/ingest/{job}/unprocessedrecords", unprocessed)


def create(store: Store, call: Call, version: str) -> Reply:
    given = sobjects.body_of(call)
    kind = schema.object_name(str(given.get("object")))
    if kind is None:
        raise refusals.refused(
            400, "INVALIDENTITY", f"Entity '{given.get('object')}' is not supported by the Bulk API."
        )
    operation = str(given.get("operation"))
    if operation == "hardDelete":
        raise refusals.refused(
            400, "FEATURENOTENABLED", "hardDelete operation requires special user profile permission"
        )
    delimiter, ending = given.get("columnDelimiter", "COMMA"), given.get("lineEnding", "LF")
    for name, value, known in (
        ("operation", operation, OPERATIONS),
        ("contentType", given.get("contentType", "CSV"), ("CSV",)),
        ("columnDelimiter", delimiter, bulk_csv.DELIMITERS),
        ("lineEnding", ending, bulk_csv.LINE_ENDINGS),
    ):
        if value not in known:
            raise refusals.bad_json(f"{value} is not a valid value of {name}")
    external_id = given.get("externalIdFieldName")
    if operation == "upsert":
        field = access.visible(store, kind).get(str(external_id).lower())
        if field is None or not field.is_key:
            raise refusals.refused(400, "INVALIDJOB", f"InvalidJob : Field name not found : {external_id}")
    elif external_id:
        raise refusals.refused(400, "INVALIDJOB", "InvalidJob : externalIdFieldName is only for upsert")
    made = Job("", kind, operation, external_id, delimiter, ending, version, 0, 0, store.setting("salesforce_user"))
    return Reply(200, bulk_jobs.create(store, made).told(store))


def everything(store: Store, call: Call, version: str) -> Reply:
    """All jobs, a page at a time."""
    start = int(call.query.get("queryLocator") or 0)
    if call.query.get("jobType") not in (None, "V2Ingest"):
        return Reply(200, {"done": True, "records": [], "nextRecordsUrl": None})
    found = bulk_jobs.listed(store, start, PAGE + 1)
    more = f"/services/data/v{version}/jobs/ingest?queryLocator={start + PAGE}" if len(found) > PAGE else None
    told = [job.told(store) | {"jobType": "V2Ingest"} for job in found[:PAGE]]
    return Reply(200, {"done": more is None, "records": told, "nextRecordsUrl": more})


def _found(store: Store, job_id: str) -> Job:
    job = bulk_jobs.find(store, job_id)
    if job is None:
        raise refusals.not_found()
    return job


def _wrong_state(message: str) -> Exception:
    return refusals.refused(400, "INVALIDJOBSTATE", message)


def read(store: Store, call: Call, version: str, job: str) -> Reply:  # noqa: ARG001
    """How a job is: asking is what makes it go on here."""
    told = bulk_jobs.go_on(store, _found(store, job)).told(store)
    return Reply(200, told | {"jobType": "V2Ingest"})


def upload(store: Store, call: Call, version: str, job: str) -> Reply:  # noqa: ARG001
    """A second upload is taken, and found out at the closing (a live organisation was seen to do so)."""
    found = _found(store, job)
    if found.state != "Open":
        raise _wrong_state(f"Uploading to a Job in state {found.state} not allowed")
    if not call.headers.get("content-type", "").lower().startswith("text/csv"):
        raise refusals.refused(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type not supported for this job: text/csv is")
    if len(call.body) > LARGEST:
        raise refusals.refused(413, "REQUEST_ENTITY_TOO_LARGE", "The upload is larger than 150 MB in base64")
    bulk_jobs.upload(store, found, call.body)
    return Reply(201)


def change(store: Store, call: Call, version: str, job: str) -> Reply:  # noqa: ARG001
    """Close or abort."""
    found, state = _found(store, job), sobjects.body_of(call).get("state")
    if state == "UploadComplete":
        if found.state != "Open":
            raise _wrong_state(f"Closing already {_participle(found.state)} Job not allowed")
        if found.uploads > 1:
            message = f"Found multiple contents for job: <{found.id}>; upload once to a new job"
            raise refusals.refused(400, "INVALIDJOB", message)
        return Reply(200, bulk_jobs.close(store, found).told(store))
    if state == "Aborted":
        if found.state in ENDED:
            raise _wrong_state(f"Aborting already {_participle(found.state)} Job not allowed")
        if found.state == "Open":
            # Its rows were never looked at, and are told as such.
            found = bulk_jobs.close(store, found)
        return Reply(200, bulk_jobs.keep(store, replace(found, state="Aborted")).told(store))
    raise refusals.bad_json(f"{state} is not a valid value of state")


def _participle(state: str) -> str:
    return {"JobComplete": "Completed", "UploadComplete": "Closed", "InProgress": "Closed"}.get(state, state)


def delete(store: Store, call: Call, version: str, job: str) -> Reply:  # noqa: ARG001
    found = _found(store, job)
    if found.state not in ENDED:
        raise _wrong_state(f"Deleting a Job in state {found.state} not allowed")
    bulk_jobs.delete(store, found)
    return Reply(204)


def successful(store: Store, call: Call, version: str, job: str) -> Reply:  # noqa: ARG001
    return _file(store, job, "ok")


def failed(store: Store, call: Call, version: str, job: str) -> Reply:  # noqa: ARG001
    return _file(store, job, "failed")


def unprocessed(store: Store, call: Call, version: str, job: str) -> Reply:  # noqa: ARG001
    return _file(store, job, None)


def _file(store: Store, job: str, outcome: str | None) -> Reply:
    found = _found(store, job)
    if found.state not in ENDED:
        raise _wrong_state(f"Results of a Job in state {found.state} are not ready")
    return Reply(200, bulk_jobs.results(store, found, outcome), {"Content-Type": "text/csv;charset=UTF-8"})
