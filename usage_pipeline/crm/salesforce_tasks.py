"""Tasks in Salesforce: upserted by a unique external id, so that sending twice makes one."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.client import NOTE_MARK, RowResult, TaskChange, TaskOpening, TaskState, TaskStatus, TaskText
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.crm.rejections import Refused, Rejection
from usage_pipeline.crm.salesforce_locks import one_result_each_in_order
from usage_pipeline.crm.salesforce_org import Org, lists
from usage_pipeline.errors import Unavailable

KEY = CONTRACT.task_key_salesforce
PRIORITIES = {"high": "High", "medium": "Normal", "low": "Low"}
OUR_PRIORITIES = {theirs: ours for ours, theirs in PRIORITIES.items()}
NEW = "Not Started"
DEFERRED = "Deferred"
MARK = "[withdrawn]"
COLUMNS = ("Id", KEY, "Subject", "Description", "Status", "Priority", "WhatId", "CompletedDateTime", "SystemModstamp")


class Tasks:
    """The tasks of one organisation."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def open(self, batch: Sequence[TaskOpening]) -> list[RowResult]:
        def send(rows: Sequence[TaskOpening]) -> list[RowResult]:
            return self._org.collection("PATCH", f"/composite/sobjects/Task/{KEY}", rows, [_new(row) for row in rows])

        results = one_result_each_in_order(batch, send, parent=lambda row: row.company, sleep=self._org.caller.sleep)
        return self._with_those_that_exist(batch, self._by_key(batch, results))

    def find(self, batch: Sequence[TaskOpening]) -> dict[str, TaskState]:
        found = (_state(task) for task in self._read(KEY, [row.key for row in batch]))
        return {state.key: state for state in found if state.key}

    def states(self, ids: Sequence[CrmId]) -> dict[CrmId, TaskState]:
        return {CrmId(task["Id"]): _state(task) for task in self._read("Id", ids)}

    def change(self, batch: Sequence[TaskChange]) -> list[RowResult]:
        """Only what nobody touched is changed; a withdrawn task is deferred with a mark, a touched one gets a note."""
        tasks = {task["Id"]: task for task in self._read("Id", [row.task_id for row in batch])}
        results: dict[str, RowResult] = {}
        writes: dict[str, dict[str, Any]] = {}
        for row in batch:
            state = _state(tasks[row.task_id]) if row.task_id in tasks else None
            if state is None or (row.after is None and state.status is TaskStatus.WITHDRAWN):
                results[row.key] = RowResult(row.key, "ok" if row.after is None else "left", row.task_id)
            elif row.after is not None and state.says(row.after):
                results[row.key] = RowResult(row.key, "ok", row.task_id)
            elif state.is_untouched(row.before):
                writes[row.key] = _text(row.after) if row.after else _deferral(state, row.note)
            else:
                results[row.key] = RowResult(row.key, "left", row.task_id)
                if row.after is None and state.status is TaskStatus.OPEN and NOTE_MARK not in state.text.body:
                    writes[row.key] = {"Description": f"{state.text.body}\n\n{NOTE_MARK} {row.note}"}

        def send(rows: Sequence[TaskChange]) -> list[RowResult]:
            records = [{"attributes": {"type": "Task"}, "Id": row.task_id} | writes[row.key] for row in rows]
            return self._org.collection("PATCH", "/composite/sobjects", rows, records)

        for result in one_result_each_in_order(
            [row for row in batch if row.key in writes],
            send,
            parent=lambda row: str(tasks[row.task_id].get("WhatId") or ""),
            sleep=self._org.caller.sleep,
        ):
            # A note that arrived does not make the touched task ours again.
            if not (result.key in results and result.outcome == "ok"):
                results[result.key] = result
        return [results[row.key] for row in batch]

    def _by_key(self, batch: Sequence[TaskOpening], results: Sequence[RowResult]) -> list[RowResult]:
        """Once more for those whose record is gone: the account that holds our key, say after a merge, gets the task."""
        gone = {
            result.key
            for result in results
            if result.outcome == "failed" and result.rejection and _is_gone(result.rejection)
        }
        rows = [row for row in batch if row.key in gone and row.account and self._finds_one(row.account[0])]
        if not rows:
            return list(results)

        def send(some: Sequence[TaskOpening]) -> list[RowResult]:
            records = [_new(row) | {"What": _account(row)} for row in some]
            for record in records:
                del record["WhatId"]
            return self._org.collection("PATCH", f"/composite/sobjects/Task/{KEY}", some, records)

        again = one_result_each_in_order(rows, send, parent=lambda row: row.company, sleep=self._org.caller.sleep)
        # Where no account holds the key, the first refusal says more.
        better = {result.key: result for result in again if result.outcome != "failed"}
        return [better.get(result.key, result) for result in results]

    def _finds_one(self, account_key: str) -> bool:
        return bool(self._org.fields("Account").get(account_key, {}).get("externalId"))

    def _with_those_that_exist(self, batch: Sequence[TaskOpening], results: Sequence[RowResult]) -> list[RowResult]:
        """A key that is taken is our own: a request before, or one that runs at the same time, made the task."""
        taken = {
            result.key
            for result in results
            if result.outcome == "failed" and result.rejection and "DUPLICATE_VALUE" in result.rejection.detail
        }
        if not taken:
            return list(results)
        try:
            found = self.find([row for row in batch if row.key in taken])
        except (Refused, Unavailable):
            found = {}
        return [
            RowResult(result.key, "ok", found[result.key].task_id)
            if result.key in taken and result.key in found
            else result
            for result in results
        ]

    def _read(self, column: str, values: Sequence[str]) -> Iterator[dict[str, Any]]:
        if not values:
            return
        described = self._org.fields("Task")
        columns = ", ".join(name for name in COLUMNS if name in described or name in {"Id", "SystemModstamp"})
        for some in lists(values):
            yield from self._org.query(f"SELECT {columns} FROM Task WHERE {column} IN {some}")


