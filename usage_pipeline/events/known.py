"""The events that became known to an account in a span of days: what `usage` rolls up."""

from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow.compute as pc

from usage_pipeline.events import catalogue, copies, identity
from usage_pipeline.lake import Lake
from usage_pipeline.periods import ONE_DAY


def events(lake: Lake, span: tuple[date, date]) -> ir.Table:
    """Counted events with an account whose `known_day`, the link's included, lies in `span`.

    An older event without an account is part of the day on which its id was linked to one.
    """
    first, last = span
    links = lake.read(catalogue.IDENTITY_LINK)
    known = copies.landed(lake, span)
    waiting = _waiting(lake, links, span)
    resolved = identity.resolve(known if waiting is None else known.union(waiting), links)
    return resolved.filter(resolved["known_day"].between(ibis.literal(first), ibis.literal(last)))


def _waiting(lake: Lake, links: ir.Table, span: tuple[date, date]) -> ir.Table | None:
    """Counted events without an account from before `span` whose id was linked within it; None: there are none.

    They may be of any age, so the ids of all earlier days are looked through once where a link is of the span;
    only the days found are read.
    """
    first, last = span
    day = links["known_at"].date()
    linked = links.filter(day.between(ibis.literal(first), ibis.literal(last)) & (links["id_kind"] != "account"))
    if not lake.backend.to_pyarrow(linked.count()).as_py():
        return None
    before = lake.read(catalogue.EVENT, (date.min, first - ONE_DAY))
    homeless = before.filter(before["account_id"].isnull())
    users = linked.filter(linked["id_kind"] == "user").select(key="id").distinct()
    browsers = linked.filter(linked["id_kind"] == "anonymous").select(key="id").distinct()
    concerned = homeless.filter(homeless["user_id"].isin(users["key"]) | homeless["anonymous_id"].isin(browsers["key"]))
    found = lake.backend.to_pyarrow(concerned.select("event_id", "known_day").distinct())
    if not found.num_rows:
        return None
    bounds = pc.min_max(found["known_day"]).as_py()
    days = (bounds["min"], bounds["max"])
    # All copies of the few concerned events, so that the same one counts as did on its own day.
    ids = ibis.memtable(found.select(["event_id"])).distinct()
    return copies.counted(lake.read(catalogue.EVENT, copies.reach(days)).semi_join(ids, "event_id"), days)
