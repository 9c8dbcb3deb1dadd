"""The files of a folder as tables with a sample each, and those that are no table."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from usage_pipeline.run.init import columns
from usage_pipeline.run.init.columns import Column
from usage_pipeline.sources import landing
from usage_pipeline.sources.landing import Delivery, File

# A table up to this size is looked at whole; of a larger one its begin and a random part.
WHOLE_ROWS = 250_000
FIRST_ROWS, RANDOM_ROWS = 20_000, 80_000
_MEMORY = "600MB"
_READERS = {
    # As text: whether 03/05/2026 or 00123 is a date or a number is judged here, not by the reader.
    ".csv": "read_csv({path}, header = true, all_varchar = true)",
    ".parquet": "read_parquet({path})",
    ".jsonl": "read_json({path}, format = 'newline_delimited')",
    ".ndjson": "read_json({path}, format = 'newline_delimited')",
    ".json": "read_json({path})",
}

Told = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """A table of the folder: one file, or files of one name in several deliveries."""

    table: str
    """Its name in a mapping's SQL."""
    files: tuple[File, ...]
    rows: int
    columns: tuple[Column, ...]
    sample: str
    """The name of its sample in the connection."""

    @property
    def name(self) -> str:
        more = f" (and {len(self.files) - 1} more)" if len(self.files) > 1 else ""
        return self.files[0].name + more

    @property
    def whole(self) -> str:
        """SQL of all rows of its largest file."""
        return _scan(max(self.files, key=lambda file: file.bytes))

    @property
    def sampled(self) -> int:
        return self.columns[0].rows if self.columns else 0

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


@dataclass
class Found:
    """What lies in the folder."""

    sources: list[Source] = field(default_factory=list)
    lines: list[File] = field(default_factory=list)
    """Files of lines, which an export may be."""
    unread: dict[str, str] = field(default_factory=dict)
    """Files that are no table, and why."""


@contextmanager
def connection(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB for samples: it reads the folder and nothing else, spills, and draws no bars of its own."""
    with tempfile.TemporaryDirectory(prefix="usage-init-") as spill:
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 2,
            "memory_limit": _MEMORY,
            "temp_directory": spill,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        with duckdb.connect(config=config) as opened:
            opened.execute("SET TimeZone = 'UTC'")
            opened.execute("SET enable_progress_bar = false")
            allowed = str(folder.resolve()).replace("'", "''")
            opened.execute(f"SET allowed_directories = ['{allowed}/']")
            opened.execute("SET enable_external_access = false")
            yield opened


def ignored(folder: Path, deliveries: list[Delivery]) -> Iterator[str]:
    """Files under the folder that no delivery holds."""
    known = {file.path for delivery in deliveries for file in delivery.files}
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path not in known and path.name != landing.MANIFEST:
            yield path.relative_to(folder).as_posix()


def tables(connection: duckdb.DuckDBPyConnection, files: list[File], told: Told) -> Found:
    """Each table among `files` with its sample in the connection."""
    found = Found()
    by_table: dict[str, list[File]] = {}
    for file in files:
        if file.suffix in landing.TABLES:
            by_table.setdefault(file.table, []).append(file)
        else:
            found.unread[file.name] = "neither a table nor an export that is known here"
    for number, (table, of_table) in enumerate(by_table.items()):
        told(of_table[0].name)
        try:
            source = _source(connection, table, of_table, f"sample_{number}")
        except duckdb.Error as broken:
            found.unread[of_table[0].name] = f"cannot be read as a table: {str(broken).splitlines()[0]}"
            continue
        if source.rows:
            found.sources.append(source)
        else:
            found.unread[of_table[0].name] = "holds no row"
    return found


def _source(connection: duckdb.DuckDBPyConnection, table: str, files: list[File], sample: str) -> Source:
    counts = [_count(connection, file) for file in files]
    largest = max(files, key=lambda file: file.bytes)
    scan = _scan(largest)
    if counts[files.index(largest)] <= WHOLE_ROWS:
        connection.execute(f"CREATE TEMP TABLE {sample} AS SELECT * FROM {scan}")
    else:
        connection.execute(
            f"CREATE TEMP TABLE {sample} AS FROM (FROM {scan} LIMIT {FIRST_ROWS}) "
            f"UNION ALL FROM (FROM {scan} USING SAMPLE reservoir({RANDOM_ROWS} ROWS) REPEATABLE (1))"
        )
    return Source(table, tuple(files), sum(counts), columns.profile(connection, sample), sample)


def _count(connection: duckdb.DuckDBPyConnection, file: File) -> int:
    found = connection.execute(f"SELECT count(*) FROM {_scan(file)}").fetchone()
    return int(found[0]) if found else 0


def _scan(file: File) -> str:
    path = "'" + str(file.path.resolve()).replace("'", "''") + "'"
    return _READERS[file.suffix].format(path=path)
