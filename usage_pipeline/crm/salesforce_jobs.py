"""The life of a Bulk API 2.0 ingest job: created, filled, closed, waited for, read (CRM_APIS 4.3).

A job's id is the handle to everything: where an answer was lost, the job or the list of jobs is
looked at. A job that was never closed is never processed, so an orphan does no harm.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.rejections import BudgetSpent, OutcomeUnknown, Refused
from usage_pipeline.crm.salesforce_csv import result_rows, same_id
from usage_pipeline.crm.salesforce_org import Org
from usage_pipeline.errors import Unavailable

PATH = "/jobs/ingest"
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
RUNNING = frozenset({"UploadComplete", "InProgress"})
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 30.0
CREATIONS = 3


class Jobs:
    """Jobs that update the accounts of one organisation."""

    def __init__(self, org: Org, stuck_after_s: float) -> None:
        self._org = org
        self._stuck_after_s = stuck_after_s

    def ours(self) -> list[dict[str, Any]]:
        """Jobs of the last seven days that our own user made to update accounts."""
        found: list[dict[str, Any]] = []
        page = self._org.get(PATH, jobType="V2Ingest")
        while True:
            found += page.get("records") or []
            if page.get("done", True) or not page.get("nextRecordsUrl"):
                break
            page = self._org.get(page["nextRecordsUrl"])
        me = same_id(self._org.user_id)
        return [
            job
            for job in found
            if (job.get("object"), job.get("operation"), same_id(str(job.get("createdById"))))
            == ("Account", "update", me)
        ]

    def create(self) -> str:
        """The id of a new open job.

        Raises:
            Unavailable: where none can be made; one that was made unseen stays empty.
        """
        asked = {
            "object": "Account",
            "operation": "update",
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        known = {job["id"] for job in self.ours()}
        why = ""
        for _ in range(CREATIONS):
            try:
                return str(self._org.call("POST", PATH, Class.UNSAFE, asked).json()["id"])
            except OutcomeUnknown as unknown:
                why = unknown.cause
            made = [job["id"] for job in self.ours() if job["id"] not in known and job.get("state") == "Open"]
            if made:
                return str(made[0])
        raise Unavailable(f"no Bulk job could be made: {why}", fix="run the apply again")

    def upload(self, job: str, content: bytes) -> None:
        """Sent once: a second upload makes a job unusable, so a lost answer is not asked for again."""
        headers = {"Content-Type": "text/csv; charset=UTF-8"}
        try:
            self._org.call("PUT", f"{PATH}/{job}/batches", Class.UNSAFE, data=content, headers=headers, is_new=False)
        except OutcomeUnknown:
            # Closing shows what arrived: rows that did not are in none of the result files.
            return

    def close(self, job: str) -> None:
        """Hand the rows over to be processed.

        Raises:
            OutcomeUnknown: where it may have been closed.
            Refused: where it certainly was not, as with `Unavailable`.
        """
        try:
            self._org.call("PATCH", f"{PATH}/{job}", Class.IDEMPOTENT, {"state": "UploadComplete"}, is_new=False)
        except (Refused, OutcomeUnknown) as problem:
            # A repetition after a lost answer is refused, too, since the job is closed by then.
            if self._read(job, problem).get("state") != "Open":
                return
            if isinstance(problem, OutcomeUnknown) and self.abort(job):
                raise Unavailable(problem.cause, fix="run the apply again") from problem
            raise

    def _read(self, job: str, problem: Refused | OutcomeUnknown) -> Mapping[str, Any]:
        try:
            return self.state(job)
        except (Refused, Unavailable):
            raise problem from None

    def state(self, job: str) -> Mapping[str, Any]:
        found = self._org.call("GET", f"{PATH}/{job}", Class.SAFE, is_new=False).json()
        return found if isinstance(found, dict) else {}

    def ended(self, job: str) -> Mapping[str, Any] | None:
        """The job once it has ended; None where it has not within the longest time."""
        waited, pause = 0.0, FIRST_PAUSE_S
        while True:
            try:
                told = self.state(job)
            except BudgetSpent:
                raise
            except Unavailable:
                # The job goes on while nobody answers.
                if waited >= self._stuck_after_s:
                    raise
            else:
                if told.get("state") in ENDED:
                    return told
                if waited >= self._stuck_after_s:
                    return None
            self._org.caller.sleep(pause)
            waited += pause
            pause = min(LONGEST_PAUSE_S, pause * 1.5)

    def abort(self, job: str) -> bool:
        """Whether it is certain that no more rows are processed; Salesforce aborts an open job itself after a day."""
        try:
            self._org.call("PATCH", f"{PATH}/{job}", Class.IDEMPOTENT, {"state": "Aborted"}, is_new=False)
        except (Refused, Unavailable):
            return False
        return True

    def rows(self, job: str, file: str) -> Iterator[dict[str, str]]:
        """Rows of one result file."""
        answer = self._org.call("GET", f"{PATH}/{job}/{file}", Class.SAFE, headers={"Accept": "text/csv"}, is_new=False)
        return result_rows(answer.content)
