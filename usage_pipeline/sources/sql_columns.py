"""Rows as a database driver gives them, as Arrow columns whose types last.

Moments with a zone become UTC, decimals stay decimals, JSON and arrays become JSON text; what
has no like in Parquet (a range, an address) becomes text.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

UTC = pa.timestamp("us", tz="UTC")
LOCAL = pa.timestamp("us")

_BY_NAME = {
    # As DuckDB and PostgreSQL call them.
    **dict.fromkeys(("int2", "int4", "int8", "tinyint", "smallint", "integer", "bigint"), pa.int64()),
    **dict.fromkeys(("utinyint", "usmallint", "uinteger"), pa.int64()),
    **dict.fromkeys(("float4", "float8", "float", "double"), pa.float64()),
    **dict.fromkeys(("bool", "boolean"), pa.bool_()),
    **dict.fromkeys(("timestamptz", "timestamp with time zone"), UTC),
    **dict.fromkeys(("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"), LOCAL),
    "date": pa.date32(),
    # Only where there is no value: else the values say how many digits they need.
    **dict.fromkeys(("numeric", "decimal"), pa.decimal128(38, 9)),
    **dict.fromkeys(("bytea", "blob"), pa.binary()),
    **dict.fromkeys(("text", "varchar", "bpchar", "uuid", "json", "jsonb"), pa.string()),
}


def declared(type_name: str) -> pa.DataType | None:
    """The type of a column that the database calls so; None where its values must say."""
    return _BY_NAME.get(type_name.lower().partition("(")[0])


def table(names: Sequence[str], types: Sequence[pa.DataType | None], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """The rows as a table; a column without a stated type has that of its values, text if it has none."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    arrays = [_array(values, stated) for values, stated in zip(columns, types, strict=True)]
    return pa.table(arrays, names=list(names))


def together(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """One schema for batches of one table: the widest of each column's types, text where they differ in kind."""
    first, *others = schemas
    for other in others:
        first = pa.schema([(name, _wider(first.field(name).type, other.field(name).type)) for name in first.names])
    return first


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other:
        return one
    if pa.types.is_decimal(one) and pa.types.is_decimal(other):
        return pa.decimal128(38, max(one.scale, other.scale))
    numbers = {pa.int64(), pa.float64()}
    return pa.float64() if {one, other} == numbers else pa.string()


def _array(values: Sequence[Any], stated: pa.DataType | None) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {Decimal}:
        return _decimals(values)
    if kinds == {int} and any(value is not None and abs(value) >= 2**63 for value in values):
        return _decimals([None if value is None else Decimal(value) for value in values])
    has_zone = any(isinstance(value, datetime) and value.tzinfo is not None for value in values)
    wanted = stated if stated is not None else UTC if has_zone else _type_of(kinds)
    if wanted == pa.string():
        return pa.array([_text(value) for value in values], type=wanted)
    return pa.array(values, type=wanted)


def _type_of(kinds: set[type]) -> pa.DataType:
    for kind, arrow in ((bool, pa.bool_()), (int, pa.int64()), (bytes, pa.binary()), (str, pa.string())):
        if kinds == {kind}:
            return arrow
    if kinds and kinds <= {int, float}:
        return pa.float64()
    if kinds and all(issubclass(kind, datetime) for kind in kinds):
        return LOCAL
    if kinds and all(issubclass(kind, date) and not issubclass(kind, datetime) for kind in kinds):
        return pa.date32()
    return pa.string()


def _decimals(values: Sequence[Decimal | None]) -> pa.Array:
    """Exact, in 38 digits; NaN and what needs more digits is text rather than rounded."""
    held = [value for value in values if value is not None]
    if all(value.is_finite() for value in held):
        scale = max(-int(value.as_tuple().exponent) for value in held)
        whole = max(value.adjusted() + 1 for value in held)
        scale = max(scale, 0)
        if max(whole, 0) + scale <= 38:
            return pa.array(values, type=pa.decimal128(38, scale))
    return pa.array([None if value is None else str(value) for value in values], type=pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
