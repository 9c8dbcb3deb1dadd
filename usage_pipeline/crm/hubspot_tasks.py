"""Tasks in HubSpot, which creates nothing idempotently unless a property is unique.

Mode A, where our key property is unique: batch upsert by key, then batch association; both may be
repeated. Mode B, where the portal blocks that: create with an inline association, after the intent
was recorded; an unknown outcome is settled by reading the companies' tasks, never by searching,
since search lags behind.
"""

import html
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.batches import one_result_each
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import RowResult, TaskChange, TaskOpening, TaskState, TaskStatus, TaskText
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.crm.hubspot_portal import (
    ASSOCIATIONS_PER_READ,
    COMPANY,
    TASK,
    TASK_TO_COMPANY,
    Portal,
    results_by_row,
)
from usage_pipeline.crm.rejections import Cause, Refused, Rejection
from usage_pipeline.errors import Rejected

KEY = CONTRACT.task_key
READ = (
    "hs_task_subject",
    "hs_task_body",
    "hs_task_status",
    "hs_task_priority",
    "hs_task_completion_date",
    "hs_lastmodifieddate",
    KEY,
)
STATUSES = {"COMPLETED": TaskStatus.DONE, "DEFERRED": TaskStatus.DISMISSED}
TYPES = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TASK_TO_COMPANY}]
# Reading after writing is assumed to be consistent, but nobody has promised it: a minute's grace.
GRACE_S = 60.0


class Tasks:
    """The tasks of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._is_unique: bool | None = None

    @property
    def is_key_unique(self) -> bool:
        """Mode A or B; asked once."""
        if self._is_unique is None:
            try:
                found = self._portal.get(self._portal.properties(TASK, f"/{KEY}"))
            except Refused as refused:
                if refused.status != 404:
                    raise
                raise Rejected(
                    f"the task property {KEY} does not exist", fix="provision the fields before tasks are opened"
                ) from refused
            self._is_unique = bool(found.get("hasUniqueValue"))
        return self._is_unique

    @property
    def opening_class(self) -> Class:
        return Class.IDEMPOTENT if self.is_key_unique else Class.UNSAFE

    @property
    def settle_after_s(self) -> float:
        return 0.0 if self.is_key_unique else GRACE_S

    def open(self, batch: Sequence[TaskOpening]) -> list[RowResult]:
        if not self.is_key_unique:
            return one_result_each(batch, self._create)
        upserted = one_result_each(batch, self._upsert)
        return self._hang_on_companies(batch, upserted)

    def find(self, batch: Sequence[TaskOpening]) -> dict[str, TaskState]:
        """Those that exist, by key, each made to hang on its company."""
        keys = {row.key for row in batch}
        if not self.is_key_unique:
            companies = sorted({row.company for row in batch})
            return {
                state.key: state
                for state in self.states(list(self._tasks_of(companies))).values()
                if state.key in keys and state.key
            }
        found = {
            state.key: state for state in map(_state, self._portal.read(TASK, sorted(keys), READ, by=KEY)) if state.key
        }
        loose = [RowResult(row.key, "ok", found[row.key].task_id) for row in batch if row.key in found]
        hung = self._hang_on_companies([row for row in batch if row.key in found], loose)
        return {result.key: found[result.key] for result in hung if result.outcome == "ok"}

    def states(self, ids: Sequence[CrmId]) -> dict[CrmId, TaskState]:
        return {state.task_id: state for state in map(_state, self._portal.read(TASK, list(ids), READ))}

    def _now(self, rows: Sequence[TaskChange]) -> dict[CrmId, tuple[TaskState, str]]:
        """Each task's state, and its body as the HTML that it is."""
        found = self._portal.read(TASK, [row.task_id for row in rows], READ)
        return {CrmId(task["id"]): (_state(task), task["properties"].get("hs_task_body") or "") for task in found}

    def change(self, batch: Sequence[TaskChange]) -> list[RowResult]:
        """Only what nobody touched is changed; a withdrawn task is archived, a touched one gets a note."""
        now = self._now(batch)
        results: dict[str, RowResult] = {}
        updates: list[tuple[TaskChange, dict[str, str]]] = []
        archives: list[TaskChange] = []
        for row in batch:
            if row.task_id not in now:
                results[row.key] = RowResult(row.key, "ok" if row.after is None else "left", row.task_id)
                continue
            state, body = now[row.task_id]
            if row.after is not None and state.says(row.after):
                results[row.key] = RowResult(row.key, "ok", row.task_id)
            elif state.is_untouched(row.before):
                if row.after is None:
                    archives.append(row)
                else:
                    updates.append((row, _properties(row.after)))
            else:
                results[row.key] = RowResult(row.key, "left", row.task_id)
                note = html.escape(row.note)
                if row.after is None and state.status is TaskStatus.OPEN and note not in body:
                    updates.append((row, {"hs_task_body": f"{body}<br><br>{note}"}))
        for result in [*self._update(updates), *self._archive(archives)]:
            # A note that arrived does not make the touched task ours again.
            if not (result.key in results and result.outcome == "ok"):
                results[result.key] = result
        return [results[row.key] for row in batch]

    def _upsert(self, rows: Sequence[TaskOpening]) -> list[RowResult]:
        inputs = [
            {"id": row.key, "idProperty": KEY, "properties": _new(row), "objectWriteTraceId": row.key} for row in rows
        ]
        answer = self._portal.post(self._portal.objects(TASK, "/batch/upsert"), Class.IDEMPOTENT, {"inputs": inputs})
        return results_by_row(rows, answer, keys=KEY)

    def _create(self, rows: Sequence[TaskOpening]) -> list[RowResult]:
        inputs = [
            {
                "properties": _new(row) | {KEY: row.key},
                "associations": [{"to": {"id": row.company}, "types": TYPES}],
                "objectWriteTraceId": row.key,
            }
            for row in rows
        ]
        answer = self._portal.post(self._portal.objects(TASK, "/batch/create"), Class.UNSAFE, {"inputs": inputs})
        return results_by_row(rows, answer, keys=KEY)

    def _hang_on_companies(self, rows: Sequence[TaskOpening], opened: Sequence[RowResult]) -> list[RowResult]:
        """Each opened task on its company; a repeated association makes no second one."""
        tasks = {result.key: result for result in opened}
        ready = [row for row in rows if tasks[row.key].outcome == "ok"]

        def send(some: Sequence[TaskOpening]) -> list[RowResult]:
            inputs = [
                {"from": {"id": tasks[row.key].crm_id}, "to": {"id": row.company}, "types": TYPES} for row in some
            ]
            path = self._portal.associations(TASK, COMPANY, "/batch/create")
            answer = self._portal.post(path, Class.IDEMPOTENT, {"inputs": inputs})
            hung = {str(_end(pair, "from")) for pair in answer.get("results") or []}
            return [
                tasks[row.key]
                if tasks[row.key].crm_id in hung
                else RowResult(row.key, "failed", rejection=_not_hung(row, answer))
                for row in some
            ]

        for result in one_result_each(ready, send):
            tasks[result.key] = result
        return [tasks[row.key] for row in rows]

    def _tasks_of(self, companies: Sequence[CrmId]) -> Iterable[CrmId]:
        path = self._portal.associations(COMPANY, TASK, "/batch/read")
        for start in range(0, len(companies), ASSOCIATIONS_PER_READ):
            inputs: list[dict[str, str]] = [{"id": one} for one in companies[start : start + ASSOCIATIONS_PER_READ]]
            while inputs:
                answer = self._portal.post(path, Class.SAFE, {"inputs": inputs})
                inputs = []
                for row in answer.get("results") or []:
                    yield from (CrmId(str(to["toObjectId"])) for to in row.get("to") or [])
                    after = ((row.get("paging") or {}).get("next") or {}).get("after")
                    if after:
                        inputs.append({"id": str(row["from"]["id"]), "after": after})

    def _update(self, rows: Sequence[tuple[TaskChange, dict[str, str]]]) -> list[RowResult]:
        properties = {change.key: values for change, values in rows}

        def send(some: Sequence[TaskChange]) -> list[RowResult]:
            inputs = [
                {"id": row.task_id, "properties": properties[row.key], "objectWriteTraceId": row.key} for row in some
            ]
            answer = self._portal.post(
                self._portal.objects(TASK, "/batch/update"), Class.IDEMPOTENT, {"inputs": inputs}
            )
            return results_by_row(some, answer, ids={row.task_id: row.key for row in some})

        return one_result_each([change for change, _ in rows], send)

    def _archive(self, rows: Sequence[TaskChange]) -> list[RowResult]:
        def send(some: Sequence[TaskChange]) -> list[RowResult]:
            body = {"inputs": [{"id": row.task_id} for row in some]}
            self._portal.post(self._portal.objects(TASK, "/batch/archive"), Class.IDEMPOTENT, body)
            return [RowResult(row.key, "ok", row.task_id) for row in some]

        return one_result_each(rows, send)


