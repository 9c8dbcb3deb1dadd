"""Where the fields of an export lie, and the SQL that finds them.

Every field is taken as text and judged later, so that a value of another type than last
month's is kept as it is, or is a reason, but never an error.
"""

from collections.abc import Mapping

from usage_pipeline.company import Events
from usage_pipeline.sources import moments

_UNITS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
# Three names for three units, in all formats, where the mapping names no place.
_DURATIONS = {"duration_ms": "ms", "duration": "s", "duration_minutes": "min"}
_NAMES: Mapping[str, tuple[str, ...]] = {
    "feature": ("feature",),
    "quantity": ("quantity", "count"),
    "session": ("session_id",),
    "account": ("account_id", "accountId"),
}


def text(value: str) -> str:
    """An SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def first(*fields: str) -> str:
    """The first of the fields that states anything; an empty text states nothing."""
    return "coalesce(" + ", ".join(f"nullif({field}, '')" for field in fields) + ")" if fields else "NULL::VARCHAR"


def unless(field: str, otherwise: str) -> str:
    """The field, or where it is NULL the other, of which nothing is computed for the rows that have the first.

    CASE, not coalesce: DuckDB works out for every row what two arguments of a coalesce have in common.
    """
    return f"CASE WHEN {field} IS NOT NULL THEN {field} ELSE {otherwise} END"


def pointer(place: str) -> str:
    """A place of a mapping as JSON pointer (RFC 6901): `groups.company`, or already `/groups/our.company`."""
    if place.startswith("/"):
        return place
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in place.split("."))


def default(root: str, what: str) -> tuple[str, ...]:
    """Where a field lies under `root`, the object of an event's own properties, unless the mapping says otherwise."""
    return tuple(f"{root}.{name}" for name in _NAMES[what])


def durations(events: Events, root: str) -> dict[str, int]:
    """Each place that may state a duration, and how many milliseconds one of its units has."""
    if events.duration_unit is not None:
        return dict.fromkeys(events.duration, _UNITS[events.duration_unit])
    return {f"{root}.{name}": _UNITS[unit] for name, unit in _DURATIONS.items()}


def taken(places: tuple[str, ...], root: str) -> dict[str, None]:
    """The keys directly under `root` that have a column of their own, and need not be kept twice."""
    start = pointer(root) + "/"
    keys = [pointer(place).removeprefix(start) for place in places if pointer(place).startswith(start)]
    return {key.replace("~1", "/").replace("~0", "~"): None for key in keys if "/" not in key}


def epoch(column: str) -> str:
    """SQL for seconds, milliseconds, microseconds or nanoseconds since 1970 as naive time; NULL for anything else.

    Their size says which: a second of 1971 or later has 8 digits or more until the year 5138, its milliseconds 11 to 14.
    """
    number = f"TRY_CAST(CAST({column} AS VARCHAR) AS DOUBLE)"
    factor = f"CASE WHEN abs({number}) < 1e11 THEN 1e6 WHEN abs({number}) < 1e14 THEN 1e3 WHEN abs({number}) < 1e17 THEN 1 ELSE 1e-3 END"
    return f"TRY(make_timestamp(TRY_CAST(round({number} * {factor}) AS BIGINT)))"


def moment(column: str, formats: tuple[str, ...] = ()) -> str:
    """SQL for any time that needs no guessing as naive UTC: as one of `formats`, as ISO 8601, as a count since 1970."""
    known = unless(moments.utc(column), epoch(column))
    if not formats:
        return known
    written = f"TRY_STRPTIME(CAST({column} AS VARCHAR), [{', '.join(map(text, formats))}])"
    return unless(f"TRY(timezone('UTC', CAST({written} AS TIMESTAMPTZ)))", known)


def corrected(created: str, sent: str, received: str) -> str:
    """SQL for a device's time set right by how wrong its clock was when it sent, as text; NULL if not all three are there.

    The device and the server saw the same sending: `created + (received - sent)`.
    """
    skew = f"({moment(received)} - {moment(sent)})"
    return f"TRY(CAST({moment(created)} + {skew} AS VARCHAR) || '+00')"
