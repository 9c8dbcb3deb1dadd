"""Sending messages: through the same ledger as everything else, each as often as its channel promises.

A webhook gets each at least once and drops repeats by the key; Slack gets each at most once.
"""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from usage_pipeline import frames
from usage_pipeline.channels.client import Channel, Message
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.rejections import BudgetSpent, Cause, OutcomeUnknown, Refused, Rejection, rejection_of
from usage_pipeline.errors import Rejected, Unavailable
from usage_pipeline.ledger.leases import Lease
from usage_pipeline.ledger.messages import KIND, Told
from usage_pipeline.ledger.operations import Operation, Settled
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import messages as planned
from usage_pipeline.sync.applying import Progress, quiet
from usage_pipeline.sync.fitness import OLDEST_MORNING

# What a run of the ledger names as its contract: the shape of a message's content.
FORMAT = "message 1"
# So many passing failures in a row, and the channel is unwell: the rest waits for the next delivery.
PATIENCE = 3
TOLD_EVERY = 50
LOOK = "look in the Slack channel for the message's key; it is never sent again, so tell the owner if it is not there"


@dataclass(frozen=True)
class Sent:
    """What a delivery to one channel did; every message of the plan is counted once."""

    sent: int = 0
    failed: int = 0
    """For a passing reason, or waiting for a channel that is unwell; the next delivery tries again."""
    held_back: int = 0
    """Waiting for an earlier message of the same account."""
    quarantined: int = 0
    """Refused, with a known cause; tried again as long as the play goes on."""
    unknown: int = 0
    """May have arrived."""
    over: int = 0
    """Known as sent or in doubt before; not sent again."""
    left_out: int = 0
    """Of accounts that this delivery was not for."""
    settled_from_before: int = 0
    """Left open by a delivery that died; not of the plan."""

    @property
    def in_short(self) -> str:
        """What was done and what was not, for a line of progress."""
        counts = {
            "messages sent": self.sent,
            "failed": self.failed,
            "held back": self.held_back,
            "quarantined": self.quarantined,
            "may have arrived": self.unknown,
        }
        return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "no message had to be sent"


def deliver(
    messages: Sequence[Message],
    channel: Channel,
    ledger: Ledger,
    *,
    as_of: date,
    now: Callable[[], datetime],
    progress: Progress = quiet,
    accounts: Collection[str] | None = None,
    limit: int | None = None,
    allow_old_morning: bool = False,
) -> Sent:
    """Send what the plan has for this channel, each message once, whatever crashed before.

    Only those of `accounts`, and of at most `limit` accounts, where they are given; the rest waits.
    What was planned before says what it said then, and goes first. A message that is no longer in the
    plan, because its cause is gone, is dropped. Raises `Rejected` for a morning that real people must
    not get, and `Unavailable` while another delivery to the channel runs; nothing is sent in either case.
    """
    _refuse_old(channel, ledger, as_of, now(), allow_old_morning=allow_old_morning)
    run = uuid.uuid4().hex[:12]
    with ledger.lease(channel.instance, run, now) as lease:
        ledger.begin(run, channel.instance, as_of, FORMAT, now())
        before = _settle(channel, ledger, now)
        told = ledger.messages(channel.instance)
        mine = [one for one in messages if one.channel == channel.name]
        # Asked again under the lease: the plan may be older than what another delivery has done.
        wanted = {one.key: _as_first_told(one, told) for one in mine if not _is_over(one.key, told)}
        _drop_unwanted(ledger, channel.instance, wanted)
        todo = sorted(planned.narrowed(list(wanted.values()), accounts, limit), key=lambda one: one.created)
        operations = [_intent(one, channel, as_of) for one in todo]
        ledger.intend(run, channel.instance, operations, now())
        sent = _send_all(todo, operations, channel, ledger, lease, now, progress)
        ledger.finish(run, channel.instance, as_of, "finished", now())
    return replace(
        sent,
        over=len({one.key for one in mine}) - len(wanted),
        left_out=len(wanted) - len(todo),
        settled_from_before=before,
    )


def _refuse_old(channel: Channel, ledger: Ledger, as_of: date, moment: datetime, *, allow_old_morning: bool) -> None:
    if allow_old_morning:
        return
    newest = ledger.last_as_of(channel.instance)
    is_old = not channel.is_on_this_machine and moment.date() - as_of > OLDEST_MORNING
    if is_old or (newest is not None and as_of < newest):
        raise Rejected(
            f"{channel.instance} got no message: the morning of {as_of} is "
            + (f"older than that of {newest}, which was told already" if not is_old else "more than three days old"),
            fix="deliver the newest morning, or set USAGE_ALLOW_OLD_MORNING=true for this one command",
        )


