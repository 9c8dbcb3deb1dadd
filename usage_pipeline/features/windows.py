"""Windows of whole days before the morning, as conditions on an age (1 is yesterday)."""

import ibis.expr.types as ir

from usage_pipeline import engine, periods


def trailing(age: ir.NumericValue, length: int) -> ir.BooleanValue:
    """The `length` days before the morning."""
    return age.between(1, length)


def before(age: ir.NumericValue, length: int = periods.MONTH) -> ir.BooleanValue:
    """The `length` days before the trailing window of the same length."""
    return age.between(length + 1, 2 * length)


def change(recent: ir.NumericValue, earlier: ir.NumericValue, *, lived: ir.NumericValue, days: int) -> ir.FloatingValue:
    """Recent over earlier, minus 1; NULL without an earlier, or for an account that has not lived `days`.

    An account that stopped has -1, not NULL: silence is news.
    """
    return only_after(engine.ratio(recent, earlier) - 1.0, lived=lived, days=days)


def only_after(value: ir.Value, *, lived: ir.NumericValue, days: int) -> ir.Value:
    """`value`, NULL for an account younger than `days`."""
    return (lived >= days).ifelse(value, None)
