"""Where: one Delta table per `<stage>/<table>`, replaced a partition at a time.

Tables are written and read through delta-rs (atomic commits, no server); DuckDB scans
the file list of one table version, so a reader never sees half of a write.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from usage_pipeline.engine import Backend
from usage_pipeline.errors import Rejected


@dataclass(frozen=True)
class Column:
    """One column of a table: its Ibis type, what it means, and in which unit."""

    name: str
    type: str
    meaning: str
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the lake: one row per `grain`, partitioned by a date column or not at all."""

    stage: str
    name: str
    grain: str
    columns: tuple[Column, ...]
    partition: str | None = None

    @property
    def key(self) -> str:
        return f"{self.stage}/{self.name}"

    @property
    def schema(self) -> ibis.Schema:
        return ibis.schema({column.name: column.type for column in self.columns})

    def empty(self) -> ir.Table:
        """The table with no row."""
        return ibis.memtable(self.schema.to_pyarrow().empty_table(), schema=self.schema)

    def conform(self, rows: ir.Table) -> ir.Table:
        """`rows` with exactly this table's columns, in order and type; a missing one is an error."""
        missing = [column.name for column in self.columns if column.name not in rows.columns]
        if missing:
            raise Rejected(
                f"{self.key} lacks the columns {', '.join(missing)}",
                fix=f"give the columns that its catalogue names: {', '.join(self.schema.names)}",
            )
        return rows.select(**{column.name: rows[column.name].cast(column.type) for column in self.columns})


@dataclass(frozen=True)
class Written:
    """What one commit left behind."""

    rows: int
    version: int


Span = tuple[date, date]
"""First and last partition, both included."""

_settled_by_retry = retry(
    # Two writers of one partition: the loser gets a clean conflict and simply writes again.
    retry=retry_if_exception_type(CommitFailedError),
    stop=stop_after_attempt(6),
    wait=wait_random_exponential(multiplier=0.05, max=2),
    reraise=True,
)


class Lake:
    """All tables under one root, read and written with one engine connection."""

    def __init__(self, root: str, backend: Backend) -> None:
        self.root = root.rstrip("/")
        self.backend = backend

    def uri(self, table: Table) -> str:
        return f"{self.root}/{table.key}"

    def exists(self, table: Table) -> bool:
        return DeltaTable.is_deltatable(self.uri(table))

    def version(self, table: Table) -> int | None:
        """The newest version; None before the first write."""
        return DeltaTable(self.uri(table)).version() if self.exists(table) else None

    def partitions(self, table: Table) -> list[date]:
        """The days of the table that hold rows, in order."""
        if table.partition is None or not self.exists(table):
            return []
        found = {part[table.partition] for part in DeltaTable(self.uri(table)).partitions()}
        return sorted(date.fromisoformat(str(day)) for day in found)

    def files(self, table: Table, span: Span | None = None) -> list[str]:
        """The Parquet files of the newest version, of the span's partitions where one is given."""
        if not self.exists(table):
            return []
        files = DeltaTable(self.uri(table)).file_uris()
        if span is None or table.partition is None:
            return files
        mark = f"/{table.partition}="
        first, last = (day.isoformat() for day in span)
        return [file for file in files if first <= file.rpartition(mark)[2].partition("/")[0] <= last]

    def read(self, table: Table, span: Span | None = None) -> ir.Table:
        """The table, or the partitions of `span`; empty with the right columns before the first write."""
        files = self.files(table, span)
        if not files:
            return table.empty()
        return table.conform(self.backend.read_parquet(files, hive_partitioning=True))

    def replace(self, table: Table, rows: ir.Table | pa.Table, days: Span | Sequence[date] | None = None) -> Written:
        """Put `rows` in place of some partitions: a span (a tuple), single days (a list), or all of the table.

        One commit: a reader sees all of it or nothing. Writing the same twice changes nothing.
        """
        where = None
        if table.partition is not None and days is not None:
            if isinstance(days, tuple):
                where = f"{table.partition} >= '{days[0]}' AND {table.partition} <= '{days[-1]}'"
            else:
                where = f"{table.partition} IN ({', '.join(repr(day.isoformat()) for day in days)})"
        content = self._arrow(table, rows)
        return self._commit(table, content, predicate=where)

    def append(self, table: Table, rows: ir.Table | pa.Table, *, batch: str) -> Written | None:
        """Add `rows` once per `batch`; None where this batch is already in the table."""
        content = self._arrow(table, rows)
        return self._append_once(table, content, batch)

    @_settled_by_retry
    def _append_once(self, table: Table, content: pa.Table, batch: str) -> Written | None:
        # Asked again at each try: the writer that was quicker may have written this very batch.
        if self.exists(table) and DeltaTable(self.uri(table)).transaction_version(batch) is not None:
            return None
        return self._write(
            table, content, mode="append", commit_properties=CommitProperties(app_transactions=[Transaction(batch, 1)])
        )

    def _arrow(self, table: Table, rows: ir.Table | pa.Table) -> pa.Table:
        if isinstance(rows, pa.Table):
            rows = ibis.memtable(rows)
        return self.backend.to_pyarrow(table.conform(rows)).cast(table.schema.to_pyarrow())

    @_settled_by_retry
    def _commit(self, table: Table, content: pa.Table, **how: Any) -> Written:
        return self._write(table, content, mode="overwrite", **how)

    def _write(self, table: Table, content: pa.Table, *, mode: Any, **how: Any) -> Written:
        uri = self.uri(table)
        if how.get("predicate") and not self.exists(table):
            how.pop("predicate")
        write_deltalake(uri, content, mode=mode, partition_by=table.partition, **how)
        return Written(rows=content.num_rows, version=DeltaTable(uri).version())


def write_views(lake: Lake, tables: Iterable[Table], target: Path) -> None:
    """A DuckDB file with a view per table, so that any DuckDB client can look at everything.

    Written aside and put in place, so that nobody's open copy is ever written to.
    """
    aside = target.with_suffix(".new")
    aside.unlink(missing_ok=True)
    with duckdb.connect(str(aside)) as connection:
        for table in tables:
            files = lake.files(table)
            if files:
                # `usage_account_day`, not `usage.account_day`: the file itself is the catalogue `usage`.
                connection.execute(f'CREATE VIEW "{table.stage}_{table.name}" AS {_scan(files)}')
    aside.replace(target)


def _scan(files: Sequence[str]) -> str:
    quoted = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"SELECT * FROM read_parquet([{quoted}], hive_partitioning = true)"
