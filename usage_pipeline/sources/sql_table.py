"""Rows of a database, as deliveries: what is new by a cursor, or a whole small table when it changed.

Rows are read in one query, in the cursor's order, and each batch is a delivery of its own, so
that a killed fetch goes on behind the last batch. Where a batch ends and which rows were here
already is `sql_cursor`'s.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from usage_pipeline.company import Fetch
from usage_pipeline.errors import Rejected
from usage_pipeline.sources import sql_columns, sql_cursor
from usage_pipeline.sources.fetched import Content, Delivered, Fetched
from usage_pipeline.sources.sql_cursor import Position

Told = Callable[[int], None]
"""Told how many rows are here."""


@dataclass(frozen=True)
class Waiting:
    """What a fetch by cursor would bring."""

    rows: int
    since: str


class Rows:
    """The rows of one table or query, over an open connection."""

    def __init__(self, fetch: Fetch, connection: Connection) -> None:
        self.fetch = fetch
        self.connection = connection
        self.source = _source(fetch)
        found = connection.execute(self._select().where(sa.false()))
        self.names = list(found.keys())
        self.types = [sql_columns.declared(name) for name in _type_names(found, connection)]
        self._check_names()

    def waiting(self, memory: Content, *, now: datetime) -> Waiting:
        """Counts, without reading, the rows that a fetch would bring."""
        if not self.fetch.cursor:
            return Waiting(self._count(), "")
        position = sql_cursor.begin(memory, self.fetch.overlap, now, self.fetch.name)
        # Those that were brought are among those from the start on, unless somebody deleted them.
        new = max(self._count(self._from(position)) - len(position.seen), 0)
        return Waiting(new, "" if position.last is None else sql_cursor.words(position.last))

    def bring(self, source: Fetched, *, now: datetime, told: Told) -> Iterator[Delivered]:
        """Each delivery as it has landed."""
        history = True if self.fetch.first_is_history and not source.is_begun else None
        if self.fetch.cursor:
            yield from self._new(source, now=now, history=history, told=told)
        else:
            yield from self._whole(source, now=now, history=history, told=told)

    def _new(self, source: Fetched, *, now: datetime, history: bool | None, told: Told) -> Iterator[Delivered]:
        self._check_same(source.memory)
        self._check_filled()
        position = sql_cursor.begin(source.memory, self.fetch.overlap, now, self.fetch.name)
        column = self.names.index(self.fetch.cursor)
        brought = sql_cursor.Brought(position.seen, self._digest)
        total = 0
        for batch in self._read(self._from(position), self._order()):
            sql_cursor.usable(batch[-1][column], self.fetch.cursor, self.fetch.name)
            rows = [row for row in batch if not brought.takes(row)]
            if rows:
                total += len(rows)
                position = sql_cursor.after(position, rows[-1][column], self.fetch.overlap, now, self.fetch.name)
                added = sql_cursor.written(position, self._close(rows, column, position))
                yield self._deliver(
                    source, rows, added, now=now, history=history, until=sql_cursor.words(position.last)
                )
                told(total)
        if position.last is None and not source.number:
            # An empty table lands once, so that a select knows its columns.
            yield self._deliver(source, [], {}, now=now, history=history)

    def _close(self, rows: Sequence[Sequence[Any]], column: int, position: Position) -> list[tuple[Any, str]]:
        """The rows that the next fetch will look at again."""
        return [(row[column], self._digest(row)) for row in rows if row[column] >= position.start]

    def _deliver(
        self,
        source: Fetched,
        rows: Sequence[Sequence[Any]],
        added: Content,
        *,
        now: datetime,
        history: bool | None,
        until: str = "",
    ) -> Delivered:
        staged = source.stage()
        pq.write_table(sql_columns.table(self.names, self.types, rows), staged / f"{self.fetch.name}.parquet")
        added = added | {"columns": [self.fetch.cursor, self.fetch.key]}
        return source.publish(staged, added, now=now, history=history, rows=len(rows), until=until)

    def _whole(self, source: Fetched, *, now: datetime, history: bool | None, told: Told) -> Iterator[Delivered]:
        """The table, if its rows are not those of the delivery before; in whatever order they come."""
        staged = source.stage()
        parts: list[Path] = []
        total, content = 0, 0
        for batch in self._read():
            part = staged / f".{len(parts):06d}.parquet"
            pq.write_table(sql_columns.table(self.names, self.types, batch), part)
            parts.append(part)
            total += len(batch)
            content = (content + sum(int(sql_cursor.digest(row), 16) for row in batch)) % 2**128
            told(total)
        named = f"{total} rows {content:032x} {' '.join(self.names)}"
        if source.memory.get("content") == named:
            source.drop(staged)
            return
        self._join(parts, staged / f"{self.fetch.name}.parquet")
        yield source.publish(staged, {"content": named}, now=now, history=history, rows=total)

    def _join(self, parts: list[Path], target: Path) -> None:
        """One file of the batches, whose types a later one may have widened."""
        if not parts:
            pq.write_table(sql_columns.table(self.names, self.types, []), target)
            return
        schema = sql_columns.together(pq.read_schema(part) for part in parts)
        with pq.ParquetWriter(target, schema) as writer:
            for part in parts:
                writer.write_table(pq.read_table(part, partitioning=None).cast(schema))
                part.unlink()

    def _digest(self, row: Sequence[Any]) -> str:
        if not self.fetch.key:
            return sql_cursor.digest(row)
        return sql_cursor.digest([row[self.names.index(name)] for name in (self.fetch.cursor, self.fetch.key)])

    def _from(self, position: Position) -> Sequence[sa.ColumnElement[bool]]:
        cursor = self.source.c[self.fetch.cursor]
        return [cursor.is_not(None)] if position.start is None else [cursor >= sa.literal(position.start)]

    def _order(self) -> list[Any]:
        return [self.source.c[name] for name in (self.fetch.cursor, self.fetch.key) if name]

    def _read(self, where: Sequence[Any] = (), order: Sequence[Any] = ()) -> Iterator[Sequence[sa.Row[Any]]]:
        """The rows in batches; only one is in memory where the driver can stream."""
        rows = self.fetch.batch_rows
        found = self.connection.execution_options(stream_results=True, max_row_buffer=rows).execute(
            self._select().where(*where).order_by(*order)
        )
        yield from found.partitions(rows)

    def _select(self) -> sa.Select[Any]:
        return sa.select(sa.text("*")).select_from(self.source)

    def _count(self, where: Sequence[Any] = ()) -> int:
        return int(
            self.connection.execute(sa.select(sa.func.count()).select_from(self.source).where(*where)).scalar_one()
        )

    def _check_names(self) -> None:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise Rejected(
                f"{self.fetch.name}: the query gives {', '.join(twice)} more than once",
                fix="name its columns one by one, each with a name of its own (AS)",
            )
        for what, name in (("cursor", self.fetch.cursor), ("key", self.fetch.key)):
            if name and name not in self.names:
                raise Rejected(
                    f"{self.fetch.name}: {self.fetch.table or 'the query'} has no column {name}, which is to be the {what}; "
                    f"it has {', '.join(self.names)}",
                    fix=f"name one of these as {what} in the mapping's fetch",
                )

    def _check_same(self, memory: Content) -> None:
        before = memory.get("columns")
        if before is not None and before != [self.fetch.cursor, self.fetch.key]:
            raise Rejected(
                f"{self.fetch.name} was read by {' and '.join(filter(None, before))} until now, "
                f"not by {' and '.join(filter(None, (self.fetch.cursor, self.fetch.key)))}",
                fix="put the old cursor and key back, or give the fetch another name: it then begins anew, and rows "
                "with an event id count once",
            )

    def _check_filled(self) -> None:
        cursor = self.source.c[self.fetch.cursor]
        missing = self.connection.execute(self._select().where(cursor.is_(None)).limit(1)).first()
        if missing is not None:
            raise Rejected(
                f"{self.fetch.name}: {self.fetch.cursor} is NULL in some rows, which would never be brought",
                fix="name a column as cursor that every row has, or write a query with coalesce(...) AS "
                f"{self.fetch.cursor}",
            )


def _source(fetch: Fetch) -> sa.FromClause:
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in dict.fromkeys((fetch.cursor, fetch.key)) if name]
    if fetch.table:
        schema, _, table = fetch.table.rpartition(".")
        return sa.table(table, *columns, schema=schema or None)
    # A colon before a word is a parameter for SQLAlchemy, and text in somebody's SQL.
    query = re.sub(r"(?<![:\w\\]):(?=\w)", r"\\:", fetch.query.strip().rstrip(";"))
    return sa.text(query).columns(*columns).subquery("source")


def _type_names(found: sa.CursorResult[Any], connection: Connection) -> list[str]:
    """What the database calls the columns' types, where its driver says so; else empty, and the values decide."""
    description = found.cursor.description if found.cursor is not None else []
    driver = connection.engine.driver
    if driver == "psycopg":
        types = connection.connection.dbapi_connection.adapters.types  # type: ignore[union-attr]
        return [getattr(types.get(column[1]), "name", "") for column in description]
    return [str(column[1]) if connection.dialect.name == "duckdb" else "" for column in description]
