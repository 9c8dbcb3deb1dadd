"""The bytes of a landed file, unpacked where they are gzip or zstd, and of each file in a zip archive.

Whether something is packed is told by its first bytes, whatever its name says.
"""

import errno
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa

from usage_pipeline.errors import Unavailable

# What is unpacked of it fits into memory that is used again and again, instead of asking the system for more.
_READ_BYTES = 64 * 1024
# At once of what is packed well, such as a file of zeros.
_UNPACKED_BYTES = 4 * 1024 * 1024
# pyarrow keeps what it has unpacked when it meets the cut, so little is asked for at a time.
_ZSTD_BYTES = 16 * 1024
_SALVAGED_BYTES = 256
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_BOM = b"\xef\xbb\xbf"
# What zipfile raises for an archive that is damaged, encrypted (RuntimeError) or packed in a way it does not know (a
# RuntimeError, too), and the decompressors within: bz2 and zstd raise OSError for bad content.
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


class CutOffError(Exception):
    """The compressed stream ends early or is damaged."""


def members(path: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The files in the archive by name, in its order; a file that is no archive is the only one, without a name."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start not in _ZIP:
            yield "", unpacked(file)
            return
        try:
            archive = zipfile.ZipFile(file)
        except _DAMAGE as damaged:
            raise verdict(damaged) from damaged
        with archive:
            for entry in archive.infolist():
                # Finder adds a folder of files that hold no lines.
                if not entry.is_dir() and not entry.filename.rpartition("/")[2].startswith("."):
                    yield entry.filename, _of_entry(archive, entry)


def verdict(problem: Exception) -> Exception:
    """What was met is the content's fault, or the disk's: then the file may be whole, and must not be landed as a torso."""
    # zipfile takes what a disk says for bad content, too: the OSError is then what it was handling.
    for said in (problem, problem.__context__):
        # Bad content has no number; a damaged directory of an archive asks for a place before the beginning (EINVAL).
        if isinstance(said, OSError) and said.errno not in {None, errno.EINVAL}:
            return Unavailable(
                f"a landed file could not be read: {said}", fix="see whether its disk is there; run again"
            )
    return CutOffError(f"damaged: {problem}")


def _of_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(entry) as file:
            yield from unpacked(file)
    except _DAMAGE as damaged:
        raise verdict(damaged) from damaged


def unpacked(file: IO[bytes]) -> Iterator[bytes]:
    """The file's bytes without a byte order mark, unpacked once; `CutOffError` after the last that can be had."""
    is_first = True
    for piece in _pieces(file):
        yield piece.removeprefix(_BOM) if is_first else piece
        is_first = is_first and not piece


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    start = file.read(4)
    file.seek(0)
    if start.startswith(_GZIP):
        yield from _gunzipped(file)
    elif start == _ZSTD:
        yield from _unzstd(file)
    else:
        piece = file.read(_READ_BYTES)
        while piece:
            yield piece
            piece = file.read(_READ_BYTES)


def _gunzipped(file: IO[bytes]) -> Iterator[bytes]:
    member, waiting = zlib.decompressobj(wbits=31), file.read(_READ_BYTES)
    while waiting:
        before = member.copy()
        try:
            piece = member.decompress(waiting, _UNPACKED_BYTES)
        except zlib.error as damaged:
            yield from _salvaged(before, waiting)
            raise CutOffError(f"damaged: {damaged}") from damaged
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
        raise CutOffError("the file ends in the middle of its compressed content")


def _salvaged(member: "zlib._Decompress", waiting: bytes) -> Iterator[bytes]:
    """What lies before the damage, which zlib keeps to itself when it meets it."""
    for start in range(0, len(waiting), _SALVAGED_BYTES):
        try:
            yield member.decompress(waiting[start : start + _SALVAGED_BYTES])
        except zlib.error:
            return


def _unzstd(file: IO[bytes]) -> Iterator[bytes]:
    with pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd") as stream:
        while True:
            try:
                piece = stream.read(_ZSTD_BYTES)
            except OSError as damaged:
                raise verdict(damaged) from damaged
            if not piece:
                return
            yield piece
