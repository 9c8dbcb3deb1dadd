"""Landing product data: each file read once, its rows judged, its account kept.

A file is one batch, named by the hash of its bytes. Its events, identity calls and refused
rows are written first, each part of it as a Delta application transaction, and the row in
`events/batch` last: a run killed in between is repeated, and what is there already is not
written again. Parts of several small files share a commit, which costs as much as a small file.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.company import Company, Events
from usage_pipeline.errors import Rejected
from usage_pipeline.events import accounting, catalogue, counting, forgotten, formats, half_landed, parts
from usage_pipeline.events.batches import Account, Batch, Piece
from usage_pipeline.events.seen import Seen
from usage_pipeline.lake import Lake, Table
from usage_pipeline.sources import landing, querying
from usage_pipeline.sources.landing import Delivery
from usage_pipeline.sources.tombstones import Tombstones

# Partitions that one commit writes: 5,000 at once took 2.3 GB. A part is cut at the same
# days at every reading, whatever shares its commit.
COMMIT_DAYS = 200

Progress = Callable[[str, int, int], None]
"""Told the file, how many files are done, and how many there are."""


@dataclass(frozen=True)
class Ingested:
    """What one run landed."""

    batches: int = 0
    received: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    known_days: list[date] = field(default_factory=list)
    """The days whose `usage` this run changed, in order."""


def ingest(
    folder: Path,
    company: Company,
    lake: Lake,
    *,
    now: datetime,
    progress: Progress,
    state: Path | None = None,
    tombstones: Tombstones | None = None,
    touching: Callable[[frozenset[date]], None] = lambda _: None,
) -> Ingested:
    """Land every file under `folder` that is not in the lake yet; running it again adds nothing.

    Rows of the people whom `tombstones` holds are refused. `touching` is told the known days of some files before
    these are landed for good: whoever is killed right after that still knows what changed.
    """
    tombstones = tombstones or Tombstones(None)
    waiting = unlanded(landing.deliveries(folder, now=now, state=state), company, lake)
    waiting, emptied = half_landed.taken_out(waiting, lake, tombstones, touching)
    totals: dict[str, Account] = {}
    done = 0
    seen = Seen(lake)
    for pieces in _ahead(_together(waiting, company, tombstones)):
        progress(pieces[0].batch.name, done, len(waiting))
        for piece, account in zip(pieces, land(pieces, lake, seen), strict=True):
            totals[piece.batch.digest] = totals.get(piece.batch.digest, Account()) + account
        whole = [piece.batch for piece in pieces if piece.is_last]
        touching(frozenset(day for batch in whole for day in totals[batch.digest].days))
        register([(batch, totals[batch.digest]) for batch in whole], lake)
        done += len(whole)
    if waiting:
        progress(waiting[-1].name, done, len(waiting))
    total = sum(totals.values(), Account())
    return Ingested(
        batches=len(waiting),
        received=total.received,
        accepted=total.accepted,
        duplicates=total.duplicates,
        rejected=total.rejected,
        known_days=sorted(total.days | emptied),
    )


def unlanded(deliveries: list[Delivery], company: Company, lake: Lake) -> list[Batch]:
    """The batches that `events/batch` does not list, in the order in which they came."""
    landed = _landed(lake)
    every = batches(deliveries, company)
    found: dict[str, Batch] = {}
    for batch in every:
        if batch.digest not in landed:
            # The same bytes under two names are one file.
            found.setdefault(batch.digest, batch)
    if deliveries and not every:
        wanted = " or ".join(
            "the select's tables" if events.format == "select" else events.files for events in company.events
        )
        raise Rejected(
            f"no delivery holds product events ({wanted})",
            fix="put the files under the landing folder, or name them in the mapping's `events`",
        )
    return list(found.values())


def batches(deliveries: list[Delivery], company: Company) -> list[Batch]:
    """The batches of all deliveries, landed or not, in the order in which they came."""
    return [
        batch
        for delivery in deliveries
        for place, events in enumerate(company.events)
        for batch in _batches(delivery, place, events, company)
    ]


def _landed(lake: Lake) -> set[str]:
    rows = lake.backend.to_pyarrow(lake.read(catalogue.BATCH).select("batch"))
    return set(rows["batch"].to_pylist())


def _batches(delivery: Delivery, place: int, events: Events, company: Company) -> Iterator[Batch]:
    history = company.clock.history if delivery.history is None else delivery.history
    if events.format != "select":
        for file in delivery.files:
            if formats.reads(events, file) and file.path.relative_to(delivery.folder).match(events.files):
                yield Batch(
                    f"{place}: {events.files}", file.digest, file.name, file.bytes, file.landed_at, history, delivery,
                    {file.table: file}, events, half_landed.reading(events, company, place, file.landed_at, history),
                )  # fmt: skip
        return
    tables = querying.tables_of(events.select, "events")
    files = querying.files_for(delivery, tables, "events")
    if files is None:
        return
    # The place too: two selects over one file are two batches.
    name = sha256("\n".join([str(place), *(files[table].digest for table in tables)]).encode()).hexdigest()[:32]
    yield Batch(
        f"{place}: {', '.join(tables)}",
        name,
        ", ".join(files[table].name for table in tables),
        sum(file.bytes for file in files.values()),
        max(file.landed_at for file in files.values()),
        history,
        delivery,
        files,
        events,
        half_landed.reading(events, company, place, max(file.landed_at for file in files.values()), history),
    )


def _together(waiting: list[Batch], company: Company, tombstones: Tombstones) -> Iterator[list[Piece]]:
    """The parts of all batches in their order, as many at a time as one commit should hold."""
    pieces: list[Piece] = []
    rows = 0
    for piece in (piece for batch in waiting for piece in _pieces(batch, company, tombstones)):
        if pieces and rows + piece.rows > parts.PART_ROWS:
            yield pieces
            pieces, rows = [], 0
        pieces.append(piece)
        rows += piece.rows
    if pieces:
        yield pieces


def _ahead(groups: Iterator[list[Piece]]) -> Iterator[list[Piece]]:
    """The same; while one is written, a thread parses the next."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, groups, None)
        while (group := coming.result()) is not None:
            coming = worker.submit(next, groups, None)
            yield group


