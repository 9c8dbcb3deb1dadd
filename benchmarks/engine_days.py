"""Adding one day to histories of different length: the same files, behind fewer or more days of the same company."""

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks import engine_child
from benchmarks.engine_events import FIRST, Events, Made, made
from benchmarks.engine_landing import COMPANY, Steps, after, open_lake, take_in
from usage_pipeline.features import sight, snapshot
from usage_pipeline.lake import Lake
from usage_pipeline.periods import ONE_DAY
from usage_pipeline.sources import catalogue as sources

# How much of a history is landed at a time: a lake grows by many commits, not by one.
CHUNK_DAYS = 30


def build(landing: str, accounts: str, users: str, home: str, first: int, last: int) -> dict[str, Any]:
    """A lake that holds the days from `first` to before `last`."""
    place = Path(home)
    shutil.rmtree(place, ignore_errors=True)
    opened = open_lake(place)
    opened.replace(sources.ACCOUNT, pq.read_table(accounts))
    opened.replace(sources.USER, pq.read_table(users))
    steps = Steps()
    for start in range(first, last, CHUNK_DAYS):
        _link(Path(landing), place, start, min(start + CHUNK_DAYS, last))
        after(opened, take_in(place / "landing", opened, place).known_days, steps)
    return {}


def add(landing: str, home: str, day: int) -> dict[str, Any]:
    """One day more: landed, rolled up; and the next morning's features, which are no part of the sum."""
    place = Path(home)
    _link(Path(landing), place, day, day + 1)
    opened = open_lake(place)
    steps, morning = Steps(), Steps()
    came = steps.timed("ingest", lambda: take_in(place / "landing", opened, place))
    after(opened, came.known_days, steps)
    morning.timed("features", lambda: _morning(opened, day))
    return steps.found() | {"morning": morning.found(), "received": came.received}


def _morning(opened: Lake, day: int) -> None:
    as_of = FIRST + timedelta(days=day) + ONE_DAY
    spans = sight.needed(as_of, as_of)
    facts = sight.Facts(**{name: opened.read(table, spans.get(name)) for name, table in sight.TABLES.items()})
    for _ in snapshot.snapshots(facts, [as_of], COMPANY, opened.backend):
        pass


def _link(landing: Path, home: Path, first: int, last: int) -> None:
    """The files of these days into the home's own landing folder, without a copy."""
    here = home / "landing"
    here.mkdir(parents=True, exist_ok=True)
    shutil.copy(landing / "manifest.json", here)
    for day in range(first, last):
        name = f"events-{(FIRST + timedelta(days=day)).isoformat()}.jsonl.gz"
        if not (here / name).exists():
            os.link(landing / name, here / name)


def measured(scratch: Path, histories: tuple[int, ...], per_day: int, accounts: int, runs: int) -> dict[str, Any]:
    longest = max(histories)
    wanted = Events(per_day * (longest + runs), longest + runs, accounts, seed=3)
    files = made(wanted, scratch)
    return {
        "events_per_day": per_day,
        "histories": {str(days): _measured(files, scratch / "days", longest, days, runs) for days in histories},
    }


def _measured(files: Made, home: Path, longest: int, days: int, runs: int) -> list[dict[str, Any]]:
    landing = str(files.landing)
    engine_child.run(
        "days:build",
        landing=landing, accounts=str(files.accounts), users=str(files.users), home=str(home),
        first=longest - days, last=longest,
    )  # fmt: skip
    return [engine_child.run("days:add", landing=landing, home=str(home), day=longest + n) for n in range(runs)]
