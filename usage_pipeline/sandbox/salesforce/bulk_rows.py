"""One row of a Bulk job after the other: each is written or refused by itself."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from usage_pipeline.sandbox.salesforce import access, bulk_csv, locks, records, writing
from usage_pipeline.sandbox.salesforce.refusals import RowError
from usage_pipeline.sandbox.store import Store

if TYPE_CHECKING:
    from usage_pipeline.sandbox.salesforce.bulk_jobs import Job


def wrong_column(store: Store, kind: str, header: Sequence[str]) -> str | None:
    """The first column that the object lacks, or that is hidden: the whole job fails by it."""
    known = access.visible(store, kind)
    parents = {(field.relationship or "").lower() for field in known.values()}
    for name in header:
        first, _, below = name.lower().partition(".")
        if first not in (parents if below else known):
            return name
    return None


def process(store: Store, job: "Job", most: int) -> None:
    """Write up to `most` of the rows that wait."""
    waiting = store.rows(
        "SELECT number, cells FROM sf_job_row WHERE job = ? AND outcome IS NULL ORDER BY number LIMIT ?", job.id, most
    )
    ends: list[tuple[str, str | None, str, str, int]] = []
    for row in waiting:
        cells = json.loads(row["cells"])
        try:
            record, created = _one(store, job, cells)
            ends.append(("ok", record, "true" if created else "false", job.id, row["number"]))
        except RowError as problem:
            named = dict(zip(job.header, cells, strict=False)).get("Id")
            told = f"{problem.code}:{problem.message}:{' '.join([*problem.fields, '--'])}"
            ends.append(("failed", named, told, job.id, row["number"]))
    store.db.executemany("UPDATE sf_job_row SET outcome = ?, record = ?, told = ? WHERE job = ? AND number = ?", ends)


def _one(store: Store, job: "Job", cells: Sequence[str]) -> tuple[str, bool]:
    """The record that a row was about, and whether the row made it."""
    if len(cells) != len(job.header):
        raise RowError("INVALID_CSV_ROW", f"{len(cells)} columns, and {len(job.header)} are named")
    given = bulk_csv.given(job.header, cells)
    lock = locks.met(store, given)
    if lock:
        raise lock
    with store.attempt():
        return _write(store, job, given)


def _write(store: Store, job: "Job", given: dict[str, Any]) -> tuple[str, bool]:
    values = {name: value for name, value in given.items() if name.lower() != "id"}
    if job.operation == "insert":
        return writing.create(store, job.object, values).id, True
    found = _found(store, job, given)
    if job.operation == "upsert" and found is None:
        return writing.create(store, job.object, values).id, True
    if found is None:
        raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    if job.operation == "delete":
        writing.delete(store, found)
    else:
        key = (job.external_id or "id").lower()
        writing.change(store, found, {name: value for name, value in values.items() if name.lower() != key})
    return found.id, False


def _found(store: Store, job: "Job", given: dict[str, Any]) -> records.Record | None:
    """The record a row names: by its id, or in an upsert by the external id of the job."""
    key = job.external_id if job.operation == "upsert" and job.external_id else "Id"
    value = next((str(value) for name, value in given.items() if name.lower() == key.lower() and value), None)
    if key.lower() == "id":
        if value is None:
            if job.operation == "upsert":
                return None
            raise RowError("MISSING_ARGUMENT", f"Id not specified in an {job.operation} call")
        found = records.find(store, value)
        if found is None or found.kind != job.object:
            raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        return found
    if value is None:
        raise RowError("MISSING_ARGUMENT", f"{key} not specified")
    there = records.by_key(store, job.object, access.visible(store, job.object)[key.lower()], value)
    if len(there) > 1:
        raise RowError("DUPLICATE_EXTERNAL_ID", f"{key}: more than one record found for external id field")
    return there[0] if there else None
