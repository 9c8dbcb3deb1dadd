"""Single rows taken out or changed in one commit, whatever other writers add to the table meanwhile."""

import pyarrow as pa
from deltalake.table import TableMerger

from usage_pipeline.lake.store import WRITER, Lake, settled_by_retry
from usage_pipeline.lake.tables import Table


@settled_by_retry
def remove(lake: Lake, table: Table, rows: pa.Table) -> None:
    """Take out the rows that agree with one of `rows` in all of its columns."""
    if merging := _beside(lake, table, rows, rows.column_names):
        merging.when_matched_delete().execute()


@settled_by_retry
def amend(lake: Lake, table: Table, rows: pa.Table, *, key: str) -> None:
    """Give the rows with one of the keys of `rows` its other values."""
    if merging := _beside(lake, table, rows, [key]):
        merging.when_matched_update({name: f"new.{name}" for name in rows.column_names if name != key}).execute()


def _beside(lake: Lake, table: Table, rows: pa.Table, keys: list[str]) -> TableMerger | None:
    # Opened anew at each try, as other writers have moved the table on.
    opened = lake.opened(table)
    if opened is None:
        return None
    same = " AND ".join(f"old.{name} = new.{name}" for name in keys)
    return opened.merge(rows, same, source_alias="new", target_alias="old", writer_properties=WRITER)
