"""Landing: from gzip JSON lines to events that count and all rollups, and DuckDB only reading the same lines.

Both run in a process of their own (`engine_child`), which measures itself.
"""

import shutil
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow.parquet as pq

from benchmarks import engine_child
from benchmarks.engine_events import Made
from usage_pipeline import engine, lake
from usage_pipeline.company import Clock, Company
from usage_pipeline.company import Events as Input
from usage_pipeline.events import carried, catalogue, identity, ingest, known, relinked
from usage_pipeline.lake import Lake
from usage_pipeline.periods import contiguous
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue as usage
from usage_pipeline.usage import rollups

THREADS = 2
COMPANY = Company(company="made_up", clock=Clock(history=True), events=(Input(format="segment", files="events*"),))
# The clock at which all of it lands: after every event, however many days were asked for.
NOW = datetime(2030, 1, 1)

_TEXT = "'VARCHAR'"


def parse(landing: str) -> dict[str, Any]:
    """DuckDB reads every line and takes out the fields that `events` has columns for; nothing else is done."""
    files = sorted(str(path) for path in Path(landing).glob("*.jsonl.gz"))
    fields = ("type", "event", "name", "messageId", "timestamp", "receivedAt", "userId", "anonymousId", "groupId")
    inner = {
        "context": ("groupId",),
        "properties": ("feature", "duration_ms", "quantity", "session_id"),
        "traits": ("account_id",),
    }
    shape = [f"{name}: {_TEXT}" for name in fields]
    shape += [f"{name}: 'STRUCT({', '.join(f'{field} VARCHAR' for field in of)})'" for name, of in inner.items()]
    touched = [*fields, *(f"{name}.{field}" for name, of in inner.items() for field in of)]
    with duckdb.connect(config={"threads": THREADS}) as connection:
        # Some lines are broken on purpose.
        scan = f"read_json({files!r}, format = 'newline_delimited', columns = {{{', '.join(shape)}}}, ignore_errors = true)"
        counts = ", ".join(f"count({field})" for field in touched)
        steps = Steps()
        found = steps.timed("parse", lambda: connection.execute(f"SELECT count(*), {counts} FROM {scan}").fetchone())
        return steps.found() | {"lines": found[0]}


def land(landing: str, accounts: str, users: str, home: str, memory_limit: str = "1GB") -> dict[str, Any]:
    """What a first run does from landed files to rollups, step by step, in seconds."""
    place = Path(home)
    shutil.rmtree(place, ignore_errors=True)
    opened = open_lake(place, memory_limit)
    opened.replace(sources.ACCOUNT, pq.read_table(accounts))
    opened.replace(sources.USER, pq.read_table(users))
    steps = Steps()
    came = steps.timed("ingest", lambda: take_in(Path(landing), opened, place))
    after(opened, came.known_days, steps)
    counted = {name: getattr(came, name) for name in ("received", "accepted", "duplicates", "rejected")}
    return steps.found() | {"days": len(came.known_days), **counted}


class Steps:
    """How long each step took, by the clock and of the processor (all threads together)."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.processor: dict[str, float] = {}

    def timed(self, name: str, step: Callable[[], Any]) -> Any:
        started, processor = time.monotonic(), time.process_time()
        found = step()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started
        self.processor[name] = self.processor.get(name, 0.0) + time.process_time() - processor
        return found

    def found(self) -> dict[str, Any]:
        return {
            "seconds": round(sum(self.seconds.values()), 3),
            "processor_seconds": round(sum(self.processor.values()), 3),
            "steps": {
                name: {"seconds": round(took, 3), "processor_seconds": round(self.processor[name], 3)}
                for name, took in self.seconds.items()
            },
        }


def open_lake(home: Path, memory_limit: str = "1GB") -> Lake:
    return Lake(str(home / "lake"), engine.connect(memory_limit=memory_limit, threads=THREADS, spill=home / "spill"))


def take_in(landing: Path, opened: Lake, home: Path) -> ingest.Ingested:
    return ingest.ingest(landing, COMPANY, opened, now=NOW, progress=lambda *_: None, state=home / "landed")


def after(opened: Lake, days: list[date], steps: Steps) -> None:
    """What follows a landing that touched these known days: carried sums, links and rollups."""
    steps.timed("carried", lambda: (carried.carry_naming(opened), carried.carry_tally(opened)))
    steps.timed("links", lambda: link(opened))
    for span in contiguous(days):
        roll_up(opened, span, steps)


def link(opened: Lake) -> None:
    found = opened.backend.to_pyarrow(
        identity.links(opened.read(catalogue.IDENTITY_CALL), opened.read(catalogue.NAMING), opened.read(sources.USER))
    )
    table = catalogue.IDENTITY_LINK
    rolled_up = max(opened.partitions(usage.USER_FEATURE_DAY), default=None)
    # What else is to be rolled up because of them is asked, though nothing here comes of it.
    relinked.days(opened, opened.read(table), ibis.memtable(found, schema=table.schema), rolled_up=rolled_up)
    opened.replace(table, found)


def roll_up(opened: Lake, span: lake.Span, steps: Steps) -> None:
    """The seven tables of `usage` for a range of known days, as the assets of `defs/usage.py` make them."""

    def base() -> None:
        found = known.events(opened, span).select(*rollups.USED)
        held = opened.backend.create_table("held_events", found, temp=True, overwrite=True)
        zones = rollups.zones(opened.read(sources.ACCOUNT))
        opened.replace(usage.USER_FEATURE_DAY, rollups.user_feature_day(held, zones), span)
        opened.replace(usage.EVENT_DAY, rollups.event_day(held), span)

    def earlier(table: lake.Table, parts: Any) -> Any:
        oldest = opened.backend.to_pyarrow(parts.day.min()).as_py()
        reach = rollups.reach(oldest, span[0])
        return opened.read(table, reach) if reach else table.empty()

    def derived(table: lake.Table) -> None:
        parts = opened.read(usage.USER_FEATURE_DAY, span)
        if table in (usage.USER_DAY, usage.FEATURE_DAY):
            make = rollups.user_day if table is usage.USER_DAY else rollups.feature_day
            rows = make(parts, earlier(table, parts))
        elif table is usage.ACCOUNT_DAY:
            rows = rollups.account_day(parts, opened.read(usage.USER_DAY, span))
        else:
            make = rollups.first_use if table is usage.FIRST_USE else rollups.last_use
            before = opened.read(table)
            rows = make(parts, before.filter(before.known_day < span[0]))
        opened.replace(table, rows, span)

    steps.timed("user_feature_day, event_day", base)
    for table in (usage.USER_DAY, usage.FEATURE_DAY, usage.ACCOUNT_DAY, usage.FIRST_USE, usage.LAST_USE):
        steps.timed(table.name, lambda table=table: derived(table))


def measured(files: Made, home: Path, runs: int, memory_limit: str) -> dict[str, Any]:
    """Both by turns, so that what else the machine does falls on both."""
    ours, peer = [], []
    for _ in range(runs):
        peer.append(engine_child.run("landing:parse", landing=str(files.landing)))
        ours.append(
            engine_child.run(
                "landing:land",
                landing=str(files.landing), accounts=str(files.accounts), users=str(files.users), home=str(home),
                memory_limit=memory_limit,
            )
        )  # fmt: skip
    return {"ours": ours, "parse": peer, "packed_bytes": files.bytes}
