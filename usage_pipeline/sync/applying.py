"""A plan, executed: intent before sending, result after, one result per row."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from usage_pipeline.accounts import AccountId, CrmId
from usage_pipeline.crm.batches import chunks
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import Crm, FieldWrite, Instance, RowResult
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.crm.rejections import PASSING, BudgetSpent, Cause, Rejection
from usage_pipeline.errors import Rejected, Unavailable
from usage_pipeline.ledger.leases import Lease
from usage_pipeline.ledger.operations import Kind, Operation, Settled
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import settling
from usage_pipeline.sync.plans import Plan, TaskClosing, TaskNew, TaskRewording

STALE_AFTER = timedelta(days=1)
# A morning further back is a back-fill or a mistake; real people read a real CRM.
OLDEST_MORNING = timedelta(days=3)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Applied:
    """What an apply did, with what it found done that an earlier one left open."""

    fields_written: int
    records_written: int
    tasks_opened: int
    tasks_updated: int
    tasks_withdrawn: int
    tasks_left: int
    """Tasks that a person has in hand, left as they are."""
    api_calls: int
    unmatched: int
    ambiguous: int
    failed: int
    """Rows without a good end, for a passing reason; the next apply sends them again."""
    quarantined: int
    """Rows that were refused, with a known cause."""
    settled_from_before: int
    """Operations that a crash had left open."""

    @property
    def is_nothing(self) -> bool:
        """Nothing had to be sent."""
        return not any(self._counts.values())

    @property
    def in_short(self) -> str:
        """What was done and what was not, for a line of progress."""
        told = [f"{count:,} {what}" for what, count in self._counts.items() if count]
        return ", ".join(told) or "nothing had to be sent"

    @property
    def _counts(self) -> dict[str, int]:
        return {
            "fields": self.fields_written,
            "tasks opened": self.tasks_opened,
            "tasks updated": self.tasks_updated,
            "tasks withdrawn": self.tasks_withdrawn,
            "tasks left to a person": self.tasks_left,
            "quarantined": self.quarantined,
            "failed": self.failed,
        }


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
) -> Applied:
    """Do what the plan says, each row once, whatever crashed before.

    Raises `Rejected` for a stale plan and for a morning that a real CRM must not get, and
    `Unavailable` while another apply writes to the same instance; nothing is sent in either case.
    """
    calls_before = crm.calls.total
    instance = crm.instance()
    _refuse_unfit(plan, instance, contract, now(), allow_old_morning=allow_old_morning)
    run = uuid.uuid4().hex
    with ledger.lease(instance.key, run, now) as lease:
        _refuse_stale(plan, ledger, allow_old_morning=allow_old_morning)
        before = settling.settle(crm, ledger, instance.key, contract, now=now, pause=pause)
        todo = _operations(plan, before, crm)
        ends = {end.operation.id: end for end in before if end.state in {"ok", "left"}}
        if todo:
            ledger.begin(run, instance.key, plan.as_of, contract.version, now())
            ledger.intend(run, instance.key, todo, now())
            sent = _send_all(todo, crm, ledger, lease, contract, now, progress)
            ends |= {end.operation.id: end for end in sent}
            if any(end.state == "unknown" for end in sent):
                after = settling.settle(crm, ledger, instance.key, contract, now=now, pause=pause)
                ends |= {end.operation.id: end for end in after}
            ledger.finish(run, instance.key, plan.as_of, "finished", now())
    return _sums(plan, list(ends.values()), len(before), crm.calls.total - calls_before)


def check(
    plan: Plan,
    crm: Crm,
    ledger: Ledger,
    *,
    now: Callable[[], datetime],
    contract: Contract = CONTRACT,
    allow_old_morning: bool = False,
) -> None:
    """`Rejected` where `apply` would refuse the plan; sends and creates nothing."""
    _refuse_unfit(plan, crm.instance(), contract, now(), allow_old_morning=allow_old_morning)
    _refuse_stale(plan, ledger, allow_old_morning=allow_old_morning)


def _refuse_unfit(
    plan: Plan, instance: Instance, contract: Contract, moment: datetime, *, allow_old_morning: bool
) -> None:
    if plan.instance != instance.key:
        raise Rejected(f"the plan is for {plan.instance}, and this is {instance.key}", fix="plan again for this CRM")
    if plan.contract_version != contract.version:
        raise Rejected("the fields of the contract have changed since the plan was made", fix="plan again")
    if moment - plan.created_at > STALE_AFTER:
        raise Rejected(f"the plan was made at {plan.created_at:%Y-%m-%d %H:%M}, more than a day ago", fix="plan again")
    if not (instance.is_sandbox or allow_old_morning) and moment.date() - plan.as_of > OLDEST_MORNING:
        raise Rejected(
            f"the plan is of the morning of {plan.as_of}, and {instance.key} is a real CRM",
            fix="bring the data up to date and plan again, or set USAGE_ALLOW_OLD_MORNING=true for this one command",
        )


def _refuse_stale(plan: Plan, ledger: Ledger, *, allow_old_morning: bool) -> None:
    sequence, newest = ledger.sequence(plan.instance), ledger.last_as_of(plan.instance)
    if sequence != plan.ledger_sequence:
        raise Rejected(
            f"what is known of {plan.instance} has changed since the plan was made ({plan.ledger_sequence}, now {sequence})",
            fix="plan again",
        )
    if newest is not None and plan.as_of < newest and not allow_old_morning:
        raise Rejected(
            f"the morning of {newest} was applied already, after that of {plan.as_of}",
            fix="deliver the newest morning, or set USAGE_ALLOW_OLD_MORNING=true for this one command",
        )


def _operations(plan: Plan, before: Sequence[Settled], crm: Crm) -> list[Operation]:
    """The plan's rows as intents, without those that turned out to be done `before`."""
    done = [end.operation for end in before if end.state in {"ok", "left"}]
    values = {
        (str(one.crm_id), name): value for one in done if one.kind == "fields" for name, value in one.payload.items()
    }
    tasks = {(one.kind, one.key) for one in done}
    missing = object()
    by_record: dict[tuple[str, str], dict[str, str | None]] = {}
    for change in plan.fields:
        if values.get((change.crm_id, change.field), missing) != change.new:
            by_record.setdefault((change.account_id, change.crm_id), {})[change.field] = change.new

    def intent(kind: Kind, key: str, account: str, crm_id: str, payload: Mapping[str, Any], how: Class) -> Operation:
        return Operation(uuid.uuid4().hex, kind, key, AccountId(account), CrmId(crm_id), payload, str(how), plan.as_of)

    todo = [
        intent("fields", account, account, crm_id, changes, Class.IDEMPOTENT)
        for (account, crm_id), changes in by_record.items()
    ]
    kinds: tuple[tuple[Kind, Sequence[TaskNew | TaskRewording | TaskClosing]], ...] = (
        ("task_withdraw", plan.closings),
        ("task_update", plan.rewordings),
        ("task_open", plan.new_tasks),
    )
    for kind, planned in kinds:
        left = [one for one in planned if (kind, one.key) not in tasks]
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
    """Batch by batch; stops where the day's calls are used up, and the rest waits."""
    ends: list[Settled] = []
    for kind in ("fields", "task_withdraw", "task_update", "task_open"):
        mine = [one for one in todo if one.kind == kind]
        for batch in chunks(mine, crm.rows_per_call):
            lease.renew()
            spent = next((end.rejection for end in ends if end.rejection and end.rejection.cause is Cause.BUDGET), None)
            if spent:
                settled = [Settled(one, "failed", rejection=spent) for one in batch]
            else:
                ledger.sending(batch, now())
                settled = _matched(batch, _send(kind, batch, crm, contract))
            ledger.settle(lease.instance, settled, now())
            ends += settled
            progress(
                f"{crm.name}: {kind.replace('_', ' ')} {len([e for e in ends if e.operation.kind == kind])}/{len(mine)}"
            )
    return ends


