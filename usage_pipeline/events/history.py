"""The checks of the product data day by day, each against its own past.

A usual value is the median of earlier days, its spread their median distance from it: one
strange day, a launch or an outage, moves neither.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from usage_pipeline import frames
from usage_pipeline.company import Quality
from usage_pipeline.engine import whole
from usage_pipeline.events import carried, catalogue, copies
from usage_pipeline.lake import Lake, Span

WEEKS = 8
"""Earlier weeks that a weekday is compared with: enough for a median, few enough that growth is no alarm."""
# Fewer say nothing of what is usual.
_FEWEST = 4
DAYS = 7 * WEEKS
# The median distance of normal values from their median is 0.6745 standard deviations.
_SPREAD = 1.4826
_LEAST_SPREAD = 0.1
# Of so few events a day a share or a silence is chance.
_FEW_EVENTS = 50
# A name is regular that came on this share of the last four weeks' days; it vanished after this many days without.
_REGULAR, _MONTH, _GONE_DAYS = 0.7, 28, 4
# Between the years most offices are closed, and longer than any other holiday lasts: (month, day) from and to.
_YEAR_ENDS, _YEAR_BEGINS = (12, 23), (1, 2)
# From this hour on (UTC) a day counts as whole.
_DAY_ENDS = 22
LACKING = ("account", "user", "feature", "session", "duration")
CHECKS = ("volume", "freshness", "thin_join", "event_names", "null_shares", "daily_active", "duplicated_share")


@dataclass(frozen=True)
class Measured:
    """A check's value on a day, with what was usual."""

    check: str
    day: date
    value: float | None
    passed: bool
    words: str
    about: str = ""
    usual: float | None = None
    low: float | None = None
    high: float | None = None


STOPS_PLAYS = frozenset({"volume"})
"""Use that is missing looks like customers who leave: no play may act on it."""


@dataclass(frozen=True)
class Days:
    """What is known per day (UTC) that events happened on, in frames; `day` is in each."""

    volume: pd.DataFrame
    """day, events, joined (events of a known account), sessions, active (people and days with stated sessions)."""
    names: pd.DataFrame
    """day, name, events and `without_…` of them."""
    landed: pd.DataFrame
    """Per day of landing: day, received, duplicates, last_ts (newest event of it), landed_at (newest delivery)."""


def unmeasured(lake: Lake) -> tuple[list[str], Span | None]:
    """The landed batches that FINDING_HISTORY has not seen, and the days to measure: touched ones and those since.

    A day that may still get events on time is left for the next time.
    """
    batches, touched = carried.unseen(lake, catalogue.FINDING_HISTORY)
    newest = lake.partitions(catalogue.PROFILE)
    if touched is None or not newest:
        return batches, None
    late = lake.read(catalogue.PROFILE, (newest[-1] - timedelta(days=7), newest[-1]))
    last = lake.backend.to_pyarrow(late.last_ts.max()).as_py()
    whole_day = last.date() if last.hour >= _DAY_ENDS else last.date() - timedelta(days=1)
    rows = lake.read(catalogue.PROFILE, touched)
    first = lake.backend.to_pyarrow(rows.day.min()).as_py()
    measured = lake.partitions(catalogue.FINDING_HISTORY)
    if measured:
        # What comes later than that for a day changes it too little to be told.
        first = max(min(first, measured[-1] + timedelta(days=1)), newest[-1] - timedelta(days=copies.REACH_DAYS))
    return batches, (first, whole_day) if first <= whole_day else None


def extend(lake: Lake, accounts: ir.Table, limits: Quality) -> int:
    """Bring FINDING_HISTORY up to date; gives how many days were measured."""
    batches, span = unmeasured(lake)
    if span is None:
        return 0
    found = measure(read(lake, accounts, span), span, limits)
    names = catalogue.FINDING_HISTORY.schema.names
    rows = [{name: getattr(one, name) for name in names} for one in found]
    table = pa.Table.from_pylist(rows, schema=catalogue.FINDING_HISTORY.schema.to_pyarrow())
    last = max((one.day for one in found), default=span[1])
    lake.replace(catalogue.FINDING_HISTORY, table, (span[0], max(span[1], last)), batches=batches)
    return (span[1] - span[0]).days + 1


def newest(lake: Lake, days: int = 0) -> pd.DataFrame:
    """The history's rows; with `days` only those of so many before its end."""
    there = lake.partitions(catalogue.FINDING_HISTORY)
    span = (there[-1] - timedelta(days=days), there[-1]) if there and days else None
    found: pd.DataFrame = lake.backend.to_pandas(lake.read(catalogue.FINDING_HISTORY, span))
    dated = found.assign(day=pd.to_datetime(found["day"]).dt.date)
    ordered: pd.DataFrame = dated.sort_values(["check", "day", "about"], ignore_index=True)
    return ordered


