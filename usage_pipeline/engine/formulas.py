"""The formulas that engines disagree about: a ratio with nothing below the line, a sum of integers, shared quintiles."""

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.common.deferred import deferrable


def ratio(above: ir.NumericValue, below: ir.NumericValue) -> ir.FloatingValue:
    """`above / below` as float64, NULL where `below` is 0 (DuckDB gives inf, Spark raises)."""
    return above.cast("float64") / below.cast("float64").nullif(0.0)


def whole(count: ir.NumericValue) -> ir.IntegerValue:
    """A count or sum as int64, 0 for none (DuckDB sums integers to HUGEINT, which Parquet loses)."""
    found: ir.IntegerValue = deferrable(_cast)(count).fill_null(0)
    return found


def _cast(count: ir.NumericValue) -> ir.IntegerValue:
    # Not `count.cast`: to Ibis a sum of integers is an int64 already, and it would leave the cast out.
    return ops.Cast(count, "int64").to_expr()


def quintile(value: ir.Column, *, within: list[str] | None = None) -> ir.IntegerColumn:
    """1 (lowest) to 5 by cumulative distribution, so that equals share one; NULL stays NULL.

    Ranked from the top: `1 - cume_dist(descending)` is the share strictly below.
    """
    window = ibis.window(group_by=within, order_by=ibis.desc(value))
    below = 1.0 - ibis.cume_dist().over(window)
    return ibis.cases((value.isnull(), ibis.null("int64")), else_=(below * 5).floor().cast("int64").clip(upper=4) + 1)
