"""One landed file without a person: the lines that are theirs gone or empty, and their name out of those of others."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from usage_pipeline.company import Events
from usage_pipeline.events import formats, unpacking
from usage_pipeline.events.persons import Person
from usage_pipeline.sources import landing
from usage_pipeline.sources.landing import File
from usage_pipeline.sources.tombstones import NOBODY

_NEWLINE = 10
_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK"


@dataclass(frozen=True)
class Whose:
    """Whose a line is, and what is left of a line that names the person."""

    person: Person
    lines: frozenset[int]
    """Numbers of lines of events that are theirs."""
    columns: frozenset[str]
    """Columns (lower case) of tables that say whose a row is."""

    def needles(self) -> tuple[bytes, ...]:
        every = self.person.names if self.columns else self.person.needles
        texts = {text for name in every for text in (name, json.dumps(name)[1:-1])}
        return tuple(text.lower().encode() for text in texts)

    def is_row(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of a table is the person's: by a column that says whose it is."""
        return any(value in self.person for name, value in row.items() if name and name.strip().lower() in self.columns)


def is_hit(file: File, whose: Whose) -> bool:
    """Whether the person may be in the file at all."""
    needles = whose.needles()
    if file.suffix == ".parquet":
        table = pq.read_table(file.path, partitioning=None)
        text = json.dumps(table.to_pylist(), default=str, ensure_ascii=False).lower().encode()
        return any(needle in text for needle in needles)
    longest = max(map(len, needles), default=0)
    for _, pieces in _members(file.path):
        before = b""
        for piece in pieces:
            text = before + piece.lower()
            if any(needle in text for needle in needles):
                return True
            before = text[-longest:]
    return False


def _members(path: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The contents of a file as far as they can be read: what is damaged was refused when it landed."""

    def sound(pieces: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from pieces
        except unpacking.CutOffError:
            return

    try:
        for name, pieces in unpacking.members(path):
            yield name, sound(pieces)
    except unpacking.CutOffError:
        return


def rewritten(file: File, whose: Whose, events: Events | None) -> tuple[int, int, Callable[[], bytes]]:
    """How many lines are the person's, how many name them, and the file without them."""
    if file.suffix == ".parquet":
        return _parquet(file.path, whose)
    start = file.path.read_bytes()[:4]
    if not start.startswith(_ZIP):
        # Of a file that is no archive, the one there is.
        text = b"".join(piece for _, pieces in _members(file.path) for piece in pieces)
        lines, mentions, new = _text(text, file, whose, 1, is_events=events is not None)
        return lines, mentions, lambda: _packed(new, start)
    target = io.BytesIO()
    lines = mentions = 0
    number = 1
    suffixes = formats.suffixes(events) if events else ()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in _members(file.path):
            text = b"".join(pieces)
            if events is None or landing.suffix(name) in suffixes:
                own, others, new = _text(text, file, whose, number, is_events=events is not None)
                number += text.count(b"\n") + (not text.endswith(b"\n") and bool(text))
                lines, mentions, text = lines + own, mentions + others, new
            archive.writestr(zipfile.ZipInfo(name), text, compress_type=zipfile.ZIP_DEFLATED)
    return lines, mentions, target.getvalue


def _packed(text: bytes, start: bytes) -> bytes:
    if start.startswith(_GZIP):
        return gzip.compress(text, 6, mtime=0)
    if start == _ZSTD:
        target = pa.BufferOutputStream()
        with pa.CompressedOutputStream(target, "zstd") as stream:
            stream.write(text)
        packed: bytes = target.getvalue().to_pybytes()
        return packed
    return text


def _text(text: bytes, file: File, whose: Whose, number: int, *, is_events: bool) -> tuple[int, int, bytes]:
    if is_events:
        return _event_lines(text, whose, number)
    if file.suffix == ".csv":
        return _csv(text.decode("utf-8", "surrogateescape"), whose)
    if file.suffix in landing.LINES:
        return _json(text.decode("utf-8", "surrogateescape"), whose)
    return _event_lines(text, whose, number)


def _event_lines(text: bytes, whose: Whose, number: int) -> tuple[int, int, bytes]:
    """Lines of events: the person's empty, others' without their name."""
    theirs = mentions = 0
    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == _NEWLINE)
    changed = {place - number: b"" for place in whose.lines if 0 <= place - number <= len(ends)}
    theirs = len(changed)
    for place in _places(text, whose.needles(), ends):
        if place not in changed:
            start, end = _bounds(ends, place, len(text))
            line = text[start:end].decode("utf-8", "surrogateescape")
            new = whose.person.scrubbed(line)
            if new != line:
                mentions += 1
                changed[place] = new.encode("utf-8", "surrogateescape")
    pieces: list[bytes] = []
    done = 0
    for place, left in sorted(changed.items()):
        start, end = _bounds(ends, place, len(text))
        pieces += [text[done:start], left]
        done = end
    return theirs, mentions, b"".join([*pieces, text[done:]])


