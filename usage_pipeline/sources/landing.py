"""The landing folder: which deliveries lie there, of which files, and when they came.

A *delivery* is a folder that holds files (the landing folder itself may be one). A folder
or file whose name begins with "." is still being written. An optional `manifest.json`
says when the delivery landed and whether it is an import of the past:
`{"landed_at": "2026-05-04T02:00:00", "history": false}`.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from usage_pipeline.errors import Rejected
from usage_pipeline.home import put

MANIFEST = "manifest.json"
INDEX = "landing.json"
# What a mapping's SQL can read as a table.
TABLES = (".csv", ".parquet", ".jsonl", ".ndjson", ".json")
LINES = (".jsonl", ".ndjson", ".json")
PACKED = (".gz", ".zst")
# Anything else in a delivery (a README, a lock) is left alone. A file that is only called packed
# ("…-0001.gz", as Snowplow's loader names them) holds lines of whatever its input is.
READABLE = (*TABLES, ".tsv", ".zip")


def suffix(name: str) -> str:
    """How a file of that name is to be read, compression aside; empty where it is only called packed."""
    bare = _unpacked(name)
    return next((known for known in READABLE if bare.endswith(known)), Path(name).suffix if bare == name else "")


def _unpacked(name: str) -> str:
    return next((name.removesuffix(packed) for packed in PACKED if name.endswith(packed)), name)


@dataclass(frozen=True)
class File:
    """One landed file; `digest` names its content, so a copy under another name is the same."""

    path: Path
    name: str
    """Path under the landing folder."""
    bytes: int
    digest: str
    landed_at: datetime

    @property
    def table(self) -> str:
        """Its name in a mapping's SQL: `usage.csv.gz` is the table `usage`; empty for what is none."""
        return _unpacked(self.path.name).removesuffix(self.suffix) if self.suffix in TABLES else ""

    @property
    def suffix(self) -> str:
        """How it is to be read, compression aside."""
        return suffix(self.path.name)


@dataclass(frozen=True)
class Delivery:
    """A folder of files that landed together."""

    name: str
    """Path under the landing folder; "." is the landing folder itself."""
    folder: Path
    landed_at: datetime
    history: bool | None
    """What its manifest says; None: the mapping decides."""
    files: tuple[File, ...]


def deliveries(landing: Path, *, now: datetime, state: Path | None = None) -> list[Delivery]:
    """Every delivery under `landing`, oldest first.

    `now` is when a file without a manifest landed if nobody saw it before. With `state` (a
    folder), that first sight and the files' hashes are remembered, so that gigabytes that
    did not change are not read again, and a file keeps its landing time.
    """
    if not landing.is_dir():
        raise Rejected(f"there is no landing folder {landing}", fix="name an existing folder with --data")
    seen = _Seen(state, landing)
    found = [_delivery(landing, folder, paths, now=now, seen=seen) for folder, paths in _folders(landing)]
    seen.keep()
    return sorted(found, key=lambda delivery: (delivery.landed_at, delivery.name))


def _folders(landing: Path) -> Iterator[tuple[Path, list[Path]]]:
    for place, folders, names in os.walk(landing):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [Path(place, name) for name in sorted(names) if _is_readable(name)]
        if paths:
            yield Path(place), paths


def _is_readable(name: str) -> bool:
    return not name.startswith(".") and name != MANIFEST and name.endswith((*READABLE, *PACKED))


def _delivery(landing: Path, folder: Path, paths: list[Path], *, now: datetime, seen: "_Seen") -> Delivery:
    stated = _manifest(folder / MANIFEST)
    files = [seen.file(path, now) for path in paths]
    if stated.landed_at is not None:
        files = [replace(file, landed_at=stated.landed_at) for file in files]
    return Delivery(
        name=folder.relative_to(landing).as_posix(),
        folder=folder,
        landed_at=max(file.landed_at for file in files),
        history=stated.history,
        files=tuple(files),
    )


@dataclass(frozen=True)
class _Manifest:
    landed_at: datetime | None = None
    history: bool | None = None


def _manifest(path: Path) -> _Manifest:
    if not path.exists():
        return _Manifest()
    fix = 'write {"landed_at": "2026-05-04T02:00:00", "history": false}, both optional'
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        stated = content.get("landed_at")
        landed_at = None if stated is None else naive_utc(datetime.fromisoformat(stated))
        history = content.get("history")
    except (ValueError, TypeError, AttributeError) as broken:
        raise Rejected(f"{path} cannot be read: {broken}", fix=fix) from broken
    if not (history is None or isinstance(history, bool)):
        raise Rejected(f"{path}: history is {history!r}, not true or false", fix=fix)
    return _Manifest(landed_at, history)


def naive_utc(moment: datetime) -> datetime:
    """The moment in UTC without a zone; one that names no zone is UTC."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


@contextmanager
def remembering(state: Path) -> Iterator[dict[str, list[Any]]]:
    """What is known of landed files, to be changed by one process at a time: size, time of change, hash, first sight."""
    state.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{state / INDEX}.lock"):
        known = _known(state / INDEX)
        yield known
        put(state / INDEX, json.dumps(known))


def _known(path: Path) -> dict[str, list[Any]]:
    try:
        known: dict[str, list[Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as broken:
        raise Rejected(
            f"{path}, by which landed files are known, cannot be read: {broken}",
            fix="take it from a backup, or remove it: files without a manifest then land anew with the next reading",
        ) from broken
    return known


class _Seen:
    """Which files were seen before: path, size and time of change to hash and first sight."""

    def __init__(self, state: Path | None, landing: Path) -> None:
        self.state = state
        self.landing = landing
        self.before: dict[str, list[Any]] = {}
        self.version: tuple[int, int] | None = None
        self.look()
        self.new: dict[str, list[Any]] = {}

    def look(self) -> None:
        """Read the index, unless it is as it was: a file that `forget` wrote again meanwhile is not a new one."""
        if self.state is None or not (self.state / INDEX).exists():
            return
        about = (self.state / INDEX).stat()
        if self.version != (about.st_ino, about.st_mtime_ns):
            self.version = about.st_ino, about.st_mtime_ns
            self.before = _known(self.state / INDEX)

    def file(self, path: Path, now: datetime) -> File:
        about = path.stat()
        place = str(path.resolve())
        known = self.before.get(place)
        if known is None or known[:2] != [about.st_size, about.st_mtime_ns]:
            self.look()
            known = self.before.get(place)
        if known is not None and known[:2] == [about.st_size, about.st_mtime_ns]:
            digest, first = known[2], known[3]
        else:
            with path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()[:32]
            # The same bytes written again came when they came first.
            first = known[3] if known is not None and known[2] == digest else now.isoformat()
            self.new[place] = [about.st_size, about.st_mtime_ns, digest, first]
        name = path.relative_to(self.landing).as_posix()
        return File(path, name, about.st_size, digest, datetime.fromisoformat(first))

    def keep(self) -> None:
        if self.state is None or not self.new:
            return
        # Other processes, and other landing folders, may share the state.
        with remembering(self.state) as known:
            for place, seen in self.new.items():
                if known.get(place, [])[:2] != seen[:2]:
                    known[place] = seen
