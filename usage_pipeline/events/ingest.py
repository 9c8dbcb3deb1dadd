"""Landing product data: each file read once, its rows judged, its account kept.

A file is one batch, named by the hash of its bytes. Its events, identity calls and refused
rows are written first, each part of it as a Delta application transaction, and the row in
`events/batch` last: a run killed in between is repeated, and what is there already is not
written again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.company import Company, Events
from usage_pipeline.errors import Rejected
from usage_pipeline.events import catalogue, copies, parts
from usage_pipeline.events.parts import Batch, Part
from usage_pipeline.lake import Lake
from usage_pipeline.sources import landing, querying
from usage_pipeline.sources.landing import Delivery

# Partitions that one commit writes: 5,000 at once took 2.3 GB.
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


def ingest(
    folder: Path, company: Company, lake: Lake, *, now: datetime, progress: Progress, state: Path | None = None
) -> Ingested:
    """Land every file under `folder` that is not in the lake yet; running it again adds nothing."""
    waiting = unlanded(landing.deliveries(folder, now=now, state=state), company, lake)
    total = Account()
    for done, batch in enumerate(waiting):
        progress(batch.name, done, len(waiting))
        total += land(batch, company, lake)
    if waiting:
        progress(waiting[-1].name, len(waiting), len(waiting))
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
    found: dict[str, Batch] = {}
    named = 0
    for delivery in deliveries:
        for place, events in enumerate(company.events):
            for batch in _batches(delivery, place, events, company):
                named += 1
                if batch.digest not in landed:
                    # The same bytes under two names are one file.
                    found.setdefault(batch.digest, batch)
    if deliveries and not named:
        wanted = " or ".join(
            events.files if events.format == "segment" else "the select's tables" for events in company.events
        )
        raise Rejected(
            f"no delivery holds product events ({wanted})",
            fix="put the files under the landing folder, or name them in the mapping's `events`",
        )
    return list(found.values())


def _landed(lake: Lake) -> set[str]:
    batches = lake.backend.to_pyarrow(lake.read(catalogue.BATCH).select("batch"))
    return set(batches["batch"].to_pylist())


def _batches(delivery: Delivery, place: int, events: Events, company: Company) -> Iterator[Batch]:
    history = company.clock.history if delivery.history is None else delivery.history
    if events.format == "segment":
        for file in delivery.files:
            if file.suffix in landing.LINES and file.path.relative_to(delivery.folder).match(events.files):
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


def land(batch: Batch, company: Company, lake: Lake) -> Account:
    """Write one batch, its row in `events/batch` last; what a killed run wrote already stays as it is."""
    total = Account()
    for number, part in enumerate(parts.judged(batch, company)):
        total += land_part(batch, number, part, lake)
    register(batch, total, lake)
    return total


def land_part(batch: Batch, number: int, part: Part, lake: Lake) -> Account:
    """Write one part's rows, each table once, and say what became of them."""
    transaction = f"{batch.digest}/{number}"
    account = _counted(batch, part, lake)
    events = part.valid.filter(pc.equal(part.valid["kind"], "event"))
    for place, some in enumerate(_by_days(_columns(events, catalogue.EVENT.schema.names))):
        lake.append(catalogue.EVENT, some, batch=f"{transaction}/{place}")
    calls = part.valid.filter(pc.not_equal(part.valid["kind"], "event"))
    if calls.num_rows:
        said = calls.rename_columns({"properties": "traits"})
        lake.append(catalogue.IDENTITY_CALL, _columns(said, catalogue.IDENTITY_CALL.schema.names), batch=transaction)
    if part.rejected.num_rows:
        lake.append(catalogue.REJECTED, part.rejected, batch=transaction)
    return account


def _by_days(events: pa.Table) -> Iterator[pa.Table]:
    """The events in order of known day, in pieces of so many days: a writer holds a file open for each."""
    ordered = events.sort_by([("known_day", "ascending"), ("line", "ascending")])
    counts = pc.value_counts(ordered["known_day"]).field("counts").to_pylist()
    start = 0
    for place in range(0, len(counts), COMMIT_DAYS):
        length = sum(counts[place : place + COMMIT_DAYS])
        yield ordered.slice(start, length)
        start += length


