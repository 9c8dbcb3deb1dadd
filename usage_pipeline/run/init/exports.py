"""Which of the known exports a file is, by the first of its events, and what they state.

What tells the formats apart are keys that each tool writes into every event; see the modules of
`events` for where these facts come from.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from usage_pipeline.company import Events
from usage_pipeline.events import columnar, formats, lines
from usage_pipeline.events.snowplow import COLUMNS
from usage_pipeline.sources import querying
from usage_pipeline.sources.landing import LINES, File

# As many lines of each file are looked at; events of an export are much alike.
LOOKED_AT = 2_000
_KEYED = 500
_MOST = 0.8
_CALLS = {"track", "identify", "group", "page", "screen", "alias"}
_ACCOUNT_KEY = re.compile(r"(^|[._ ])(account|company|org|organi[sz]ation|workspace|tenant|team|customer)(_?id)?$")
_FEATURE_KEY = re.compile(r"\.(feature|feature_name|module|area|section|screen|tool)$")
_DEPTH = 3


@dataclass(frozen=True)
class Export:
    """The files of one format, and what the first events of one of them state."""

    format: str
    files: tuple[File, ...]
    stated: pa.Table
    """name, account_id, user_id, anonymous_id, feature, session_id, duration of the looked-at events."""
    places: dict[str, Counter[str]]
    """Each key of the events, and its values."""
    looked_at: int

    @property
    def name(self) -> str:
        more = f" (and {len(self.files) - 1} more)" if len(self.files) > 1 else ""
        return self.files[0].name + more

    def share(self, column: str) -> float:
        """Share of the looked-at events that state it."""
        rows, empty = self.stated.num_rows, int(self.stated[column].null_count)
        return 1.0 - empty / rows if rows else 0.0

    def candidates(self, what: str) -> list[str]:
        """Keys whose name says that an account's id, or a feature, is there; the fullest first."""
        pattern = {"account": _ACCOUNT_KEY, "feature": _FEATURE_KEY}[what]
        named = [place for place in self.places if pattern.search(_plain(place))]
        return sorted(named, key=lambda place: -self.places[place].total())


def recognised(file: File) -> str:
    """The format of the file's events; empty where it is none of them."""
    if file.suffix == ".parquet":
        try:
            return _by_columns(set(pq.read_schema(file.path).names))
        except (OSError, pa.ArrowException):
            return ""
    if file.suffix not in (*LINES, ".tsv", ".zip", ""):
        return ""
    rows = _first_lines(file)
    if not rows:
        return ""
    if sum(row.count("\t") == len(COLUMNS) - 1 for row in rows) > _MOST * len(rows):
        return "snowplow"
    kinds = Counter(_of_object(content) for content in _objects(rows))
    kind, times = kinds.most_common(1)[0] if kinds else ("", 0)
    return kind if times > _MOST * kinds.total() else ""


def together(files: dict[str, list[File]]) -> Iterator[Export]:
    """The exports, one per format."""
    for kind, of_kind in files.items():
        events = Events(format=kind)
        largest = max(of_kind, key=lambda file: file.bytes)
        raw = _first_lines(largest)
        with querying.connection() as connection:
            connection.register("lines", pa.table([range(1, len(raw) + 1), raw], schema=lines.LINES))
            stated = connection.execute(
                f"SELECT kind, name, account_id, user_id, anonymous_id, feature, session_id, duration, ts "
                f"FROM ({formats.rows(events)}) WHERE unreadable IS NULL"
            ).to_arrow_table()
        places: dict[str, Counter[str]] = {}
        for content in _objects(raw):
            for place, value in _keys(content):
                places.setdefault(place, Counter())[value] += 1
        yield Export(kind, tuple(of_kind), stated, places, len(raw))


def pattern(export: Export, others: list[File]) -> str | None:
    """A glob that matches the export's files and none of `others`; None where there is none."""
    names = [file.path.name for file in export.files]
    begin = names[0] if len(set(names)) == 1 else _shared([re.sub(r"\d.*$", "", name) for name in names])
    endings = {_ending(name) for name in names}
    ending = endings.pop() if len(endings) == 1 else ""
    tries = [names[0]] if len(set(names)) == 1 else []
    tries += [f"{begin}*{ending}"] if begin else []
    tries += [f"*{ending}"] if ending else []
    for glob in tries:
        if all(PurePath(name).match(glob) for name in names) and not any(file.path.match(glob) for file in others):
            return glob
    return None


def _first_lines(file: File) -> list[str]:
    if file.suffix == ".parquet":
        with duckdb.connect() as connection:
            blocks = columnar.blocks(file.path, connection)
            return [str(row) for block in islice(blocks, 1) for row in block.sound["raw"].to_pylist()[:LOOKED_AT]]
    kinds = (".tsv", *LINES, "")
    found: list[str] = []
    for block in lines.blocks(file.path, kinds):
        found += [row.strip("\r\n") for row in block.sound["raw"].slice(0, LOOKED_AT).to_pylist() if row.strip()]
        if len(found) >= LOOKED_AT or block.bad:
            break
    return found[:LOOKED_AT]


def _objects(rows: list[str]) -> Iterator[dict[str, Any]]:
    for row in rows[:_KEYED]:
        try:
            content = json.loads(row)
        except ValueError:
            yield {}
            continue
        yield content if isinstance(content, dict) else {}


def _by_columns(names: set[str]) -> str:
    found = _of_object({name: {} for name in names})
    return found if found in ("amplitude", "posthog") else ""


def _of_object(content: dict[str, Any]) -> str:
    has = content.keys()
    kind = content.get("type")
    if (
        isinstance(kind, str)
        and kind in _CALLS
        and has & {"messageId", "userId", "anonymousId", "receivedAt", "originalTimestamp"}
    ):
        return "segment"
    if (
        "event_type" in has
        and has & {"user_id", "device_id", "amplitude_id"}
        and has & {"event_properties", "$insert_id", "insert_id", "amplitude_id", "server_upload_time"}
    ):
        return "amplitude"
    own = content.get("properties")
    if {"event", "distinct_id", "timestamp", "properties"} <= has:
        return "posthog"
    if "event" in has and isinstance(own, dict) and {"time", "distinct_id"} <= own.keys():
        return "mixpanel"
    return ""


def _keys(content: dict[str, Any], above: str = "", depth: int = 1) -> Iterator[tuple[str, str]]:
    for key, value in content.items():
        if "." in key or "/" in key:
            # A mapping would write such a place as a JSON pointer; a person who needs it finds that in the docs.
            continue
        place = f"{above}.{key}" if above else key
        held = json.loads(value) if isinstance(value, str) and value.startswith("{") and _is_json(value) else value
        if isinstance(held, dict) and depth < _DEPTH:
            yield from _keys(held, place, depth + 1)
        elif isinstance(held, list) and len(held) == 1 and not isinstance(held[0], dict | list):
            yield place, str(held[0])
        elif isinstance(held, str | int | float) and str(held):
            yield place, str(held)


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True


def _plain(place: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", place).lower().replace("-", "_")


def _shared(names: list[str]) -> str:
    shortest = min(names, key=len)
    return next(
        (shortest[:n] for n in range(len(shortest), 0, -1) if all(name.startswith(shortest[:n]) for name in names)), ""
    )


def _ending(name: str) -> str:
    found = re.search(r"(\.[a-z]+){1,2}$", name)
    return found.group() if found else ""
