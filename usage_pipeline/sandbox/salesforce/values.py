"""Field values: what Salesforce accepts, how it keeps it, and how it refuses."""

import calendar
import math
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from usage_pipeline.sandbox.salesforce.refusals import RowError
from usage_pipeline.sandbox.salesforce.schema import Field
from usage_pipeline.sandbox.store import moment

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NUMERIC = ("double", "percent", "currency", "int")


def kept(field: Field, value: Any) -> Any:
    """The value as it is stored; "" is the same as null.

    Raises:
        RowError: when Salesforce would refuse it.
    """
    if value is None or value == "":
        return None if field.type != "boolean" else False
    if field.type == "boolean":
        return _boolean(value)
    if field.type in _NUMERIC:
        return _number(field, value)
    if field.type == "date":
        return _date(value)
    if field.type == "datetime":
        return _datetime(value)
    if isinstance(value, (dict, list)):
        raise _not_a("string", value)
    return _text(field, _spelled(value))


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _not_a(kind: str, value: Any) -> RowError:
    token = "VALUE_STRING" if isinstance(value, str) else "START_OBJECT" if isinstance(value, dict) else "VALUE_NUMBER"
    return RowError(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {kind} from {token} value {value} or request may be missing a required field",
    )


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false", "1", "0"):
        return str(value).lower() in ("true", "1")
    raise _not_a("boolean", value)


def _number(field: Field, value: Any) -> float | int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise _not_a("double", value) from None
    if isinstance(value, bool) or not math.isfinite(number):
        raise _not_a("double", value)
    if field.precision and abs(number) >= 10 ** (field.precision - field.scale):
        raise RowError(
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.label}: value outside of valid range on numeric field: {value}",
            [field.name],
        )
    if field.type == "int":
        return int(number)
    # Kept to the field's scale, half away from zero, as the platform's decimals are.
    step = 10**field.scale
    return math.copysign(math.floor(abs(number) * step + 0.5) / step, number) if number else 0.0


def _date(value: Any) -> str:
    try:
        return date.fromisoformat(str(value)[:10] if "T" in str(value) else str(value)).isoformat()
    except ValueError:
        raise _not_a("date", value) from None


def _datetime(value: Any) -> str:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise _not_a("datetime", value) from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return written(round(at.timestamp() * 1000) // 1000 * 1000)


def written(milliseconds: int) -> str:
    """A moment as Salesforce writes it: 2026-05-04T08:00:00.000+0000."""
    return moment(milliseconds).replace("Z", "+0000")


def _text(field: Field, value: str) -> str | None:
    value = value.strip() if field.type != "textarea" else value
    if field.length and len(value) > field.length:
        shown = value if len(value) < 80 else value[:77] + "..."
        raise RowError(
            "STRING_TOO_LONG", f"{field.label}: data value too large: {shown} (max length={field.length})", [field.name]
        )
    if field.type == "email" and not _EMAIL.fullmatch(value):
        raise RowError("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {value}", [field.name])
    chosen = value.split(";") if field.type == "multipicklist" else [value]
    if field.restricted and any(each not in field.choices for each in chosen):
        raise RowError(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{field.label}: bad value for restricted picklist field: {value}",
            [field.name],
        )
    return value or None


def months_later(start: str, months: int) -> str:
    """The last day of a term: the day before the same day so many months later."""
    first = date.fromisoformat(start)
    year, month = divmod(first.month - 1 + months, 12)
    length = calendar.monthrange(first.year + year, month + 1)[1]
    return (date(first.year + year, month + 1, min(first.day, length)) - timedelta(days=1)).isoformat()
