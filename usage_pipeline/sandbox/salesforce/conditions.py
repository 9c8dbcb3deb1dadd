"""What a WHERE means for one row: SOQL's own idea of equal, of case and of null."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from usage_pipeline.sandbox.salesforce import ids, refusals, values
from usage_pipeline.sandbox.salesforce.schema import Field
from usage_pipeline.sandbox.salesforce.soql import Both, Comparison, Condition, Literal, Not

Row = Callable[[str], Any]
"""A row: gives the value under a field path."""

_NUMERIC = ("double", "percent", "currency", "int")
_WORD = re.compile(r"(LAST|NEXT)_N_DAYS:(\d+)")


def test(condition: Condition, bind: Callable[[str], tuple[str, Field]], now: int) -> Callable[[Row], bool]:
    """A test of rows. `bind` finds the field behind a path and gives the path in its own spelling.

    Raises:
        Refusal: for a literal that does not fit its field.
    """
    if isinstance(condition, Not):
        inner = test(condition.of, bind, now)
        return lambda row: not inner(row)
    if isinstance(condition, Both):
        parts = [test(part, bind, now) for part in condition.parts]
        combine = all if condition.word == "AND" else any
        return lambda row: combine(part(row) for part in parts)
    return _compare(condition, bind, now)


def _compare(condition: Comparison, bind: Callable[[str], tuple[str, Field]], now: int) -> Callable[[Row], bool]:
    path, field = bind(condition.path)
    if not field.filterable:
        raise refusals.refused(400, "INVALID_FIELD", f"field '{field.name}' can not be filtered in a query call")
    if isinstance(condition.value, tuple):
        wanted = {comparable(field, each, now) for each in condition.value}
        inside = condition.operator == "IN"
        return lambda row: (_same(field, row(path)) in wanted) == inside
    value = comparable(field, condition.value, now)
    if condition.operator == "LIKE":
        pattern = _like(field, condition.value)
        return lambda row: pattern.fullmatch(str(row(path) or "")) is not None
    span = _day(condition.value, now)
    if span is not None and field.type in ("date", "datetime"):
        return _within(path, field, condition.operator, span)
    return _ordered(path, field, condition.operator, value)


def _ordered(path: str, field: Field, operator: str, value: Any) -> Callable[[Row], bool]:
    if operator == "=":
        return lambda row: bool(_same(field, row(path)) == value)
    if operator == "!=":
        # A null differs from every value, unlike in SQL.
        return lambda row: bool(_same(field, row(path)) != value)
    compare: dict[str, Callable[[Any, Any], bool]] = {
        "<": lambda left, right: left < right,
        "<=": lambda left, right: left <= right,
        ">": lambda left, right: left > right,
        ">=": lambda left, right: left >= right,
    }
    chosen = compare[operator]

    def holds(row: Row) -> bool:
        found = _same(field, row(path))
        return found is not None and value is not None and chosen(found, value)

    return holds


def comparable(field: Field, literal: Literal, now: int) -> Any:
    """A literal as values of its field are compared.

    Raises:
        Refusal: 400 INVALID_FIELD when it is of another type.
    """
    if literal.kind == "null":
        return None
    fits = {
        "boolean": ("boolean",),
        "date": ("date", "word"),
        "datetime": ("datetime", "word"),
        **dict.fromkeys(_NUMERIC, ("number",)),
    }.get(field.type, ("text",))
    if literal.kind not in fits:
        if fits == ("text",):
            message = f"value of filter criterion for field '{field.name}' must be of type string and should be enclosed in quotes"
        else:
            message = f"value of filter criterion for field '{field.name}' must be of type {field.type} and should not be enclosed in quotes"
        raise refusals.refused(400, "INVALID_FIELD", message)
    if literal.kind == "word":
        span = _day(literal, now)
        if span is None:
            raise refusals.malformed_query(f"unexpected token: '{literal.value}'")
        return None
    if literal.kind == "datetime":
        at = datetime.fromisoformat(literal.value)
        return values.written(round(at.astimezone(UTC).timestamp() * 1000))
    return _same(field, literal.value)


def _same(field: Field, value: Any) -> Any:
    """A value in the form in which equals are equal: text in lower case, ids in full."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if field.type in ("id", "reference"):
        return ids.known(value) or value
    return value if field.case_sensitive or field.type in ("date", "datetime") else value.lower()


def _like(field: Field, literal: Literal | tuple[Literal, ...]) -> re.Pattern[str]:
    if (
        not isinstance(literal, Literal)
        or literal.kind != "text"
        or field.type in (*_NUMERIC, "boolean", "date", "datetime")
    ):
        raise refusals.refused(400, "INVALID_FIELD", f"invalid operator on {field.type} field: {field.name}")
    pattern = "".join(".*" if each == "%" else "." if each == "_" else re.escape(each) for each in literal.value)
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def _day(literal: Literal, now: int) -> tuple[str, str] | None:
    """The days that a word such as TODAY or LAST_N_DAYS:7 stands for: first and the one after the last."""
    if literal.kind != "word":
        return None
    today = datetime.fromtimestamp(now / 1000, UTC).date()
    if literal.value in ("TODAY", "YESTERDAY", "TOMORROW"):
        first = today + timedelta(days={"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1}[literal.value])
        return first.isoformat(), (first + timedelta(days=1)).isoformat()
    found = _WORD.fullmatch(literal.value)
    if found is None:
        return None
    days = timedelta(days=int(found[2]))
    if found[1] == "LAST":
        return (today - days).isoformat(), (today + timedelta(days=1)).isoformat()
    return (today + timedelta(days=1)).isoformat(), (today + days + timedelta(days=1)).isoformat()


def _within(path: str, field: Field, operator: str, span: tuple[str, str]) -> Callable[[Row], bool]:  # noqa: ARG001
    first, after = span

    def holds(row: Row) -> bool:
        value = row(path)
        if value is None:
            return operator == "!="
        # Dates and datetimes compare with a day as text: both begin with it.
        answers: dict[str, bool] = {
            "=": first <= value < after,
            "!=": not first <= value < after,
            "<": value < first,
            "<=": value < after,
            ">": value >= after,
            ">=": value >= first,
        }
        return answers[operator]

    return holds


def milliseconds(written: str) -> int:
    """The moment that a comparable datetime stands for."""
    return round(datetime.fromisoformat(written).timestamp() * 1000)
