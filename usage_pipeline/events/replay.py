"""Refused rows mended by a rule of the mapping and judged again: the good ones become events after all.

A replay is a batch of its own, named by the rule and the batch that its rows are of. Its account
counts the replayed rows alone: received = accepted + duplicates, and rejected 0. The rows leave the
quarantine of the batch that they came with, whose account loses them too (received and rejected are
less by as many), so that every row of a file is counted once, where it is now. A row that a rule does
not mend stays as it is and where it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.company import Company, Events, Repair
from usage_pipeline.errors import Rejected
from usage_pipeline.events import catalogue, cleaning, counting, forgotten, formats, ingest, judging
from usage_pipeline.events.batches import REPLAYED, Batch, Part, Piece
from usage_pipeline.events.cleaning import Origin
from usage_pipeline.events.reasons import WORDS, Reason
from usage_pipeline.lake import Lake, amending
from usage_pipeline.sources import querying
from usage_pipeline.sources.landing import Delivery
from usage_pipeline.sources.tombstones import Tombstones

SAMPLES = 3


@dataclass(frozen=True)
class Replayed:
    """What a rule did to the rows of one batch."""

    rule: str
    file: str
    matched: int
    accepted: int
    duplicates: int
    still_refused: Mapping[str, int]
    """By reason."""
    known_days: tuple[date, ...] = ()
    """The days whose `usage` changes."""


def counts(lake: Lake, reason: str | None = None) -> list[dict[str, Any]]:
    """Refused rows per file and reason, most first, each with the words and some sample lines."""
    rows = lake.read(catalogue.REJECTED)
    if reason is not None:
        rows = rows.filter(rows.reason == reason)
    order = ibis.window(group_by=["file", "reason"], order_by="line")
    ranked = rows.mutate(place=ibis.row_number().over(order), rows=rows.count().over(group_by=["file", "reason"]))
    found: list[dict[str, Any]] = lake.backend.to_pyarrow(
        ranked.filter(ranked.place < SAMPLES).select("file", "reason", "rows", "line", "detail", "raw", "place")
    ).to_pylist()
    grouped: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(found, key=lambda row: (-row["rows"], row["file"], row["reason"], row["place"])):
        one = grouped.setdefault(
            (row["file"], row["reason"]),
            {"file": row["file"], "reason": row["reason"], "rows": row["rows"], "fix": _words(row), "samples": []},
        )
        one["samples"].append({"line": row["line"], "detail": row["detail"], "raw": row["raw"]})
    return list(grouped.values())


def _words(row: Mapping[str, Any]) -> str:
    if row["reason"] == forgotten.REASON:
        return forgotten.DETAIL
    return str(WORDS[Reason(row["reason"])])


def replay(
    deliveries: list[Delivery],
    company: Company,
    lake: Lake,
    tombstones: Tombstones,
    *,
    now: datetime,
    really: bool,
) -> list[Replayed]:
    """Mend the refused rows that a rule matches, judge them again and, where `really`, land the good ones.

    Doing it again does nothing: what was mended is no longer in the quarantine, and a replay that was killed is
    a batch that has begun, whose parts are written once. What is mended `now` is known from now on, so that no past
    morning changes; in an import of the past it is as old as the rest.
    """
    batches = {batch.digest: batch for batch in ingest.batches(deliveries, company)}
    done = []
    for rule in company.repair:
        # Read anew for each rule: what the one before has mended is gone.
        matched = _matched(lake, rule)
        for digest in sorted(set(matched["batch"].to_pylist())):
            rows = matched.filter(pc.equal(matched["batch"], digest))
            batch = batches.get(digest)
            if batch is None:
                raise Rejected(
                    f"{rows['file'][0]} is no longer in the landing folder, so how its rows are read is not known",
                    fix="put it back, or narrow the rule with `file`",
                )
            done.append(_replayed(rule, rows, batch, company, lake, tombstones, now=now, really=really))
    return done


def _matched(lake: Lake, rule: Repair) -> pa.Table:
    """Refused rows that the rule is about, with their mended text."""
    with querying.connection() as connection:
        connection.register("refused", lake.backend.to_pyarrow(lake.read(catalogue.REJECTED)))
        tests = [f"({rule.where})"] if rule.where else []
        values: list[str] = []
        for column, value, test in (("reason", rule.reason, "= ?"), ("file", rule.file, "GLOB ?")):
            if value:
                tests.append(f"{column} {test}")
                values.append(value)
        mended = rule.sql or "raw"
        given: list[str] = []
        for old, new in rule.replace.items():
            mended = f"replace({mended}, ?, ?)"
            given += [old, new]
        try:
            return connection.execute(
                f"SELECT *, CAST({mended} AS VARCHAR) AS mended FROM refused "
                f"WHERE reason <> '{forgotten.REASON}' AND {' AND '.join(tests)} ORDER BY batch, line",
                [*given, *values],
            ).to_arrow_table()
        except duckdb.Error as broken:
            raise Rejected(
                f"the repair {rule.name} cannot be carried out: {broken}",
                fix="mend its `where` or `sql` in the mapping",
            ) from broken


def _replayed(
    rule: Repair,
    rows: pa.Table,
    batch: Batch,
    company: Company,
    lake: Lake,
    tombstones: Tombstones,
    *,
    now: datetime,
    really: bool,
) -> Replayed:
    # The lines too: the same rule may find more of the file another time.
    lines = ",".join(map(str, rows["line"].to_pylist()))
    own = replace(
        batch,
        digest=REPLAYED + sha256(f"{rule.name}\n{batch.digest}\n{lines}".encode()).hexdigest()[len(REPLAYED) : 32],
        reading="",
        name=f"{batch.name} (replayed by {rule.name})",
        bytes=0,
        landed_at=batch.landed_at if batch.history else now,
    )
    part = forgotten.kept_out(_judged(rows, own, company), tombstones, own.name)
    refused = pc.value_counts(part.rejected["reason"]).to_pylist()
    still = {one["values"]: one["counts"] for one in refused}
    piece = Piece(own, 0, replace(part, rejected=part.rejected.slice(0, 0)), is_last=True)
    if not part.valid.num_rows:
        return Replayed(rule.name, batch.name, rows.num_rows, 0, 0, still)
    (account,) = ingest.land([piece], lake) if really else counting.counted([piece], lake)
    if really:
        ingest.register([(own, account)], lake)
        _taken_out(lake, batch.digest, part.valid["line"].to_pylist())
    return Replayed(
        rule.name, batch.name, rows.num_rows, account.accepted, account.duplicates, still, tuple(sorted(account.days))
    )


def _judged(rows: pa.Table, batch: Batch, company: Company) -> Part:
    """The mended rows through the same code that judges landed ones."""
    events, clock = batch.events, company.clock
    origin = Origin(
        batch.source, batch.digest, batch.landed_at, batch.history, clock, company.start, events.time_formats,
        events.exclude,
    )  # fmt: skip
    zone = formats.zone(events, clock)
    with querying.connection(zone=zone) as connection:
        lines = pa.table({"line": rows["line"], "raw": rows["mended"]})
        sql = cleaning.cleaned(_stated(events), origin)
        connection.register("lines", lines)
        judged = connection.execute(sql).to_arrow_table()
    return judging.told_apart(judged, batch, 1)


def _stated(events: Events) -> str:
    if events.format == "select":
        raise Rejected(
            "rows of a select are mended in its SQL, not by a repair",
            fix="mend events.select, and deliver the file again under another content, or narrow the repair with `file`",
        )
    return formats.rows(events)


def _taken_out(lake: Lake, digest: str, lines: list[int]) -> None:
    """The mended rows leave the account of the batch that they came with, then the quarantine.

    In this order: as long as they are there, the next replay finds them and does both again.
    """
    rows, batches = lake.read(catalogue.REJECTED), lake.read(catalogue.BATCH)
    stay = rows.filter((rows.batch == digest) & ~rows.line.isin(lines))
    # By what is left, not by what goes: right also where a first try was killed in between.
    left = lake.backend.to_pyarrow(stay.count()).as_py()
    account = batches.filter(batches.batch == digest).select(
        "batch", received=batches.accepted + batches.duplicates + left, rejected=ibis.literal(left, "int64")
    )
    amending.amend(lake, catalogue.BATCH, lake.backend.to_pyarrow(account), key="batch")
    amending.remove(lake, catalogue.REJECTED, pa.table({"batch": [digest] * len(lines), "line": lines}))
