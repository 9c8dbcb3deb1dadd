"""A person taken out of the landed files: their lines, and what names them in lines of others.

A line of events becomes an empty one, so that every other keeps its number. A file is written
aside and put in place, and stays the batch that it was: what it is known by is the hash of what
landed, which is remembered for the new content, too (`landed/landing.json`).
"""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from usage_pipeline.company import Company
from usage_pipeline.events import forgotten, formats, ingest, parts, unpacking
from usage_pipeline.events.persons import COLUMNS, Person
from usage_pipeline.sources import landing
from usage_pipeline.sources.landing import Delivery, File
from usage_pipeline.sources.tombstones import NOBODY

_NEWLINE = 10
_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK"


@dataclass(frozen=True)
class Found:
    """What a landed file holds of the person."""

    file: File
    lines: int
    mentions: int


@dataclass(frozen=True)
class _Whose:
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


def search(
    deliveries: list[Delivery],
    company: Company,
    person: Person,
    landed: Mapping[str, Collection[int]],
    progress: Callable[[str], None],
) -> Iterator[tuple[Found, Callable[[], bytes]]]:
    """Each landed file that names the person, with what gives the content to be put in its place.

    `landed` has by batch the lines that are known to be theirs; of others they are looked for.
    """
    by_path: dict[Path, list[parts.Batch]] = {}
    for batch in ingest.batches(deliveries, company):
        if batch.events.format != "select":
            for file in batch.files.values():
                by_path.setdefault(file.path, []).append(batch)
    columns = _columns(company)
    for delivery in deliveries:
        for file in delivery.files:
            progress(file.name)
            batches = by_path.get(file.path, [])
            whose = _Whose(person, frozenset(), frozenset() if batches else columns.get(file.table, COLUMNS))
            if not _is_hit(file, whose):
                continue
            if batches:
                whose = _Whose(person, frozenset(_lines(batches, company, person, landed)), frozenset())
            lines, mentions, content = _rewritten(file, whose, batches)
            if lines or mentions:
                yield Found(file, lines, mentions), content


def put_in_place(found: Found, content: bytes, state: Path) -> None:
    """Write the file again, and remember that its content is still the batch that it was."""
    path = found.file.path
    aside = path.with_name(f".{path.name}.new")
    aside.write_bytes(content)
    about = aside.stat()
    index = state / "landing.json"
    known: dict[str, list[Any]] = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    first = known.get(str(path.resolve()), [0, 0, "", found.file.landed_at.isoformat()])[3]
    known[str(path.resolve())] = [about.st_size, about.st_mtime_ns, found.file.digest, first]
    state.mkdir(parents=True, exist_ok=True)
    # The index first: a kill in between leaves a file that is hashed again, to what it was.
    fresh = index.with_suffix(".new")
    fresh.write_text(json.dumps(known), encoding="utf-8")
    fresh.replace(index)
    aside.replace(path)


def _lines(
    batches: list[parts.Batch], company: Company, person: Person, landed: Mapping[str, Collection[int]]
) -> set[int]:
    """The numbers of the lines that are the person's, as the events' own reader finds them."""
    found: set[int] = set()
    names = pa.array(sorted(person.names), pa.string())
    for batch in batches:
        if batch.digest in landed:
            found.update(landed[batch.digest])
            continue
        for part in parts.judged(batch, company):
            theirs = pa.chunked_array([pa.repeat(pa.scalar(value=False), part.valid.num_rows)])
            for name in forgotten.IDS:
                column = pc.cast(part.valid[name], pa.string())
                theirs = pc.or_(theirs, pc.is_in(column, value_set=names))
                theirs = pc.or_(theirs, pc.is_in(pc.utf8_lower(column), value_set=names))
            found.update(part.valid.filter(theirs)["line"].to_pylist())
            for line, raw in zip(part.rejected["line"].to_pylist(), part.rejected["raw"].to_pylist(), strict=True):
                if raw and person.is_named_in(raw):
                    found.add(line)
    return found


def _columns(company: Company) -> dict[str, frozenset[str]]:
    """By the table that a file is, its columns (lower case) that say whose a row is, as the mapping's SQL names them."""
    found: dict[str, frozenset[str]] = {}
    for select in (*company.tables.values(), *(events.select for events in company.events if events.select)):
        with duckdb.connect() as connection:
            told = connection.execute("SELECT json_serialize_sql(?)", [select]).fetchone()
        tables: set[str] = set()
        columns: set[str] = set(COLUMNS)
        _walk(json.loads(told[0]) if told else {}, tables, columns)
        for table in tables:
            found[table] = found.get(table, frozenset()) | {name.lower() for name in columns}
    return found


def _walk(node: Any, tables: set[str], columns: set[str]) -> None:
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            tables.add(node["table_name"])
        if node.get("alias") in COLUMNS:
            _named_in(node, columns)
        for value in node.values():
            _walk(value, tables, columns)
    elif isinstance(node, list):
        for value in node:
            _walk(value, tables, columns)


def _named_in(node: Any, columns: set[str]) -> None:
    if isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            columns.add(node["column_names"][-1])
        for value in node.values():
            _named_in(value, columns)
    elif isinstance(node, list):
        for value in node:
            _named_in(value, columns)


# -- one file ------------------------------------------------------------------------------------


def _is_hit(file: File, whose: _Whose) -> bool:
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


def _rewritten(file: File, whose: _Whose, batches: list[parts.Batch]) -> tuple[int, int, Callable[[], bytes]]:
    """How many lines are the person's, how many name them, and the file without them."""
    if file.suffix == ".parquet":
        return _parquet(file.path, whose)
    start = file.path.read_bytes()[:4]
    if not start.startswith(_ZIP):
        # Of a file that is no archive, the one there is.
        text = b"".join(piece for _, pieces in _members(file.path) for piece in pieces)
        lines, mentions, new = _text(text, file, whose, 1, is_events=bool(batches))
        return lines, mentions, lambda: _packed(new, start)
    target = io.BytesIO()
    lines = mentions = 0
    number = 1
    suffixes = formats.suffixes(batches[0].events) if batches else ()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in _members(file.path):
            text = b"".join(pieces)
            if not batches or landing.suffix(name) in suffixes:
                own, others, new = _text(text, file, whose, number, is_events=bool(batches))
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


def _text(text: bytes, file: File, whose: _Whose, number: int, *, is_events: bool) -> tuple[int, int, bytes]:
    if is_events:
        return _event_lines(text, whose, number)
    if file.suffix == ".csv":
        return _csv(text.decode("utf-8", "surrogateescape"), whose)
    if file.suffix in landing.LINES:
        return _json(text.decode("utf-8", "surrogateescape"), whose)
    return _event_lines(text, whose, number)


def _event_lines(text: bytes, whose: _Whose, number: int) -> tuple[int, int, bytes]:
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


def _csv(text: str, whose: _Whose) -> tuple[int, int, bytes]:
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


def _json(text: str, whose: _Whose) -> tuple[int, int, bytes]:
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


def _parquet(path: Path, whose: _Whose) -> tuple[int, int, Callable[[], bytes]]:
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
