"""Copies of one event: every valid one is kept, one of them counts (COL-08).

A copy counts unless a smaller one, by (known_at, content_hash), became known in the
`REACH_DAYS` before it; so what counts on a day never depends on what came later.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from usage_pipeline.events import catalogue
from usage_pipeline.lake import Lake

# A sender that retries does so within days; looking further back would make each day cost more than the last.
REACH_DAYS = 30
# Of so many ids the copies fit into some 60 MB.
_FEW = 200_000


def reach(span: tuple[date, date]) -> tuple[date, date]:
    """The known days whose copies `counted` must be given for `span`."""
    first, last = span
    return first - timedelta(days=REACH_DAYS), last


def landed(lake: Lake, span: tuple[date, date]) -> ir.Table:
    """What `counted` gives of the lake's events; the few that have copies are looked up first.

    So nearly all events are read once and put beside a short list, instead of each beside all others.
    """
    near = lake.read(catalogue.EVENT, reach(span))
    hashes = near.select(hashed=near["event_id"].hash())
    repeated = hashes.group_by("hashed").aggregate(copies=hashes.count()).filter(ibis._["copies"] > 1)
    found = lake.backend.to_pyarrow(repeated.select("hashed").limit(_FEW + 1))
    if found.num_rows > _FEW:
        return counted(near, span)
    within = near.filter(near["known_day"].between(*map(ibis.literal, span)))
    if not found.num_rows:
        return within
    few = ibis.memtable(found)
    several = near.semi_join(few, near["event_id"].hash() == few["hashed"])
    counting = lake.backend.to_pyarrow(counted(several, span))
    single = within.anti_join(few, within["event_id"].hash() == few["hashed"])
    return single.union(catalogue.EVENT.conform(ibis.memtable(counting)))


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
