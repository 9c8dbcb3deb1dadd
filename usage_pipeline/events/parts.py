"""A landed file's rows, judged, in parts that are the same at every reading."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.company import Company, Events
from usage_pipeline.errors import Rejected
from usage_pipeline.events import catalogue, cleaning, columnar, formats, lines, selected
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
    events, clock = batch.events, company.clock
    origin = Origin(
        batch.source,
        batch.digest,
        batch.landed_at,
        batch.history,
        clock,
        company.start,
        events.time_formats,
        events.exclude,
    )
    zone = formats.zone(events, clock)
    _check_times(events)
    pieces = _selected_rows(batch, origin, zone) if events.format == "select" else _exported_rows(batch, origin, zone)
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


def _check_times(events: Events) -> None:
    """`Rejected` where a time format of the mapping is none; it would be found in the middle of a file."""
    if not events.time_formats:
        return
    with duckdb.connect() as connection:
        for written in events.time_formats:
            try:
                connection.execute("SELECT TRY_STRPTIME('', ?)", [written])
            except duckdb.Error as unknown:
                raise Rejected(
                    f"the mapping's time_formats has {written!r}: {unknown}",
                    fix="write it as in %d/%m/%Y %H:%M:%S, by DuckDB's strptime",
                ) from unknown


def _exported_rows(batch: Batch, origin: Origin, zone: str) -> Iterator[Part]:
    (file,) = batch.files.values()
    sql = cleaning.cleaned(formats.rows(batch.events), origin)
    with querying.connection(zone=zone) as connection:
        if file.suffix == ".parquet":
            blocks = columnar.blocks(file.path, connection)
        else:
            blocks = lines.blocks(file.path, formats.suffixes(batch.events))
        for block in blocks:
            part = _judged(connection, block.sound, sql, batch, block.first_line)
            rejected = part.rejected
            if block.bad:
                bad = [
                    {"line": line.line, "reason": line.reason, "detail": _because(line), "raw": line.raw}
                    for line in block.bad
                ]
                rejected = pa.concat_tables([rejected, _rejected(pa.Table.from_pylist(bad), batch)])
            if block.member and rejected.num_rows:
                rejected = _placed(rejected, block)
            yield Part(part.first_line, part.valid, rejected)


def _placed(rejected: pa.Table, block: lines.Block) -> pa.Table:
    """The refused rows of an archive, each with the line it has in its own file."""
    line = pc.cast(pc.add(pc.subtract(rejected["line"], block.member_line), 1), pa.string())
    detail = pc.binary_join_element_wise(rejected["detail"], " (line ", line, f" of {block.member})", "")
    return rejected.set_column(rejected.column_names.index("detail"), "detail", detail)


def _because(line: lines.BadLine) -> str:
    return ": ".join(filter(None, [WORDS[line.reason], line.detail]))


def _selected_rows(batch: Batch, origin: Origin, zone: str) -> Iterator[Part]:
    with (
        querying.over(batch.delivery, batch.files, zone) as source,
        querying.connection(zone=zone) as connection,
    ):
        try:
            result = source.sql(batch.events.select)
            columns = dict(zip(result.columns, map(str, result.types), strict=True))
            selected.check(columns, batch.name, origin.exclude)
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
