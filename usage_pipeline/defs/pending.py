"""Known days whose rollups are missing, or older than the events of that day."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import dagster as dg

from usage_pipeline.usage import catalogue as usage

EVENTS = dg.AssetKey(["events", "event"])
LINKS = dg.AssetKey(["events", "identity_link"])
ROLLUPS = tuple(dg.AssetKey([table.stage, table.name]) for table in usage.ROLLUPS)
# Ingests looked back at; each names the days it touched, by its events and by who is now known to be whose.
INGESTS = 1000


def days(
    instance: dg.DagsterInstance, in_lake: list[date], kept_since: date | None = None
) -> tuple[int, list[tuple[date, date]]]:
    """The newest ingest's storage id, and the fewest ranges that cover the days to roll up.

    A range runs over days on which nothing became known: they are rolled up as empty, in the
    same run, where each range of its own would cost a run. It runs over no day that was rolled up: its events may
    be past their time. Nor is a day from before `kept_since` rolled up again, of which only what came late is there.
    """
    rolled_up = _whole(instance)
    pending = {day for day in in_lake if day.isoformat() not in rolled_up}
    newest = 0
    told = (record for asset in (EVENTS, LINKS) for record in instance.fetch_materializations(asset, INGESTS).records)
    for record in told:
        newest = max(newest, record.storage_id)
        materialisation = record.asset_materialization
        touched = materialisation.metadata.get("known_days") if materialisation else None
        if touched is not None and isinstance(touched.value, list):
            pending |= {
                date.fromisoformat(str(day)) for day in touched.value if rolled_up.get(str(day), -1) < record.storage_id
            }
    pending = {day for day in pending if kept_since is None or day >= kept_since}
    done = map(date.fromisoformat, rolled_up)
    return newest, list(ranges(sorted(pending), sorted(pending.union(in_lake, done))))


def _whole(instance: dg.DagsterInstance) -> Mapping[str, int]:
    """The days of which every rollup was made, with the storage id of the oldest: a killed run has made only some."""
    first, *others = (storage_ids(instance, rollup) for rollup in ROLLUPS)
    there = set(first).intersection(*others)
    return {day: min(ids[day] for ids in (first, *others)) for day in there}


def ranges(wanted: Sequence[date], known: Sequence[date]) -> Iterator[tuple[date, date]]:
    """The fewest (first, last) ranges with every wanted day and no other of the known days."""
    place = {day: number for number, day in enumerate(known)}
    first = 0
    for here in range(1, len(wanted) + 1):
        if here == len(wanted) or place[wanted[here]] != place[wanted[here - 1]] + 1:
            yield wanted[first], wanted[here - 1]
            first = here


def storage_ids(instance: dg.DagsterInstance, asset: dg.AssetKey) -> Mapping[str, int]:
    """The storage id of the newest materialisation, by partition."""
    found: Mapping[str, int] = instance.event_log_storage.get_latest_storage_id_by_partition(
        asset, dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    return found
