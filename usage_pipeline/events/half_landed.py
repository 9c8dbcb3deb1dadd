"""What a killed run left of files that are read otherwise now, or are gone: taken out before anything lands.

What it left of a file that is still read in the same way stays, and the next run goes on from there. A table
remembers, as Delta application transactions, by which reading the rows of a file came and how often such rows were
taken out again: after that the file's parts have other names, so that they are landed anew.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import date
from hashlib import sha256

from usage_pipeline.company import Company, Events
from usage_pipeline.events import accounting
from usage_pipeline.events.batches import REPLAYED, Batch
from usage_pipeline.lake import Lake, Table, amending
from usage_pipeline.sources.tombstones import Tombstones


def reading(events: Events, company: Company, *told: object) -> str:
    """What decides how the rows of a file are judged, as a short name."""
    until = company.until if events.format == "select" else None
    return _short(events, company.clock, company.start, until, *told)


def _short(*parts: object) -> str:
    return sha256(repr(parts).encode()).hexdigest()[:16]


def taken_out(
    waiting: list[Batch], lake: Lake, tombstones: Tombstones, touching: Callable[[frozenset[date]], None]
) -> tuple[list[Batch], frozenset[date]]:
    """`waiting` with what they are to be landed as, and the known days of events that are no longer there.

    `touching` is told these days before anything is taken out.
    """
    if tombstones:
        waiting = [replace(batch, reading=_short(batch.reading, tombstones.mark)) for batch in waiting]
    by_digest = {batch.digest: batch for batch in waiting}
    unlisted = accounting.unlisted(lake)
    days: frozenset[date] = frozenset()
    turns = {}
    for table in accounting.HOLDING:
        found = unlisted[table.key] if unlisted else None
        there = set() if found is None else {one for one in found["batch"].to_pylist() if not one.startswith(REPLAYED)}
        turn = turns[table.key] = _turns(lake, table, there | by_digest.keys())
        marks = {mark(by_digest[digest], turn.get(digest, 0)): digest for digest in there if digest in by_digest}
        stay = {marks[name] for name in lake.batches(table, marks)}
        gone = sorted(there - stay)
        if found is None or not gone:
            continue
        span = None
        if table.partition is not None:
            dated = zip(found["batch"].to_pylist(), found[table.partition].to_pylist(), strict=True)
            days = frozenset(day for digest, day in dated if digest in gone)
            touching(days)
            span = min(days), max(days)
        for digest in gone:
            turn[digest] = turn.get(digest, 0) + 1
        amending.take_out(lake, table, {_gone(digest, turn[digest]): digest for digest in gone}, span)
    return [
        replace(batch, turns={key: turn[batch.digest] for key, turn in turns.items() if batch.digest in turn})
        for batch in waiting
    ], days


def mark(batch: Batch, turn: int) -> str:
    """What a table remembers of a batch by a reading, before the names of its parts."""
    return f"{batch.digest}/{batch.reading}.{turn}"


def _gone(digest: str, turn: int) -> str:
    return f"{digest}/gone {turn}"


def _turns(lake: Lake, table: Table, digests: Collection[str]) -> dict[str, int]:
    """How often the rows of each were taken out of the table; those of which none ever were are left out."""
    found: dict[str, int] = {}
    asked: Iterable[str] = digests
    turn = 1
    while names := {_gone(digest, turn): digest for digest in asked}:
        asked = [names[name] for name in lake.batches(table, names)]
        found |= dict.fromkeys(asked, turn)
        turn += 1
    return found
