"""Sets of small whole numbers as the bits of one: days of use, features used."""

import ibis
import ibis.expr.types as ir

# Both by the names that DuckDB and Spark share; Ibis has the first not on Spark, and the second not at all.
_bit_or = ibis.udf.agg.builtin(lambda bits: None, name="bit_or", signature=(("int64",), "int64"))  # noqa: ARG005
_bit_count = ibis.udf.scalar.builtin(lambda bits: None, name="bit_count", signature=(("int64",), "int8"))  # noqa: ARG005


def first() -> ir.IntegerValue:
    """The lowest bit, to be shifted; Spark would take a bare 1 for a number of 32."""
    return ibis.literal(1, "int8").cast("int64")


def any_of(bits: ir.IntegerValue, where: ir.BooleanValue | None = None) -> ir.IntegerValue:
    """The bits that are set in any row of a group (that the condition holds for)."""
    counted = bits if where is None else where.ifelse(bits, ibis.literal(0, "int64"))
    found: ir.IntegerValue = _bit_or(counted.cast("int64"))
    return found


def count(bits: ir.IntegerValue) -> ir.IntegerValue:
    """How many bits are set."""
    return _bit_count(bits).cast("int64")