def _text(text: TaskText) -> dict[str, str]:
    return {
        "Subject": text.subject.strip(),
        "Description": text.body.strip(),
        "Priority": PRIORITIES.get(text.priority, "Normal"),
    }


def _new(row: TaskOpening) -> dict[str, Any]:
    new = {
        "attributes": {"type": "Task"},
        KEY: row.key,
        "WhatId": row.company,
        "Status": NEW,
        "ActivityDate": row.due_on.isoformat(),
        **_text(row.text),
    }
    return new | ({"OwnerId": row.owner_id} if row.owner_id else {})


def _account(row: TaskOpening) -> dict[str, Any]:
    """The company by its key, as a relationship is given by an external id (CRM_APIS 4.2)."""
    field, value = row.account or ("", "")
    return {"attributes": {"type": "Account"}, field: value}


def _is_gone(refused: Rejection) -> bool:
    return any(code in refused.detail for code in ("ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"))


def _deferral(state: TaskState, note: str) -> dict[str, str]:
    return {"Status": DEFERRED, "Description": f"{state.text.body}\n\n{MARK} {note}"}


def _state(task: dict[str, Any]) -> TaskState:
    body = (task.get("Description") or "").replace("\r\n", "\n").strip()
    status = {"Completed": TaskStatus.DONE, DEFERRED: TaskStatus.DISMISSED}.get(
        task.get("Status") or "", TaskStatus.OPEN
    )
    if status is TaskStatus.DISMISSED and MARK in body:
        status = TaskStatus.WITHDRAWN
    closed = task.get("CompletedDateTime") or task.get("SystemModstamp")
    return TaskState(
        CrmId(task["Id"]),
        task.get(KEY),
        status,
        TaskText(task.get("Subject") or "", body, OUR_PRIORITIES.get(task.get("Priority") or "", "medium")),
        closed_at=_moment(closed) if status is not TaskStatus.OPEN and closed else None,
        is_begun=task.get("Status") != NEW,
    )


def _moment(text: str) -> datetime:
    """`2026-05-04T08:00:00.000+0000` as naive UTC."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
