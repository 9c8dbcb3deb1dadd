"""What became of landed rows: how many count and how many are copies of others, and which days they touch."""

from datetime import date

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.events import catalogue, copies
from usage_pipeline.events.batches import Account, Piece
from usage_pipeline.events.seen import Seen
from usage_pipeline.lake import Lake
from usage_pipeline.sources import querying


def counted(pieces: list[Piece], lake: Lake, seen: Seen | None = None) -> list[Account]:
    """Per part how many rows count and how many are copies, and the days they touch.

    A row is a copy if its id is already there within reach: in a landed batch, in a part
    before its own, or earlier in this one. A copy that became known before the one that
    counted so far takes its place, so the days of both change.
    """
    copied: dict[int, int] = {}
    days = {
        turn: {
            day for rows in (piece.part.events, piece.part.calls) for day in pc.unique(rows["known_day"]).to_pylist()
        }
        for turn, piece in enumerate(pieces)
        if piece.part is not None
    }
    rows, held_on = _maybe_copies(pieces, seen or Seen(lake))
    if rows.num_rows:
        with querying.connection() as connection:
            connection.register("fresh", rows)
            connection.register("stored", _stored(pieces, rows, held_on, lake))
            connection.execute(f"CREATE TEMP TABLE copy AS {_COPIES}")
            copied = dict(connection.execute("SELECT turn, count(*) FROM copy WHERE is_copy GROUP BY turn").fetchall())
            displaced = connection.execute(
                "SELECT DISTINCT turn, unnest(displaced) FROM copy WHERE displaced IS NOT NULL"
            ).fetchall()
        for turn, day in displaced:
            days[turn].add(day)
    accounts = []
    for turn, piece in enumerate(pieces):
        duplicates = copied.get(turn, 0)
        rejected = 0 if piece.part is None else piece.part.rejected.num_rows
        accounts.append(Account(piece.valid - duplicates, duplicates, rejected, frozenset(days.get(turn, ()))))
    return accounts


def _maybe_copies(pieces: list[Piece], seen: Seen) -> tuple[pa.Table, list[date]]:
    """The rows whose id may be there already, and the days on which the lake holds such ids; from now on all are seen."""
    names = ["event_id", "kind", "known_at", "known_day", "content_hash", "line"]
    fresh, hashes, days = [], [], []
    for turn, piece in enumerate(pieces):
        told = () if piece.part is None else ((True, piece.part.events), (False, piece.part.calls))
        for is_event, rows in told:
            if rows.num_rows:
                fresh.append(rows.select(names).append_column("turn", pa.repeat(pa.scalar(turn), rows.num_rows)))
                keys, known = seen.keys(rows, is_event=is_event)
                hashes.append(keys)
                days.append(known)
    if not fresh:
        return pa.table({}), []
    every, known = np.concatenate(hashes), np.concatenate(days)
    several, held_on = seen.several(every, known)
    seen.add(every, known)
    return pa.concat_tables(fresh).filter(pa.array(several)), held_on


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


def _stored(pieces: list[Piece], fresh: pa.Table, days: list[date], lake: Lake) -> pa.Table:
    """The copies of these rows that were landed before them, of known days that lie among `days`."""
    nothing = pa.table({"event_id": [], "known_day": [], "is_event": []}, schema=_STORED)
    if not days:
        return nothing
    span = (days[0], days[-1])
    ids = ibis.memtable(fresh.select(["event_id"])).distinct()
    landed = lake.read(catalogue.BATCH).select("batch")
    # A batch goes on where the parts before these ended.
    begun: dict[str, int] = {}
    for piece in pieces:
        if piece.part is not None:
            begun.setdefault(piece.batch.digest, piece.part.first_line)
    found = [nothing]
    for table, is_event in ((catalogue.EVENT, True), (catalogue.IDENTITY_CALL, False)):
        rows = lake.read(table, span)
        # A batch that a killed run left half written does not count: its turn comes.
        here = rows["batch"].isin(landed["batch"])
        for digest, line in begun.items():
            if line > 1:
                here |= (rows["batch"] == digest) & (rows["line"] < line)
        close = rows.filter(here & rows["known_day"].between(*map(ibis.literal, span)))
        copies_of = close.semi_join(ids, "event_id").select("event_id", "known_day", is_event=ibis.literal(is_event))
        found.append(lake.backend.to_pyarrow(copies_of).cast(_STORED))
    return pa.concat_tables(found)


_STORED = pa.schema([("event_id", pa.string()), ("known_day", pa.date32()), ("is_event", pa.bool_())])
