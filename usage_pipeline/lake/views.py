"""All tables as views of one DuckDB file, so that any DuckDB client can look at everything."""

import uuid
from collections.abc import Iterable
from pathlib import Path

import duckdb

from usage_pipeline.lake.store import Lake, scan
from usage_pipeline.lake.tables import Table


def write_views(lake: Lake, tables: Iterable[Table], target: Path) -> None:
    """A DuckDB file with a view per table, so that any DuckDB client can look at everything.

    Written aside and put in place, so that nobody's open copy is ever written to.
    """
    # A name of its own: two runs that end together would write into one file.
    aside = target.with_suffix(f".{uuid.uuid4().hex}.new")
    try:
        with duckdb.connect(str(aside)) as connection:
            for table in tables:
                files = lake.files(table)
                if files:
                    # `usage_account_day`, not `usage.account_day`: the file itself is the catalogue `usage`.
                    connection.execute(f'CREATE VIEW "{table.stage}_{table.name}" AS {scan(files, grows=table.grows)}')
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
