"""Objects of a store (S3, Google Cloud, Azure, a folder, anything fsspec opens), as deliveries.

An object is known by its path and its tag: the store's ETag, else size and time of change. What
has another tag than before is brought again, as a new delivery.
"""

import errno
import posixpath
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
import fsspec.core

from usage_pipeline.company import Fetch
from usage_pipeline.errors import Problem, Rejected, Unavailable
from usage_pipeline.sources import landing, secrets
from usage_pipeline.sources.fetched import Content, Delivered, Fetched

# Enough to hide a store's answering time; s3fs asks for the parts of one large object in parallel by itself.
AT_ONCE = 4
# What a killed fetch loses at most. A delivery of one folder is cut here unless a select joins its objects.
DELIVERY_BYTES = 256 * 2**20
DELIVERY_OBJECTS = 500
# An object that is written while it is read is read again.
TRIES = 3

# Options that are no secret, and that a person needs to read in a message.
OPEN = ("endpoint_url", "anon", "region_name", "profile", "project", "account_name")

Told = Callable[[int, int, int], None]
"""Told how many objects are here, how many there are to bring, and the bytes of those that are here."""


@dataclass(frozen=True)
class Object:
    """One object as the store lists it."""

    path: str
    tag: str
    bytes: int

    @property
    def name(self) -> str:
        return posixpath.basename(self.path)

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path)


@dataclass(frozen=True)
class Waiting:
    """What a fetch would bring, in order of their paths."""

    objects: list[Object]
    listed: int

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.objects)


def absorb(memory: Content, added: Content) -> Content:
    """The tags by path, with those of a delivery."""
    return {"tags": memory.get("tags", {}) | added["tags"]}


class Store:
    """A store, opened with the options that the environment holds."""

    def __init__(self, fetch: Fetch, variables: Mapping[str, str]) -> None:
        self.fetch = fetch
        held = {option: secrets.value(variables, name, fetch.name) for option, name in fetch.options.items()}
        self.hidden = secrets.Hidden(text for option, text in held.items() if option not in OPEN)
        url = fetch.url + "**" if fetch.url.endswith("/") else fetch.url
        with self._asking("open"):
            options = {option: _typed(text) for option, text in held.items()}
            # Kept instances and listings would show the store as it was at the fetch before.
            self.files, self.glob = fsspec.core.url_to_fs(
                url, skip_instance_cache=True, use_listings_cache=False, **options
            )

    def waiting(self, known: Content) -> Waiting:
        """The objects that are not known, or not with that tag."""
        tags = known.get("tags", {})
        listed = self._listed()
        if not listed and not tags:
            raise Rejected(
                f"{self.fetch.name}: nothing lies at {self.fetch.url}",
                fix="compare the url in the mapping's fetch with the store; `**` stands for any folders, `*` for a name",
            )
        changed = [one for one in listed if tags.get(one.path) != one.tag]
        if self.fetch.together:
            folders = {one.folder for one in changed}
            changed = [one for one in listed if one.folder in folders]
        return Waiting(changed, len(listed))

    def _listed(self) -> list[Object]:
        with self._asking("list"):
            found = self.files.glob(self.glob, detail=True)
        objects = [
            Object(path, _tag(about), about.get("size") or 0)
            for path, about in found.items()
            if about["type"] == "file" and _is_input(posixpath.basename(path))
        ]
        return sorted(objects, key=lambda one: one.path)

    def bring(self, waiting: Waiting, source: Fetched, *, now: datetime, told: Told) -> Iterator[Delivered]:
        """Each delivery as it has landed."""
        done, size = 0, 0
        for group in self._deliveries(waiting.objects):
            staged = source.stage()
            tags = {}
            for one, tag in self._copied(group, staged):
                tags[one.path] = tag
                done, size = done + 1, size + one.bytes
                told(done, len(waiting.objects), size)
            history = True if self.fetch.first_is_history and not source.is_begun else None
            yield source.publish(staged, {"tags": tags}, now=now, history=history)

    def _deliveries(self, objects: list[Object]) -> Iterator[list[Object]]:
        """The objects of one folder, which are one delivery there, cut where a kill would lose too much."""
        group: list[Object] = []
        size = 0
        for one in objects:
            is_full = not self.fetch.together and (len(group) >= DELIVERY_OBJECTS or size >= DELIVERY_BYTES)
            if group and (is_full or self.fetch.as_table or one.folder != group[0].folder):
                yield group
                group, size = [], 0
            group.append(one)
            size += one.bytes
        if group:
            yield group

    def _copied(self, group: list[Object], staged: Path) -> Iterator[tuple[Object, str]]:
        """Each object with its tag, once it is in the folder."""
        with ThreadPoolExecutor(AT_ONCE) as workers:
            yield from zip(group, workers.map(lambda one: self._get(one, staged), group), strict=True)

    def _get(self, one: Object, staged: Path) -> str:
        """Copy an object; gives the tag of what was copied."""
        name = self.fetch.name + _endings(one.name) if self.fetch.as_table else one.name
        tag = one.tag
        for _ in range(TRIES):
            with self._asking(f"read {one.path}"):
                self.files.get_file(one.path, str(staged / name))
                # A large object comes in several requests (s3fs), so one that was replaced meanwhile could be half
                # of each: only what has the same tag before and after is one of both.
                after = _tag(self.files.info(one.path, refresh=True))
            if after == tag:
                return tag
            tag = after
        raise Unavailable(
            f"{self.fetch.name}: {one.path} changed each time it was read", fix="fetch again when it is written"
        )

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """Around a call to the store: its errors in our words, without what the options hold."""
        try:
            yield
        except Problem:
            raise
        except Exception as error:  # noqa: BLE001 - each store has errors of its own, of libraries not imported here
            said = self.hidden.struck(str(error)) or type(error).__name__
            kind, fix = _kind_and_fix(error, self.fetch.url)
            # Not "from error": what it says may hold a secret, and a log prints the whole chain.
            raise kind(f"{self.fetch.name}: could not {what} ({self.fetch.url}): {said}", fix=fix) from None


