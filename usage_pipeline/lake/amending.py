"""Single rows taken out or changed in one commit, whatever other writers add to the table meanwhile."""

from collections.abc import Mapping

import pyarrow as pa
from deltalake import CommitProperties, Transaction
from deltalake.table import TableMerger

from usage_pipeline.lake.store import WRITER, Lake, settled_by_retry
from usage_pipeline.lake.tables import Span, Table


@settled_by_retry
def remove(lake: Lake, table: Table, rows: pa.Table) -> None:
    """Take out the rows that agree with one of `rows` in all of its columns."""
    if merging := _beside(lake, table, rows, rows.column_names):
        merging.when_matched_delete().execute()


@settled_by_retry
def take_out(lake: Lake, table: Table, batches: Mapping[str, str], days: Span | None) -> None:
    """Take out, within `days`, all rows of some batches, each once by the name it is given here: the table remembers it."""
    opened = lake.opened(table)
    if opened is None:
        return
    # Asked at each try: whoever was quicker may have put other rows of the batch in their place already.
    new = {name: batch for name, batch in batches.items() if opened.transaction_version(name) is None}
    if not new:
        return
    named = ", ".join("'" + batch.replace("'", "''") + "'" for batch in new.values())
    within = "" if days is None else f"{table.partition} >= '{days[0]}' AND {table.partition} <= '{days[1]}' AND "
    remembered = CommitProperties(app_transactions=[Transaction(name, 1) for name in new])
    opened.delete(f"{within}batch IN ({named})", writer_properties=WRITER, commit_properties=remembered)


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
