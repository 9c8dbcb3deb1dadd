"""Landing product data: each file read once, its rows judged, its account kept.

A file is one batch, named by the hash of its bytes. Its events, identity calls and refused
rows are written first, each part of it as a Delta application transaction, and the row in
`events/batch` last: a run killed in between is repeated, and what is there already is not
written again. Parts of several small files share a commit, which costs as much as a small file.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.company import Company, Events
from usage_pipeline.errors import Rejected
from usage_pipeline.events import catalogue, copies, forgotten, formats, parts
from usage_pipeline.events.parts import Batch, Part
from usage_pipeline.lake import Lake
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


@dataclass(frozen=True)
class Account:
    """What became of a batch's rows."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    days: frozenset[date] = frozenset()

    @property
    def received(self) -> int:
        return self.accepted + self.duplicates + self.rejected

    def __add__(self, other: "Account") -> "Account":
        return Account(
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            self.rejected + other.rejected,
            self.days | other.days,
        )


@dataclass(frozen=True)
class Piece:
    """A part of a batch on its way into the lake; an empty batch has one without rows."""

    batch: Batch
    number: int
    part: Part | None
    is_last: bool = False

    @property
    def transaction(self) -> str:
        return f"{self.batch.digest}/{self.number}"

    @property
    def rows(self) -> int:
        return 0 if self.part is None else self.part.valid.num_rows + self.part.rejected.num_rows


def ingest(
    folder: Path,
    company: Company,
    lake: Lake,
    *,
    now: datetime,
    progress: Progress,
    state: Path | None = None,
    tombstones: Tombstones | None = None,
) -> Ingested:
    """Land every file under `folder` that is not in the lake yet; running it again adds nothing.

    Rows of the people whom `tombstones` holds are refused.
    """
    waiting = unlanded(landing.deliveries(folder, now=now, state=state), company, lake)
    totals: dict[str, Account] = {}
    done = 0
    for pieces in _ahead(_together(waiting, company, tombstones or Tombstones(None))):
        progress(pieces[0].batch.name, done, len(waiting))
        for piece, account in zip(pieces, land(pieces, lake), strict=True):
            totals[piece.batch.digest] = totals.get(piece.batch.digest, Account()) + account
        whole = [piece.batch for piece in pieces if piece.is_last]
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
        known_days=sorted(total.days),
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
                    {file.table: file}, events,
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


def land(pieces: list[Piece], lake: Lake) -> list[Account]:
    """Write the rows of consecutive parts, each table once, and say what became of each part's rows.

    What a killed run wrote already stays as it is.
    """
    accounts = counted(pieces, lake)
    events: dict[int, dict[str, pa.Table]] = {}
    calls: dict[str, pa.Table] = {}
    rejected: dict[str, pa.Table] = {}
    for piece in pieces:
        if piece.part is None:
            continue
        is_event = pc.equal(piece.part.valid["kind"], "event")
        for days, some in _by_days(piece.part.valid.filter(is_event).select(catalogue.EVENT.schema.names)):
            events.setdefault(days, {})[f"{piece.transaction}/{days}"] = some
        said = piece.part.valid.filter(pc.invert(is_event))
        if said.num_rows:
            said = said.rename_columns({"properties": "traits"})
            calls[piece.transaction] = said.select(catalogue.IDENTITY_CALL.schema.names)
        if piece.part.rejected.num_rows:
            rejected[piece.transaction] = piece.part.rejected
    for _, of_days in sorted(events.items()):
        lake.append_batches(catalogue.EVENT, of_days)
    for table, rows in ((catalogue.IDENTITY_CALL, calls), (catalogue.REJECTED, rejected)):
        if rows:
            lake.append_batches(table, rows)
    return accounts


