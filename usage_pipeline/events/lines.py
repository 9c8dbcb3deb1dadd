"""The numbered lines of a landed file, plain or gzip, with every byte accounted for.

DuckDB gives no line numbers, and one broken byte or a cut-off gzip makes it refuse the whole
file; so the bytes are read here, in blocks, and only sound text is handed on.
"""

import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from usage_pipeline.events.reasons import Reason

# Text per block: some 40,000 events, a hundred MB while they are parsed.
BLOCK_BYTES = 16 * 1024 * 1024
_READ_BYTES = 1024 * 1024
_GZIP = b"\x1f\x8b"
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


class _CutOffError(Exception):
    """The compressed stream ends early or is damaged."""


def blocks(path: Path) -> Iterator[Block]:
    """All non-blank lines of the file in blocks; line numbers count blank lines too."""
    number = 1
    rest = b""
    pieces = _pieces(path)
    broken = ""
    while True:
        gathered, size = [rest], len(rest)
        ended = False
        while size < BLOCK_BYTES or b"\n" not in gathered[-1]:
            try:
                piece = next(pieces)
            except StopIteration:
                ended = True
                break
            except _CutOffError as cut_off:
                broken, ended = str(cut_off), True
                break
            gathered.append(piece)
            size += len(piece)
        text = b"".join(gathered)
        cut = text.rfind(b"\n") + 1
        # The last line of a sound file may lack its newline; that of a broken one is a torso.
        whole, rest = (text, b"") if ended and not broken else (text[:cut], text[cut:])
        if whole:
            # With or without a last newline the content is the same, and so is its hash.
            whole = whole if whole.endswith(b"\n") else whole + b"\n"
            block, lines = _block(whole, number)
            number += lines
            yield block
        if ended:
            break
    if broken:
        torso = rest.decode("utf-8", "backslashreplace")
        yield Block(LINES.empty_table(), [BadLine(number, Reason.CUT_OFF_GZIP, torso, broken)])


def _pieces(path: Path) -> Iterator[bytes]:
    """The file's bytes, unpacked where they are gzip (whatever its name says)."""
    with path.open("rb") as file:
        first = file.read(_READ_BYTES)
        packed = first.startswith(_GZIP)
        if not packed:
            first = first.removeprefix(b"\xef\xbb\xbf")
            while first:
                yield first
                first = file.read(_READ_BYTES)
            return
        member, waiting = zlib.decompressobj(wbits=31), first
        while waiting:
            try:
                piece = member.decompress(waiting, 4 * _READ_BYTES)
            except zlib.error as damaged:
                raise _CutOffError(f"damaged: {damaged}") from damaged
            if piece:
                yield piece
            # One file may be several gzip members in a row, with zeros as padding.
            if member.eof:
                waiting = member.unused_data.lstrip(b"\0") or file.read(_READ_BYTES).lstrip(b"\0")
                if waiting:
                    member = zlib.decompressobj(wbits=31)
            else:
                waiting = member.unconsumed_tail or file.read(_READ_BYTES)
        if left := member.flush():
            yield left
        if not member.eof:
            raise _CutOffError("the file ends in the middle of its compressed content")


def _block(text: bytes, number: int) -> tuple[Block, int]:
    """The block that begins with line `number`, and how many lines it has."""
    starts, ends = _bounds(text)
    lines = len(starts)
    bad: list[BadLine] = []
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        text, bad = _mended(text, starts, ends, number)
    # The newline stays at a line's end: JSON does not mind, and nothing is copied.
    offsets = np.append(starts, ends[-1:]).astype(np.int32)
    raw = pa.StringArray.from_buffers(lines, pa.py_buffer(offsets), pa.py_buffer(text))
    table = pa.Table.from_arrays([pa.array(np.arange(number, number + lines)), raw], schema=LINES)
    return Block(table, bad), lines


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
