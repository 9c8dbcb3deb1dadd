"""Keeping tables tidy: small files together, days past their time gone, files of older versions deleted."""

from dataclasses import dataclass
from datetime import date

from deltalake import DeltaTable

from usage_pipeline.lake.store import Lake
from usage_pipeline.lake.tables import Table

_LOG_KEPT = "delta.logRetentionDuration"
_DROPPED = "usage_pipeline.droppedBefore"


@dataclass(frozen=True)
class Compacted:
    """What putting small files together did."""

    files_before: int
    """Of those that were put together."""
    files_after: int


def compact(lake: Lake, table: Table, before: date | None = None) -> Compacted:
    """Put the small files of each partition (of those `before` a day) together; no row changes."""
    opened = lake.opened(table)
    if opened is None:
        return Compacted(0, 0)
    older = None if before is None or table.partition is None else [(table.partition, "<", before.isoformat())]
    did = opened.optimize.compact(partition_filters=older)
    return Compacted(did["numFilesRemoved"], did["numFilesAdded"])


def drop_partitions(lake: Lake, table: Table, before: date) -> int:
    """Take out the partitions before a day; gives how many that were. The files go with the next `vacuum`."""
    days = [day for day in lake.partitions(table) if day < before]
    opened = lake.opened(table)
    if days and opened is not None:
        # First: whoever is killed in between has dropped less than it says, and drops it the next time.
        if (kept_since(lake, table) or date.min) < before:
            opened.alter.set_table_properties({_DROPPED: before.isoformat()}, raise_if_not_exists=False)
        lake.replace(table, table.empty(), (days[0], days[-1]))
    return len(days)


def kept_since(lake: Lake, table: Table) -> date | None:
    """The day before which partitions were dropped, so that what is there of them is not all; None: none ever was."""
    opened = lake.opened(table)
    said = None if opened is None else opened.metadata().configuration.get(_DROPPED)
    return date.fromisoformat(said) if said else None


def vacuum(lake: Lake, table: Table, *, keep_hours: int) -> int:
    """Delete the files that no version of the last `keep_hours` needs; gives how many that were."""
    opened = lake.opened(table)
    if opened is None:
        return 0
    # full: what a killed writer left behind too. delta-rs refuses under a week unless told that it is meant.
    return len(opened.vacuum(retention_hours=keep_hours, enforce_retention_duration=False, dry_run=False, full=True))


def purge(lake: Lake, table: Table) -> int:
    """Delete all versions but the newest, their log included: it repeats the least and greatest values of each file.

    Whoever reads an older version meanwhile loses its files.
    """
    opened = lake.opened(table)
    if opened is None:
        return 0
    gone = vacuum(lake, table, keep_hours=0)
    opened = DeltaTable(lake.uri(table))
    kept = opened.metadata().configuration.get(_LOG_KEPT, "interval 30 days")
    opened.alter.set_table_properties({_LOG_KEPT: "interval 0 seconds"})
    opened = DeltaTable(lake.uri(table))
    # Logs are only deleted up to a checkpoint, which carries the transactions along.
    opened.create_checkpoint()
    opened.cleanup_metadata()
    opened.alter.set_table_properties({_LOG_KEPT: kept})
    return gone
