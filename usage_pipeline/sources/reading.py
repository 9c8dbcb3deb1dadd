"""The tables of what others know, read from the deliveries through the company's SQL.

Every row says from when it is so (`valid_from`) and from when a morning may see it
(`known_at`). A delivery that repeats what an earlier one said adds nothing; one that says
something else adds a version.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa

from usage_pipeline import lake
from usage_pipeline.company import Company
from usage_pipeline.engine import Backend
from usage_pipeline.errors import Rejected
from usage_pipeline.sources import catalogue, landing, moments, parsed, querying, versions
from usage_pipeline.sources.landing import Delivery, File


@dataclass(frozen=True)
class Shape:
    """What a table of the mapping must bring, and what makes two of its rows one."""

    table: lake.Table
    required: tuple[str, ...]
    key: tuple[str, ...]
    begins: str | None
    """The column that says when a row came to be; what happens once is known from then in an import."""
    either: tuple[str, ...] = ()
    """Of these at least one is required: whose the row is can be told by any."""


# Which account it became part of is told by a table of its own.
_OF_ACCOUNT = tuple(column for column in catalogue.ACCOUNT.columns if column.name != "merged_into")

SHAPES = {
    "account": Shape(replace(catalogue.ACCOUNT, columns=_OF_ACCOUNT), ("account_id",), ("account_id",), "created_at"),
    "account_merge": Shape(
        catalogue.ACCOUNT_MERGE,
        ("account_id", "into_id", "merged_at"),
        ("account_id", "into_id", "merged_at"),
        "merged_at",
    ),
    # Whose address is known may yet be told by it whose person it is (events/identity).
    "user": Shape(catalogue.USER, ("user_id",), ("user_id",), "created_at", either=("account_id", "email")),
    "subscription": Shape(
        catalogue.SUBSCRIPTION, ("subscription_id", "account_id", "status"), ("subscription_id",), None
    ),
    "invoice": Shape(
        catalogue.INVOICE, ("invoice_id", "account_id", "status", "issued_at"), ("invoice_id",), "issued_at"
    ),
    "ticket": Shape(catalogue.TICKET, ("ticket_id", "account_id", "opened_at"), ("ticket_id",), "opened_at"),
    "survey": Shape(
        catalogue.SURVEY,
        ("response_id", "account_id", "kind", "score", "answered_at"),
        ("response_id",),
        "answered_at",
    ),
    "milestone": Shape(
        catalogue.MILESTONE,
        ("account_id", "kind", "happened_at"),
        ("account_id", "kind", "happened_at"),
        "happened_at",
    ),
    "label": Shape(
        catalogue.LABEL, ("account_id", "as_of", "outcome", "happened"), ("account_id", "as_of", "outcome"), None
    ),
}

_DUCKDB = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}

_HAIR = 1e-6


@dataclass(frozen=True)
class Read:
    """A table as read, and the rows left out because they lack what every row must have."""

    rows: pa.Table
    refused: int
    refused_because: str


def table(
    name: str, folder: Path, company: Company, backend: Backend, *, now: datetime, state: Path | None = None
) -> pa.Table:
    """The table `name` of the catalogue, from every delivery; empty where the company names no select."""
    return read(name, folder, company, backend, now=now, state=state).rows


def read(
    name: str, folder: Path, company: Company, backend: Backend, *, now: datetime, state: Path | None = None
) -> Read:
    """As `table`, with the count of rows that had to be left out."""
    shape = SHAPES[name]
    select = next((sql for table_name, sql in company.tables.items() if table_name == name), None)
    schema = shape.table.schema.to_pyarrow()
    if select is None:
        return Read(schema.empty_table(), 0, "")
    tables = querying.tables_of(select, name)
    kept = parsed.Kept(state, name)
    parts = []
    for number, delivery in enumerate(landing.deliveries(folder, now=now, state=state)):
        part = _delivered(shape, name, select, tables, company, delivery, kept)
        if part is not None:
            parts.append(part.append_column("delivery", pa.repeat(pa.scalar(number, pa.int64()), part.num_rows)))
    kept.forget_others()
    if not parts:
        raise Rejected(
            f"no delivery under {folder} holds {', '.join(tables) or 'a file'}, which the select of {name} reads",
            fix=f"deliver {', '.join(f'{table}.csv or {table}.parquet' for table in tables)}, "
            f"or remove `{name}` from the mapping's tables",
        )
    rows = pa.concat_tables(parts)
    complete = _complete(rows, shape)
    refused = rows.num_rows - complete.num_rows
    lacking = [*shape.required, *([" and no ".join(shape.either)] if shape.either else [])]
    because = f"no {' or no '.join(lacking)}" if refused else ""
    return Read(_merged(complete, shape, backend).cast(schema), refused, because)


def _delivered(
    shape: Shape,
    name: str,
    select: str,
    tables: tuple[str, ...],
    company: Company,
    delivery: Delivery,
    kept: parsed.Kept,
) -> pa.Table | None:
    """One delivery's rows, parsed now or before; None where it holds none of the tables."""
    files = querying.files_for(delivery, tables, name)
    if files is None and tables:
        return None
    files = files or {}
    history = company.clock.history if delivery.history is None else delivery.history
    landed_at = max((file.landed_at for file in files.values()), default=delivery.landed_at)
    contents = sorted((table, file.suffix, file.digest) for table, file in files.items())
    return kept.rows(
        (shape, select, company.clock.time_zone, history, landed_at, contents),
        lambda: _parsed(
            shape, name, select, company.clock.time_zone, delivery, files, history=history, landed_at=landed_at
        ),
    )


