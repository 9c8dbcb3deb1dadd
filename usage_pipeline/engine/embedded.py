"""DuckDB embedded: in memory, in this process, spilling to a folder."""

from pathlib import Path

import duckdb
import ibis
from ibis.backends.duckdb import Backend

__all__ = ["Backend", "connect", "over"]


def connect(*, memory_limit: str, threads: int, spill: Path) -> Backend:
    """An in-memory DuckDB that spills to `spill` once it needs more than `memory_limit`."""
    spill.mkdir(parents=True, exist_ok=True)
    return over(
        duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": str(spill),
                # Extensions are downloads; nothing at run time fetches anything.
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,
            }
        )
    )


def over(connection: duckdb.DuckDBPyConnection) -> Backend:
    """Ibis over an open DuckDB connection; tables of two connections cannot be joined."""
    connection.execute("SET TimeZone = 'UTC'")
    # Progress is told by whoever asked for the work.
    connection.execute("SET enable_progress_bar = false")
    # DuckDB 1.5 pushes Bloom filters of joins into Arrow scans, which cannot take them.
    connection.execute("SET disabled_optimizers = 'join_filter_pushdown'")
    return ibis.duckdb.from_connection(connection)
