"""The seven tables of `usage` from day partitions of events: ours beside Polars and pandas, row for row the same.

All three read the same Parquet files (events that count, with their account) and write a Parquet file per table.
"""

from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir

from benchmarks import engine_child
from benchmarks.engine_landing import THREADS, Steps, open_lake
from usage_pipeline import engine
from usage_pipeline.events import catalogue, known
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue as usage
from usage_pipeline.usage import rollups


def prepare(home: str, to: str) -> dict[str, Any]:
    """From a landed lake the files that all three read."""
    opened = open_lake(Path(home))
    folder = Path(to)
    folder.mkdir(parents=True, exist_ok=True)
    days = opened.partitions(catalogue.EVENT)
    found = known.events(opened, (days[0], days[-1])).select(*rollups.USED)
    opened.backend.create_table("found_events", found, temp=True)
    zones = opened.backend.compile(rollups.zones(opened.read(sources.ACCOUNT)))
    opened.backend.raw_sql(
        f"COPY found_events TO '{folder / 'events'}' (FORMAT parquet, PARTITION_BY (known_day), OVERWRITE, COMPRESSION snappy)"
    )
    opened.backend.raw_sql(f"COPY ({zones}) TO '{folder / 'zones.parquet'}' (FORMAT parquet)")
    rows = opened.backend.raw_sql(f"SELECT count(*) FROM read_parquet('{folder}/events/*/*.parquet')").fetchone()
    return {"rows": rows[0]}


def ours(events: str, zones: str, to: str, memory_limit: str = "1GB") -> dict[str, Any]:
    folder = Path(to)
    folder.mkdir(parents=True, exist_ok=True)
    backend = engine.connect(memory_limit=memory_limit, threads=THREADS, spill=folder / "spill")
    steps = Steps()

    def put(name: str, rows: ir.Table) -> None:
        to = folder / f"{name}.parquet"
        backend.raw_sql(f"COPY ({backend.compile(rows)}) TO '{to}' (FORMAT parquet, COMPRESSION snappy)")

    def base() -> None:
        files = sorted(str(path) for path in Path(events).glob("*/*.parquet"))
        found = backend.read_parquet(files, hive_partitioning=True).select(*rollups.USED)
        held = backend.create_table("held_events", found, temp=True, overwrite=True)
        put("user_feature_day", rollups.user_feature_day(held, backend.read_parquet(zones)))
        put("event_day", rollups.event_day(held))

    steps.timed("user_feature_day, event_day", base)
    parts = backend.read_parquet(folder / "user_feature_day.parquet")
    for table, make in (
        (usage.USER_DAY, rollups.user_day),
        (usage.FEATURE_DAY, rollups.feature_day),
        (usage.FIRST_USE, rollups.first_use),
        (usage.LAST_USE, rollups.last_use),
    ):
        nothing = backend.create_table(f"before_{table.name}", schema=table.schema, temp=True)
        steps.timed(table.name, lambda table=table, make=make, nothing=nothing: put(table.name, make(parts, nothing)))
    people = backend.read_parquet(folder / "user_day.parquet")
    steps.timed("account_day", lambda: put("account_day", rollups.account_day(parts, people)))
    return steps.found()


def measured(home: Path, to: Path, peers: Path, runs: int, memory_limit: str) -> dict[str, Any]:
    """All three by turns; stops where a table differs."""
    rows = engine_child.run("rollups:prepare", home=str(home), to=str(to))["rows"]
    same = {"events": str(to / "events"), "zones": str(to / "zones.parquet")}
    found: dict[str, Any] = {"ours": [], "polars": [], "pandas": []}
    for _ in range(runs):
        found["ours"].append(engine_child.run("rollups:ours", **same, to=str(to / "ours"), memory_limit=memory_limit))
        for name, python in (("polars", str(peers / "bin" / "python")), ("pandas", None)):
            found[name].append(
                engine_child.run(f"{name}:rollups", **({"python": python} if python else {}), **same, to=str(to / name))
            )
    sizes = {}
    for table in usage.ROLLUPS:
        for peer in ("polars", "pandas"):
            sizes[table.name] = _assert_same(table.name, to / "ours", to / peer, peer)
    return found | {"events": rows, "tables": sizes}


def _assert_same(table: str, ours: Path, theirs: Path, peer: str) -> int:
    """How many rows the table has; SystemExit where the peer's are others."""
    names = [column.name for column in next(one for one in usage.ROLLUPS if one.name == table).columns]

    def rows(folder: Path, scale: int) -> str:
        # pandas has quantities in millionths.
        cells = [
            f"CAST(quantity * {1_000_000 // scale} AS HUGEINT) AS quantity" if n == "quantity" else n for n in names
        ]
        return f"SELECT {', '.join(cells)} FROM read_parquet('{folder / table}.parquet')"

    left, right = rows(ours, 1), rows(theirs, 1_000_000 if peer == "pandas" else 1)
    with duckdb.connect(config={"threads": THREADS}) as connection:
        differ = connection.execute(
            f"SELECT (SELECT count(*) FROM ({left} EXCEPT ALL {right})), (SELECT count(*) FROM ({right} EXCEPT ALL {left})), "
            f"(SELECT count(*) FROM ({left}))"
        ).fetchone()
    if differ is None or differ[0] or differ[1]:
        raise SystemExit(f"{peer}'s {table} is not ours: {differ[0]} rows only here, {differ[1]} only there")
    return int(differ[2])
