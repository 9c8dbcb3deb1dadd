"""Tasks in HubSpot, which creates nothing idempotently unless a property is unique (CRM_APIS 2.6).

Mode A, where a key property is unique: batch upsert by key, then batch association; both may be
repeated. Mode B, where the portal blocks that: create with an inline association, after the intent
was recorded; an unknown outcome is settled by reading the companies' tasks, never by searching,
since search lags behind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.batches import one_result_each
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import RowResult, TaskChange, TaskOpening, TaskState, TaskStatus
from usage_pipeline.crm.hubspot_answers import results_by_row
from usage_pipeline.crm.hubspot_associations import TYPES, hang, tasks_of
from usage_pipeline.crm.hubspot_portal import GRACE_S, TASK, Portal
from usage_pipeline.crm.hubspot_wording import KEY, OWN_KEY, READ, new, noted, properties, state
from usage_pipeline.crm.rejections import PASSING, Cause, Rejection
from usage_pipeline.errors import Rejected, Unavailable


class Tasks:
    """The tasks of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._unique_key: str | None = None
        self.duplicates_archived = 0

    @property
    def unique_key(self) -> str:
        """The property that is unique on tasks (mode A), or "" (mode B); asked once."""
        if self._unique_key is None:
            there = {found["name"]: found for found in self._portal.listing(self._portal.properties(TASK))}
            if KEY not in there:
                raise Rejected(
                    f"the task property {KEY} does not exist", fix="provision the fields before tasks are opened"
                )
            self._unique_key = next((name for name in (KEY, OWN_KEY) if is_usable_key(there.get(name, {}))), "")
        return self._unique_key

    @property
    def opening_class(self) -> Class:
        return Class.IDEMPOTENT if self.unique_key else Class.UNSAFE

    @property
    def settle_after_s(self) -> float:
        return 0.0 if self.unique_key else GRACE_S

    def open(self, batch: Sequence[TaskOpening]) -> list[RowResult]:
        """A task that could not be put on its company is archived, and its id is in the result."""
        if not self.unique_key:
            return one_result_each(batch, self._create)
        results = {result.key: result for result in one_result_each(batch, self._upsert)}
        tasks = {key: result.crm_id for key, result in results.items() if result.outcome == "ok" and result.crm_id}
        hung = self._hang([row for row in batch if row.key in tasks], tasks)
        results |= {result.key: result for result in hung}
        results |= self._archive_loose([one for one in hung if one.outcome == "failed"], tasks)
        return [results[row.key] for row in batch]

    def find(self, batch: Sequence[TaskOpening]) -> dict[str, TaskState]:
        """Those that exist, by key, each on its company; `Unavailable` where that cannot be told."""
        rows = {row.key: row for row in batch}
        if not self.unique_key:
            return self._find_on_companies(rows)
        found = {
            there.key: there
            for there in map(state, self._portal.read(TASK, list(rows), READ, by=self.unique_key))
            if there.key in rows
        }
        tasks = {key: there.task_id for key, there in found.items()}
        hung = self._hang([row for row in batch if row.key in found], tasks)
        # What a person has begun stays theirs, company or none.
        loose = [one for one in hung if one.outcome == "failed" and found[one.key].is_untouched(rows[one.key].text)]
        gone = self._archive_loose(loose, tasks)
        for result in [*hung, *gone.values()]:
            if result.outcome == "unknown":
                raise Unavailable(
                    f"whether the task {result.key} is on its company cannot be told: "
                    f"{result.rejection.detail if result.rejection else 'no answer'}",
                    fix="run the apply again",
                )
        return {key: there for key, there in found.items() if key not in gone}

    def states(self, ids: Sequence[CrmId]) -> dict[CrmId, TaskState]:
        return {there.task_id: there for there in map(state, self._portal.read(TASK, ids, READ))}

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
            there, body = now[row.task_id]
            if row.after is not None and there.says(row.after):
                results[row.key] = RowResult(row.key, "ok", row.task_id)
            elif there.is_untouched(row.before):
                if row.after is None:
                    archives.append(row)
                else:
                    updates.append((row, properties(row.after)))
            else:
                results[row.key] = RowResult(row.key, "left", row.task_id)
                longer = noted(body, row.note)
                if row.after is None and there.status is TaskStatus.OPEN and longer:
                    updates.append((row, {"hs_task_body": longer}))
        archived = self._archive({row.key: row.task_id for row in archives})
        for result in [*self._update(updates), *archived]:
            # A note that arrived does not make the touched task ours again.
            if not (result.key in results and result.outcome == "ok"):
                results[result.key] = result
        return [results[row.key] for row in batch]

    def _now(self, rows: Sequence[TaskChange]) -> dict[CrmId, tuple[TaskState, str]]:
        """Each task's state, and its body as the HTML that it is."""
        found = self._portal.read(TASK, [row.task_id for row in rows], READ)
        return {CrmId(str(task["id"])): (state(task), task["properties"].get("hs_task_body") or "") for task in found}

    def _find_on_companies(self, rows: Mapping[str, TaskOpening]) -> dict[str, TaskState]:
        companies = sorted({row.company for row in rows.values()})
        there = self.states(list(tasks_of(self._portal, companies))).values()
        # A network that delivers a create twice makes two: what a person has in hand stays, else the older.
        kept: dict[str, TaskState] = {}
        spare: dict[str, CrmId] = {}
        for key, row in rows.items():
            same = sorted((task for task in there if task.key == key), key=lambda task: int(task.task_id))
            same.sort(key=lambda task: task.is_untouched(row.text))
            kept |= {key: same[0]} if same else {}
            spare |= {task.task_id: task.task_id for task in same[1:] if task.is_untouched(row.text)}
        self.duplicates_archived += sum(result.outcome == "ok" for result in self._archive(spare))
        return kept

    def _upsert(self, rows: Sequence[TaskOpening]) -> list[RowResult]:
        inputs = [
            {
                "id": row.key,
                "idProperty": self.unique_key,
                "properties": new(row) | ({} if self.unique_key == KEY else {KEY: row.key}),
                "objectWriteTraceId": row.key,
            }
            for row in rows
        ]
        answer = self._portal.post(self._portal.objects(TASK, "/batch/upsert"), Class.IDEMPOTENT, {"inputs": inputs})
        return results_by_row(rows, answer, by=self.unique_key, values={row.key: row.key for row in rows})

    def _create(self, rows: Sequence[TaskOpening]) -> list[RowResult]:
        inputs = [
            {
                "properties": new(row) | {KEY: row.key},
                "associations": [{"to": {"id": row.company}, "types": TYPES}],
                "objectWriteTraceId": row.key,
            }
            for row in rows
        ]
        answer = self._portal.post(self._portal.objects(TASK, "/batch/create"), Class.UNSAFE, {"inputs": inputs})
        return results_by_row(rows, answer, by=KEY, values={row.key: row.key for row in rows})

    def _hang(self, rows: Sequence[TaskOpening], tasks: Mapping[str, CrmId]) -> list[RowResult]:
        """Failed only where HubSpot refuses; what passes leaves a task half made, which has to be looked at."""

        def named(result: RowResult) -> RowResult:
            passes = result.rejection is not None and result.rejection.cause in PASSING
            return replace(result, crm_id=tasks[result.key], outcome="unknown" if passes else result.outcome)

        return [named(result) for result in one_result_each(rows, lambda some: hang(self._portal, some, tasks))]

    def _archive_loose(self, refused: Sequence[RowResult], tasks: Mapping[str, CrmId]) -> dict[str, RowResult]:
        """Tasks that no company takes, archived at once: nobody would ever see why they are there."""
        archived = {one.key: one.outcome for one in self._archive({one.key: tasks[one.key] for one in refused})}

        def told(result: RowResult) -> RowResult:
            is_gone = archived[result.key] == "ok"
            refusal = result.rejection or Rejection.of(Cause.IDENTITY, "HubSpot gave no reason")
            end = "was archived" if is_gone else "could not be archived"
            detail = f"{refusal.detail}; the task {result.crm_id} is on no company and {end}"
            return replace(
                result, outcome="failed" if is_gone else "unknown", rejection=replace(refusal, detail=detail)
            )

        return {one.key: told(one) for one in refused}

    def _update(self, rows: Sequence[tuple[TaskChange, dict[str, str]]]) -> list[RowResult]:
        values = {change.key: said for change, said in rows}

        def send(some: Sequence[TaskChange]) -> list[RowResult]:
            inputs = [{"id": row.task_id, "properties": values[row.key], "objectWriteTraceId": row.key} for row in some]
            answer = self._portal.post(
                self._portal.objects(TASK, "/batch/update"), Class.IDEMPOTENT, {"inputs": inputs}
            )
            return results_by_row(some, answer, ids={row.task_id: row.key for row in some})

        return one_result_each([change for change, _ in rows], send)

    def _archive(self, tasks: Mapping[str, CrmId]) -> list[RowResult]:
        def send(some: Sequence[RowResult]) -> list[RowResult]:
            body = {"inputs": [{"id": row.crm_id} for row in some]}
            self._portal.post(self._portal.objects(TASK, "/batch/archive"), Class.IDEMPOTENT, body)
            return list(some)

        return one_result_each([RowResult(key, "ok", task) for key, task in tasks.items()], send)


def is_usable_key(definition: Mapping[str, object]) -> bool:
    """Unique, and ours to set."""
    modification = definition.get("modificationMetadata")
    is_read_only = isinstance(modification, Mapping) and bool(modification.get("readOnlyValue"))
    return bool(definition.get("hasUniqueValue")) and not is_read_only
