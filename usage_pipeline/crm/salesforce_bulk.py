"""Fields of many accounts by Bulk API 2.0: one job carries up to 100,000 rows.

Updating by record id twice changes nothing, so rows may always be sent again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from usage_pipeline.crm.batches import failed, unanswered
from usage_pipeline.crm.client import FieldWrite, RowResult
from usage_pipeline.crm.contract import Contract
from usage_pipeline.crm.rejections import BudgetSpent, Cause, OutcomeUnknown, Refused, Rejection
from usage_pipeline.crm.salesforce_csv import LARGEST_UPLOAD, same_id, uploads
from usage_pipeline.crm.salesforce_errors import rejection
from usage_pipeline.crm.salesforce_jobs import RUNNING, Jobs
from usage_pipeline.crm.salesforce_org import Org
from usage_pipeline.errors import Unavailable

ROWS_PER_JOB = 100_000
# 100,000 rows take minutes; an organisation whose queue is an hour long has a trouble of its own.
STUCK_AFTER_S = 3_600.0
UPLOADS = 2


class Bulk:
    """Updates of accounts by jobs."""

    def __init__(self, org: Org, *, stuck_after_s: float = STUCK_AFTER_S, largest_upload: int = LARGEST_UPLOAD) -> None:
        self._jobs = Jobs(org, stuck_after_s)
        self._largest_upload = largest_upload

    def update(self, rows: Sequence[FieldWrite], contract: Contract) -> list[RowResult]:
        """What came of each row; of two rows for one record the later is sent after the earlier."""
        results: dict[str, RowResult] = {}
        waiting = list(rows)
        while waiting:
            # The first of each record; in order of the records, since neighbours share a lock.
            first = {same_id(row.crm_id): row for row in reversed(waiting)}
            some = sorted(first.values(), key=lambda row: row.crm_id)
            for inside, content in uploads(some, contract, self._largest_upload):
                results |= {result.key: result for result in self._job(inside, content)}
            waiting = [row for row in waiting if row.key not in results]
        return [results[row.key] for row in rows]

    def wait_for_earlier(self) -> None:
        """Until no job is running that a run before us may have left: it would overwrite what comes now.

        Raises:
            Unavailable: where one still runs after the longest time.
        """
        try:
            for job in self._jobs.ours():
                if job.get("state") in RUNNING and self._jobs.ended(job["id"]) is None:
                    self._give_up(job)
        except Refused:
            # An organisation without Bulk API has no such job.
            return

    def _give_up(self, job: Mapping[str, Any]) -> None:
        """Abort a job that did nothing all the time; one that goes on may be somebody else's."""
        done = self._jobs.state(job["id"]).get("numberRecordsProcessed")
        if done != job.get("numberRecordsProcessed") or not self._jobs.abort(job["id"]):
            raise Unavailable(
                f"Salesforce: the Bulk job {job['id']} of this user has not ended",
                fix="look at Setup, Bulk Data Load Jobs; abort it there if it is stuck, then run the apply again",
            )

    def _job(self, rows: Sequence[FieldWrite], content: bytes) -> list[RowResult]:
        """From creation to results; once more where the upload certainly came to nothing."""
        why = Rejection.of(Cause.TRANSIENT, "")
        for _ in range(UPLOADS):
            try:
                job = self._begin(content)
            except OutcomeUnknown as lost:
                return [_unknown(row, lost) for row in rows]
            except (Refused, Unavailable) as problem:
                why = _typed(problem)
                if isinstance(problem, Refused) and why.cause is Cause.TRANSIENT:
                    continue  # A network that delivers an upload twice makes a job unusable.
                break
            try:
                end = self._jobs.ended(job)
            except (Refused, Unavailable) as away:
                return [_unknown(row, away) for row in rows]
            if end is None:
                self._jobs.abort(job)
                stuck = Unavailable(f"the Bulk job {job} did not end and was aborted")
                return [_unknown(row, stuck) for row in rows]
            results = self._results(job, end, rows)
            if results or end.get("numberRecordsProcessed") != 0 or end["state"] != "JobComplete":
                return [results.get(row.key) or unanswered(row) for row in rows]
            told = f"Salesforce: Bulk job {job} ended without a row: the upload did not arrive"
            why = Rejection.of(Cause.TRANSIENT, told)
        return [failed(row, why) for row in rows]

    def _begin(self, content: bytes) -> str:
        """A job that is being processed."""
        job = self._jobs.create()
        try:
            self._jobs.upload(job, content)
            self._jobs.close(job)
        except OutcomeUnknown:
            raise
        except (Refused, Unavailable):
            self._jobs.abort(job)
            raise
        return job

    def _results(self, job: str, end: Mapping[str, Any], rows: Sequence[FieldWrite]) -> dict[str, RowResult]:
        """What the three files say, matched by record, since they are in no order."""
        by_id = {same_id(row.crm_id): row for row in rows}
        results: dict[str, RowResult] = {}

        def read(file: str, result: Callable[[FieldWrite, Mapping[str, str]], RowResult]) -> None:
            for told in self._jobs.rows(job, file):
                row = by_id.get(same_id(told.get("Id") or told.get("sf__Id") or ""))
                if row is not None:
                    results[row.key] = result(row, told)

        unprocessed = _unprocessed(job, end)
        try:
            read("successfulResults", lambda row, _: RowResult(row.key, "ok", row.crm_id))
            if end.get("numberRecordsFailed") != 0:
                read("failedResults", lambda row, told: failed(row, _row_error(told.get("sf__Error") or "")))
            if len(results) < len(rows):
                read("unprocessedrecords", lambda row, _: failed(row, unprocessed))
        except (Refused, Unavailable) as away:
            return {row.key: results.get(row.key) or _unknown(row, away) for row in rows}
        return results


def _unprocessed(job: str, end: Mapping[str, Any]) -> Rejection:
    """Why rows of an ended job were never looked at."""
    state, why = str(end.get("state")), str(end.get("errorMessage") or "no reason was given")
    code = why.partition(":")[0].strip()
    typed = rejection(code, why)
    # Whoever aborted the job, and whatever made it fail, does not hold for the rows: unless their columns did it.
    cause = typed.cause if typed.cause in {Cause.SCHEMA, Cause.PERMISSION} else Cause.TRANSIENT
    return Rejection.of(cause, f"Salesforce: the Bulk job {job} is {state}: {why}")


def _row_error(told: str) -> Rejection:
    """`REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --`, typed."""
    code, _, message = told.partition(":")
    return rejection(code.strip(), message.removesuffix("--").strip().removesuffix(":") or "without a message")


def _typed(problem: Refused | Unavailable) -> Rejection:
    if isinstance(problem, Refused):
        return problem.rejection
    return Rejection.of(Cause.BUDGET if isinstance(problem, BudgetSpent) else Cause.TRANSIENT, problem.cause)


def _unknown(row: FieldWrite, problem: Refused | Unavailable) -> RowResult:
    cause = Cause.BUDGET if isinstance(problem, BudgetSpent) else Cause.TRANSIENT
    return RowResult(row.key, "unknown", rejection=Rejection.of(cause, problem.cause))
