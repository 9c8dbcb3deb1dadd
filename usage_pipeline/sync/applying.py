"""A plan, executed: intent before sending, result after, one result per row."""

import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from usage_pipeline.accounts import AccountId, CrmId
from usage_pipeline.crm.batches import chunks, unanswered
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import Crm, FieldWrite, RowResult
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.crm.rejections import Cause, Refused, Rejection, rejection_of
from usage_pipeline.errors import Unavailable
from usage_pipeline.ledger.effects import Known
from usage_pipeline.ledger.leases import Lease
from usage_pipeline.ledger.operations import Kind, Operation, Settled
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import applied, fitness, settling
from usage_pipeline.sync.applied import Applied
from usage_pipeline.sync.plans import FieldChange, Plan, TaskClosing, TaskNew, TaskRewording

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
        ledger.adopt(instance.key, [Known(**asdict(one)) for one in plan.adoptions], plan.as_of, now())
        copies_before = crm.duplicates_archived
        in_doubt = {(one.kind, one.key) for one in ledger.unsettled(instance.key)}
        unread = settling.reconcile(crm, ledger, instance.key)
        in_doubt |= {(kind, key) for kind in ("task_update", "task_withdraw") for key in unread}
        todo = _operations(plan, before, crm, in_doubt)
        ends = {end.operation.id: end for end in before if end.state in {"ok", "left"}}
        if todo:
            sent = _send_all(todo, crm, ledger, lease, contract, now, progress)
            ends |= {end.operation.id: end for end in sent}
            if any(end.state == "unknown" for end in sent):
                after = settling.settle(crm, ledger, instance.key, contract, now=now, pause=pause)
                ends |= {end.operation.id: end for end in after}
        ledger.finish(run, instance.key, plan.as_of, "finished", now())
        copies = crm.duplicates_archived - copies_before
    return replace(
        applied.sums(plan, list(ends.values()), len(before), crm.calls.total - calls_before), duplicates_archived=copies
    )


def _operations(
    plan: Plan, before: Sequence[Settled], crm: Crm, in_doubt: Collection[tuple[str, str]]
) -> list[Operation]:
    """The plan's rows as intents, without those that turned out to be done `before`.

    A task in doubt, because the CRM could not be read, is not touched: fields may be written twice, a
    task may not be opened twice.
    """
    done = [end.operation for end in before if end.state in {"ok", "left"}]
    values = {
        (str(one.crm_id), name): value for one in done if one.kind == "fields" for name, value in one.payload.items()
    }
    tasks = {(one.kind, one.key) for one in done}
    missing = object()
    by_record: dict[tuple[str, str], list[FieldChange]] = {}
    for change in plan.fields:
        if values.get((change.crm_id, change.field), missing) != change.new:
            by_record.setdefault((change.account_id, change.crm_id), []).append(change)

    def intent(kind: Kind, key: str, account: str, crm_id: str, payload: Mapping[str, Any], how: Class) -> Operation:
        return Operation(uuid.uuid4().hex, kind, key, AccountId(account), CrmId(crm_id), payload, str(how), plan.as_of)

    todo = [
        replace(
            intent("fields", account, account, crm_id, {one.field: one.new for one in changes}, Class.IDEMPOTENT),
            before={one.field: one.old for one in changes},
        )
        for (account, crm_id), changes in by_record.items()
    ]
    kinds: tuple[tuple[Kind, Sequence[TaskNew | TaskRewording | TaskClosing]], ...] = (
        ("task_withdraw", plan.closings),
        ("task_update", plan.rewordings),
        ("task_open", plan.new_tasks),
    )
    for kind, planned in kinds:
        left = [one for one in planned if (kind, one.key) not in tasks and (kind, one.key) not in in_doubt]
        if left:
            how = crm.opening_class if kind == "task_open" else Class.IDEMPOTENT
            todo += [intent(kind, one.key, one.account_id, one.crm_id, one.payload, how) for one in left]
    return todo


def _send_all(
    todo: Sequence[Operation],
    crm: Crm,
    ledger: Ledger,
    lease: Lease,
    contract: Contract,
    now: Callable[[], datetime],
    progress: Progress,
) -> list[Settled]:
    """Batch by batch; stops where the day's calls are used up, and the rest waits.

    While one is on its way, what came of the one before is written down: a crash between the two leaves
    both to be settled by reading.
    """
    ends: list[Settled] = []
    spent: Rejection | None = None
    unwritten: list[Settled] = []
    with ThreadPoolExecutor(1, thread_name_prefix="sending") as line:
        for kind in ("fields", "task_withdraw", "task_update", "task_open"):
            mine = [one for one in todo if one.kind == kind]
            done = 0
            for batch in chunks(mine, crm.rows_at_once(len(mine)) if kind == "fields" else crm.rows_per_call):
                # Whoever took over meanwhile settles what is unwritten, not we.
                lease.renew()
                # Batch by batch, too: those of a large plan take seconds, and here they cost no time of the CRM's.
                ledger.intend(lease.run, lease.instance, batch, now())
                if spent:
                    settled = [Settled(one, "failed", rejection=spent) for one in batch]
                    ledger.settle(lease.instance, unwritten, now())
                else:
                    keys = [one.key for one in batch]
                    again = ledger.sent_before(lease.instance, keys) if kind == "task_open" else set()
                    ledger.sending(batch, now())
                    sent = line.submit(_send, kind, batch, crm, contract, again)
                    ledger.settle(lease.instance, unwritten, now())
                    unwritten = []
                    settled = sent.result()
                unwritten = settled
                spent = spent or next((end.rejection for end in settled if _is_spent(end)), None)
                ends += settled
                done += len(batch)
                progress(f"{crm.name}: {kind.replace('_', ' ')} {done:,} of {len(mine):,}")
        lease.renew()
        ledger.settle(lease.instance, unwritten, now())
    return ends


def _is_spent(end: Settled) -> bool:
    return end.rejection is not None and end.rejection.cause is Cause.BUDGET


def _send(kind: str, batch: Sequence[Operation], crm: Crm, contract: Contract, again: Collection[str]) -> list[Settled]:
    """Send a batch; tasks whose keys were sent `again` and failed are looked for first, so that none is overwritten."""
    if kind == "fields":
        rows = [FieldWrite(one.id, CrmId(one.crm_id or ""), one.payload) for one in batch]
        return _matched(batch, crm.write_fields(rows, contract))
    try:
        if kind != "task_open":
            return _matched(batch, crm.change_tasks([settling.change(one) for one in batch]))
        found = crm.find_tasks([settling.opening(one) for one in batch if one.key in again]) if again else {}
        there = [
            Settled(one, "ok", crm_id=found[one.key].task_id, task=found[one.key]) for one in batch if one.key in found
        ]
        absent = [one for one in batch if one.key not in found]
        return there + (_matched(absent, crm.open_tasks([settling.opening(one) for one in absent])) if absent else [])
    except (Unavailable, Refused) as away:
        # Only the reading before a write ends here: what a write met is in its rows.
        return [Settled(one, "failed", rejection=rejection_of(away)) for one in batch]


def _matched(batch: Sequence[Operation], results: Sequence[RowResult]) -> list[Settled]:
    by_key = {result.key: result for result in results}

    def end(one: Operation) -> Settled:
        result = by_key.get(one.id if one.kind == "fields" else one.key)
        if result is None:
            return Settled(one, "unknown", rejection=unanswered(one).rejection)
        return Settled(one, result.outcome, crm_id=result.crm_id, rejection=result.rejection)

    return [end(one) for one in batch]
