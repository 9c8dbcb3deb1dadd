"""Copies of one event: every valid one is kept, one of them counts (COL-08).

A copy counts unless a smaller one, by (known_at, content_hash), became known in the
`REACH_DAYS` before it; so what counts on a day never depends on what came later.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

# A sender that retries does so within days; looking further back would make each day cost more than the last.
REACH_DAYS = 30


def reach(span: tuple[date, date]) -> tuple[date, date]:
    """The known days whose copies `counted` must be given for `span`."""
    first, last = span
    return first - timedelta(days=REACH_DAYS), last


def counted(events: ir.Table, span: tuple[date, date]) -> ir.Table:
    """Of the valid copies passed (known days of `reach(span)`), those that count and became known in `span`."""
    # Few events have copies: only those few, and the fewer that share a hash with another, are ordered.
    hashed = events.mutate(hashed=events["event_id"].hash())
    copies = hashed.group_by("hashed").aggregate(copies=hashed.count()).filter(ibis._["copies"] > 1)
    single = hashed.anti_join(copies, "hashed")
    several = hashed.semi_join(copies, "hashed")
    order = ibis.window(
        group_by="event_id", order_by=[several["known_at"], several["content_hash"], several["batch"], several["line"]]
    )
    marked = several.mutate(before=several["known_day"].lag().over(order))
    far = marked["before"] < marked["known_day"] - ibis.interval(days=REACH_DAYS)
    counting = marked.filter(marked["before"].isnull() | far).drop("before")
    whole = single.select(*events.columns).union(counting.select(*events.columns))
    first, last = span
    return whole.filter(whole["known_day"].between(ibis.literal(first), ibis.literal(last)))