def _by_days(events: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """The events in order of known day, cut at fixed days: a writer holds a file open for each day."""
    ordered = events.sort_by([("known_day", "ascending"), ("line", "ascending")])
    lengths: dict[int, int] = {}
    for each in pc.value_counts(ordered["known_day"]).to_pylist():
        days = each["values"].toordinal() // COMMIT_DAYS
        lengths[days] = lengths.get(days, 0) + each["counts"]
    start = 0
    for days, length in lengths.items():
        yield days, ordered.slice(start, length)
        start += length


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


def counted(pieces: list[Piece], lake: Lake) -> list[Account]:
    """Per part how many rows count and how many are copies, and the days they touch.

    A row is a copy if its id is already there within reach: in a landed batch, in a part
    before its own, or earlier in this one. A copy that became known before the one that
    counted so far takes its place, so the days of both change.
    """
    names = ["event_id", "kind", "known_at", "known_day", "content_hash", "line"]
    fresh = [
        piece.part.valid.select(names).append_column("turn", pa.repeat(pa.scalar(turn), piece.part.valid.num_rows))
        for turn, piece in enumerate(pieces)
        if piece.part is not None and piece.part.valid.num_rows
    ]
    copied: dict[int, int] = {}
    days: dict[int, set[date]] = {}
    if fresh:
        rows = pa.concat_tables(fresh)
        with querying.connection() as connection:
            connection.register("fresh", rows)
            connection.register("stored", _stored(pieces, rows, lake))
            connection.execute(f"CREATE TEMP TABLE copy AS {_COPIES}")
            copied = dict(connection.execute("SELECT turn, count(*) FROM copy WHERE is_copy GROUP BY turn").fetchall())
            touched = connection.execute(
                "SELECT DISTINCT turn, known_day FROM fresh "
                "UNION SELECT turn, unnest(displaced) FROM copy WHERE displaced IS NOT NULL"
            ).fetchall()
        for turn, day in touched:
            days.setdefault(turn, set()).add(day)
    accounts = []
    for turn, piece in enumerate(pieces):
        duplicates = copied.get(turn, 0)
        valid = 0 if piece.part is None else piece.part.valid.num_rows
        rejected = 0 if piece.part is None else piece.part.rejected.num_rows
        accounts.append(Account(valid - duplicates, duplicates, rejected, frozenset(days.get(turn, ()))))
    return accounts


# Only ids that occur twice, here or in the lake, are looked at row by row.
_COPIES = f"""
    WITH named AS (
        SELECT event_id, kind = 'event' AS is_event, known_at, known_day, content_hash, line, turn FROM fresh
    ), several AS (
        SELECT event_id, is_event FROM (
            SELECT event_id, is_event FROM named UNION ALL SELECT DISTINCT event_id, is_event FROM stored
        ) GROUP BY ALL HAVING count(*) > 1
    ), marked AS (
        SELECT *,
            lag(known_day) OVER (PARTITION BY event_id, is_event, turn ORDER BY known_at, content_hash, line) AS before
        FROM named SEMI JOIN several USING (event_id, is_event)
    ), already AS (
        SELECT event_id, is_event, known_day, -1 AS turn FROM stored
        UNION ALL SELECT event_id, is_event, known_day, turn FROM marked
    )
    SELECT marked.turn, marked.line,
        coalesce(before >= marked.known_day - {copies.REACH_DAYS}, false) OR count(already.known_day) > 0 AS is_copy,
        list(already.known_day) FILTER (already.known_day > marked.known_day AND marked.is_event) AS displaced
    FROM marked LEFT JOIN already
        ON already.event_id = marked.event_id AND already.is_event = marked.is_event AND already.turn < marked.turn
        AND abs(already.known_day - marked.known_day) <= {copies.REACH_DAYS}
    GROUP BY marked.turn, marked.line, before, marked.known_day
"""


def _stored(pieces: list[Piece], fresh: pa.Table, lake: Lake) -> pa.Table:
    """The copies of the parts' rows that were landed before them, within reach."""
    bounds = pc.min_max(fresh["known_day"]).as_py()
    reach = timedelta(days=copies.REACH_DAYS)
    near = (bounds["min"] - reach, bounds["max"] + reach)
    ids = ibis.memtable(fresh.select(["event_id"])).distinct()
    landed = lake.read(catalogue.BATCH).select("batch")
    # A batch goes on where the parts before these ended.
    begun: dict[str, int] = {}
    for piece in pieces:
        if piece.part is not None:
            begun.setdefault(piece.batch.digest, piece.part.first_line)
    found = []
    for table, is_event in ((catalogue.EVENT, True), (catalogue.IDENTITY_CALL, False)):
        rows = lake.read(table, near)
        # A batch that a killed run left half written does not count: its turn comes.
        here = rows["batch"].isin(landed["batch"])
        for digest, line in begun.items():
            if line > 1:
                here |= (rows["batch"] == digest) & (rows["line"] < line)
        close = rows.filter(here & rows["known_day"].between(*map(ibis.literal, near)))
        copies_of = close.semi_join(ids, "event_id").select("event_id", "known_day", is_event=ibis.literal(is_event))
        found.append(lake.backend.to_pyarrow(copies_of))
    return pa.concat_tables(found)
