"""`usage`: what an account, its users and its features did in a day."""

from typing import Any

import dagster as dg
import ibis.expr.types as ir

from usage_pipeline.defs import partitions, tables
from usage_pipeline.defs.place import Place
from usage_pipeline.events import catalogue as events
from usage_pipeline.lake import Table
from usage_pipeline.periods import ONE_DAY
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue, rollups

DAILY: dict[str, Any] = {
    "owner": tables.DATA,
    "kinds": {"ibis", "duckdb"},
    "partitions_def": partitions.KNOWN_DAYS,
    "backfill_policy": partitions.IN_ONE_RUN,
}
PARTS = {"parts": catalogue.USER_FEATURE_DAY}


@tables.asset(
    catalogue.USER_FEATURE_DAY,
    **DAILY,
    inputs={"events": events.EVENT, "links": events.IDENTITY_LINK, "accounts": sources.ACCOUNT},
)
def user_feature_day(
    context: dg.AssetExecutionContext, events: ir.Table, links: ir.Table, accounts: ir.Table
) -> ir.Table:
    """One row per account, user, feature, day and known day: the base of the other rollups."""
    counted = rollups.resolved(_within_reach(context, events), links, partitions.span(context))
    return rollups.user_feature_day(counted, rollups.zones(accounts))


@tables.asset(catalogue.EVENT_DAY, **DAILY, inputs={"events": events.EVENT, "links": events.IDENTITY_LINK})
def event_day(context: dg.AssetExecutionContext, events: ir.Table, links: ir.Table) -> ir.Table:
    """One row per account, event name, day and known day."""
    return rollups.event_day(rollups.resolved(_within_reach(context, events), links, partitions.span(context)))


@tables.asset(catalogue.USER_DAY, **DAILY, inputs=PARTS)
def user_day(context: dg.AssetExecutionContext, place: Place, parts: ir.Table) -> ir.Table:
    """One row per account, user, day and known day; the part of a day known first is marked."""
    return rollups.user_day(parts, _earlier(context, place, catalogue.USER_DAY, parts))


@tables.asset(catalogue.FEATURE_DAY, **DAILY, inputs=PARTS)
def feature_day(context: dg.AssetExecutionContext, place: Place, parts: ir.Table) -> ir.Table:
    """One row per account, feature, day and known day; the part of a day known first is marked."""
    return rollups.feature_day(parts, _earlier(context, place, catalogue.FEATURE_DAY, parts))


@tables.asset(catalogue.ACCOUNT_DAY, **DAILY, inputs=PARTS | {"people": catalogue.USER_DAY})
def account_day(parts: ir.Table, people: ir.Table) -> ir.Table:
    """One row per account, day and known day: events, uses, sessions, people."""
    return rollups.account_day(parts, people)


@tables.asset(catalogue.FIRST_USE, **DAILY, inputs=PARTS)
def first_use(context: dg.AssetExecutionContext, place: Place, parts: ir.Table) -> ir.Table:
    """One row per account, user and feature, and the day their first use became known."""
    earlier = place.opened.lake.read(catalogue.FIRST_USE)
    return rollups.first_use(parts, earlier.filter(earlier.known_day < partitions.span(context)[0]))


@tables.asset(catalogue.LAST_USE, **DAILY, inputs=PARTS)
def last_use(context: dg.AssetExecutionContext, place: Place, parts: ir.Table) -> ir.Table:
    """One row per account and known day on which its last use advanced."""
    earlier = place.opened.lake.read(catalogue.LAST_USE)
    return rollups.last_use(parts, earlier.filter(earlier.known_day < partitions.span(context)[0]))


def _within_reach(context: dg.AssetExecutionContext, events: ir.Table) -> ir.Table:
    """The event partitions that a span needs: its own, and those a copy or a late link looks back to."""
    first, last = partitions.span(context)
    return events.filter(events.known_day.between(first - rollups.EVENT_REACH_DAYS * ONE_DAY, last))


def _earlier(context: dg.AssetExecutionContext, place: Place, table: Table, parts: ir.Table) -> ir.Table:
    """The table's own rows of earlier known days that late parts of a day must be compared with."""
    lake = place.opened.lake
    oldest = lake.backend.to_pyarrow(parts.day.min()).as_py()
    reach = rollups.reach(oldest, partitions.span(context)[0])
    return lake.read(table, reach) if reach else table.empty()