def _kind_and_fix(error: Exception, url: str) -> tuple[type[Problem], str]:
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"}:
        return Rejected, (
            "log in as the store's own tools do (AWS_ACCESS_KEY_ID, AWS_PROFILE, a role of the machine), or name "
            "variables in the mapping's options; `anon` for a public bucket"
        )
    if isinstance(error, PermissionError):
        return Rejected, "let these credentials list the bucket and read its objects (S3: s3:ListBucket, s3:GetObject)"
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Rejected, "compare bucket and path in the mapping's fetch with the store"
    if isinstance(error, ImportError):
        return Rejected, (
            f"install what opens {url.partition('://')[0]}://; for s3:// it is `pip install 'usage-pipeline[s3]'`"
        )
    # EINVAL is how s3fs says that S3 finds the request itself wrong: a region, the name of a bucket.
    if isinstance(error, ValueError | TypeError) or getattr(error, "errno", None) == errno.EINVAL:
        return Rejected, "compare url and options in the mapping's fetch with what fsspec says of this store"
    return Unavailable, "fetch again; where it stays, check the store's address and the network"


def _tag(about: Mapping[str, Any]) -> str:
    """What changes when the object does; stores name it differently (fsspec says only `name`, `size`, `type`)."""
    for name in ("ETag", "etag", "md5Hash", "content_md5"):
        if about.get(name):
            return str(about[name]).strip('"')
    times = ("mtime", "LastModified", "last_modified", "updated", "modified", "modify")
    changed = next((str(about[name]) for name in times if about.get(name)), "")
    return f"{about.get('size')}/{changed}"


def _is_input(name: str) -> bool:
    """Whether a delivery may hold it; a manifest of the store's own (`_SUCCESS`, `manifest.json`) says nothing here."""
    return not name.startswith(".") and name != landing.MANIFEST and name.endswith((*landing.READABLE, *landing.PACKED))


def _endings(name: str) -> str:
    """`.csv.gz` of `2026-05-04.csv.gz`."""
    packed = next((ending for ending in landing.PACKED if name.endswith(ending)), "")
    return landing.suffix(name) + packed


def _typed(text: str) -> Any:
    """An option as its store wants it: `true` and `false` are no text (`anon`)."""
    return {"true": True, "false": False}.get(text.lower(), text)