def _end(pair: dict[str, Any], side: str) -> Any:
    """One end of an association; batch answers name it `from: {id}` or `fromObjectId`."""
    return (pair.get(side) or {}).get("id") or pair.get(f"{side}ObjectId")


def _not_hung(row: TaskOpening, answer: dict[str, Any]) -> Rejection:
    said = "; ".join(str(error.get("message")) for error in answer.get("errors") or []) or "no word of it"
    return Rejection.of(Cause.IDENTITY, f"HubSpot did not put the task on the company {row.company}: {said}")


def _properties(text: TaskText) -> dict[str, str]:
    """Bodies are HTML there."""
    return {
        "hs_task_subject": text.subject.strip(),
        "hs_task_body": html.escape(text.body.strip()).replace("\n", "<br>"),
        "hs_task_priority": text.priority.upper(),
    }


def _new(row: TaskOpening) -> dict[str, str]:
    new = _properties(row.text) | {
        # Noon, so that it is the same day in nearly every time zone.
        "hs_timestamp": f"{row.due_on.isoformat()}T12:00:00.000Z",
        "hs_task_status": "NOT_STARTED",
        "hs_task_type": "TODO",
    }
    return new | ({"hubspot_owner_id": row.owner_id} if row.owner_id else {})


def _state(task: dict[str, Any]) -> TaskState:
    properties = task["properties"]
    said = properties.get("hs_task_status") or "NOT_STARTED"
    status = STATUSES.get(said, TaskStatus.OPEN)
    closed = properties.get("hs_task_completion_date") or properties.get("hs_lastmodifieddate")
    return TaskState(
        CrmId(task["id"]),
        properties.get(KEY),
        status,
        TaskText(
            properties.get("hs_task_subject") or "",
            words(properties.get("hs_task_body") or ""),
            (properties.get("hs_task_priority") or "").lower(),
        ),
        closed_at=_moment(closed) if status is not TaskStatus.OPEN and closed else None,
        is_begun=said != "NOT_STARTED",
    )


def _moment(text: str) -> datetime:
    """ISO with Z, or milliseconds since 1970."""
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, tz=UTC).replace(tzinfo=None)
    return datetime.fromisoformat(text).replace(tzinfo=None)


def words(body: str) -> str:
    """A task's body as plain text."""
    return html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"<br\s*/?>|</p>", "\n", body))).strip()
