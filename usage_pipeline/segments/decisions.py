"""Decision tables: the code runs the rows that the documents print."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import ibis
import ibis.expr.types as ir


@dataclass(frozen=True)
class Row:
    """One row of a decision table: the first whose condition holds gives its name."""

    name: StrEnum
    sentence: str
    holds: Callable[[ir.Table], ir.BooleanValue]
    requirement: str


def always(_: ir.Table) -> ir.BooleanValue:
    """The condition of a table's last row: whoever came this far."""
    return ibis.literal(value=True)


def decided(t: ir.Table, table: Sequence[Row], name: str) -> ir.Table:
    """`t` with the column `name`, and beside it `name`_rule: the sentence of the row that gave it.

    The last row takes whatever the others left.
    """
    *rows, last = table
    return t.mutate(
        **{
            name: ibis.cases(*((row.holds(t), row.name.value) for row in rows), else_=last.name.value),
            f"{name}_rule": ibis.cases(*((row.holds(t), row.sentence) for row in rows), else_=last.sentence),
        }
    )


def markdown(table: Sequence[Row], name: str) -> str:
    """A decision table as the documents print it."""
    lines = [f"| # | {name} | when (the first row that holds) | from |", "|---|---|---|---|"]
    lines += [f"| {n} | {row.name.value} | {row.sentence} | {row.requirement} |" for n, row in enumerate(table, 1)]
    return "\n".join(lines) + "\n"