def _parsed(
    shape: Shape,
    name: str,
    select: str,
    zone: str,
    delivery: Delivery,
    files: dict[str, File],
    *,
    history: bool,
    landed_at: datetime,
) -> pa.Table:
    """One delivery's rows in the catalogue's types, with `landed_at` and `history`."""
    where = ", ".join(file.name for file in files.values()) or "the select"
    with querying.over(delivery, files, zone) as connection:
        try:
            result = connection.sql(select)
            columns = dict(zip(result.columns, map(str, result.types), strict=True))
            connection.execute("CREATE TEMP TABLE stated AS " + select)
        except duckdb.Error as broken:
            raise Rejected(
                f"the select of {name} does not fit {where}: {broken}",
                fix=f"name the columns that {where} has in the mapping's select of {name}",
            ) from broken
        missing = [column for column in shape.required if column not in columns]
        if shape.either and not set(shape.either) & set(columns):
            missing.append(" or ".join(shape.either))
        if missing:
            raise Rejected(
                f"{where}: the table {name} lacks the required column {', '.join(missing)}",
                fix=f'add it to the file, or name it in the mapping: tables.{name}: SELECT ... AS "{missing[0].partition(" ")[0]}"',
            )
        stated = [column for column in shape.table.columns if column.name in columns]
        typed = {column.name: _typed(column) for column in stated}
        for column in stated:
            _check_cast(connection, column, typed[column.name], where)
        typed |= {column.name: "NULL" for column in shape.table.columns if column.name not in typed}
        typed["landed_at"] = f"TIMESTAMP '{landed_at.isoformat(sep=' ')}'"
        typed["history"] = str(history)
        cast = ", ".join(
            f"CAST({sql} AS {_DUCKDB.get(_type(shape, column), 'TIMESTAMP' if column == 'landed_at' else 'BOOLEAN')}) "
            f'AS "{column}"'
            for column, sql in typed.items()
        )
        return connection.execute(f"SELECT {cast} FROM stated").to_arrow_table()


def _type(shape: Shape, column: str) -> str:
    return next((each.type for each in shape.table.columns if each.name == column), "")


def _typed(column: lake.Column) -> str:
    name = f'"{column.name}"'
    if column.type == "timestamp":
        return moments.utc(name)
    if column.type == "date":
        return f"TRY_CAST({name} AS DATE)"
    if column.type == "string":
        return f"nullif(trim(CAST({name} AS VARCHAR)), '')"
    return f"TRY_CAST({name} AS {_DUCKDB[column.type]})"


def _check_cast(connection: duckdb.DuckDBPyConnection, column: lake.Column, typed: str, where: str) -> None:
    """`Rejected` where a value is there and cannot be what the column must be: never a silent NULL."""
    stated = f"nullif(trim(CAST(\"{column.name}\" AS VARCHAR)), '')"
    is_bad = f"({typed}) IS NULL"
    if column.type == "int64":
        # A value a hair beside a whole number is a product such as 19.99 * 100.
        number = f'TRY_CAST("{column.name}" AS DOUBLE)'
        is_bad += f" OR abs({number} - round({number})) > {_HAIR}"
    bad = connection.execute(f"SELECT {stated} FROM stated WHERE {stated} IS NOT NULL AND ({is_bad})").fetchone()
    if bad is not None:
        what = "whole number" if column.type == "int64" else column.type
        raise Rejected(
            f"{where}: {column.name} is {bad[0]!r}, which is no {what}",
            fix=f"mend the value, or convert it in the mapping's select (… AS {column.name})",
        )


def _complete(rows: pa.Table, shape: Shape) -> pa.Table:
    """The rows that have every required value."""
    with querying.connection() as connection:
        connection.register("stated", rows)
        has_all = " AND ".join(f'"{column}" IS NOT NULL' for column in shape.required)
        if shape.either:
            has_all += f" AND coalesce({', '.join(shape.either)}) IS NOT NULL"
        return connection.execute(f"SELECT * FROM stated WHERE {has_all}").to_arrow_table()


def _merged(rows: pa.Table, shape: Shape, backend: Backend) -> pa.Table:
    """What all deliveries say together, with `valid_from` and `known_at`."""
    names = [column.name for column in shape.table.columns]
    with querying.connection() as connection:
        connection.register("stated", rows)
        if "valid_from" in names:
            sql = versions.of_states(shape.key, shape.begins, names)
        elif "known_at" in names:
            sql = versions.of_facts(shape.key, shape.begins, names)
        else:
            sql = versions.newest(shape.key, names)
        merged = connection.execute(sql).to_arrow_table()
    return backend.to_pyarrow(shape.table.conform(ibis.memtable(merged)))
