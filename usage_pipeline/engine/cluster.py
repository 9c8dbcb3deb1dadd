"""What the lake asks of an engine of many machines: its workers read and write files, the driver commits them."""

from typing import Any, Protocol, runtime_checkable

import ibis.expr.types as ir
import pyarrow as pa


@runtime_checkable
class Cluster(Protocol):
    """An Ibis backend whose workers read and write the files of a table themselves."""

    def scan(self, files: list[str], schema: pa.Schema, *, partition: str | None) -> ir.Table:
        """The rows of Parquet files, which have these columns and lie in folders of their partition."""
        ...

    def store(self, rows: ir.Table, folder: str, schema: pa.Schema, *, partition: str | None) -> None:
        """Write rows as Parquet files below `folder`, in one folder per partition."""
        ...

    def create_table(self, name: str, /, obj: Any = None, *, temp: bool | None = None, overwrite: bool = False) -> Any:
        """A table of the session, kept by the workers."""
        ...

    def drop_table(self, name: str, /) -> None:
        """Let go of what is kept under a name."""
        ...

    def to_pyarrow(self, expr: ir.Expr, /) -> Any:
        """Rows by way of the driver's memory."""
        ...
