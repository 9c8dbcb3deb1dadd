"""What a crash or a lost answer left open, settled by reading the CRM.

Nothing is sent here but what repairs a task without its company.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from usage_pipeline import frames
from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.batches import chunks
from usage_pipeline.crm.calling import TIMEOUT_S
from usage_pipeline.crm.client import Crm, TaskChange, TaskOpening, TaskStatus, TaskText
from usage_pipeline.crm.contract import Contract
from usage_pipeline.crm.rejections import Cause, Refused, Rejection, rejection_of
from usage_pipeline.errors import Unavailable
from usage_pipeline.ledger.operations import Operation, Settled
from usage_pipeline.ledger.store import Ledger

LONGEST_REQUEST = timedelta(seconds=sum(TIMEOUT_S))


def settle(
    crm: Crm,
    ledger: Ledger,
    instance: str,
    contract: Contract,
    *,
    now: Callable[[], datetime],
    pause: Callable[[float], None] = time.sleep,
) -> list[Settled]:
    """Find out what became of every operation without a known end, and write it down.

    What cannot be read keeps its unknown end; the other kinds are settled all the same.
    """
    waiting = ledger.unsettled(instance)
    never_sent = [one for one in waiting if one.state == "planned"]
    maybe_sent = [one for one in waiting if one.state != "planned"]
    settled = [Settled(one, "failed", rejection=_passing("the run ended before this was sent")) for one in never_sent]
    ledger.settle(instance, settled, now())
    readers: dict[str, Callable[[Sequence[Operation]], list[Settled]]] = {
        "record_create": lambda some: _creations(crm, some, pause),
        "fields": lambda some: _fields(lambda ids: crm.field_values(ids, contract), some),
        "contact_fields": lambda some: _contacts(crm, contract, some),
        "list_move": lambda some: _moves(crm, some),
        "task_open": lambda some: _openings(crm, some, pause),
        "task_update": lambda some: _task_changes(crm, some),
        "task_withdraw": lambda some: _task_changes(crm, some),
    }
    for kind, read in readers.items():
        mine = [one for one in maybe_sent if one.kind == kind]
        try:
            if kind in {"record_create", "task_open"} and mine:
                _wait_until_settled(_settles_after_s(crm, mine), mine, now, pause)
            for some in chunks(mine, crm.rows_per_call):
                ends = read(some)
                ledger.settle(instance, ends, now())
                settled += ends
        except (Unavailable, Refused) as away:
            left = {one.id for one in mine} - {end.operation.id for end in settled}
            settled += [Settled(one, "unknown", rejection=rejection_of(away)) for one in mine if one.id in left]
    return settled


def reconcile(crm: Crm, ledger: Ledger, instance: str) -> set[str]:
    """Look for open tasks that are there twice, where nothing in the CRM keeps a task from being so.

    A network that delivers a create twice answers once, and nothing looks wrong (CRM_APIS 2.6). The CRM's
    client archives the spare one; the ledger follows where a person has the younger one in hand. Gives the
    keys of tasks to leave alone this time: those that were not read, and those that are another task now.
    """
    waiting = {row["task_key"]: row for row in frames.rows(ledger.episodes(instance)) if row["status"] == "open"}
    doubtful = set(waiting)
    try:
        if not waiting or crm.settle_after_s <= 0:
            return set()
        for some in chunks(list(waiting.values()), crm.rows_per_call):
            found = crm.find_tasks([_opened(row) for row in some])
            moved = {key: task for key, task in found.items() if task.task_id != waiting[key]["task_id"]}
            rows = [{"task_key": key, "task_id": task.task_id} for key, task in moved.items()]
            ledger.record_task_states(instance, rows)
            doubtful -= {row["task_key"] for row in some} - set(moved)
    except (Unavailable, Refused):
        # The next apply looks again; until then nothing is reworded, since a changed text hides a copy.
        return doubtful
    return doubtful


def _opened(row: Mapping[str, Any]) -> TaskOpening:
    """The task of an episode as it was last written."""
    text = TaskText(row["subject"], row["body"], row["priority"])
    return TaskOpening(row["task_key"], CrmId(row["crm_id"]), text, row["due_on"], None)


def _settles_after_s(crm: Crm, made: Sequence[Operation]) -> float:
    if made[0].kind == "record_create":
        return crm.creating_settles_after_s(made[0].payload["account_key"])
    return crm.settle_after_s


def _wait_until_settled(
    after_s: float, made: Sequence[Operation], now: Callable[[], datetime], pause: Callable[[float], None]
) -> None:
    """Until "it is not there" can be believed of the youngest.

    Counted from when its answer was given up, or, after a crash, from when the longest request ends.
    """
    if after_s <= 0:
        return
    given_up = max(one.lost_at or one.sent_at + LONGEST_REQUEST for one in made if one.sent_at)
    left = after_s - (now() - given_up).total_seconds()
    if left > 0:
        pause(left)


def _creations(crm: Crm, operations: Sequence[Operation], pause: Callable[[float], None]) -> list[Settled]:
    account_key = operations[0].payload["account_key"]
    found = crm.find_records([one.key for one in operations], account_key)
    absent = [one.key for one in operations if one.key not in found]
    after_s = crm.creating_settles_after_s(account_key)
    if absent and after_s > 0:
        pause(after_s / 4)
        found |= crm.find_records(absent, account_key)

    def end(one: Operation) -> Settled:
        there = found.get(one.key, [])
        if len(there) > 1:
            return twice(one, there)
        return Settled(one, "ok", crm_id=there[0]) if there else Settled(one, "failed", rejection=_lost())

    return [end(one) for one in operations]


def twice(one: Operation, there: Sequence[CrmId]) -> Settled:
    """Several records hold the account's key, so none is known to be its own, and no further one is made."""
    told = f"{len(there)} records hold the account key {one.key}: {', '.join(there)}"
    return Settled(one, "failed", rejection=Rejection.of(Cause.IDENTITY, told))


