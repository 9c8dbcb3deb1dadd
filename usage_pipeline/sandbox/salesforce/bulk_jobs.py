"""Bulk jobs as they are kept: a job processes a part of its rows whenever somebody asks how it is."""

import json
import random
from dataclasses import dataclass, replace
from typing import Any

from usage_pipeline.sandbox.salesforce import bulk_csv, bulk_rows, ids, values
from usage_pipeline.sandbox.store import Store

TABLES = (
    "CREATE TABLE IF NOT EXISTS sf_job (id TEXT PRIMARY KEY, at INTEGER NOT NULL, job TEXT NOT NULL, content BLOB)",
    """CREATE TABLE IF NOT EXISTS sf_job_row (
        job TEXT NOT NULL, number INTEGER NOT NULL, cells TEXT NOT NULL, outcome TEXT, record TEXT, told TEXT,
        PRIMARY KEY (job, number)
    ) WITHOUT ROWID""",
)
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
FATES = {"complete": "JobComplete", "failed": "Failed", "aborted": "Aborted", "stuck": "InProgress"}


@dataclass(frozen=True)
class Job:
    """One ingest job."""

    id: str
    object: str
    operation: str
    external_id: str | None
    delimiter: str
    line_ending: str
    version: str
    created: int
    modified: int
    user: str
    state: str = "Open"
    uploads: int = 0
    header: tuple[str, ...] = ()
    polls: int = 0
    fate: str = "complete"
    """`bulk_fate` as it was when the upload was completed."""
    error: str | None = None

    def told(self, store: Store) -> dict[str, Any]:
        """The job as the API shows it."""
        described: dict[str, Any] = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.user,
            "createdDate": values.written(self.created),
            "systemModstamp": values.written(self.modified),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "lineEnding": self.line_ending,
            "columnDelimiter": self.delimiter,
        }
        if self.external_id:
            described["externalIdFieldName"] = self.external_id
        if self.state == "Open":
            described["contentUrl"] = f"services/data/v{self.version}/jobs/ingest/{self.id}/batches"
            return described
        rows = store.rows("SELECT outcome, count(*) FROM sf_job_row WHERE job = ? GROUP BY outcome", self.id)
        counts: dict[str | None, int] = {row[0]: row[1] for row in rows}
        failed = counts.get("failed", 0)
        described |= {
            "jobType": "V2Ingest",
            "numberRecordsProcessed": counts.get("ok", 0) + failed,
            "numberRecordsFailed": failed,
            "retries": 0,
            "totalProcessingTime": self.modified - self.created,
            "apiActiveProcessingTime": self.modified - self.created,
            "apexProcessingTime": 0,
        }
        return described | ({"errorMessage": self.error} if self.error else {})


def create(store: Store, job: Job) -> Job:
    made = replace(job, id=ids.new(store, "Job"), created=store.now(), modified=store.now())
    store.run("INSERT INTO sf_job VALUES (?, ?, ?, NULL)", made.id, made.created, _kept(made))
    return made


def find(store: Store, job_id: str) -> Job | None:
    row = store.row("SELECT job FROM sf_job WHERE id = ?", ids.known(job_id))
    return _read(row["job"]) if row else None


def listed(store: Store, start: int, most: int) -> list[Job]:
    rows = store.rows("SELECT job FROM sf_job ORDER BY at, id LIMIT ? OFFSET ?", most, start)
    return [_read(row["job"]) for row in rows]


def keep(store: Store, job: Job) -> Job:
    """The job with its new state."""
    job = replace(job, modified=store.now())
    store.run("UPDATE sf_job SET job = ? WHERE id = ?", _kept(job), job.id)
    return job


def upload(store: Store, job: Job, content: bytes) -> Job:
    store.run("UPDATE sf_job SET content = ? WHERE id = ?", content, job.id)
    return keep(store, replace(job, uploads=job.uploads + 1))


def close(store: Store, job: Job) -> Job:
    """Take the uploaded rows apart; a job without an upload has none."""
    row = store.row("SELECT content FROM sf_job WHERE id = ?", job.id)
    lines = bulk_csv.rows(row["content"] if row and row["content"] else b"", job.delimiter)
    header = tuple(next(lines, ()))
    store.db.executemany(
        "INSERT INTO sf_job_row VALUES (?, ?, ?, NULL, NULL, NULL)",
        ((job.id, number, json.dumps(cells)) for number, cells in enumerate(lines)),
    )
    store.run("UPDATE sf_job SET content = NULL WHERE id = ?", job.id)
    return keep(store, replace(job, state="UploadComplete", header=header, fate=store.setting("bulk_fate")))


def go_on(store: Store, job: Job) -> Job:
    """What a closed job does between two questions."""
    if job.state not in ("UploadComplete", "InProgress"):
        return job
    job = replace(job, state="InProgress", polls=job.polls + 1)
    if job.polls <= store.setting("bulk_idle_polls"):
        return keep(store, job)
    wrong = bulk_rows.wrong_column(store, job.object, job.header)
    if wrong:
        return keep(store, replace(job, state="Failed", error=f"InvalidBatch : Field name not found : {wrong}"))
    rows = store.row("SELECT count(*), count(outcome) FROM sf_job_row WHERE job = ?", job.id)
    total, done = (rows[0], rows[1]) if rows else (0, 0)
    end = FATES[job.fate]
    most = total if end == "JobComplete" else total * store.setting("bulk_percent_before_end") // 100
    bulk_rows.process(store, job, min(store.setting("bulk_rows_per_poll"), max(0, most - done)))
    if done + store.setting("bulk_rows_per_poll") < most or end not in ENDED:
        return keep(store, job)
    why = None if end == "JobComplete" else "InternalServerError : the sandbox ended this job on demand"
    return keep(store, replace(job, state=end, error=why if end == "Failed" else None))


def delete(store: Store, job: Job) -> None:
    store.run("DELETE FROM sf_job WHERE id = ?", job.id)
    store.run("DELETE FROM sf_job_row WHERE job = ?", job.id)


def results(store: Store, job: Job, outcome: str | None) -> bytes:
    """A result file, its rows in no order."""
    rows = store.rows("SELECT cells, record, told FROM sf_job_row WHERE job = ? AND outcome IS ?", job.id, outcome)
    random.Random(job.id).shuffle(rows)  # noqa: S311 - an order that nobody can rely on
    first = {"ok": ("sf__Id", "sf__Created"), "failed": ("sf__Id", "sf__Error"), None: ()}[outcome]
    lines = ([*((row["record"] or "", row["told"]) if first else ()), *json.loads(row["cells"])] for row in rows)
    return bulk_csv.written([*first, *job.header], lines, job.delimiter, job.line_ending)


def _kept(job: Job) -> str:
    return json.dumps(job.__dict__)


def _read(text: str) -> Job:
    kept = json.loads(text)
    return Job(**{**kept, "header": tuple(kept["header"])})