def of_last_day(history: pd.DataFrame, check: str) -> pd.DataFrame:
    """A check's rows of the last day that it has any of."""
    rows = history[history["check"] == check]
    last: pd.DataFrame = rows[rows["day"] == rows["day"].max()]
    return last


def read(lake: Lake, accounts: ir.Table, span: Span) -> Days:
    """The days of `span` and those before it that they are compared with."""
    first, last = span[0] - timedelta(days=DAYS), span[1]
    # What happened in these days became known on them or after them; what came very late is a matter of its own day.
    known = first, last + timedelta(days=copies.REACH_DAYS)
    between = ibis.literal(first), ibis.literal(last)
    tally = lake.read(catalogue.TALLY, known)
    tally = tally.filter(tally.day.between(*between))
    mine = accounts.select(key="account_id").distinct()
    seen = tally.left_join(mine, tally.account_id == mine.key)
    volume = seen.group_by("day").aggregate(
        events=whole(seen.events.sum()),
        joined=whole(seen.events.sum(where=seen.key.notnull())),
        sessions=whole(seen.session_id.nunique()),
        active=whole(seen.user_id.nunique(where=seen.session_id.notnull())),
    )
    profile = lake.read(catalogue.PROFILE, known)
    profile = profile.filter(profile.day.between(*between))
    names = profile.group_by(["day", "name"]).aggregate(
        events=whole(profile.events.sum()),
        last_ts=profile.last_ts.max(),
        **{f"without_{what}": whole(profile[f"without_{what}"].sum()) for what in LACKING},
    )
    batch = lake.read(catalogue.BATCH)
    landed = batch.group_by(day=batch.landed_at.date()).aggregate(
        received=whole(batch.received.sum()), duplicates=whole(batch.duplicates.sum()), landed_at=batch.landed_at.max()
    )
    landed = landed.filter(landed.day.between(ibis.literal(first), ibis.literal(known[1])))
    frames = [_dated(lake, rows) for rows in (volume, names, landed)]
    return Days(*frames)


def _dated(lake: Lake, rows: ir.Table) -> pd.DataFrame:
    found: pd.DataFrame = lake.backend.to_pandas(rows)
    dated: pd.DataFrame = found.assign(day=pd.to_datetime(found["day"]).dt.date)
    return dated.sort_values("day", ignore_index=True)


def measure(days: Days, span: Span, limits: Quality) -> list[Measured]:
    """All checks of the days of `span` that have any event, and of the deliveries that came on them."""
    wanted = [day for day in _every(*span) if not days.volume.empty and day <= days.volume["day"].max()]
    return [
        *_volume(days.volume, wanted, limits),
        *_shares(days.volume, wanted, limits),
        *_names(days.names, wanted),
        *_nulls(days.names, wanted, limits),
        *_landings(days, span, limits),
    ]


