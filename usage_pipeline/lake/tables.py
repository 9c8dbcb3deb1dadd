"""What a table of the lake is: its grain, its columns with their meaning, its partitions."""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from usage_pipeline.errors import Rejected

Span = tuple[date, date]
"""First and last partition, both included."""


@dataclass(frozen=True)
class Column:
    """One column of a table: its Ibis type, what it means, and in which unit."""

    name: str
    type: str
    meaning: str
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the lake: one row per `grain`, partitioned by a date column or not at all."""

    stage: str
    name: str
    grain: str
    columns: tuple[Column, ...]
    partition: str | None = None
    grows: bool = False
    """It may gain columns; rows from before that have NULL in them."""

    @property
    def key(self) -> str:
        return f"{self.stage}/{self.name}"

    @property
    def schema(self) -> ibis.Schema:
        return ibis.schema({column.name: column.type for column in self.columns})

    def empty(self) -> ir.Table:
        """The table with no row."""
        return ibis.memtable(self.schema.to_pyarrow().empty_table(), schema=self.schema)

    def conform(self, rows: ir.Table) -> ir.Table:
        """`rows` with exactly this table's columns, in order and type; a missing one is an error."""
        missing = [column.name for column in self.columns if column.name not in rows.columns]
        if missing and self.grows:
            rows = rows.mutate(**{name: ibis.null(self.schema[name]) for name in missing})
        elif missing:
            raise Rejected(
                f"{self.key} lacks the columns {', '.join(missing)}",
                fix=f"give the columns that its catalogue names: {', '.join(self.schema.names)}",
            )
        return rows.select(**{column.name: rows[column.name].cast(column.type) for column in self.columns})


@dataclass(frozen=True)
class Written:
    """What one commit left behind."""

    rows: int
    version: int
