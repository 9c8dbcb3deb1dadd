"""A landed file's rows, judged, in parts that are the same at every reading."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.company import Company, Events
from usage_pipeline.errors import Rejected
from usage_pipeline.events import catalogue, cleaning, lines, segment, selected
from usage_pipeline.events.cleaning import Origin
from usage_pipeline.events.reasons import WORDS
from usage_pipeline.sources import querying
from usage_pipeline.sources.landing import Delivery, File

# Rows that one commit holds: memory stays flat however large a file is. The parts of a
# file must be the same at every reading, since each is a transaction of its own.
PART_ROWS = 300_000


@dataclass(frozen=True)
class Batch:
    """A file to be landed (for a select: the files it reads together)."""

    source: str
    digest: str
    name: str
    bytes: int
    landed_at: datetime
    history: bool
    delivery: Delivery
    files: dict[str, File]
    events: Events


@dataclass(frozen=True)
class Part:
    """Some consecutive rows of a batch, judged."""

    first_line: int
    valid: pa.Table
    rejected: pa.Table


def judged(batch: Batch, company: Company) -> Iterator[Part]:
    """The batch's rows, judged, in parts that are the same at every reading."""
    origin = Origin(batch.source, batch.digest, batch.landed_at, batch.history, company.clock, company.start)
    pieces = _segment_rows(batch, origin) if batch.events.format == "segment" else _selected_rows(batch, origin)
    gathered: list[Part] = []
    rows = 0
    for piece in pieces:
        gathered.append(piece)
        rows += piece.valid.num_rows + piece.rejected.num_rows
        if rows >= PART_ROWS:
            yield _together(gathered)
            gathered, rows = [], 0
    if gathered:
        yield _together(gathered)


def _together(pieces: list[Part]) -> Part:
    return Part(
        pieces[0].first_line,
        pa.concat_tables(piece.valid for piece in pieces),
        pa.concat_tables(piece.rejected for piece in pieces),
    )


def _segment_rows(batch: Batch, origin: Origin) -> Iterator[Part]:
    (file,) = batch.files.values()
    sql = cleaning.cleaned(segment.ROWS, origin)
    first_line = 1
    with querying.connection(zone=origin.clock.time_zone) as connection:
        for block in lines.blocks(file.path):
            part = _judged(connection, block.sound, sql, batch, first_line)
            bad = [
                {"line": line.line, "reason": line.reason, "detail": _because(line), "raw": line.raw}
                for line in block.bad
            ]
            if bad:
                part = Part(
                    first_line,
                    part.valid,
                    pa.concat_tables([part.rejected, _rejected(pa.Table.from_pylist(bad), batch)]),
                )
            yield part
            first_line += block.sound.num_rows


def _because(line: lines.BadLine) -> str:
    return ": ".join(filter(None, [WORDS[line.reason], line.detail]))


def _selected_rows(batch: Batch, origin: Origin) -> Iterator[Part]:
    zone = origin.clock.time_zone
    with (
        querying.over(batch.delivery, batch.files, zone) as source,
        querying.connection(zone=zone) as connection,
    ):
        try:
            result = source.sql(batch.events.select)
            columns = dict(zip(result.columns, map(str, result.types), strict=True))
            selected.check(columns, batch.name)
            sql = cleaning.cleaned(selected.rows(columns), origin)
            first_line = 1
            for chunk in source.execute(batch.events.select).to_arrow_reader(PART_ROWS):
                numbers = pa.array(range(first_line, first_line + chunk.num_rows), pa.int64())
                numbered = pa.Table.from_batches([chunk]).add_column(0, "line", numbers)
                yield _judged(connection, numbered, sql, batch, first_line)
                first_line += chunk.num_rows
        except duckdb.Error as broken:
            raise Rejected(
                f"the events' select does not fit {batch.name}: {broken}",
                fix="mend events.select in the mapping, or the file",
            ) from broken


def _judged(connection: duckdb.DuckDBPyConnection, rows: pa.Table, sql: str, batch: Batch, first_line: int) -> Part:
    connection.register("lines", rows)
    judged = connection.execute(sql).to_arrow_table()
    connection.unregister("lines")
    sound = pc.is_null(judged["reason"])
    refused = judged.filter(pc.invert(sound)).select(["line", "reason", "detail", "raw"])
    valid = judged.filter(sound).drop_columns(["reason", "detail", "raw"])
    return Part(first_line, valid, _rejected(refused, batch))


def _rejected(rows: pa.Table, batch: Batch) -> pa.Table:
    schema = catalogue.REJECTED.schema.to_pyarrow()
    same = {"batch": batch.digest, "file": batch.name, "landed_at": batch.landed_at}
    columns = [
        pa.repeat(pa.scalar(same[each.name], each.type), rows.num_rows)
        if each.name in same
        else rows[each.name].cast(each.type)
        for each in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