def _contacts(crm: Crm, contract: Contract, operations: Sequence[Operation]) -> list[Settled]:
    if crm.contacts is None:
        return not_any_more(operations, "contacts are not written any more")
    contacts = crm.contacts
    return _fields(lambda ids: contacts.values(ids, contract.of_contacts), operations)


def _moves(crm: Crm, operations: Sequence[Operation]) -> list[Settled]:
    if crm.lists is None:
        return not_any_more(operations, "lists are not kept any more")
    members: dict[str, set[CrmId]] = {}
    for name in sorted({one.payload["list"] for one in operations}):
        list_id = crm.lists.find_list(name)
        members[name] = crm.lists.members(list_id) if list_id else set()
    return [
        Settled(one, "ok", crm_id=one.crm_id)
        if (one.crm_id in members[one.payload["list"]]) == one.payload["joins"]
        else Settled(one, "failed", rejection=_lost())
        for one in operations
    ]


def not_any_more(operations: Sequence[Operation], told: str) -> list[Settled]:
    """What was begun under a mapping that has changed since: it may be so or not, and nobody asks."""
    return [Settled(one, "failed", rejection=_passing(told)) for one in operations]


def _fields(
    read: Callable[[Sequence[CrmId]], Mapping[CrmId, Mapping[str, str | None]]], operations: Sequence[Operation]
) -> list[Settled]:
    there = read([CrmId(one.crm_id or "") for one in operations])

    def end(one: Operation) -> Settled:
        values = there.get(CrmId(one.crm_id or ""))
        if values is None:
            return Settled(one, "failed", rejection=Rejection.of(Cause.IDENTITY, f"the record {one.crm_id} is gone"))
        if all(values.get(name) == value for name, value in one.payload.items()):
            return Settled(one, "ok", crm_id=one.crm_id)
        return Settled(one, "failed", rejection=_lost())

    return [end(one) for one in operations]


def _openings(crm: Crm, operations: Sequence[Operation], pause: Callable[[float], None]) -> list[Settled]:
    found = crm.find_tasks([opening(one) for one in operations])
    absent = [one for one in operations if one.key not in found]
    if absent and crm.settle_after_s > 0:
        # Nobody promises that a read sees every write: absence is believed the second time.
        pause(crm.settle_after_s / 4)
        found |= crm.find_tasks([opening(one) for one in absent])
    return [
        Settled(one, "ok", crm_id=found[one.key].task_id, task=found[one.key])
        if one.key in found
        else Settled(one, "failed", rejection=_lost())
        for one in operations
    ]


def _task_changes(crm: Crm, operations: Sequence[Operation]) -> list[Settled]:
    changes = [change(one) for one in operations]
    there = crm.task_states([one.task_id for one in changes])

    def end(operation: Operation, asked: TaskChange) -> Settled:
        state = there.get(asked.task_id)
        if asked.after is None:
            is_done = state is None or state.status is TaskStatus.WITHDRAWN
        else:
            is_done = state is not None and state.says(asked.after)
        return (
            Settled(operation, "ok", crm_id=asked.task_id)
            if is_done
            else Settled(operation, "failed", rejection=_lost())
        )

    return [end(operation, asked) for operation, asked in zip(operations, changes, strict=True)]


def opening(operation: Operation) -> TaskOpening:
    """The task that an operation opens."""
    payload = operation.payload
    return TaskOpening(
        key=operation.key,
        company=CrmId(operation.crm_id or ""),
        text=TaskText(payload["subject"], payload["body"], payload["priority"]),
        due_on=date.fromisoformat(payload["due_on"]),
        owner_id=payload["owner_id"],
        account=(payload["account_key"], operation.account_id) if payload.get("account_key") else None,
    )


def change(operation: Operation) -> TaskChange:
    """The change that an operation makes to a task."""
    payload = operation.payload
    after = payload.get("after")
    return TaskChange(
        key=operation.key,
        task_id=CrmId(payload["task_id"]),
        before=TaskText(**payload["before"]),
        after=TaskText(**after) if after else None,
        note=f"The cause of this task was gone on {operation.as_of}; no need to go on with it.",
    )


def _lost() -> Rejection:
    return _passing("it had not arrived when the CRM was read")


def _passing(detail: str) -> Rejection:
    return Rejection.of(Cause.TRANSIENT, detail)
