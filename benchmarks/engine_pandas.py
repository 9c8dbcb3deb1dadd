"""The rollups of `usage` by pandas: the same rows from the same event files."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

_ID = ["account_id", "user_id", "feature", "day", "known_day"]
_SUMS = ["events", "sessions", "duration_ms", "quantity", "working_events", "evening_events", "weekend_events"]


def rollups(events: str, zones: str, to: str) -> dict[str, Any]:
    """Seven Parquet files in the folder `to`; quantities in millionths, which pandas can add up."""
    folder = Path(to)
    folder.mkdir(parents=True, exist_ok=True)
    started, processor = time.monotonic(), time.process_time()
    hive = ds.partitioning(pa.schema([("known_day", pa.date32())]), flavor="hive")
    read = ds.dataset(events, partitioning=hive).to_table()
    micro = pc.cast(pc.multiply(read["quantity"], pa.scalar(1_000_000)), pa.int64())
    read = read.set_column(read.column_names.index("quantity"), "quantity", micro)
    found = read.to_pandas(date_as_object=False)
    found["day"] = found["ts"].dt.normalize()
    found = _with_local(_with_sessions(found), pd.read_parquet(zones))
    hour, weekday = found["local"].dt.hour, found["local"].dt.dayofweek
    found["events"] = 1
    found["working_events"] = ((hour >= 9) & (hour < 18) & (weekday < 5)).astype("int64")
    found["evening_events"] = (hour >= 18).astype("int64")
    found["weekend_events"] = (weekday >= 5).astype("int64")
    parts = _summed(found, _ID, _SUMS)
    _put(parts, folder / "user_feature_day.parquet")
    _put(
        _summed(found, ["account_id", "name", "day", "known_day"], ["events", "quantity"]), folder / "event_day.parquet"
    )
    _derived(parts, folder)
    return {"seconds": time.monotonic() - started, "processor_seconds": time.process_time() - processor}


def _with_sessions(events: pd.DataFrame) -> pd.DataFrame:
    events = events.sort_values(["ts", "user_id", "session_id", "feature"])
    person = ["account_id", "user_id", "anonymous_id", "known_day"]
    before = events.groupby(person, dropna=False, sort=False)["ts"].shift(1)
    paused = before.isna() | (events["ts"] - before > pd.Timedelta(minutes=30))
    stated = events["session_id"].notna()
    first = ~events.duplicated(["account_id", "session_id", "known_day"])
    return events.assign(sessions=np.where(stated, first, paused).astype("int64"))


def _with_local(events: pd.DataFrame, zones: pd.DataFrame) -> pd.DataFrame:
    changes = zones[["account_id", "since", "until", "time_zone", "offset_minutes"]].astype(
        {"since": "datetime64[us]", "until": "datetime64[us]"}
    )
    placed = events.merge(changes, on="account_id", how="left")
    known = placed["known_day"]
    placed = placed[
        placed["since"].isna() | ((known >= placed["since"]) & (placed["until"].isna() | (known < placed["until"])))
    ]
    placed = placed.assign(zone=placed["time_zone"].fillna("UTC"), local=placed["ts"])
    for zone, rows in placed.groupby("zone", sort=False).groups.items():
        there = placed.loc[rows, "ts"].dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
        placed.loc[rows, "local"] = there
    placed["local"] += pd.to_timedelta(placed["offset_minutes"].fillna(0), unit="m")
    return placed


def _summed(rows: pd.DataFrame, keys: list[str], sums: list[str]) -> pd.DataFrame:
    return rows.groupby(keys, dropna=False, sort=False, observed=True)[sums].sum().astype("int64").reset_index()


def _derived(parts: pd.DataFrame, folder: Path) -> None:
    parts = parts.assign(uses=parts["events"].where(parts["feature"].notna(), 0))
    people = parts[parts["user_id"].notna()]
    by_person = _summed(
        people, ["account_id", "user_id", "day", "known_day"], ["events", "uses", "sessions", "duration_ms"]
    )
    by_person = _first_marked(by_person, ["account_id", "user_id", "day"])
    _put(by_person, folder / "user_day.parquet")
    used = parts[parts["feature"].notna()].assign(users=parts["user_id"].notna().astype("int64"))
    by_feature = _summed(
        used, ["account_id", "feature", "day", "known_day"], ["events", "users", "quantity", "duration_ms"]
    )
    _put(_first_marked(by_feature, ["account_id", "feature", "day"]), folder / "feature_day.parquet")
    key = ["account_id", "day", "known_day"]
    active = by_person.assign(active_users=by_person["is_first"].astype("int64"))
    whole = _summed(parts, key, ["uses", *_SUMS]).merge(_summed(active, key, ["active_users"]), on=key, how="left")
    _put(whole.assign(active_users=whole["active_users"].fillna(0).astype("int64")), folder / "account_day.parquet")
    for name, keys, column, least in (
        ("first_use", ["account_id", "user_id", "feature"], "first_day", True),
        ("last_use", ["account_id"], "last_day", False),
    ):
        by = parts.groupby([*keys, "known_day"], dropna=False, sort=False)["day"]
        rows = (by.min() if least else by.max()).rename(column).reset_index().sort_values("known_day")
        again = rows.groupby(keys, dropna=False, sort=False)[column]
        before = (
            (again.cummin() if least else again.cummax())
            .groupby([rows[each] for each in keys], dropna=False, sort=False)
            .shift(1)
        )
        news = rows[column] < before if least else rows[column] > before
        _put(rows[before.isna() | news], folder / f"{name}.parquet")


def _first_marked(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return rows.assign(is_first=rows["known_day"] == rows.groupby(keys, sort=False)["known_day"].transform("min"))


def _put(rows: pd.DataFrame, to: Path) -> None:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    for place, each in enumerate(table.schema):
        if each.name in {"day", "known_day", "first_day", "last_day"}:
            table = table.set_column(place, each.name, table[each.name].cast(pa.timestamp("us")).cast(pa.date32()))
    pq.write_table(table, to, compression="snappy")
