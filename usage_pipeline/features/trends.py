"""Slopes over the days or weeks before the morning, silent ones counted as zeros.

A series `y` is summed as integers over the ages 1..n (1 is the latest) and divided last, so
that every engine gives the same bits. `sums` goes into an aggregation, the formulas take
the columns that it leaves behind. Sums are multiplied as floats: exact up to 2^53, and a
product of integers that is too large stops Spark.
"""

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine

# A series on a perfect line has no residual; its t value is cut off here.
_CERTAIN = 100.0


def sums(
    name: str, age: ir.IntegerValue, y: ir.IntegerValue, n: int, *, squared: ir.IntegerValue | None = None
) -> dict[str, ir.IntegerValue]:
    """All that the slope of a grouped series over the ages 1..n needs; `squared` where `y` is in parts."""
    inside = age.between(1, n)
    squared = y * y if squared is None else squared
    return {
        f"{name}_y": engine.whole(y.sum(where=inside)),
        f"{name}_y_age": engine.whole((y * age).sum(where=inside)),
        f"{name}_y_y": engine.whole(squared.sum(where=inside)),
    }


def slope(table: ir.Table, name: str, n: int) -> ir.FloatingValue:
    """Rise per step over the series' mean; NULL where it is zero throughout."""
    return engine.ratio(_rise(table, name, n) * float(n), table[f"{name}_y"].cast("float64") * float(_spread(n)))


def variance(table: ir.Table, name: str, n: int) -> ir.FloatingValue:
    """Sample variance of the series."""
    return _scatter(table, name, n) / float(n * (n - 1))


def t_value(table: ir.Table, name: str, n: int) -> ir.FloatingValue:
    """T value of the slope: 0 for a constant series, at most 100 either way; NULL where it is zero throughout."""
    y = table[f"{name}_y"]
    rise = _rise(table, name, n)
    # Whole numbers far below 2^53 for any real account, so 0 is 0.
    residual = _scatter(table, name, n) * float(_spread(n)) - rise * rise
    t = rise * float(n - 2) ** 0.5 / residual.nullif(0.0).sqrt()
    bounded = ibis.least(ibis.greatest(t.fill_null(rise * _CERTAIN), -_CERTAIN), _CERTAIN)
    return (y == 0).ifelse(None, bounded)


def _rise(table: ir.Table, name: str, n: int) -> ir.FloatingValue:
    """N * sum(xy) - sum(x) * sum(y), where x runs with time: ages run against it, hence the sign."""
    y, y_age = table[f"{name}_y"].cast("float64"), table[f"{name}_y_age"].cast("float64")
    return y * float(n * (n + 1) // 2) - y_age * float(n)


def _scatter(table: ir.Table, name: str, n: int) -> ir.FloatingValue:
    """N * sum(yy) - sum(y)^2."""
    y, y_y = table[f"{name}_y"].cast("float64"), table[f"{name}_y_y"].cast("float64")
    return y_y * float(n) - y * y


def _spread(n: int) -> int:
    """N * sum(xx) - sum(x)^2 over 1..n."""
    ages = range(1, n + 1)
    return n * sum(age * age for age in ages) - sum(ages) ** 2
