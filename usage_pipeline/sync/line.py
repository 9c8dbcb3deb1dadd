"""A plan's operations on their way: several batches of fields at once, one of anything else.

The main thread alone touches ledger and lease; the others only talk to the CRM.
"""

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from types import TracebackType
from typing import Self

from usage_pipeline.crm.batches import chunks
from usage_pipeline.crm.client import Crm
from usage_pipeline.crm.contract import Contract
from usage_pipeline.crm.rejections import Cause, Rejection
from usage_pipeline.ledger.leases import Lease
from usage_pipeline.ledger.operations import Operation, Settled
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import sending

Batch = Sequence[Operation]


class Line:
    """Batches of one kind on their way, at most so many at once."""

    def __init__(self, senders: int) -> None:
        self._senders = senders
        self._pool = ThreadPoolExecutor(senders, thread_name_prefix="sending")
        self._flying: dict[Future[list[Settled]], Batch] = {}
        self.failure: BaseException | None = None
        """What the first sender that broke off broke off with; of its batch nothing is known."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)

    def send(self, batch: Batch, act: Callable[[Batch], list[Settled]]) -> None:
        """Let a batch leave, for which there `has_room`."""
        # With the context, so that a call's span hangs under that of the delivery.
        self._flying[self._pool.submit(contextvars.copy_context().run, act, batch)] = batch

    def has_room(self, batch: Batch) -> bool:
        """Whether one more may leave, with none on its way that is about the same record."""
        records = {one.crm_id for one in batch if one.crm_id}
        return len(self._flying) < self._senders and not any(
            one.crm_id in records for other in self._flying.values() for one in other
        )

    @property
    def is_empty(self) -> bool:
        return not self._flying

    def landed(self, *, waits: bool = False) -> list[Settled]:
        """What came of those that have arrived since; `waits` until there is one."""
        if waits and self._flying:
            wait(self._flying, return_when=FIRST_COMPLETED)
        ends: list[Settled] = []
        for one in [one for one in self._flying if one.done()]:
            del self._flying[one]
            problem = one.exception()
            self.failure = self.failure or problem
            ends += [] if problem else one.result()
        return ends


class Dispatch:
    """The operations of one apply: each batch is intended, sent and settled."""

    def __init__(
        self,
        crm: Crm,
        ledger: Ledger,
        lease: Lease,
        contract: Contract,
        now: Callable[[], datetime],
        progress: Callable[[str], None],
    ) -> None:
        self._crm = crm
        self._ledger = ledger
        self._lease = lease
        self._contract = contract
        self._now = now
        self._progress = progress
        self._ends: list[Settled] = []
        self._unwritten: list[Settled] = []
        self._spent: Rejection | None = None

    def send(self, todo: Sequence[Operation]) -> list[Settled]:
        """Kind after kind; stops where the day's calls are used up, and the rest waits.

        While some are on their way, what came of others is written down: a crash leaves the ones and the
        others to be settled by reading. Where a sender breaks off, the others end, what came of them is
        written down, and what it broke off with is raised.
        """
        for kind in sending.ORDER:
            mine = [one for one in todo if one.kind == kind]
            if mine:
                with Line(self._crm.senders if kind in sending.SIDE_BY_SIDE else 1) as line:
                    self._send_kind(kind, mine, line)
        self._write()
        return self._ends

    def _send_kind(self, kind: str, mine: Sequence[Operation], line: Line) -> None:
        before = len(self._ends)

        def take(ends: list[Settled]) -> None:
            self._take(ends, line)
            if ends:
                done = len(self._ends) - before
                self._progress(f"{self._crm.name}: {kind.replace('_', ' ')} {done:,} of {len(mine):,}")

        for batch in chunks(mine, sending.rows_at_once(self._crm, kind, len(mine))):
            while not line.has_room(batch):
                take(line.landed(waits=True))
            self._lease.renew()
            # Batch by batch, too: those of a large plan take seconds, and here they cost no time of the CRM's.
            self._ledger.intend(self._lease.run, self._lease.instance, batch, self._now())
            if self._spent:
                take([Settled(one, "failed", rejection=self._spent) for one in batch])
            else:
                self._leave(kind, batch, line)
                take(line.landed())
            self._write()
        while not line.is_empty:
            self._write()
            take(line.landed(waits=True))

    def _leave(self, kind: str, batch: Batch, line: Line) -> None:
        keys = [one.key for one in batch]
        again = self._ledger.sent_before(self._lease.instance, kind, keys) if kind in sending.MAKING else set()
        self._ledger.sending(batch, self._now())
        line.send(batch, lambda some: sending.send(kind, some, self._crm, self._contract, again))

    def _take(self, ends: list[Settled], line: Line) -> None:
        self._ends += ends
        self._unwritten += ends
        self._spent = self._spent or next((end.rejection for end in ends if _is_spent(end)), None)
        if line.failure:
            while not line.is_empty:
                self._unwritten += line.landed(waits=True)
            self._write()
            raise line.failure

    def _write(self) -> None:
        if self._unwritten:
            # Whoever took over meanwhile settles what is unwritten, not we.
            self._lease.renew()
            self._ledger.settle(self._lease.instance, self._unwritten, self._now())
            self._unwritten = []


def _is_spent(end: Settled) -> bool:
    return end.rejection is not None and end.rejection.cause is Cause.BUDGET
