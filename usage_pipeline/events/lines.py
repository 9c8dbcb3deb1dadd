"""The numbered lines of a landed file, plain, packed or in an archive, with every byte accounted for.

DuckDB gives no line numbers, and one broken byte or a cut-off gzip makes it refuse the whole
file; so the bytes are read here, in blocks, and only sound text is handed on.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from usage_pipeline.events import unpacking
from usage_pipeline.events.reasons import Reason
from usage_pipeline.events.unpacking import CutOffError
from usage_pipeline.sources import landing

# Text per block: some 40,000 events, a hundred MB while they are parsed.
BLOCK_BYTES = 16 * 1024 * 1024
# No tool takes an event of more than some MB; without an end a file of zeros would fill the memory.
LINE_BYTES = 32 * 1024 * 1024
_SHOWN_BYTES = 1_000
_NEWLINE = 10

LINES = pa.schema([("line", pa.int64()), ("raw", pa.string())])


@dataclass(frozen=True)
class BadLine:
    """A line whose text cannot even be looked at."""

    line: int
    reason: Reason
    raw: str
    detail: str = ""


@dataclass(frozen=True)
class Block:
    """Consecutive lines of a file: sound ones as a table (line, raw), the others apart."""

    sound: pa.Table
    bad: list[BadLine] = field(default_factory=list)
    first_line: int = 1
    member: str = ""
    """In an archive: the file within, whose first line is `member_line`; lines are numbered through."""
    member_line: int = 1


def blocks(path: Path, suffixes: tuple[str, ...] = (*landing.LINES, "")) -> Iterator[Block]:
    """All non-blank lines of the file in blocks; line numbers count blank lines too.

    Of an archive those of each file within that has one of the suffixes.
    """
    number, members = 1, 0
    try:
        for name, pieces in unpacking.members(path):
            if name and landing.suffix(name) not in suffixes:
                continue
            members += 1
            began = number
            for block in _of_member(pieces, number):
                yield replace(block, member=name, member_line=began)
                number = block.first_line + max(block.sound.num_rows, len(block.bad))
    except CutOffError as broken:
        yield _refused(number, Reason.CUT_OFF, str(broken))
        return
    if not members:
        yield _refused(number, Reason.EMPTY_ARCHIVE, f"none ends in {', '.join(filter(None, suffixes))}")


def _refused(number: int, reason: Reason, detail: str, torso: str = "") -> Block:
    return Block(LINES.empty_table(), [BadLine(number, reason, torso, detail)], number)


def _of_member(pieces: Iterator[bytes], number: int) -> Iterator[Block]:
    rest = b""
    broken = ""
    ended = False
    while not ended:
        gathered, size = [rest], len(rest)
        while (size < BLOCK_BYTES or b"\n" not in gathered[-1]) and size < BLOCK_BYTES + LINE_BYTES:
            try:
                piece = next(pieces)
            except StopIteration:
                ended = True
                break
            except CutOffError as cut_off:
                broken, ended = str(cut_off), True
                break
            gathered.append(piece)
            size += len(piece)
        rest = b""
        # The last line of a sound file may lack its newline; that of a broken one is a torso.
        if not ended or broken:
            gathered, rest = _cut(gathered)
        whole = b"".join(gathered)
        if whole:
            # With or without a last newline the content is the same, and so is its hash.
            whole = whole if whole.endswith(b"\n") else whole + b"\n"
            block, lines = _block(whole, number)
            number += lines
            yield block
        elif not ended:
            yield _refused(number, Reason.LINE_TOO_LONG, "", rest[:_SHOWN_BYTES].decode("utf-8", "backslashreplace"))
            number += 1
            try:
                rest = _after_the_line(pieces)
            except CutOffError as cut_off:
                rest, broken, ended = b"", str(cut_off), True
    if broken:
        yield _refused(number, Reason.CUT_OFF, broken, rest.decode("utf-8", "backslashreplace"))


def _cut(gathered: list[bytes]) -> tuple[list[bytes], bytes]:
    """The pieces up to the last end of a line, and what follows it."""
    for place in range(len(gathered) - 1, -1, -1):
        if end := gathered[place].rfind(b"\n") + 1:
            return [*gathered[:place], gathered[place][:end]], b"".join([gathered[place][end:], *gathered[place + 1 :]])
    return [], b"".join(gathered)


def _after_the_line(pieces: Iterator[bytes]) -> bytes:
    """What has been read beyond the end of the line, all of which is left out; empty at the end of the file."""
    for piece in pieces:
        if b"\n" in piece:
            return piece.partition(b"\n")[2]
    return b""


def _block(text: bytes, number: int) -> tuple[Block, int]:
    """The block that begins with line `number`, and how many lines it has."""
    starts, ends = _bounds(text)
    lines = len(starts)
    table = _table(text, starts, ends, number)
    bad: list[BadLine] = []
    try:
        # Looks at every byte, and copies none.
        table["raw"].validate(full=True)
    except pa.ArrowInvalid:
        text, bad = _mended(text, starts, ends, number)
        table = _table(text, starts, ends, number)
    return Block(table, bad, number), lines


def _table(text: bytes, starts: np.ndarray, ends: np.ndarray, number: int) -> pa.Table:
    # The newline stays at a line's end: JSON does not mind, and nothing is copied.
    offsets = np.append(starts, ends[-1:]).astype(np.int32)
    raw = pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(text))
    return pa.Table.from_arrays([pa.array(np.arange(number, number + len(starts))), raw], schema=LINES)


def _bounds(text: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Where each line starts, and where it ends, newline included."""
    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == _NEWLINE) + 1
    return np.append(0, ends[:-1]), ends


def _mended(text: bytes, starts: np.ndarray, ends: np.ndarray, number: int) -> tuple[bytes, list[BadLine]]:
    """The text with its undecodable lines blanked, and these lines."""
    mended, bad = bytearray(text), []
    view = memoryview(text)
    checked = 0
    while checked < len(text):
        try:
            codecs.utf_8_decode(view[checked:], "strict", True)  # noqa: FBT003 - "final" has no name there
            break
        except UnicodeDecodeError as broken:
            # A newline ends whatever was cut short, so the first broken byte is in the first broken line.
            place = int(np.searchsorted(ends, checked + broken.start, side="right"))
            start, end = int(starts[place]), int(ends[place])
            shown = text[start:end].rstrip(b"\r\n").decode("utf-8", "backslashreplace")
            byte = checked + broken.start - start + 1
            bad.append(BadLine(number + place, Reason.BAD_UTF8, shown, f"byte {byte} of the line"))
            mended[start:end] = b" " * (end - start)
            checked = end
    return bytes(mended), bad
