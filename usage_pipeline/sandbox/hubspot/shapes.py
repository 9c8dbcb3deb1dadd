"""The shape of what a body says, checked before anything is done with it: HubSpot answers 400, never 500."""

import json
from typing import Any, NoReturn

from usage_pipeline.sandbox.hubspot import refusals


def loaded(body: bytes, empty: str) -> Any:
    """The JSON value in a body.

    Raises:
        Refusal: 400 when it is none, or holds what JSON or UTF-8 do not allow.
    """
    try:
        value = json.loads(body or empty.encode(), parse_constant=_no_number)
        # Half of a surrogate pair is no character and infinity no number: neither could be answered.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as problem:
        raise refusals.invalid(f"Invalid input JSON: {type(problem).__name__}") from None
    return value


def text(given: dict[str, Any], name: str) -> str | None:
    """A text, or a number as one; None where it is not given."""
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise refusals.invalid(f"Invalid input JSON: {name} must be a string")
    return str(value)


def texts(given: dict[str, Any], name: str) -> list[str]:
    return [text({name: one}, name) or "" for one in _listed(given, name)]


def whole(given: dict[str, Any], name: str, default: int) -> int:
    """A whole number, given as one or as its digits."""
    value = given.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, str | int) or not fits(str(value).removeprefix("-")):
        raise refusals.invalid(f"Invalid input JSON: {name} must be an integer")
    return int(value)


def fits(digits: str) -> bool:
    """Whether these are digits of a number that a record could have."""
    return digits.isascii() and digits.isdecimal() and len(digits) <= 18


def one(given: dict[str, Any], name: str) -> dict[str, Any]:
    """An object; an empty one where it is not given."""
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refusals.invalid(f"Invalid input JSON: {name} must be an object")
    return value


def many(given: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects; an empty one where it is not given."""
    found = _listed(given, name)
    if not all(isinstance(each, dict) for each in found):
        raise refusals.invalid(f"Invalid input JSON: {name} must be a list of objects")
    return found


def properties(given: dict[str, Any]) -> dict[str, Any]:
    """Property values by name: text, numbers, booleans and null."""
    found = one(given, "properties")
    for name, value in found.items():
        if not isinstance(value, str | int | float | bool | None):
            raise refusals.invalid(f"Invalid input JSON: the value of {name} must be a string")
    return found


def _listed(given: dict[str, Any], name: str) -> list[Any]:
    value = given.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise refusals.invalid(f"Invalid input JSON: {name} must be a list")
    return value


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)
