"""Features of many mornings and of one, from a lake of rollups (`engine_world`), written into a lake beside it."""

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks import engine_child, engine_world
from benchmarks.engine_landing import THREADS, Steps
from usage_pipeline import engine
from usage_pipeline.features import catalogue, sight, snapshot
from usage_pipeline.lake import Lake
from usage_pipeline.periods import WEEK

MORNINGS = 52
# As defs/features.py writes them.
_MORNINGS_PER_COMMIT, _ROWS_PER_COMMIT = 26, 50_000
# A morning looks back on 112 days; a few more, so that the window is full.
ONE_MORNING_DAYS = 120


def many(root: str, to: str, mornings: int, memory_limit: str = "1GB") -> dict[str, Any]:
    """Weekly mornings of the year, the way `features/training_snapshot` makes them."""
    wanted = sorted(engine_world.last_morning() - timedelta(days=WEEK * back) for back in range(mornings))
    return _made(root, to, wanted, memory_limit)


def one(root: str, to: str, memory_limit: str = "1GB") -> dict[str, Any]:
    """The last morning, the way `features/account_snapshot` makes it."""
    return _made(root, to, [engine_world.last_morning()], memory_limit)


def _made(root: str, to: str, wanted: list[date], memory_limit: str) -> dict[str, Any]:
    place = Path(to)
    shutil.rmtree(place, ignore_errors=True)
    backend = engine.connect(memory_limit=memory_limit, threads=THREADS, spill=place / "spill")
    source, target = Lake(root, backend), Lake(str(place / "lake"), backend)
    steps = Steps()
    spans = sight.needed(wanted[0], wanted[-1])

    known = sight.Facts(**{name: source.read(table, spans.get(name)) for name, table in sight.TABLES.items()})
    made = snapshot.snapshots(known, wanted, engine_world.COMPANY, backend)
    rows = steps.timed("make and write", lambda: _written(made, wanted, target))
    return steps.found() | {"rows": rows, "columns": len(catalogue.ACCOUNT_SNAPSHOT.columns), "mornings": len(wanted)}


def _written(made: Iterator[tuple[date, pa.Table]], wanted: list[date], target: Lake) -> int:
    rows = 0
    waiting: list[pa.Table] = []
    for number, (_, table) in enumerate(made, start=1):
        waiting.append(table)
        rows += table.num_rows
        is_enough = len(waiting) == _MORNINGS_PER_COMMIT or sum(map(len, waiting)) >= _ROWS_PER_COMMIT
        if is_enough or number == len(wanted):
            days = wanted[number - len(waiting) : number]
            target.replace(catalogue.TRAINING_SNAPSHOT, pa.concat_tables(waiting), days)
            waiting.clear()
    return rows


def measured(
    scratch: Path, many_accounts: int, one_accounts: tuple[int, ...], runs: int, memory_limit: str
) -> dict[str, Any]:
    to = str(scratch / "features")
    year = engine_world.made(many_accounts, engine_world.DAYS, scratch)
    found: dict[str, Any] = {
        "accounts": many_accounts,
        "user_days": Lake(str(year), engine.connect(memory_limit="1GB", threads=1, spill=scratch / "spill"))
        .read(sight.TABLES["user_day"])
        .count()
        .execute(),
    }
    found["many"] = [
        engine_child.run("features:many", root=str(year), to=to, mornings=MORNINGS, memory_limit=memory_limit)
        for _ in range(runs)
    ]
    found["one"] = {}
    for accounts in one_accounts:
        world = engine_world.made(accounts, ONE_MORNING_DAYS, scratch)
        found["one"][str(accounts)] = [
            engine_child.run("features:one", root=str(world), to=to, memory_limit=memory_limit) for _ in range(runs)
        ]
    return found
