"""Tasks in Salesforce: upserted by a unique external id, so that sending twice makes one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.batches import chunks, one_result_each
from usage_pipeline.crm.client import RowResult, TaskChange, TaskOpening, TaskState, TaskStatus, TaskText
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.crm.salesforce_org import ROWS_PER_COLLECTION, Org, listed

KEY = CONTRACT.task_key_salesforce
PRIORITIES = {"high": "High", "medium": "Normal", "low": "Low"}
OUR_PRIORITIES = {theirs: ours for ours, theirs in PRIORITIES.items()}
NEW = "Not Started"
DEFERRED = "Deferred"
MARK = "[withdrawn]"


class Tasks:
    """The tasks of one organisation."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._columns: str | None = None

    def open(self, batch: Sequence[TaskOpening]) -> list[RowResult]:
        def send(rows: Sequence[TaskOpening]) -> list[RowResult]:
            return self._org.collection("PATCH", f"/composite/sobjects/Task/{KEY}", rows, [_new(row) for row in rows])

        return one_result_each(batch, send)

    def find(self, batch: Sequence[TaskOpening]) -> dict[str, TaskState]:
        found = self._read(KEY, [row.key for row in batch])
        return {state.key: state for state in found if state.key}

    def states(self, ids: Sequence[CrmId]) -> dict[CrmId, TaskState]:
        return {state.task_id: state for state in self._read("Id", ids)}

    def change(self, batch: Sequence[TaskChange]) -> list[RowResult]:
        """Only what nobody touched is changed; a withdrawn task is deferred with a mark, a touched one gets a note."""
        now = self.states([row.task_id for row in batch])
        results: dict[str, RowResult] = {}
        writes: dict[str, dict[str, Any]] = {}
        for row in batch:
            state = now.get(row.task_id)
            if state is None or (row.after is None and state.status is TaskStatus.WITHDRAWN):
                results[row.key] = RowResult(row.key, "ok" if row.after is None else "left", row.task_id)
            elif row.after is not None and state.says(row.after):
                results[row.key] = RowResult(row.key, "ok", row.task_id)
            elif state.is_untouched(row.before):
                writes[row.key] = _text(row.after) if row.after else _deferral(state, row.note)
            else:
                results[row.key] = RowResult(row.key, "left", row.task_id)
                if row.after is None and state.status is TaskStatus.OPEN and row.note not in state.text.body:
                    writes[row.key] = {"Description": f"{state.text.body}\n\n{row.note}"}

        def send(rows: Sequence[TaskChange]) -> list[RowResult]:
            records = [{"attributes": {"type": "Task"}, "Id": row.task_id} | writes[row.key] for row in rows]
            return self._org.collection("PATCH", "/composite/sobjects", rows, records)

        for result in one_result_each([row for row in batch if row.key in writes], send):
            # A note that arrived does not make the touched task ours again.
            if not (result.key in results and result.outcome == "ok"):
                results[result.key] = result
        return [results[row.key] for row in batch]

    def _read(self, column: str, values: Sequence[str]) -> list[TaskState]:
        if self._columns is None:
            described = {found["name"] for found in self._org.get("/sobjects/Task/describe")["fields"]}
            wanted = ("Id", KEY, "Subject", "Description", "Status", "Priority", "CompletedDateTime", "SystemModstamp")
            self._columns = ", ".join(name for name in wanted if name in described or name in {"Id", "SystemModstamp"})
        return [
            _state(task)
            for some in chunks(values, ROWS_PER_COLLECTION)
            for task in self._org.query(f"SELECT {self._columns} FROM Task WHERE {column} IN {listed(some)}")
        ]


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
