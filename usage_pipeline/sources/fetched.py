"""What a source of one's own has brought: numbered deliveries in the landing folder, and the memory of them.

    landing/NAME/000042/            a delivery: its files, manifest.json, and .fetched.json
    home/fetched/NAME.json          the memory: what has been brought up to which number

A delivery is filled under a name that begins with "." and renamed when it is whole. Its own
`.fetched.json` says what it added to the memory, so that one rename makes both true: a process
killed before it has brought nothing, one killed after it has brought everything, and the next
reads from the deliveries what the memory's file does not know yet.
"""

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from usage_pipeline.errors import Rejected, Unavailable
from usage_pipeline.home import put
from usage_pipeline.sources.landing import MANIFEST

MARK = ".fetched.json"

Content = dict[str, Any]
"""A memory, or what a delivery adds to it, as JSON: each kind of source knows its own."""
Absorb = Callable[[Content, Content], Content]
"""The memory after a delivery, from the memory before and what the delivery added."""


@dataclass(frozen=True)
class Delivered:
    """One delivery that a fetch brought."""

    name: str
    """Path under the landing folder."""
    files: int
    bytes: int
    rows: int | None = None
    """Of a database; what is in an object is not counted here."""
    until: str = ""
    """The last row's cursor."""


class Fetched:
    """The deliveries of one source, and its memory."""

    def __init__(self, name: str, landing: Path, state: Path, absorb: Absorb) -> None:
        self.name = name
        self.folder = landing / name
        self.file = state / f"{name}.json"
        self._absorb = absorb
        self.number = 0
        self.is_begun = False
        """Whether the first fetch has reached its end; what belongs to the first may be history."""
        self.memory: Content = {}
        self._remember()

    def _remember(self) -> None:
        if self.file.exists():
            kept = _json(self.file)
            self.number, self.is_begun, self.memory = kept["number"], kept["is_begun"], kept["memory"]
        for number, place in sorted(self._numbered()):
            if number > self.number and (place / MARK).exists():
                added = _json(place / MARK)
                self.memory = self._absorb(self.memory, added["added"])
                self.is_begun = self.is_begun or not added["is_first"]
                self.number = number
        # A number is never given twice, whoever made its folder.
        self.number = max([self.number, *(number for number, _ in self._numbered())])

    def _numbered(self) -> Iterator[tuple[int, Path]]:
        if self.folder.is_dir():
            yield from ((int(place.name), place) for place in self.folder.iterdir() if place.name.isdecimal())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the source alone: two fetches at a time would bring the same twice. The memory is read under it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            try:
                # The kernel lets go of it whatever becomes of this process.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Unavailable(
                    f"another fetch of {self.name} is under way", fix="wait for it; what it brings is there for both"
                ) from None
            self._remember()
            for left in self.folder.glob(".[0-9]*"):
                shutil.rmtree(left)
            yield

    def stage(self) -> Path:
        """An empty folder in which to fill the next delivery."""
        staged = self.folder / f".{self.number + 1:06d}"
        if staged.exists():
            shutil.rmtree(staged)
        staged.mkdir()
        return staged

    def drop(self, staged: Path) -> None:
        """Give up a folder: what it holds is here already."""
        shutil.rmtree(staged)

    def publish(
        self,
        staged: Path,
        added: Content,
        *,
        now: datetime,
        history: bool | None,
        rows: int | None = None,
        until: str = "",
    ) -> Delivered:
        """Make a filled folder the next delivery, and `added` part of the memory, at once."""
        stated = {"landed_at": now.isoformat()} | ({} if history is None else {"history": history})
        put(staged / MANIFEST, stated)
        put(staged / MARK, json.dumps({"added": added, "is_first": not self.is_begun}))
        files = [path for path in staged.iterdir() if path.name not in (MANIFEST, MARK)]
        size = sum(path.stat().st_size for path in files)
        number = self.number + 1
        staged.rename(self.folder / f"{number:06d}")
        self.number, self.memory = number, self._absorb(self.memory, added)
        self.keep()
        return Delivered(f"{self.name}/{number:06d}", len(files), size, rows, until)

    def end(self) -> None:
        """The source has been read to its end."""
        if not self.is_begun:
            self.is_begun = True
            self.keep()

    def keep(self) -> None:
        """Write the memory down."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        content = {"number": self.number, "is_begun": self.is_begun, "memory": self.memory}
        # Without line breaks: a store of a hundred thousand objects has as many entries.
        put(self.file, json.dumps(content))


def _json(path: Path) -> Content:
    try:
        content: Content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as broken:
        raise Rejected(
            f"{path} cannot be read: {broken}", fix="remove it; what it says is read from the deliveries again"
        ) from broken
    return content