def _settle(channel: Channel, ledger: Ledger, now: Callable[[], datetime]) -> int:
    """Give what a dead delivery left open its end; how many."""
    is_unsafe = channel.sending_class is Class.UNSAFE
    ends = []
    for one in ledger.unsettled(channel.instance):
        if one.state == "planned":
            ends.append(Settled(one, "failed", rejection=_passing("the delivery ended before this was sent")))
        elif not is_unsafe:
            # Sent again under the same id, by which the receiver knows it.
            ends.append(Settled(one, "failed", rejection=_passing("its answer was lost; it is sent again")))
        elif one.state == "sent":
            ends.append(Settled(one, "unknown", rejection=_in_doubt("the delivery ended before Slack had answered")))
    ledger.settle(channel.instance, ends, now())
    return len(ends)


def _is_over(key: str, told: Mapping[str, Told]) -> bool:
    return key in told and told[key].is_over


def _as_first_told(message: Message, told: Mapping[str, Told]) -> Message:
    """What it said when it was first planned: one key must not say two things."""
    before = told.get(message.key)
    return Message.of(before.key, before.account_id, before.payload) if before else message


def _drop_unwanted(ledger: Ledger, instance: str, wanted: Collection[str]) -> None:
    waiting = frames.rows(ledger.quarantine(instance))
    ledger.release_keys(instance, [(KIND, row["key"]) for row in waiting if row["key"] not in wanted])


def _intent(message: Message, channel: Channel, as_of: date) -> Operation:
    return Operation(
        id=uuid.uuid4().hex,
        kind=KIND,
        key=message.key,
        account_id=message.account_id,
        crm_id=None,
        payload=message.payload,
        operation_class=str(channel.sending_class),
        as_of=as_of,
    )


def _send_all(
    todo: Sequence[Message],
    operations: Sequence[Operation],
    channel: Channel,
    ledger: Ledger,
    lease: Lease,
    now: Callable[[], datetime],
    progress: Progress,
) -> Sent:
    """One after the other; stops where the channel takes none, and the rest waits."""
    counts = Sent()
    waiting: set[str] = set()
    stopped: Rejection | None = None
    in_a_row = 0
    patience = 1 if channel.sending_class is Class.UNSAFE else PATIENCE
    unsent: list[Settled] = []
    for place, (message, operation) in enumerate(zip(todo, operations, strict=True), start=1):
        if stopped:
            unsent.append(Settled(operation, "failed", rejection=stopped))
            counts = replace(counts, failed=counts.failed + 1)
            continue
        if channel.keeps_order and message.account_id in waiting:
            held = _passing("it waits for an earlier message of the account")
            unsent.append(Settled(operation, "failed", rejection=held))
            counts = replace(counts, held_back=counts.held_back + 1)
            continue
        lease.renew()
        ledger.sending([operation], now())
        end, problem = _send(message, operation, channel)
        # Whoever took over meanwhile settles this one, not we.
        lease.renew()
        ledger.settle(channel.instance, [end], now())
        counts = _counted(counts, end, problem)
        if problem:
            waiting.add(message.account_id)
        in_a_row = in_a_row + 1 if isinstance(problem, Unavailable) else 0
        stopped = _stop(problem, channel, is_enough=in_a_row >= patience)
        if place % TOLD_EVERY == 0:
            progress(f"{channel.name}: messages {place:,} of {len(todo):,}")
    ledger.settle(channel.instance, unsent, now())
    progress(f"{channel.name}: {counts.in_short}")
    return counts


def _send(message: Message, operation: Operation, channel: Channel) -> tuple[Settled, Refused | Unavailable | None]:
    try:
        channel.send(message)
    except OutcomeUnknown as lost:
        doubt = _in_doubt(lost.cause) if channel.sending_class is Class.UNSAFE else _passing(lost.cause)
        return Settled(operation, "unknown", rejection=doubt), lost
    except (Refused, Unavailable) as problem:
        return Settled(operation, "failed", rejection=rejection_of(problem)), problem
    return Settled(operation, "ok"), None


def _counted(counts: Sent, end: Settled, problem: Refused | Unavailable | None) -> Sent:
    if end.state == "ok":
        return replace(counts, sent=counts.sent + 1)
    if end.state == "unknown":
        return replace(counts, unknown=counts.unknown + 1)
    if isinstance(problem, Refused):
        return replace(counts, quarantined=counts.quarantined + 1)
    return replace(counts, failed=counts.failed + 1)


def _stop(problem: Refused | Unavailable | None, channel: Channel, *, is_enough: bool) -> Rejection | None:
    """Why the rest need not be tried: every one of them would end as this one did."""
    if isinstance(problem, Refused):
        return problem.rejection if problem.concerns_all else None
    if isinstance(problem, BudgetSpent):
        return rejection_of(problem)
    if problem is not None and is_enough:
        return _passing(f"{channel.instance} was unwell: {problem.cause}")
    return None


def _passing(detail: str) -> Rejection:
    return Rejection(Cause.TRANSIENT, detail, "nothing: it is sent by the next delivery, if the play still goes on")


def _in_doubt(detail: str) -> Rejection:
    return Rejection(Cause.TRANSIENT, detail, LOOK)
