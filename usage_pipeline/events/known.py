"""The events that became known to an account in a span of days: what `usage` rolls up."""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from usage_pipeline.events import catalogue, copies, identity
from usage_pipeline.lake import Lake


def events(lake: Lake, span: tuple[date, date]) -> ir.Table:
    """Counted events with an account whose `known_day`, the link's included, lies in `span`.

    An older event without an account is part of the day on which its id was linked to one.
    """
    first, last = span
    links = lake.read(catalogue.IDENTITY_LINK)
    fresh = copies.counted(lake.read(catalogue.EVENT, copies.reach(span)), span)
    known = fresh.union(_waiting(lake, links, span))
    resolved = identity.resolve(known, links)
    return resolved.filter(resolved["known_day"].between(ibis.literal(first), ibis.literal(last)))


def _waiting(lake: Lake, links: ir.Table, span: tuple[date, date]) -> ir.Table:
    """Counted events without an account from before `span` whose id was linked within it."""
    first, last = span
    day = links["known_at"].date()
    linked = links.filter(day.between(ibis.literal(first), ibis.literal(last)))
    past = (date.min + timedelta(days=copies.REACH_DAYS), first - timedelta(days=1))
    before = lake.read(catalogue.EVENT, past)
    homeless = before.filter(before["account_id"].isnull())
    users = linked.filter(linked["id_kind"] == "user").select(key="id").distinct()
    browsers = linked.filter(linked["id_kind"] == "anonymous").select(key="id").distinct()
    concerned = homeless.filter(homeless["user_id"].isin(users["key"]) | homeless["anonymous_id"].isin(browsers["key"]))
    # All copies of the few concerned events, so that the same one counts as did on its own day.
    return copies.counted(before.semi_join(concerned.select("event_id").distinct(), "event_id"), past)
