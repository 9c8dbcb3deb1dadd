"""A plan, executed: intent before sending, result after, one result per row."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from usage_pipeline.accounts import AccountId, CrmId
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import Crm
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.ledger.operations import Kind, Operation, Settled
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import applied, fitness, settling
from usage_pipeline.sync.applied import Applied
from usage_pipeline.sync.line import Dispatch
from usage_pipeline.sync.plan_rows import FieldChange, PersonChange, TaskClosing, TaskNew, TaskRewording
from usage_pipeline.sync.plans import Plan

Progress = Callable[[str], None]


def quiet(_message: str) -> None:
    """Progress that nobody watches."""


def apply(
    plan: Plan,
    crm: Crm,
    ledger: Ledger,
    *,
    now: Callable[[], datetime],
    progress: Progress = quiet,
    pause: Callable[[float], None] = time.sleep,
    contract: Contract = CONTRACT,
    allow_old_morning: bool = False,
    approved_by: str | None = None,
    override: str | None = None,
) -> Applied:
    """Do what the plan says, each row once, whatever crashed before.

    Raises `Rejected` for a stale plan and for a morning that a real CRM must not get, and
    `Unavailable` while another apply writes to the same instance; nothing is sent in either case.
    Who approved it, and why a stop was overridden, is kept with the run.
    """
    calls_before = crm.calls.total
    instance = crm.instance()
    run = uuid.uuid4().hex[:12]
    with ledger.lease(instance.key, run, now) as lease:
        fitness.check(
            plan,
            instance,
            contract,
            ledger,
            now(),
            allow_old_morning=allow_old_morning,
            override=override,
        )
        ledger.begin(
            run,
            instance.key,
            plan.as_of,
            contract.fingerprint,
            now(),
            approved_by=approved_by,
            override=override,
            measures=asdict(plan.measures),
        )
        before = settling.settle(crm, ledger, instance.key, contract, now=now, pause=pause)
        ledger.release_keys(instance.key, plan.released)
        ledger.adopt(instance.key, plan.adoptions, plan.as_of, now())
        copies_before = crm.duplicates_archived
        in_doubt: set[tuple[str, str]] = {(one.kind, one.key) for one in ledger.unsettled(instance.key)}
        unread = settling.reconcile(crm, ledger, instance.key)
        in_doubt |= {(kind, key) for kind in ("task_update", "task_withdraw") for key in unread}
        todo = _operations(plan, before, crm, in_doubt)
        ends = {end.operation.id: end for end in before if end.state in {"ok", "left"}}
        if todo:
            sent = Dispatch(crm, ledger, lease, contract, now, progress).send(todo)
            ends |= {end.operation.id: end for end in sent}
            if any(end.state == "unknown" for end in sent):
                after = settling.settle(crm, ledger, instance.key, contract, now=now, pause=pause)
                ends |= {end.operation.id: end for end in after}
        ledger.finish(run, instance.key, plan.as_of, "finished", now())
        copies = crm.duplicates_archived - copies_before
    return replace(
        applied.sums(plan, list(ends.values()), len(before), crm.calls.total - calls_before), duplicates_archived=copies
    )


def _operations(plan: Plan, before: Sequence[Settled], crm: Crm, in_doubt: set[tuple[str, str]]) -> list[Operation]:
    """The plan's rows as intents, without those that turned out to be done `before`.

    A task or a record in doubt, because the CRM could not be read, is not touched: fields may be written
    twice, a task may not be opened twice.
    """
    done = [end.operation for end in before if end.state in {"ok", "left"}]
    values = {
        (str(one.crm_id), name): value for one in done if one.kind == "fields" for name, value in one.payload.items()
    }
    made: set[tuple[str, str]] = {(one.kind, one.key) for one in done}
    missing = object()
    by_record: dict[tuple[str, str], list[FieldChange]] = {}
    for change in plan.fields:
        if values.get((change.crm_id, change.field), missing) != change.new:
            by_record.setdefault((change.account_id, change.crm_id), []).append(change)

    def intent(
        kind: Kind, key: str, account: str, crm_id: str | None, payload: Mapping[str, Any], how: Class
    ) -> Operation:
        record = CrmId(crm_id) if crm_id else None
        return Operation(uuid.uuid4().hex, kind, key, AccountId(account), record, payload, str(how), plan.as_of)

    todo = [
        intent("record_create", one.account_id, one.account_id, None, one.payload, crm.creating_class(one.account_key))
        for one in plan.creations
        if ("record_create", one.account_id) not in in_doubt | made
    ]
    todo += [
        replace(
            intent("fields", account, account, crm_id, {one.field: one.new for one in changes}, Class.IDEMPOTENT),
            before={one.field: one.old for one in changes},
        )
        for (account, crm_id), changes in by_record.items()
    ]
    by_person: dict[tuple[str, str, str], list[PersonChange]] = {}
    for one in plan.people:
        by_person.setdefault((one.account_id, one.user_id, one.crm_id), []).append(one)
    todo += [
        replace(
            intent("contact_fields", user, account, crm_id, {one.field: one.new for one in own}, Class.IDEMPOTENT),
            before={one.field: one.old for one in own},
        )
        for (account, user, crm_id), own in by_person.items()
    ]
    todo += [
        intent("list_move", one.key, one.account_id, one.crm_id, one.payload, Class.IDEMPOTENT) for one in plan.moves
    ]
    kinds: tuple[tuple[Kind, Sequence[TaskNew | TaskRewording | TaskClosing]], ...] = (
        ("task_withdraw", plan.closings),
        ("task_update", plan.rewordings),
        ("task_open", plan.new_tasks),
    )
    for kind, planned in kinds:
        left = [one for one in planned if (kind, one.key) not in in_doubt | made]
        if left:
            how = crm.opening_class if kind == "task_open" else Class.IDEMPOTENT
            todo += [intent(kind, one.key, one.account_id, one.crm_id, one.payload, how) for one in left]
    return todo
