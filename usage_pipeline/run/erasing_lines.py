"""One landed file without a person: the lines that are theirs gone or empty, and their name out of those of others."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from usage_pipeline.company import Events
from usage_pipeline.events import formats, unpacking
from usage_pipeline.run import erasing_rows
from usage_pipeline.run.erasing_whose import Whose
from usage_pipeline.sources import landing
from usage_pipeline.sources.landing import File

_NEWLINE = 10
_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK"


def is_hit(file: File, whose: Whose) -> bool:
    """Whether the person may be in the file at all."""
    needles = whose.needles()
    if file.suffix == ".parquet":
        table = erasing_rows.table(file.path)
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
        return erasing_rows.parquet(file.path, whose)
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
        return erasing_rows.of_csv(text.decode("utf-8", "surrogateescape"), whose)
    if file.suffix in landing.LINES:
        return erasing_rows.of_json(text.decode("utf-8", "surrogateescape"), whose)
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