def _places(text: bytes, needles: Collection[bytes], ends: "np.ndarray") -> set[int]:
    """Which lines hold one of the needles, from 0."""
    lowered = text.lower()
    found: set[int] = set()
    for needle in filter(None, needles):
        at = lowered.find(needle)
        while at >= 0:
            place = int(np.searchsorted(ends, at))
            found.add(place)
            at = lowered.find(needle, _bounds(ends, place, len(text))[1])
    return found


def _bounds(ends: "np.ndarray", place: int, size: int) -> tuple[int, int]:
    """Where a line begins and ends, without its newline."""
    start = 0 if place == 0 else int(ends[place - 1]) + 1
    return start, int(ends[place]) if place < len(ends) else size


def _csv(text: str, whose: Whose) -> tuple[int, int, bytes]:
    """Rows of a table: the person's left out, others' as they were written but for their name."""
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=head.count)
    taken: list[str] = []

    def physical() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            taken.append(line)
            yield line

    names: list[str] = []
    kept: list[str] = []
    theirs = mentions = 0
    for cells in csv.reader(physical(), delimiter=delimiter):
        # A quoted value may hold line ends: what was read for this row is the row as it was written.
        written = "".join(taken)
        taken.clear()
        if not names:
            names = cells
        elif whose.is_row(dict(zip(names, cells, strict=False))):
            theirs += 1
            continue
        else:
            new = whose.person.scrubbed(written)
            mentions, written = mentions + (new != written), new
        kept.append(written)
    return theirs, mentions, "".join(kept).encode("utf-8", "surrogateescape")


def _json(text: str, whose: Whose) -> tuple[int, int, bytes]:
    """Objects of a table, one per line or in one list."""
    if text.lstrip().startswith("["):
        rows = json.loads(text)
        kept = [row for row in rows if not whose.is_row(row)]
        new = whose.person.scrubbed(json.dumps(kept, ensure_ascii=False))
        return len(rows) - len(kept), int(NOBODY in new and NOBODY not in text), new.encode()
    theirs = mentions = 0
    lines = []
    for line in text.split("\n"):
        row = _object(line)
        if row is not None and whose.is_row(row):
            theirs += 1
            continue
        new = whose.person.scrubbed(line)
        mentions += new != line
        lines.append(new)
    return theirs, mentions, "\n".join(lines).encode("utf-8", "surrogateescape")


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _parquet(path: Path, whose: Whose) -> tuple[int, int, Callable[[], bytes]]:
    """Rows of a Parquet file; those of events by their number."""
    table = pq.read_table(path, partitioning=None)
    keep = [number not in whose.lines and not whose.is_row(row) for number, row in enumerate(table.to_pylist(), 1)]
    kept = table.filter(pa.array(keep, pa.bool_()))
    mentions = 0
    for place, column in enumerate(kept.schema):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            texts: Collection[str | None] = kept[column.name].to_pylist()
            new = [text if text is None else whose.person.scrubbed(text) for text in texts]
            mentions += sum(a != b for a, b in zip(texts, new, strict=True))
            kept = kept.set_column(place, column, pa.array(new, column.type))
    target = io.BytesIO()
    pq.write_table(kept, target)
    return table.num_rows - kept.num_rows, mentions, target.getvalue
