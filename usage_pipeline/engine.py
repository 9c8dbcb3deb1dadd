"""With what: DuckDB embedded, spoken to through Ibis, so that each formula exists once.

The formulas that engines disagree about are here: a ratio with nothing below the
line, and quintiles in which equals share one.
"""

from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

__all__ = ["Backend", "connect", "over", "quintile", "ratio", "whole"]


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


def ratio(above: ir.NumericValue, below: ir.NumericValue) -> ir.FloatingValue:
    """`above / below` as float64, NULL where `below` is 0 (DuckDB gives inf, Spark raises)."""
    return above.cast("float64") / below.cast("float64").nullif(0.0)


def whole(count: ir.NumericValue) -> ir.IntegerValue:
    """A count or sum as int64, 0 for none (DuckDB sums integers to HUGEINT, which Parquet loses)."""
    return count.cast("int64").fill_null(0)


def quintile(value: ir.Column, *, within: list[str] | None = None) -> ir.IntegerColumn:
    """1 (lowest) to 5 by cumulative distribution, so that equals share one; NULL stays NULL.

    Ranked from the top: `1 - cume_dist(descending)` is the share strictly below.
    """
    window = ibis.window(group_by=within, order_by=ibis.desc(value))
    below = 1.0 - ibis.cume_dist().over(window)
    return ibis.cases((value.isnull(), ibis.null("int64")), else_=(below * 5).floor().cast("int64").clip(upper=4) + 1)
