"""Tables as they are read and written: by delta-rs and one engine connection, a partition at a time."""

import uuid
import weakref
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any
from urllib.parse import unquote, urlsplit

import fsspec
import ibis
import ibis.expr.types as ir
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from deltalake.writer.properties import ColumnProperties
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from usage_pipeline.engine import Backend, stored
from usage_pipeline.engine.cluster import Cluster
from usage_pipeline.lake import transactions
from usage_pipeline.lake.tables import Span, Table, Written

settled_by_retry = retry(
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
        self._unread: deque[str] = deque()
        """Views whose table nobody holds any more."""

    def uri(self, table: Table) -> str:
        return f"{self.root}/{table.key}"

    def exists(self, table: Table) -> bool:
        return DeltaTable.is_deltatable(self.uri(table))

    def version(self, table: Table) -> int | None:
        """The newest version; None before the first write."""
        opened = self.opened(table)
        return None if opened is None else opened.version()

    def rows(self, table: Table) -> int:
        """How many rows the newest version holds, as its log says; no file is opened."""
        opened = self.opened(table)
        if opened is None:
            return 0
        return sum(count or 0 for count in pa.table(opened.get_add_actions())["num_records"].to_pylist())

    def partitions(self, table: Table) -> list[date]:
        """The days of the table that hold rows, in order."""
        opened = None if table.partition is None else self.opened(table)
        if table.partition is None or opened is None:
            return []
        found = {part[table.partition] for part in opened.partitions()}
        return sorted(date.fromisoformat(str(day)) for day in found)

    def files(self, table: Table, span: Span | None = None) -> list[str]:
        """The Parquet files of the newest version, of the span's partitions where one is given."""
        opened = self.opened(table)
        return [] if opened is None else _files(table, opened, span)

    def read(self, table: Table, span: Span | None = None) -> ir.Table:
        """The table, or the partitions of `span`; empty with the right columns before the first write."""
        opened = self.opened(table)
        files = [] if opened is None else _files(table, opened, span)
        if opened is None or not files:
            return table.empty()
        if isinstance(self.backend, Cluster):
            held = pa.schema(opened.schema().to_arrow())
            return table.conform(self.backend.scan(files, held, partition=table.partition))
        return table.conform(self._seen(files, grows=table.grows))

    def _seen(self, files: Sequence[str], *, grows: bool) -> ir.Table:
        """The rows of files through a view of DuckDB's, which goes after its table: each names all the files."""
        protocol, connection = urlsplit(self.root).scheme, self.backend.con
        # DuckDB's own way to an object store is an extension, which is a download.
        if protocol and not connection.filesystem_is_registered(protocol):
            connection.register_filesystem(fsspec.filesystem(protocol))
        # Here, not where a table is let go of: that may be in any thread, and between a query and its answer.
        with suppress(IndexError):
            while True:
                connection.execute(f'DROP VIEW IF EXISTS "{self._unread.popleft()}"')
        name = f"lake_{uuid.uuid4().hex}"
        connection.execute(f'CREATE TEMP VIEW "{name}" AS {scan(files, grows=grows)}')
        found: ir.Table = self.backend.table(name)
        weakref.finalize(found.op(), self._unread.append, name).atexit = False
        return found

    def replace(
        self,
        table: Table,
        rows: ir.Table | pa.Table,
        days: Span | Sequence[date] | None = None,
        *,
        batches: Sequence[str] = (),
    ) -> Written:
        """Put `rows` in place of some partitions: a span (a tuple), single days (a list), or all of the table.

        One commit: a reader sees all of it or nothing. Writing the same twice changes nothing.
        The table remembers the `batches` that went into it.
        """
        properties = CommitProperties(app_transactions=_transactions(batches)) if batches else None
        # A table that gains columns is small, and its schema is delta-rs's to merge.
        if isinstance(self.backend, Cluster) and isinstance(rows, ir.Table) and not table.grows:
            return self._replace_with_files(table, self.backend, rows, days, properties)
        where = None
        if table.partition is not None and days is not None:
            if isinstance(days, tuple):
                where = f"{table.partition} >= '{days[0]}' AND {table.partition} <= '{days[-1]}'"
            else:
                where = f"{table.partition} IN ({', '.join(repr(day.isoformat()) for day in days)})"
        content = self._arrow(table, rows)
        return self._commit(table, content, predicate=where, commit_properties=properties)

    def batches(self, table: Table, asked: Iterable[str]) -> set[str]:
        """Which of these batches went into the table."""
        opened, wanted = self.opened(table), set(asked)
        if opened is None:
            return set()
        told = transactions.of_log(self.uri(table), opened) if len(wanted) > transactions.FEW else None
        if told is None:
            return {batch for batch in wanted if opened.transaction_version(batch) is not None}
        return wanted & told

    def append(self, table: Table, rows: ir.Table | pa.Table, *, batch: str) -> Written | None:
        """Add `rows` once per `batch`; None where this batch is already in the table."""
        return self.append_batches(table, {batch: rows})

    def append_batches(self, table: Table, batches: Mapping[str, ir.Table | pa.Table]) -> Written | None:
        """Add each batch's rows, each batch once, all in one commit; None where all are in the table already."""
        return self._append_once(table, {batch: self._arrow(table, rows) for batch, rows in batches.items()})

    @settled_by_retry
    def _append_once(self, table: Table, batches: Mapping[str, pa.Table]) -> Written | None:
        # Asked again at each try: the writer that was quicker may have written these very batches.
        opened = self._begun(table)
        new = {batch: rows for batch, rows in batches.items() if opened.transaction_version(batch) is None}
        if not new:
            return None
        return self._write(
            table,
            opened,
            pa.concat_tables(new.values()),
            mode="append",
            commit_properties=CommitProperties(app_transactions=_transactions(new)),
        )

    def rows_by_day(self, table: Table) -> dict[date, int]:
        """How many rows each partition holds, as the log says."""
        opened = None if table.partition is None else self.opened(table)
        if table.partition is None or opened is None:
            return {}
        held = pa.table(opened.get_add_actions(flatten=True))
        found: dict[date, int] = {}
        days, rows = held[f"partition.{table.partition}"].to_pylist(), held["num_records"].to_pylist()
        for day, count in zip(days, rows, strict=True):
            each = date.fromisoformat(str(day))
            found[each] = found.get(each, 0) + (count or 0)
        return dict(sorted(found.items()))

    def _arrow(self, table: Table, rows: ir.Table | pa.Table) -> pa.Table:
        schema = table.schema.to_pyarrow()
        if isinstance(rows, pa.Table):
            if set(schema.names) <= set(rows.column_names) and rows.select(schema.names).schema.equals(schema):
                return rows.select(schema.names)
            rows = ibis.memtable(rows)
        return self.backend.to_pyarrow(table.conform(rows)).cast(schema)

    def _replace_with_files(
        self,
        table: Table,
        cluster: Cluster,
        rows: ir.Table,
        days: Span | Sequence[date] | None,
        properties: CommitProperties | None,
    ) -> Written:
        """The same with files that the cluster writes; until the commit nobody sees them."""
        schema = table.schema.to_pyarrow()
        folder = f"written-{uuid.uuid4().hex}"
        cluster.store(table.conform(rows), f"{self.uri(table)}/{folder}", schema, partition=table.partition)
        files = stored.found(self.uri(table), folder, table.partition)
        where: stored.Filter = []
        if table.partition is not None and days is not None:
            first, last = days[0].isoformat(), days[-1].isoformat()
            if isinstance(days, tuple):
                where = [(table.partition, ">=", first), (table.partition, "<=", last)]
            else:
                where = [(table.partition, "in", [day.isoformat() for day in days])]
        return self._commit_files(table, files, schema, where, properties)

    @settled_by_retry
    def _commit_files(
        self,
        table: Table,
        files: stored.Files,
        schema: pa.Schema,
        where: stored.Filter,
        properties: CommitProperties | None,
    ) -> Written:
        # Opened anew at each try: the writer that was quicker has moved the table on.
        opened = self._begun(table)
        stored.commit(opened, files, schema, partition=table.partition, where=where, properties=properties)
        return Written(rows=files.rows, version=self.version(table) or 0)

    @settled_by_retry
    def _commit(self, table: Table, content: pa.Table, **how: Any) -> Written:
        return self._write(table, self._begun(table), content, mode="overwrite", **how)

    def _write(self, table: Table, opened: DeltaTable, content: pa.Table, *, mode: Any, **how: Any) -> Written:
        if table.grows:
            how["schema_mode"] = "merge"
        write_deltalake(opened, content, mode=mode, partition_by=table.partition, writer_properties=WRITER, **how)
        return Written(rows=content.num_rows, version=opened.version())

    def _begun(self, table: Table) -> DeltaTable:
        """The newest version; an empty one before the first write.

        Without it each of two first writers would find no table, and overwrite or repeat what the other wrote.
        """
        opened = self.opened(table)
        if opened is not None:
            return opened
        # Tried again by delta-rs, the slower of the two would declare the table a second time.
        once = CommitProperties(max_commit_retries=0)
        schema, columns = table.schema.to_pyarrow(), [] if table.partition is None else [table.partition]
        return DeltaTable.create(self.uri(table), schema, mode="ignore", partition_by=columns, commit_properties=once)

    def opened(self, table: Table) -> DeltaTable | None:
        """The newest version; None before the first write. Opening reads the log: once per operation is enough."""
        try:
            return DeltaTable(self.uri(table))
        except TableNotFoundError:
            return None


# Nearly every value of these is another: a dictionary of them is work for nothing.
WRITER = WriterProperties(
    compression="SNAPPY",
    column_properties=dict.fromkeys(
        ("event_id", "content_hash", "ts", "received_at", "known_at", "duration_ms", "properties", "line"),
        ColumnProperties(dictionary_enabled=False),
    ),
)


def _files(table: Table, opened: DeltaTable, span: Span | None) -> list[str]:
    # delta-rs percent-encodes what an address may not hold (a blank is %20); a path is read as it is.
    files = [file if "://" in file else unquote(file) for file in opened.file_uris()]
    if span is None or table.partition is None:
        return files
    mark = f"/{table.partition}="
    first, last = (day.isoformat() for day in span)
    return [file for file in files if first <= file.rpartition(mark)[2].partition("/")[0] <= last]


def _transactions(batches: Iterable[str]) -> list[Transaction]:
    return [Transaction(batch, 1) for batch in batches]


def scan(files: Sequence[str], *, grows: bool = False) -> str:
    """SQL that reads these Parquet files of a table."""
    quoted = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"SELECT * FROM read_parquet([{quoted}], hive_partitioning = true, union_by_name = {str(grows).lower()})"
