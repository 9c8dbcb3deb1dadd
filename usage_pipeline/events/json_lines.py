"""Exports of one JSON object per line: each place that is asked for is found in one pass over the line."""

import json
from collections.abc import Mapping

from usage_pipeline.company import Events
from usage_pipeline.events import fields

LOOKED_AT = "SELECT line, raw, json_valid(raw) AS is_json FROM lines"
"""SQL of all lines, each with whether it is JSON."""
TRUSTED = """
    SELECT line, raw, true AS is_json FROM lines
    WHERE starts_with(raw, '{') AND (ends_with(raw, '}' || chr(10)) OR ends_with(raw, '}' || chr(13) || chr(10)) OR ends_with(raw, '}'))
"""
"""SQL of the lines that look like an object at both ends; should one be none after all, reading it is an error."""


class Call:
    """What one line holds; `roots` are the objects that hold an event's own properties.

    A root that is JSON written as text, as in Parquet files, is opened.
    """

    def __init__(self, *roots: str) -> None:
        self._found: dict[str, list[str]] = {root: [] for root in ("", *roots)}

    def at(self, *places: str) -> str:
        """SQL of the first of the places that states anything."""
        return fields.first(*map(self._field, places))

    def one_of(self, *places: str) -> str:
        """The same, where a place may hold a list, of which the first counts."""
        return fields.first(
            *(self._field(found) for place in places for found in (fields.pointer(place) + "/0", place))
        )

    def duration(self, durations: Mapping[str, int]) -> tuple[str, str]:
        """SQL of the duration as stated, and of the milliseconds in its unit."""
        cases = " ".join(f"WHEN {self.at(place)} IS NOT NULL THEN {unit}" for place, unit in durations.items())
        return self.at(*durations), f"CASE {cases} END"

    def rows(self, columns: Mapping[str, str], *, own: str, used: tuple[str, ...]) -> str:
        """SQL from `looked_at` (line, raw, is_json) to one row per non-blank line, all values as stated.

        `columns` are those of a stated row, `kind` among them, and may use the ones before them;
        the root `own` becomes `properties`, but for the places `used`.
        """
        roots = [root for root in self._found if root]
        objects = ", ".join(f"'{fields.pointer(root)}'" for root in roots)
        opened = ", ".join(f"{_opened(f'objects[{place}]')} AS o_{root}" for place, root in enumerate(roots, 1))
        found = ", ".join(self.found())
        listed = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
        without = fields.text(json.dumps(fields.taken(used, own)))
        return f"""
            WITH parsed AS (
                SELECT line, raw, is_json, CASE WHEN is_json THEN json_extract(raw, [{objects}]) END AS objects
                FROM looked_at
                -- A blank line is no row; none is JSON, so only what is not need be looked at twice.
                WHERE is_json OR regexp_matches(raw, '[^\\s\\x0b]')
            ), opened AS (
                SELECT line, raw, is_json, {opened} FROM parsed
            ), found AS (
                SELECT *, {found} FROM opened
            ), named AS (
                SELECT line, raw, is_json, o_{own} AS own, {listed} FROM found
            )
            SELECT * EXCLUDE (is_json, own),
                CASE WHEN NOT is_json THEN 'bad_json'
                    WHEN name IS NULL AND json_type(raw) <> 'OBJECT' THEN 'not_an_object' END AS unreadable,
                name AS type,
                CASE WHEN own IS NULL OR own = 'null' THEN NULL
                    WHEN NOT starts_with(own, '{{') THEN json_object({fields.text(own)}, CAST(own AS JSON))
                    WHEN kind = 'event' THEN json_merge_patch(own, {without})
                    ELSE own END AS properties
            FROM named
        """

    def _field(self, place: str) -> str:
        found = fields.pointer(place)
        root = next((root for root in self._found if root and found.startswith(fields.pointer(root) + "/")), "")
        within = found.removeprefix(fields.pointer(root)) if root else found
        places = self._found[root]
        if within not in places:
            places.append(within)
        return f"f_{root}[{places.index(within) + 1}]"

    def found(self) -> list[str]:
        """SQL of the columns that hold all that was asked for, from `raw` and `is_json` and the opened roots."""
        return [self._extracted(root, places) for root, places in self._found.items() if places]

    @staticmethod
    def _extracted(root: str, places: list[str]) -> str:
        listed = ", ".join(map(fields.text, places))
        held, sound = (f"o_{root}", f"starts_with(o_{root}, '{{')") if root else ("raw", "is_json")
        return f"CASE WHEN {sound} THEN json_extract_string({held}, [{listed}]) END AS f_{root}"


def stated(
    call: Call, events: Events, own: str, *, account: tuple[str, ...], session: tuple[str, ...]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The columns that all formats find alike, by the mapping or by default, and the places they may come from.

    They may name `name`, which comes before them.
    """
    account = events.account or account
    feature = events.feature or fields.default(own, "feature")
    quantity = events.quantity or fields.default(own, "quantity")
    session = events.session or session
    durations = fields.durations(events, own)
    duration, unit = call.duration(durations)
    columns = {
        "account_id": call.one_of(*account),
        "feature": f"coalesce({call.at(*feature)}, name)" if events.feature_is_name else call.at(*feature),
        "quantity": call.at(*quantity),
        "duration": duration,
        "duration_unit_ms": unit,
        "session_id": call.at(*session),
    }
    return columns, (*account, *feature, *quantity, *durations, *session)


def asked(call: Call, events: Events, *, email: tuple[str, ...], user_agent: tuple[str, ...]) -> dict[str, str]:
    """The columns that only the mapping's exclusions need."""
    columns = {}
    if "email_domains" in events.exclude:
        columns["email"] = call.at(*(events.email or email))
    if "user_agents" in events.exclude:
        columns["user_agent"] = call.at(*(events.user_agent or user_agent))
    return columns


def _opened(held: str) -> str:
    inside = f"({held} ->> '$')"
    return (
        f"CASE WHEN starts_with({held}, '\"{{') AND json_valid({inside}) THEN {inside} ELSE CAST({held} AS VARCHAR) END"
    )
