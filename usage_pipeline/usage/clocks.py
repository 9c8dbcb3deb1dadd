"""The account's own clock: events at its working hours, evenings and weekends."""

from datetime import date

import ibis
import ibis.expr.types as ir

# Both are DuckDB's ICU, which is built in; names of zones change a few times a year, and its list is the newest here.
_local = ibis.udf.scalar.builtin(
    lambda zone, instant: None,  # noqa: ARG005
    name="timezone",
    signature=(("string", "timestamp('UTC')"), "timestamp"),
)
_parsed = ibis.udf.scalar.builtin(
    lambda text, form: None,  # noqa: ARG005
    name="try_strptime",
    signature=(("string", "string"), "timestamp('UTC')"),
)

_OFFSET = r"^([+-])(\d{2}):?(\d{2})$"
_OPENS, _CLOSES = 9, 18
_SATURDAY = 5


def zones(account: ir.Table) -> ir.Table:
    """One row per account and change of its zone, from the account table's changes.

    `time_zone` is a zone that exists, `offset_minutes` what a stated offset (`+02:00`) adds;
    `since` and `until` are the known days for which it holds. What became known on a day
    holds for the events of that day, so that a partition never depends on a later change.
    """
    # With a blank or an end of line at its end a zone passes for one that exists, and stops the run after all.
    account = account.mutate(time_zone=account.time_zone.strip().nullif(""))
    stated = account.filter(account.time_zone.notnull(), account.known_at.notnull())
    stated = stated.mutate(since=stated.known_at.date())
    newest = ibis.row_number().over(
        group_by=["account_id", "since"], order_by=[ibis.desc("known_at"), ibis.desc("valid_from"), "time_zone"]
    )
    changes = stated.mutate(rank=newest).filter(ibis._.rank == 0)
    return changes.select(
        "account_id",
        "since",
        until=changes.since.lead().over(group_by="account_id", order_by="since"),
        time_zone=ibis.ifelse(_exists(changes.time_zone), changes.time_zone, "UTC"),
        offset_minutes=_offset_minutes(changes.time_zone),
    )


def with_local_time(events: ir.Table, zones: ir.Table) -> ir.Table:
    """The events and `local`, when each happened by its account's clock; UTC where no zone is known."""
    # An end for all: with an OR in it DuckDB tries every event against every zone.
    until = zones.until.fill_null(ibis.literal(date.max))
    zone = zones.select("account_id", "since", until=until, zone=zones.time_zone, offset=zones.offset_minutes)
    placed = events.left_join(
        zone,
        [events.account_id == zone.account_id, events.known_day >= zone.since, events.known_day < zone.until],
    ).drop("account_id_right", "since", "until")
    placed = placed.mutate(
        zone=placed.zone.fill_null("UTC"), offset=placed.offset.fill_null(0), hour=placed.ts.truncate("h")
    )
    # A zone's shift once per hour, not once per event: the conversion costs 2 microseconds a row.
    hours = placed.select("zone", "hour").distinct()
    hours = hours.mutate(local_hour=_local(hours.zone, hours.hour.cast("timestamp('UTC')")))
    shifted = placed.inner_join(hours, ["zone", "hour"])
    minutes = shifted.ts.minute() + shifted.offset
    return shifted.mutate(local=shifted.local_hour + minutes.as_interval("m")).drop(
        "zone", "offset", "hour", "local_hour"
    )


def is_working(local: ir.TimestampValue) -> ir.BooleanValue:
    """From 9 to 18 on a weekday."""
    return (local.hour() >= _OPENS) & (local.hour() < _CLOSES) & ~is_weekend(local)


def is_evening(local: ir.TimestampValue) -> ir.BooleanValue:
    """From 18 to 24 on any day."""
    return local.hour() >= _CLOSES


def is_weekend(local: ir.TimestampValue) -> ir.BooleanValue:
    """Saturday or Sunday."""
    return local.day_of_week.index() >= _SATURDAY


def _exists(zone: ir.StringValue) -> ir.BooleanValue:
    # `timezone` stops the run at a zone it does not know; parsing a time in it gives NULL instead.
    return _parsed(ibis.literal("2000-01-01 00:00:00 ") + zone, "%Y-%m-%d %H:%M:%S %Z").notnull()


def _offset_minutes(zone: ir.StringValue) -> ir.IntegerValue:
    size = zone.re_extract(_OFFSET, 2).try_cast("int64") * 60 + zone.re_extract(_OFFSET, 3).try_cast("int64")
    return ibis.ifelse(zone.startswith("-"), -size, size).fill_null(0)
