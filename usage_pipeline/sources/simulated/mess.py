"""How events really arrive: as lines of the Segment specification, with the faults of real senders.

The rates are true shares of all events made and stated here; `Kind` tells of every line what
it is, so that a test can count what a reader must find.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from usage_pipeline.sources.simulated import calls, customers, draws
from usage_pipeline.sources.simulated.activity import DAY_MS, Uses
from usage_pipeline.sources.simulated.customers import Accounts
from usage_pipeline.sources.simulated.draws import Flags, Floats, Ints, Keys, Purpose

DUPLICATES = 0.010
LATE = 0.030
MOST_DAYS_LATE = 20
BROKEN = 0.001
"""A quarter each: cut-off JSON, a byte that is no UTF-8, no timestamp, no event name."""
OUT_OF_ORDER = 0.05
ANONYMOUS = 0.04
"""Share of a user's days on which the product does not know them at first; an `identify` follows nine times in ten."""
IDENTIFIED = 0.9
WITHOUT_ACCOUNT = 0.03
"""Share of events that state the user but not the account."""
OTHER_OFFSETS = 0.10
"""Share of accounts whose senders write local times with their offset instead of UTC."""
STRANGERS = 0.002
"""Further events, in this share, of five accounts that no other system knows (demo tenants)."""


class Kind(IntEnum):
    """What a delivered line is."""

    SOUND = 0
    LATE = 1
    COPY = 2
    STRANGER = 3
    WHO_IS_WHO = 4
    BAD_JSON = 5
    BAD_UTF8 = 6
    NO_TIMESTAMP = 7
    NO_NAME = 8


BROKEN_KINDS = (Kind.BAD_JSON, Kind.BAD_UTF8, Kind.NO_TIMESTAMP, Kind.NO_NAME)


@dataclass(frozen=True)
class Lines:
    """Lines in no order, each with the moment it arrives, where it would stand, and what it is."""

    text: list[str]
    received_ms: Ints
    order: Ints
    kind: Ints

    def __add__(self, other: "Lines") -> "Lines":
        return Lines(
            self.text + other.text,
            np.concatenate([self.received_ms, other.received_ms]),
            np.concatenate([self.order, other.order]),
            np.concatenate([self.kind, other.kind]),
        )


def of_uses(seed: int, day: int, accounts: Accounts, uses: Uses) -> Lines:
    """The lines that come of a day's events, whenever they arrive; the `identify` of the anonymous among them."""
    each = draws.keys(uses["user"]) * np.uint64(64) + draws.keys(uses["number"])
    fate = draws.uniform(seed, day, Purpose.FATE, each)
    is_broken = fate < BROKEN
    is_copied = (fate >= BROKEN) & (fate < BROKEN + DUPLICATES)
    is_late = (fate >= 0.5) & (fate < 0.5 + LATE)
    slow = draws.uniform(seed, day, Purpose.DELAY, each)
    # Most late events are a day or two late, few the whole three weeks.
    late_ms = ((1.0 + (MOST_DAYS_LATE - 1.0) * slow**2.5) * DAY_MS).astype(np.int64)
    received = uses["ms"] + np.where(is_late, late_ms, 1_000 + (60_000 * slow).astype(np.int64))

    number = accounts["number"][uses["account"]]
    offset = np.array(customers.offsets(day))[accounts["country"][uses["account"]]]
    local = draws.uniform(seed, 0, Purpose.ZONE, draws.keys(accounts["number"])) < OTHER_OFFSETS
    days = draws.keys(uses["user"])
    is_anonymous = (uses["code"] != calls.SIGNED_IN) & (draws.uniform(seed, day, Purpose.ANONYMOUS, days) < ANONYMOUS)
    states_account = draws.uniform(seed, day, Purpose.STATED, each) >= WITHOUT_ACCOUNT
    fields = calls.Fields(
        message=[
            f"{day:x}-{user:x}-{n:x}" for user, n in zip(uses["user"].tolist(), uses["number"].tolist(), strict=True)
        ],
        timestamp=calls.moments(uses["ms"], np.where(local[uses["account"]], offset, 0)),
        who=calls.who(uses["user"], number, day, is_anonymous, states_account),
        what=calls.what(uses),
    )
    kind = np.where(is_late, Kind.LATE, Kind.SOUND)
    broken = np.flatnonzero(is_broken)
    kind[broken] = np.array(BROKEN_KINDS)[(fate[broken] / BROKEN * 4).astype(np.int64)]
    text = calls.lines(fields, calls.moments(received))
    for position in broken.tolist():
        text[position] = spoilt(text[position], Kind(int(kind[position])))
    made = Lines(text, received, _order(seed, day, received, each), kind)
    again = np.flatnonzero(is_copied)
    return made + _copies(seed, day, fields, received, again, each) + _identified(seed, day, uses, number, is_anonymous)


