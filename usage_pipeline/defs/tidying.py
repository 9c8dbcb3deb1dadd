"""Tidying a home: events and landed files past their time go, small files are put together, old versions go."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

import dagster as dg

from usage_pipeline.defs import tables
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.events import catalogue as events
from usage_pipeline.events import ingest
from usage_pipeline.lake import upkeep, write_views
from usage_pipeline.sources import landing, querying
from usage_pipeline.sources.landing import File

# What is counted of them stays: rollups, links, the account of each file.
KEPT_FOR_DAYS = (events.EVENT, events.TALLY)


@dataclass
class Tidied:
    """What was tidied, or would be."""

    events_before: date | None = None
    """Events that became known before it are past their time; None: all are kept."""
    days_dropped: dict[str, int] = field(default_factory=dict)
    """Partitions, by table."""
    landed_files: list[str] = field(default_factory=list)
    put_together: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By table, small files before, and what they became."""
    old_files: int = 0
    """Files that only older versions than are kept needed."""
    seconds: float = 0.0
    was_done: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def tidy(place: Opened, *, really: bool, progress: Callable[[str], None]) -> Tidied:
    """Do what the settings ask for; without `really` only say which events and files are past their time."""
    begun = time.monotonic()
    settings, lake, today = place.settings, place.lake, place.now().date()
    found = Tidied(was_done=really)
    if settings.keep_events_days:
        found.events_before = today - timedelta(days=settings.keep_events_days)
        for table in KEPT_FOR_DAYS:
            past = [day for day in lake.partitions(table) if day < found.events_before]
            if past:
                found.days_dropped[table.key] = len(past)
            if really:
                upkeep.drop_partitions(lake, table, found.events_before)
    if settings.keep_landed_days:
        for file in _past(place, today - timedelta(days=settings.keep_landed_days)):
            found.landed_files.append(file.name)
            if really:
                file.path.unlink(missing_ok=True)
    if really:
        # A partition that still gets rows would be written again and again.
        still = today - timedelta(days=settings.compact_after_days)
        for table in tables.TABLES:
            if lake.exists(table):
                progress(table.key)
                did = upkeep.compact(lake, table, still)
                if did.files_before:
                    found.put_together[table.key] = did.files_before, did.files_after
                found.old_files += upkeep.vacuum(lake, table, keep_hours=24 * settings.keep_versions_days)
        # They name the files that were there when they were written.
        write_views(lake, tables.TABLES, place.home.path / "usage.duckdb")
    found.seconds = round(time.monotonic() - begun, 1)
    return found


def _past(place: Opened, before: date) -> Iterator[File]:
    """Landed files of events alone that came before a day.

    Only those under the home: other folders are the user's own. A file that a table is read
    from stays, since tables are made from all deliveries, each time.
    """
    folder = place.home.landing()
    if not folder.resolve().is_relative_to(place.home.path):
        return
    company, lake = place.company, place.lake
    read_as_table = {name for table, sql in company.tables.items() for name in querying.tables_of(sql, table)}
    landed = set(lake.backend.to_pyarrow(lake.read(events.BATCH).select("batch"))["batch"].to_pylist())
    deliveries = landing.deliveries(folder, now=place.now(), state=place.home.path / "landed")
    needed, past = set(), {}
    for batch in ingest.batches(deliveries, company):
        for file in batch.files.values():
            is_done = batch.digest in landed and file.landed_at.date() < before and file.table not in read_as_table
            if is_done:
                past[file.path] = file
            else:
                needed.add(file.path)
    yield from (file for path, file in past.items() if path not in needed)


@dg.op(name="tidied")
def tidied(context: dg.OpExecutionContext, place: Place) -> None:
    """Put small files together, and delete old versions and what is past its time."""
    done = tidy(place.opened, really=True, progress=context.log.info)
    context.add_output_metadata(
        {
            "put_together": {table: f"{before} to {after}" for table, (before, after) in done.put_together.items()},
            "days_dropped": done.days_dropped,
            "landed_files": done.landed_files,
            "old_files": done.old_files,
        }
    )


@dg.job(name="tidy", description="Put small files together, and delete old versions and what is past its time.")
def tidying() -> None:
    """The same as `usage-pipeline tidy`."""
    tidied()


weekly_tidying = dg.ScheduleDefinition(
    name="weekly_tidying",
    job=tidying,
    cron_schedule="0 2 * * 0",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
"""Off: whoever switches it on has looked at what `usage-pipeline tidy --dry-run` says."""
