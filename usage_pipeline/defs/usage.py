"""`usage`: what an account, its users and its features did in a day."""

from typing import Any

import dagster as dg
import ibis.expr.types as ir

from usage_pipeline.defs import partitions, tables
from usage_pipeline.defs.place import Place
from usage_pipeline.events import catalogue as events
from usage_pipeline.events import known
from usage_pipeline.lake import Table
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue, rollups

DAILY: dict[str, Any] = {
    "owner": tables.DATA,
    "kinds": {"ibis", "duckdb"},
    "partitions_def": partitions.KNOWN_DAYS,
    "backfill_policy": partitions.IN_ONE_RUN,
}
PARTS = {"parts": catalogue.USER_FEATURE_DAY}


BASE = {
    "user_feature_day": (
        catalogue.USER_FEATURE_DAY,
        "One row per account, user, feature, day and known day: the base of the other rollups.",
    ),
    "event_day": (catalogue.EVENT_DAY, "One row per account, event name, day and known day."),
}


@dg.multi_asset(
    name="counted_events",
    outs={
        name: dg.AssetOut(
            **tables.described(table),
            owners=[tables.DATA],
            kinds={"ibis", "duckdb", "deltalake"},
            description=words,
        )
        for name, (table, words) in BASE.items()
    },
    deps=[dg.AssetKey([table.stage, table.name]) for table in (events.EVENT, events.IDENTITY_LINK, sources.ACCOUNT)],
    partitions_def=partitions.KNOWN_DAYS,
    backfill_policy=partitions.IN_ONE_RUN,
)
def counted_events(context: dg.AssetExecutionContext, place: Place) -> tuple[ir.Table, ir.Table]:
    """The two rollups that are made from events themselves, which are read once for both."""
    lake = place.opened.lake
    found = known.events(lake, partitions.span(context)).select(*rollups.USED)
    held = lake.backend.create_table("held_events", found, temp=True, overwrite=True)
    zones = rollups.zones(lake.read(sources.ACCOUNT))
    return rollups.user_feature_day(held, zones), rollups.event_day(held)


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


def _earlier(context: dg.AssetExecutionContext, place: Place, table: Table, parts: ir.Table) -> ir.Table:
    """The table's own rows of earlier known days that late parts of a day must be compared with."""
    lake = place.opened.lake
    oldest = lake.backend.to_pyarrow(parts.day.min()).as_py()
    reach = rollups.reach(oldest, partitions.span(context)[0])
    return lake.read(table, reach) if reach else table.empty()
