"""Brings what is new elsewhere into the landing folder, as deliveries: from object stores and databases.

Everything downstream reads the landing folder alone. A fetch that is killed at any point and
run again has brought everything once (`fetched`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from usage_pipeline.company import Fetch
from usage_pipeline.errors import Problem, Rejected, Unavailable
from usage_pipeline.sources import object_store, sql_connect, sql_cursor
from usage_pipeline.sources.fetched import Delivered, Fetched
from usage_pipeline.sources.sql_table import Rows

Progress = Callable[[str, str], None]
"""Told the source and, in words, how far it is."""


@dataclass(frozen=True)
class Brought:
    """What one source brought."""

    name: str
    deliveries: tuple[Delivered, ...]

    @property
    def files(self) -> int:
        return sum(one.files for one in self.deliveries)

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.deliveries)

    @property
    def rows(self) -> int | None:
        """Of a database; None for objects."""
        counts = [one.rows for one in self.deliveries if one.rows is not None]
        return sum(counts) if counts else None

    @property
    def until(self) -> str:
        """The cursor that it was read up to; empty where nothing came."""
        return next((one.until for one in reversed(self.deliveries) if one.until), "")


@dataclass(frozen=True)
class Waiting:
    """What a fetch of one source would bring."""

    name: str
    files: int | None = None
    bytes: int | None = None
    rows: int | None = None
    since: str = ""
    """The cursor that it was read up to."""
    is_whole: bool = False
    """A table without a cursor: all its rows, if one of them has changed."""


def fetch(
    several: tuple[Fetch, ...],
    landing: Path,
    *,
    state: Path,
    variables: Mapping[str, str],
    now: datetime,
    progress: Progress,
) -> list[Brought]:
    """What each source brought; `variables` is the environment that mappings name.

    Raises:
        Problem: what went wrong with some sources, once the others have brought theirs.
    """
    _check(landing)
    came: list[Brought] = []
    failed: list[Problem] = []
    for one in several:
        try:
            source = _fetched(one, landing, state)
            with source.held():
                came.append(Brought(one.name, tuple(_bring(one, source, variables, now, progress))))
                source.end()
        except Problem as problem:
            failed.append(problem)
    if failed:
        raise _together(failed)
    return came


def _together(failed: list[Problem]) -> Problem:
    """One problem of several; a person has to act unless all pass by themselves."""
    if len(failed) == 1:
        return failed[0]
    passes = all(isinstance(one, Unavailable) for one in failed)
    text = "\n".join(str(one) for one in failed[:-1])
    return (Unavailable if passes else Rejected)(f"{text}\n{failed[-1].cause}", fix=failed[-1].fix)


def _bring(
    one: Fetch, source: Fetched, variables: Mapping[str, str], now: datetime, progress: Progress
) -> Iterator[Delivered]:
    if one.url:
        store = object_store.Store(one, variables)
        waiting = store.waiting(source.memory)

        def copied(done: int, of: int, size: int) -> None:
            progress(one.name, f"{done:,} of {of:,} objects, {size / 1e6:,.1f} MB")

        yield from store.bring(waiting, source, now=now, told=copied)
    else:
        with sql_connect.connected(one, variables) as connection:
            rows = Rows(one, connection)
            yield from rows.bring(source, now=now, told=lambda done: progress(one.name, f"{done:,} rows"))


def waiting(
    several: tuple[Fetch, ...], landing: Path, *, state: Path, variables: Mapping[str, str], now: datetime
) -> Iterator[Waiting]:
    """What a fetch would bring from each source; nothing is written."""
    _check(landing)
    for one in several:
        memory = _fetched(one, landing, state).memory
        if one.url:
            objects = object_store.Store(one, variables).waiting(memory)
            yield Waiting(one.name, files=len(objects.objects), bytes=objects.bytes)
        else:
            with sql_connect.connected(one, variables) as connection:
                rows = Rows(one, connection).waiting(memory, now=now)
            yield Waiting(one.name, rows=rows.rows, since=rows.since, is_whole=not one.cursor)


def _fetched(one: Fetch, landing: Path, state: Path) -> Fetched:
    return Fetched(one.name, landing, state, object_store.absorb if one.url else sql_cursor.absorb)


def _check(landing: Path) -> None:
    if not landing.is_dir():
        raise Rejected(f"there is no landing folder {landing}", fix="make it, or name an existing one with --data")