def _send(kind: str, batch: Sequence[Operation], crm: Crm, contract: Contract) -> list[RowResult]:
    if kind == "fields":
        return crm.write_fields([FieldWrite(one.id, CrmId(one.crm_id or ""), one.payload) for one in batch], contract)
    try:
        if kind == "task_open":
            return crm.open_tasks([settling.opening(one) for one in batch])
        return crm.change_tasks([settling.change(one) for one in batch])
    except Unavailable as away:
        # Only the reading before a write ends here: what a write met is in its rows.
        cause = Cause.BUDGET if isinstance(away, BudgetSpent) else Cause.TRANSIENT
        return [RowResult(one.key, "failed", rejection=Rejection.of(cause, away.cause)) for one in batch]


def _matched(batch: Sequence[Operation], results: Sequence[RowResult]) -> list[Settled]:
    by_key = {result.key: result for result in results}

    def end(one: Operation) -> Settled:
        result = by_key[one.id if one.kind == "fields" else one.key]
        return Settled(one, result.outcome, crm_id=result.crm_id, rejection=result.rejection)

    return [end(one) for one in batch]


def _sums(plan: Plan, ends: Sequence[Settled], settled_from_before: int, api_calls: int) -> Applied:
    done = [end.operation for end in ends if end.state == "ok"]
    refused = [end for end in ends if end.state == "failed" and end.rejection]
    passing = [end for end in refused if end.rejection and end.rejection.cause in PASSING]
    fields = [one for one in done if one.kind == "fields"]

    def count(kind: str) -> int:
        return sum(one.kind == kind for one in done)

    return Applied(
        fields_written=sum(len(one.payload) for one in fields),
        records_written=len({one.crm_id for one in fields}),
        tasks_opened=count("task_open"),
        tasks_updated=count("task_update"),
        tasks_withdrawn=count("task_withdraw"),
        tasks_left=sum(end.state == "left" for end in ends),
        api_calls=api_calls,
        unmatched=plan.unmatched,
        ambiguous=plan.ambiguous,
        failed=len(passing) + sum(end.state == "unknown" for end in ends),
        quarantined=len(refused) - len(passing),
        settled_from_before=settled_from_before,
    )
