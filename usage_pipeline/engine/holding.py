"""Rows kept under a name, so that what is asked several times is made once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ibis.expr.types as ir

from usage_pipeline.engine.cluster import Cluster
from usage_pipeline.engine.embedded import Backend

Hold = Callable[[str, ir.Table], ir.Table]
"""Keeps rows under a name, or leaves them to be made again wherever they are used."""


def held(backend: Backend | Cluster, name: str, rows: ir.Table) -> ir.Table:
    """The rows, kept by the engine until the next of this name: in its memory, or in that of a cluster's workers."""
    # DuckDB's by way of Arrow: straight from the files, each of them becomes a row group of its own, and
    # 5,000 of them were out of memory at 200,000 rows.
    found = rows if isinstance(backend, Cluster) else backend.to_pyarrow(rows)
    kept: ir.Table = backend.create_table(name, found, temp=True, overwrite=True)
    return kept


@contextmanager
def holding(backend: Backend | Cluster, name: str, rows: ir.Table) -> Iterator[ir.Table]:
    """The rows, read once into the engine, for as long as they are looked at."""
    kept: ir.Table = backend.create_table(name, rows, temp=True, overwrite=True)
    try:
        yield kept
    finally:
        backend.drop_table(name)


def as_is(name: str, rows: ir.Table) -> ir.Table:  # noqa: ARG001 - a `Hold`
    """The rows as they are: an engine that plans a query whole needs no help."""
    return rows