def _pieces(batch: Batch, company: Company, tombstones: Tombstones) -> Iterator[Piece]:
    waiting: Piece | None = None
    for number, part in enumerate(parts.judged(batch, company)):
        if waiting is not None:
            yield waiting
        waiting = Piece(batch, number, forgotten.kept_out(part, tombstones, batch.name))
    yield Piece(batch, 0, None, is_last=True) if waiting is None else replace(waiting, is_last=True)


def land(pieces: list[Piece], lake: Lake, seen: Seen | None = None) -> list[Account]:
    """Write the rows of consecutive parts, each table once, and say what became of each part's rows.

    What a killed run wrote already stays as it is. `seen` is that of the parts before these.
    """
    accounts = counting.counted(pieces, lake, seen)
    events: dict[int, dict[str, pa.Table]] = {}
    calls: dict[str, pa.Table] = {}
    rejected: dict[str, pa.Table] = {}
    nothing = {table.key: table.schema.to_pyarrow().empty_table() for table in accounting.HOLDING}

    def put(into: dict[str, pa.Table], table: Table, piece: Piece, name: str, rows: pa.Table) -> None:
        mark = half_landed.mark(piece.batch, piece.batch.turns.get(table.key, 0))
        # By itself too, so that it is known by which reading the rows of a batch came.
        into |= {mark: nothing[table.key], f"{mark}/{name}": rows}

    for piece in pieces:
        if piece.part is None:
            continue
        for days, some in _by_days(piece.part.events.select(catalogue.EVENT.schema.names)):
            put(events.setdefault(days, {}), catalogue.EVENT, piece, f"{piece.number}/{days}", some)
        if piece.part.calls.num_rows:
            said = piece.part.calls.rename_columns({"properties": "traits"})
            said = said.select(catalogue.IDENTITY_CALL.schema.names)
            put(calls, catalogue.IDENTITY_CALL, piece, f"{piece.number}", said)
        if piece.part.rejected.num_rows:
            put(rejected, catalogue.REJECTED, piece, f"{piece.number}", piece.part.rejected)
    for _, of_days in sorted(events.items()):
        lake.append_batches(catalogue.EVENT, of_days)
    for table, rows in ((catalogue.IDENTITY_CALL, calls), (catalogue.REJECTED, rejected)):
        if rows:
            lake.append_batches(table, rows)
    return accounts


def _by_days(events: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """The events in order of known day, cut at fixed days: a writer holds a file open for each day."""
    ordered = events if _in_order(events) else events.sort_by([("known_day", "ascending"), ("line", "ascending")])
    lengths: dict[int, int] = {}
    for each in pc.value_counts(ordered["known_day"]).to_pylist():
        days = each["values"].toordinal() // COMMIT_DAYS
        lengths[days] = lengths.get(days, 0) + each["counts"]
    start = 0
    for days, length in lengths.items():
        yield days, ordered.slice(start, length)
        start += length


def _in_order(events: pa.Table) -> bool:
    """Whether no event is of a day before the one it follows: so it mostly is, and sorting copies every row."""
    days = pc.cast(events["known_day"], pa.int32()).to_numpy()
    return bool((days[:-1] <= days[1:]).all())


def register(done: list[tuple[Batch, Account]], lake: Lake) -> None:
    """The batches' own rows: from now on they are landed."""
    schema = catalogue.BATCH.schema.to_pyarrow()
    rows = {batch.digest: pa.Table.from_pylist([_row(batch, total)], schema=schema) for batch, total in done}
    if rows:
        lake.append_batches(catalogue.BATCH, rows)


def _row(batch: Batch, total: Account) -> dict[str, object]:
    return {
        "batch": batch.digest,
        "file": batch.name,
        "bytes": batch.bytes,
        "landed_at": batch.landed_at,
        "received": total.received,
        "accepted": total.accepted,
        "duplicates": total.duplicates,
        "rejected": total.rejected,
        "first_known_day": min(total.days, default=None),
        "last_known_day": max(total.days, default=None),
    }