def _columns(rows: pa.Table, names: tuple[str, ...]) -> pa.Table:
    return rows.select(list(names))


def register(batch: Batch, total: Account, lake: Lake) -> None:
    """The batch's own row: from now on it is landed."""
    row = {
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
    rows = pa.Table.from_pylist([row], schema=catalogue.BATCH.schema.to_pyarrow())
    lake.append(catalogue.BATCH, rows, batch=batch.digest)


def _counted(batch: Batch, part: Part, lake: Lake) -> Account:
    """How many of the part's rows count and how many are copies, and the days they touch.

    A row is a copy if its id is already there within reach: in a landed batch, or earlier in
    this one. A copy that became known before the one that counted so far takes its place, so
    the days of both change.
    """
    rejected = Account(rejected=part.rejected.num_rows)
    if not part.valid.num_rows:
        return rejected
    rows = part.valid.select(["event_id", "kind", "known_at", "known_day", "content_hash", "line"])
    with querying.connection() as connection:
        connection.register("fresh", rows)
        connection.register("stored", _stored(batch, part, lake))
        connection.execute(f"CREATE TEMP TABLE copy AS {_COPIES}")
        found = connection.execute("SELECT count(*) FROM copy WHERE is_copy").fetchone()
        days = connection.execute(
            "SELECT DISTINCT known_day FROM fresh UNION SELECT unnest(displaced) FROM copy WHERE displaced IS NOT NULL"
        ).fetchall()
    duplicates = found[0] if found else 0
    fresh = Account(rows.num_rows - duplicates, duplicates, 0, frozenset(day for (day,) in days))
    return fresh + rejected


# Only ids that occur twice, here or in the lake, are looked at row by row.
_COPIES = f"""
    WITH named AS (
        SELECT event_id, kind = 'event' AS is_event, known_at, known_day, content_hash, line FROM fresh
    ), several AS (
        SELECT event_id, is_event FROM (
            SELECT event_id, is_event FROM named UNION ALL SELECT DISTINCT event_id, is_event FROM stored
        ) GROUP BY ALL HAVING count(*) > 1
    ), marked AS (
        SELECT *, lag(known_day) OVER (PARTITION BY event_id, is_event ORDER BY known_at, content_hash, line) AS before
        FROM named SEMI JOIN several USING (event_id, is_event)
    )
    SELECT line,
        coalesce(before >= marked.known_day - {copies.REACH_DAYS}, false) OR count(stored.known_day) > 0 AS is_copy,
        list(stored.known_day) FILTER (stored.known_day > marked.known_day AND marked.is_event) AS displaced
    FROM marked LEFT JOIN stored
        ON stored.event_id = marked.event_id AND stored.is_event = marked.is_event
        AND abs(stored.known_day - marked.known_day) <= {copies.REACH_DAYS}
    GROUP BY line, before, marked.known_day
"""


def _stored(batch: Batch, part: Part, lake: Lake) -> pa.Table:
    """The copies of the part's rows that were landed before them, within reach."""
    bounds = pc.min_max(part.valid["known_day"]).as_py()
    reach = timedelta(days=copies.REACH_DAYS)
    near = (bounds["min"] - reach, bounds["max"] + reach)
    ids = ibis.memtable(part.valid.select(["event_id"])).distinct()
    landed = lake.read(catalogue.BATCH).select("batch")
    found = []
    for table, is_event in ((catalogue.EVENT, True), (catalogue.IDENTITY_CALL, False)):
        rows = lake.read(table, near)
        # A batch that a killed run left half written does not count: its turn comes.
        here = rows["batch"].isin(landed["batch"]) | (
            (rows["batch"] == batch.digest) & (rows["line"] < part.first_line)
        )
        close = rows.filter(here & rows["known_day"].between(*map(ibis.literal, near)))
        copies_of = close.semi_join(ids, "event_id").select("event_id", "known_day", is_event=ibis.literal(is_event))
        found.append(lake.backend.to_pyarrow(copies_of))
    return pa.concat_tables(found)
