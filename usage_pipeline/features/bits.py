"""Sets of small whole numbers as the bits of one: days of use, features used."""

import ibis
import ibis.expr.types as ir

from usage_pipeline import periods

WORD = 8 * periods.WEEK
"""Days in a word."""

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


def words(
    days: ir.IntegerValue, age: ir.IntegerValue, earlier: ir.IntegerValue | None = None
) -> dict[str, ir.IntegerValue]:
    """For an aggregation: days of use as the bits of two words of eight weeks, so that a window is a mask and no day counts twice.

    `days` lie in one of the words; but where the word before it is given as `earlier`, they may be a word themselves.
    """
    shift = (age - 1) % WORD
    if earlier is None:
        shifted = days.cast("int64") << shift
        return {"near": any_of(shifted, age <= WORD), "far": any_of(shifted, age > WORD)}

    def inside(word: ir.IntegerValue) -> ir.IntegerValue:
        # A shift that loses bits is an error.
        return (word & (_whole() >> shift)) << shift

    beyond = (days >> (WORD - shift)) | inside(earlier)
    return {"near": any_of(inside(days), age <= WORD), "far": any_of((age > WORD).ifelse(inside(days), beyond))}


def lived(rows: ir.Table, length: ir.IntegerValue) -> dict[str, ir.IntegerValue]:
    """The words of the row without the days before the last `length`."""

    def latest(length: ir.IntegerValue) -> ir.IntegerValue:
        return (first() << ibis.least(length, WORD)) - 1

    return {"near": rows.near & latest(length), "far": rows.far & latest(ibis.greatest(length - WORD, 0))}


def _whole() -> ir.IntegerValue:
    return ibis.literal((1 << WORD) - 1, "int64")


def days(rows: ir.Table, first: int, last: int) -> ir.IntegerValue:
    """On how many of the days from `first` to `last` before the morning there was use, by the words of the row."""

    def within(word: ir.IntegerValue, first: int, last: int) -> ir.IntegerValue:
        mask = sum(1 << (age - 1) for age in range(max(first, 1), min(last, WORD) + 1))
        return count(word & mask) if mask else ibis.literal(0, "int64")

    return within(rows.near, first, last) + within(rows.far, first - WORD, last - WORD)


def count(bits: ir.IntegerValue) -> ir.IntegerValue:
    """How many bits are set."""
    return _bit_count(bits).cast("int64")
