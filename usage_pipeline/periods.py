"""When: mornings, windows of whole days, and what was known.

A *morning* is midnight UTC at the start of a day. `as_of` is that day, and means
"with everything known before that morning". Windows are whole days before it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta

WEEK = 7
# Four whole weeks, not 30 days, so that a month with five Mondays does not look like growth.
MONTH = 28
# The furthest a morning looks back through the rollups.
QUARTER = 90

ONE_DAY = timedelta(days=1)


def morning(as_of: date) -> datetime:
    """The instant (naive UTC) before which everything counts as known on `as_of`."""
    return datetime.combine(as_of, time.min)


def days(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def mondays(first: date, last: date) -> list[date]:
    """Every Monday from `first` to `last`, both included."""
    return [day for day in days(first, last) if day.weekday() == 0]


def before(as_of: date, length: int) -> tuple[date, date]:
    """First and last day of the window of `length` whole days before the morning."""
    return as_of - timedelta(days=length), as_of - ONE_DAY


def contiguous(wanted: Sequence[date]) -> Iterator[tuple[date, date]]:
    """The fewest (first, last) ranges that cover exactly the wanted days."""
    ordered = sorted(set(wanted))
    start = 0
    for here in range(1, len(ordered) + 1):
        if here == len(ordered) or ordered[here] - ordered[here - 1] != ONE_DAY:
            yield ordered[start], ordered[here - 1]
            start = here