def _every(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def usual(values: Sequence[float]) -> tuple[float, float] | None:
    """Median and spread; None of too few."""
    if len(values) < _FEWEST:
        return None
    median = float(np.median(values))
    spread = _SPREAD * float(np.median(np.abs(np.asarray(values) - median)))
    return median, spread


def _volume(volume: pd.DataFrame, wanted: Sequence[date], limits: Quality) -> Iterator[Measured]:
    """Events of a day against the same weekday before."""
    events = dict(zip(volume["day"], volume["events"], strict=True))
    first = min(events, default=None)
    quiet = 0
    # Days in a row before the first wanted one count, too.
    days = _every(max(first or wanted[0], wanted[0] - timedelta(days=7)), wanted[-1]) if wanted else []
    for day in days:
        before = [day - timedelta(weeks=week) for week in range(1, WEEKS + 1)]
        known = usual([float(events.get(one, 0)) for one in before if first is not None and one >= first])
        value = float(events.get(day, 0))
        if known is None or known[0] < _FEW_EVENTS:
            # On a day with little use anyway nothing begins or ends.
            if day in wanted:
                yield Measured("volume", day, value, passed=True, words=f"{value:,.0f} events; too few to compare")
            continue
        median, spread = known
        off = limits.volume_spreads * max(spread, _LEAST_SPREAD * median)
        low, high = max(0.0, median - off), median + off
        between_years = (day.month, day.day) >= _YEAR_ENDS or (day.month, day.day) <= _YEAR_BEGINS
        quiet = quiet + (not between_years) if value < low else 0
        is_silent = value < limits.silent_share * median
        passed = not is_silent and quiet <= limits.quiet_days and value <= high
        words = f"{value:,.0f} events on a {day:%A} that usually has {median:,.0f} ({low:,.0f} to {high:,.0f})"
        if value < low and passed:
            words += "; a holiday looks like this"
        elif quiet > limits.quiet_days:
            words += f"; {quiet} days in a row"
        if day in wanted:
            yield Measured("volume", day, value, passed, words, usual=median, low=low, high=high)


def _shares(volume: pd.DataFrame, wanted: Sequence[date], limits: Quality) -> Iterator[Measured]:
    """Events without a known account, and sessions per person who was there."""
    rows = volume[volume["day"].isin(set(wanted))]
    for row in frames.rows(rows):
        thin = 1 - row["joined"] / row["events"] if row["events"] else None
        words = "no event" if thin is None else f"{thin:.1%} of the day's events belong to no known account"
        yield Measured("thin_join", row["day"], thin, thin is None or thin <= limits.thin_join or row["events"] < _FEW_EVENTS,
                       words, high=limits.thin_join)  # fmt: skip
        rate = row["sessions"] / row["active"] if row["active"] else None
        words = "no event states a session" if rate is None else f"{rate:.2f} sessions per person who was there"
        yield Measured(
            "daily_active", row["day"], rate, rate is None or rate >= limits.sessions, words, low=limits.sessions
        )


def _names(names: pd.DataFrame, wanted: Sequence[date]) -> Iterator[Measured]:
    """Event names that came for the first time, and regular ones that came no more."""
    by_day: dict[date, set[str]] = {}
    for found, name in zip(names["day"], names["name"], strict=True):
        by_day.setdefault(found, set()).add(name)
    first = min(by_day, default=None)
    for day in wanted:
        here = by_day.get(day, set())
        before = [by_day.get(one, set()) for one in _every(day - timedelta(days=_MONTH), day - timedelta(days=1))]
        ever = set().union(*(found for one, found in by_day.items() if one < day))
        is_young = first is None or (day - first).days < _MONTH
        new = set() if is_young else here - ever
        recent = set().union(here, *before[-_GONE_DAYS + 1 :])
        earlier = before[: -_GONE_DAYS + 1]
        regular = {name for name in ever if sum(name in one for one in earlier) >= _REGULAR * len(earlier)}
        gone = set() if is_young else regular - recent
        told = [f"not seen in the weeks before: {', '.join(sorted(new))}"] if new else []
        told += [f"not seen for {_GONE_DAYS} days: {', '.join(sorted(gone))}"] if gone else []
        words = "; ".join(told) or f"{len(here)} event names, all known"
        yield Measured("event_names", day, float(len(new) + len(gone)), not told, words, high=0.0)


def _nulls(names: pd.DataFrame, wanted: Sequence[date], limits: Quality) -> Iterator[Measured]:
    """Shares of events that lack something, against the same of the weeks before."""
    columns = [f"without_{what}" for what in LACKING]
    sums = names.groupby("day")[["events", *columns]].sum()
    for what, column in zip(LACKING, columns, strict=True):
        shares = (sums[column] / sums["events"])[sums["events"] >= _FEW_EVENTS]
        known_shares = dict(zip(shares.index, shares, strict=True))
        for day in wanted:
            if day not in known_shares:
                continue
            before = [
                known_shares[one]
                for one in _every(day - timedelta(days=_MONTH), day - timedelta(days=1))
                if one in known_shares
            ]
            value, known = float(known_shares[day]), usual(before)
            if known is None:
                yield Measured("null_shares", day, value, passed=True, words=f"{value:.1%} without {what}", about=what)
                continue
            median, spread = known
            off = max(limits.null_change, limits.volume_spreads * spread)
            passed = abs(value - median) <= off
            words = f"{value:.1%} of the events are without {what}, usually {median:.1%}"
            yield Measured("null_shares", day, value, passed, words, what, median, median - off, median + off)


def _landings(days: Days, span: Span, limits: Quality) -> Iterator[Measured]:
    """How old the newest event was when files came, and how much of them was copies."""
    newest = days.names.groupby("day")["last_ts"].max().sort_index()
    for row in frames.rows(days.landed):
        share = row["duplicates"] / row["received"] if row["received"] else None
        if span[0] <= row["day"]:
            words = "no row" if share is None else f"{share:.1%} of the rows that landed are copies"
            yield Measured("duplicated_share", row["day"], share, share is None or share <= limits.duplicated, words,
                           high=limits.duplicated)  # fmt: skip
            there = newest[newest.index <= row["day"]]
            if not there.empty:
                hours = (row["landed_at"] - there.max()).total_seconds() / 3600
                words = f"the newest event was {hours:,.0f} hours old when the newest file came"
                yield Measured("freshness", row["day"], hours, hours <= limits.freshness_hours, words,
                               high=limits.freshness_hours)  # fmt: skip
