"""A mapping's SQL over one delivery's files, and over nothing else.

Each file is a view (`usage.parquet` is the table `usage`) in a DuckDB of its own that may
read that folder only: no network, no extension, no other file, no setting to be changed.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from usage_pipeline.errors import Rejected
from usage_pipeline.sources.landing import Delivery, File

_READERS = {
    # The whole file decides the types: a code such as "00123" far down keeps its zeros.
    # A date is one only as ISO 8601 writes it: left to itself, DuckDB takes 03/05/2026 for the third of May.
    ".csv": "read_csv({path}, sample_size = -1, header = true, dateformat = '%Y-%m-%d', "
    "timestampformat = '%Y-%m-%d %H:%M:%S')",
    ".parquet": "read_parquet({path})",
    ".jsonl": "read_json({path}, format = 'newline_delimited', sample_size = -1)",
    ".ndjson": "read_json({path}, format = 'newline_delimited', sample_size = -1)",
    ".json": "read_json({path}, sample_size = -1)",
}


def tables_of(select: str, what: str) -> tuple[str, ...]:
    """The tables that a mapping's SQL reads, in order of name; `Rejected` unless it is one SELECT."""
    with duckdb.connect() as connection:
        try:
            statements = connection.extract_statements(select)
            kinds = [statement.type for statement in statements]
            if kinds != [duckdb.StatementType.SELECT]:
                raise Rejected(
                    f"the select of {what} is {_count(kinds)}, not one SELECT",
                    fix="write a single SELECT; ATTACH, COPY, INSTALL, SET and the like are refused",
                )
            found = connection.execute("SELECT json_serialize_sql(?)", [statements[0].query]).fetchone()
        except duckdb.Error as broken:
            raise Rejected(f"the select of {what} is not valid SQL: {broken}", fix="mend it in the mapping") from broken
    tree = json.loads(found[0]) if found else {}
    if tree.get("error"):
        raise Rejected(
            f"the select of {what} cannot be read: {tree.get('error_message')}",
            fix="write a plain SELECT over the delivery's files",
        )
    named, defined = set[str](), set[str]()
    _walk(tree, named, defined)
    return tuple(sorted(named - defined))


def _count(kinds: list[Any]) -> str:
    return " and ".join(str(kind).rpartition(".")[2] for kind in kinds) or "empty"


def _walk(node: Any, named: set[str], defined: set[str]) -> None:
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            named.add(node["table_name"])
        if "cte_map" in node:
            defined.update(entry["key"] for entry in node["cte_map"]["map"])
        for value in node.values():
            _walk(value, named, defined)
    elif isinstance(node, list):
        for value in node:
            _walk(value, named, defined)


def files_for(delivery: Delivery, tables: tuple[str, ...], what: str) -> dict[str, File] | None:
    """The delivery's file of each table; None where it holds none of them, `Rejected` where only some."""
    held: dict[str, File] = {}
    for file in delivery.files:
        if file.table in tables:
            if file.table in held:
                raise Rejected(
                    f"{held[file.table].name} and {file.name} would both be the table {file.table!r}",
                    fix="deliver one file per table, or give one of them another name",
                )
            held[file.table] = file
    missing = [table for table in tables if table not in held]
    if held and missing:
        raise Rejected(
            f"delivery {delivery.name!r} has {', '.join(sorted(held))} but not {', '.join(missing)}, "
            f"which the select of {what} reads too",
            fix="deliver the files that a select joins together in one folder",
        )
    return held or None


@contextmanager
def connection(
    folder: Path | None = None, *, zone: str = "UTC", threads: int = 1
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own that may read `folder` and nothing else; times without a zone are in `zone`.

    One thread keeps the order of rows, and with it their numbers, the same at every reading.
    """
    with tempfile.TemporaryDirectory(prefix="usage-") as spill:
        opened = duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": "600MB",
                "temp_directory": spill,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        try:
            _set_zone(opened, zone)
            # Progress is told by whoever asked for the work; DuckDB's own bar would flood a log.
            opened.execute("SET enable_progress_bar = false")
            if folder is not None:
                opened.execute(f"SET allowed_directories = [{_quoted(f'{folder.resolve()}/')}]")
            opened.execute("SET enable_external_access = false")
            opened.execute("SET lock_configuration = true")
            yield opened
        finally:
            opened.close()


def _set_zone(opened: duckdb.DuckDBPyConnection, zone: str) -> None:
    try:
        opened.execute(f"SET TimeZone = {_quoted(zone)}")
    except duckdb.Error as unknown:
        raise Rejected(
            f"{zone!r} is no time zone", fix="name one such as Europe/Berlin in the mapping's clock.time_zone"
        ) from unknown


@contextmanager
def over(delivery: Delivery, files: dict[str, File], zone: str = "UTC") -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which each of `files` is a view."""
    with connection(delivery.folder, zone=zone) as opened:
        for table, file in files.items():
            scan = _READERS[file.suffix].format(path=_quoted(str(file.path.resolve())))
            name = _name(table)
            try:
                if file.suffix == ".csv":
                    scan = _keeping_ids(opened, scan)
                opened.execute(f"CREATE VIEW {name} AS SELECT * FROM {scan}")
            except duckdb.Error as broken:
                raise Rejected(f"{file.name} cannot be read: {broken}", fix="mend or replace the file") from broken
        yield opened


def _keeping_ids(opened: duckdb.DuckDBPyConnection, scan: str) -> str:
    """The scan of a CSV with columns of long ids as text.

    Ids of 19 digits and more fit no whole number; as a number with decimals two of them become one.
    """
    described = opened.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
    plain = scan.removesuffix(")") + ", all_varchar = true)"
    # A number with decimals is found in the first rows, and nothing more is read.
    ids = [
        name
        for name, kind, *_ in described
        if kind == "DOUBLE"
        and opened.execute(
            f"SELECT 1 FROM {plain} WHERE NOT regexp_full_match(trim({_name(name)}), '[0-9]*') LIMIT 1"
        ).fetchone()
        is None
    ]
    if not ids:
        return scan
    types = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in ids)
    return f"{scan.removesuffix(')')}, types = {{{types}}})"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
