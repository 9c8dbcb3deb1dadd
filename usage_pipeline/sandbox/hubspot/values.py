"""Property values: what HubSpot accepts, how it keeps it, and how it refuses (CRM_APIS 1.4, 2.1)."""

import re
from datetime import UTC, date, datetime
from typing import Any

from usage_pipeline.sandbox.store import moment

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DAY = 24 * 3600 * 1000
_MILLISECONDS = re.compile(r"-?[0-9]{5,18}")
_EARLIEST, _LATEST = -62_135_596_800_000, 253_402_300_800_000
LONGEST = 65_536
"""Characters of a text value."""


class NotValid(Exception):
    """A value that HubSpot would refuse, with its code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def text(value: Any) -> str:
    """A JSON value as HubSpot's only type: true is "true", 81 is "81"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def kept(definition: dict[str, Any], value: str, before: str | None) -> str:
    """The value as it is stored.

    Raises:
        NotValid: when HubSpot would refuse it.
    """
    match definition["type"]:
        case "number":
            return _number(value)
        case "date":
            return _date(value)
        case "datetime":
            return _datetime(value)
        case "enumeration" | "bool":
            return _options(definition, value, before)
    if definition["name"] == "email":
        if not _EMAIL.fullmatch(value.strip()):
            raise NotValid(f"Email address {value} is invalid", "INVALID_EMAIL")
        return value.strip().lower()
    if len(value) > LONGEST:
        # The code was not recorded; the limit is general knowledge.
        raise NotValid(f"The value is {len(value)} characters long, the limit is {LONGEST}", "VALUE_TOO_LONG")
    return value


def _number(value: str) -> str:
    if not _NUMBER.fullmatch(value.strip()):
        raise NotValid(f"{value} was not a valid long.", "INVALID_LONG")
    return value.strip()


def _date(value: str) -> str:
    if _MILLISECONDS.fullmatch(value):
        at = moment(_in_range(int(value), "INVALID_DATE"))
        if int(value) % _DAY:
            raise NotValid(f"{value} is at {at[11:23]} UTC, not midnight!", "INVALID_DATE")
        return at[:10]
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise NotValid(f"{value} was not a valid date.", "INVALID_DATE") from None


def _datetime(value: str) -> str:
    return moment(milliseconds(value))


def milliseconds(value: str) -> int:
    """A moment given as ISO 8601 or as milliseconds since 1970."""
    if _MILLISECONDS.fullmatch(value):
        return _in_range(int(value), "INVALID_LONG")
    try:
        at = datetime.fromisoformat(value)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotValid(f"{value} was not a valid long.", "INVALID_LONG") from None
    return _in_range(round(at.timestamp() * 1000), "INVALID_LONG")


def _in_range(at: int, code: str) -> int:
    """A moment of the years 1 to 9999."""
    if not _EARLIEST <= at < _LATEST:
        raise NotValid(f"{at} was not a valid date.", code)
    return at


def _options(definition: dict[str, Any], value: str, before: str | None) -> str:
    if definition.get("externalOptions"):
        return value  # owners: checked against the list of owners where it is known
    allowed = [option["value"] for option in definition["options"]]
    if definition["type"] == "bool" and not allowed:
        allowed = ["true", "false"]
    many = definition["fieldType"] == "checkbox"
    chosen = [part for part in value.split(";") if part] if many else [value]
    for each in chosen:
        if each not in allowed:
            raise NotValid(f"{each} was not one of the allowed options: [{', '.join(allowed)}]", "INVALID_OPTION")
    if many and value.startswith(";") and before:
        chosen = [*before.split(";"), *(each for each in chosen if each not in before.split(";"))]
    return ";".join(chosen) if many else value


def shown(definition: dict[str, Any] | None, value: str | None) -> str | None:
    """The value as it is answered: datetimes drop milliseconds that are zero."""
    if value is not None and definition is not None and definition["type"] == "datetime" and value.endswith(".000Z"):
        return value.removesuffix(".000Z") + "Z"
    return value
