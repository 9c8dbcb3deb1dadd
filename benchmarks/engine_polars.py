"""The rollups of `usage` by Polars' streaming engine: the same rows from the same event files.

Runs in the peers' environment, so it imports nothing but Polars.
"""

import time
from pathlib import Path
from typing import Any

import polars as pl

_ID = ["account_id", "user_id", "feature", "day", "known_day"]
_SUMS = ["events", "sessions", "duration_ms", "quantity"]
_HOURS = ["working_events", "evening_events", "weekend_events"]


def rollups(events: str, zones: str, to: str) -> dict[str, Any]:
    """Seven Parquet files in the folder `to`."""
    folder = Path(to)
    folder.mkdir(parents=True, exist_ok=True)
    started, processor = time.monotonic(), time.process_time()
    found = pl.scan_parquet(f"{events}/**/*.parquet", hive_partitioning=True)
    timed = _local(_sessions(found), pl.read_parquet(zones)).with_columns(day=pl.col("ts").dt.date())
    hour, weekday = pl.col("local").dt.hour(), pl.col("local").dt.weekday()
    base = timed.group_by(_ID).agg(
        events=pl.len().cast(pl.Int64),
        sessions=pl.col("begins").sum().cast(pl.Int64),
        duration_ms=pl.col("duration_ms").sum(),
        quantity=pl.col("quantity").sum(),
        working_events=((hour >= 9) & (hour < 18) & (weekday < 6)).sum().cast(pl.Int64),
        evening_events=(hour >= 18).sum().cast(pl.Int64),
        weekend_events=(weekday >= 6).sum().cast(pl.Int64),
    )
    _put(base, folder / "user_feature_day.parquet")
    named = found.with_columns(day=pl.col("ts").dt.date()).group_by("account_id", "name", "day", "known_day")
    _put(named.agg(events=pl.len().cast(pl.Int64), quantity=pl.col("quantity").sum()), folder / "event_day.parquet")
    _derived(folder)
    return {"seconds": time.monotonic() - started, "processor_seconds": time.process_time() - processor}


def _sessions(events: pl.LazyFrame) -> pl.LazyFrame:
    """Whether a session begins with each event: a stated one with its first, any other after 30 silent minutes."""
    person = ["account_id", "user_id", "anonymous_id", "known_day"]
    pause = pl.col("ts") - pl.col("ts").shift(1).over(person)
    first = pl.struct("account_id", "session_id", "known_day").is_first_distinct()
    begins = pl.when(pl.col("session_id").is_not_null()).then(first)
    return events.sort("ts", "user_id", "session_id", "feature", nulls_last=True).with_columns(
        begins=begins.otherwise((pause > pl.duration(minutes=30)).fill_null(value=True))
    )


def _local(events: pl.LazyFrame, zones: pl.DataFrame) -> pl.LazyFrame:
    """`local`, the account's own time; UTC where its zone is not known."""
    placed = events.join(
        zones.lazy().select("account_id", "since", "until", "time_zone", "offset_minutes"), on="account_id", how="left"
    ).filter(
        pl.col("since").is_null()
        | (
            (pl.col("known_day") >= pl.col("since"))
            & (pl.col("until").is_null() | (pl.col("known_day") < pl.col("until")))
        )
    )
    placed = placed.with_columns(
        zone=pl.col("time_zone").fill_null("UTC"),
        offset=pl.duration(minutes=pl.col("offset_minutes").fill_null(0)),
        hour=pl.col("ts").dt.truncate("1h"),
    )
    hours = placed.select("zone", "hour").unique().collect(engine="streaming")
    shifted = [
        one.with_columns(
            shift=one["hour"].dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None)
            - one["hour"]
        )
        for (zone,), one in hours.group_by("zone")
    ]
    return placed.join(pl.concat(shifted).lazy(), on=["zone", "hour"]).with_columns(
        local=pl.col("ts") + pl.col("shift") + pl.col("offset")
    )


def _derived(folder: Path) -> None:
    parts = pl.scan_parquet(folder / "user_feature_day.parquet")
    uses = pl.col("events").filter(pl.col("feature").is_not_null()).sum()
    people = parts.filter(pl.col("user_id").is_not_null()).group_by("account_id", "user_id", "day", "known_day")
    by_person = people.agg(pl.col("events").sum(), pl.col("sessions", "duration_ms").sum(), uses=uses)
    _put(_first_marked(by_person, ["account_id", "user_id", "day"]), folder / "user_day.parquet")
    used = parts.filter(pl.col("feature").is_not_null()).group_by("account_id", "feature", "day", "known_day")
    by_feature = used.agg(
        pl.col("events", "quantity", "duration_ms").sum(), users=pl.col("user_id").count().cast(pl.Int64)
    )
    _put(_first_marked(by_feature, ["account_id", "feature", "day"]), folder / "feature_day.parquet")
    key = ["account_id", "day", "known_day"]
    active = pl.scan_parquet(folder / "user_day.parquet").group_by(key)
    whole = parts.group_by(key).agg(pl.col(_SUMS + _HOURS).sum(), uses=uses)
    accounts = whole.join(active.agg(active_users=pl.col("is_first").sum().cast(pl.Int64)), on=key, how="left")
    _put(accounts.with_columns(pl.col("active_users").fill_null(0)), folder / "account_day.parquet")
    for name, keys, column, least in (
        ("first_use", ["account_id", "user_id", "feature"], "first_day", True),
        ("last_use", ["account_id"], "last_day", False),
    ):
        edge = pl.col("day").min() if least else pl.col("day").max()
        rows = parts.group_by([*keys, "known_day"]).agg(edge.alias(column)).sort("known_day")
        before = (pl.col(column).cum_min() if least else pl.col(column).cum_max()).shift(1).over(keys)
        news = pl.col(column) < pl.col("before") if least else pl.col(column) > pl.col("before")
        _put(
            rows.with_columns(before=before).filter(pl.col("before").is_null() | news).drop("before"),
            folder / f"{name}.parquet",
        )


def _first_marked(rows: pl.LazyFrame, keys: list[str]) -> pl.LazyFrame:
    return rows.with_columns(is_first=pl.col("known_day") == pl.col("known_day").min().over(keys))


def _put(rows: pl.LazyFrame, to: Path) -> None:
    rows.sink_parquet(to, compression="snappy", engine="streaming")
