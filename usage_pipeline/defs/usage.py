"""`usage`: what an account, its users and its features did in a day."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from usage_pipeline.defs import partitions, tables
from usage_pipeline.defs.place import Place
from usage_pipeline.errors import Rejected
from usage_pipeline.events import catalogue as events
from usage_pipeline.lake import Table, upkeep
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue, filling, metrics, rollups

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
    "metric_day": (
        catalogue.METRIC_DAY,
        "One row per account, metric of the mapping, day and known day; of a distinct count, per thing told apart.",
    ),
}


@dg.multi_asset(
    name="counted_events",
    outs={
        name: dg.AssetOut(
            **tables.described(table),
            owners=[tables.DATA],
            kinds={"ibis", "duckdb", "deltalake"},
            description=words,
            # A company without metrics of its own has no such table.
            is_required=table is not catalogue.METRIC_DAY,
        )
        for name, (table, words) in BASE.items()
    },
    deps=[dg.AssetKey([table.stage, table.name]) for table in (events.EVENT, events.IDENTITY_LINK, sources.ACCOUNT)],
    partitions_def=partitions.KNOWN_DAYS,
    backfill_policy=partitions.IN_ONE_RUN,
)
def counted_events(context: dg.AssetExecutionContext, place: Place) -> Iterator[dg.Output[ir.Table]]:
    """The rollups that are made from events themselves, which are read once for all of them."""
    lake = place.opened.wide_lake
    since = upkeep.kept_since(lake, events.EVENT)
    if since is not None and partitions.span(context)[0] < since:
        raise Rejected(
            f"events from before {since} are past their time and gone, so their rollups cannot be made again",
            fix=f"choose days from {since} on; the rollups of those before stay as they are",
        )
    wanted = metrics.definitions(place.opened.company.metrics)
    # What is not filled in yet is left to usage/metric, which makes this day along with all others.
    settled = wanted if filling.is_settled(lake, wanted) else []
    zones = rollups.zones(lake.read(sources.ACCOUNT))
    apart = place.opened.company.roles.non_interaction
    with filling.held(lake, partitions.span(context), settled) as held:
        yield dg.Output(rollups.user_feature_day(held, zones, non_interaction=apart), "user_feature_day")
        yield dg.Output(rollups.event_day(held), "event_day")
        if settled:
            yield dg.Output(metrics.metric_day(held, settled), "metric_day")


@tables.asset(
    catalogue.METRIC,
    owner=tables.DATA,
    kinds={"ibis", "duckdb"},
    # It also writes the known days of metric_day from before a metric was stated.
    deps=(events.EVENT, events.IDENTITY_LINK, catalogue.EVENT_DAY),
)
def metric(context: dg.AssetExecutionContext, place: Place) -> dg.MaterializeResult[None]:
    """One row per metric of the mapping, once all known days are filled in with what it counts.

    A new or changed metric is filled in once, by one reading of all events, which makes the rows of the other
    metrics again as they were.
    """
    lake = place.opened.wide_lake
    wanted = metrics.definitions(place.opened.company.metrics)
    filled = {"days": 0, "unreadable": 0}
    if not filling.is_settled(lake, wanted):
        filled = filling.fill_in(
            lake, wanted, lambda day, n, of: context.log.info("metrics filled in up to %s: %d of %d", day, n, of)
        )
    return dg.MaterializeResult(
        metadata={
            "metrics": len(wanted),
            "filled_in_days": filled["days"],
            "unreadable": filled["unreadable"],
            "dagster/uri": lake.uri(catalogue.METRIC),
        }
    )


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
    earlier = place.opened.wide_lake.read(catalogue.FIRST_USE)
    return rollups.first_use(parts, earlier.filter(earlier.known_day < partitions.span(context)[0]))


@tables.asset(catalogue.LAST_USE, **DAILY, inputs=PARTS)
def last_use(context: dg.AssetExecutionContext, place: Place, parts: ir.Table) -> ir.Table:
    """One row per account and known day on which its last use advanced."""
    earlier = place.opened.wide_lake.read(catalogue.LAST_USE)
    return rollups.last_use(parts, earlier.filter(earlier.known_day < partitions.span(context)[0]))


def _earlier(context: dg.AssetExecutionContext, place: Place, table: Table, parts: ir.Table) -> ir.Table:
    """The table's own rows of earlier known days that late parts of a day must be compared with."""
    lake = place.opened.wide_lake
    oldest = lake.backend.to_pyarrow(parts.day.min()).as_py()
    reach = rollups.reach(oldest, partitions.span(context)[0])
    return lake.read(table, reach) if reach else table.empty()