def _order(seed: int, day: int, received: Ints, each: Keys) -> Ints:
    """Where each line stands: by arrival, but for the share that a queue moved by hours."""
    moved = draws.uniform(seed, day, Purpose.ORDER, each) < OUT_OF_ORDER
    by = (draws.uniform(seed, day, Purpose.ORDER, each, again=1) - 0.5) * 6 * 3_600_000
    return received + np.where(moved, by, 0).astype(np.int64)


def _copies(seed: int, day: int, fields: "calls.Fields", received: Ints, again: Ints, each: Keys) -> Lines:
    """Second copies under the same id: most within a minute (a retry), some days after (a replay)."""
    slow = draws.uniform(seed, day, Purpose.DELAY, each[again], again=1)
    later = received[again] + np.where(slow < 0.7, 1_000 + 80_000 * slow, 2.0 * slow * DAY_MS).astype(np.int64)
    text = calls.lines(fields.some(again), calls.moments(later))
    return Lines(text, later, later, np.full(len(again), Kind.COPY))


def _identified(seed: int, day: int, uses: Uses, number: Ints, is_anonymous: Flags) -> Lines:
    """An `identify` per anonymous user of the day: later that day, or within five days, or never."""
    users, first = np.unique(np.where(is_anonymous, uses["user"], -1), return_index=True)
    users, first = users[users >= 0], first[users >= 0]
    whom = draws.keys(users)
    known = draws.uniform(seed, day, Purpose.IDENTIFY, whom) < IDENTIFIED
    users, first, whom = users[known], first[known], whom[known]
    slow = draws.uniform(seed, day, Purpose.IDENTIFY, whom, again=1)
    same_day = 600_000 + 1_800_000 * slow
    ms = uses["ms"][first] + np.where(slow < 0.6, same_day, (1.0 + 10.0 * (slow - 0.6)) * DAY_MS).astype(np.int64)
    text = calls.identify(users, number[first], ms, day)
    return Lines(text, ms + 2_000, ms + 2_000, np.full(len(users), Kind.WHO_IS_WHO))


def of_joining(users: npt.NDArray[np.void], accounts: Accounts, day: int) -> Lines:
    """An `identify` and a `group` for everyone who joins."""
    ms = np.full(len(users), day * DAY_MS + 61_000)
    text = calls.joining(users["key"], accounts["number"][users["account"]], ms)
    ms = np.repeat(ms, 2)
    return Lines(text, ms + 1_000, ms + np.arange(len(ms)), np.full(len(ms), Kind.WHO_IS_WHO))


def of_strangers(seed: int, day: int, events: int) -> Lines:
    """Events of accounts that no other system knows."""
    n = int(
        draws.count(
            draws.uniform(seed, day, Purpose.STRANGER, draws.keys(np.arange(10))), min(events * STRANGERS / 10, 15.0)
        ).sum()
    )
    chances: Floats = draws.uniform(seed, day, Purpose.STRANGER, draws.keys(np.arange(n)), again=1)
    ms = day * DAY_MS + ((7.0 + 10.0 * chances) * 3_600_000).astype(np.int64)
    return Lines(calls.strangers(ms, day), ms + 3_000, ms + 3_000, np.full(n, Kind.STRANGER))


def spoilt(line: str, kind: Kind) -> str:
    """A line broken in the named way; a byte that is no UTF-8 is written as a surrogate (see `encoded`)."""
    if kind is Kind.BAD_JSON:
        return line[: len(line) * 2 // 3]
    if kind is Kind.BAD_UTF8:
        return line.replace('"context"', '"con\udcfftext"', 1)
    if kind is Kind.NO_TIMESTAMP:
        start = line.index('"timestamp"')
        return line[:start] + line[line.index('"receivedAt"') :]
    return calls.without_name(line)


def encoded(lines: list[str]) -> bytes:
    """The lines as bytes; surrogates become the bytes that are no UTF-8."""
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape") if lines else b""
