"""A landed file's rows, judged, in parts that are the same at every reading."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from queue import SimpleQueue

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.company import Company, Events
from usage_pipeline.errors import Rejected
from usage_pipeline.events import columnar, formats, judging, lines, selected
from usage_pipeline.events.batches import Batch, Part
from usage_pipeline.events.cleaning import Origin
from usage_pipeline.events.judging import Judge
from usage_pipeline.events.reasons import WORDS
from usage_pipeline.sources import querying
from usage_pipeline.sources.landing import File

# Rows that one commit holds: memory stays flat however large a file is. The parts of a
# file must be the same at every reading, since each is a transaction of its own.
PART_ROWS = 300_000
# Blocks of a file that are judged at once: DuckDB lets go of the interpreter meanwhile.
JUDGES = 2


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
    pieces = (
        _selected_rows(batch, company, origin, zone)
        if events.format == "select"
        else _exported_rows(batch, origin, zone)
    )
    gathered: list[Part] = []
    rows = 0
    for piece in pieces:
        gathered.append(piece)
        rows += piece.events.num_rows + piece.calls.num_rows + piece.rejected.num_rows
        if rows >= PART_ROWS:
            yield _together(gathered)
            gathered, rows = [], 0
    if gathered:
        yield _together(gathered)


def _together(pieces: list[Part]) -> Part:
    return Part(
        pieces[0].first_line,
        pa.concat_tables(piece.events for piece in pieces),
        pa.concat_tables(piece.calls for piece in pieces),
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
    """The parts of the file's blocks in order; some blocks are judged while the next are read."""
    (file,) = batch.files.values()
    stated = formats.rows(batch.events)
    trusting = formats.rows(batch.events, trusting=True)
    free: SimpleQueue[Judge] = SimpleQueue()

    def judged_block(block: lines.Block) -> Part:
        judge = free.get()
        try:
            return _of_block(judge, block, batch)
        finally:
            free.put(judge)

    with ExitStack() as opened, ThreadPoolExecutor(JUDGES) as pool:
        judges = 0
        begun: deque[Future[Part]] = deque()
        for block in _blocks(batch, file, opened):
            # A small file needs no second one.
            if judges < JUDGES:
                connection = opened.enter_context(querying.connection(zone=zone))
                free.put(Judge(connection, batch, origin, stated=stated, trusting=trusting))
                judges += 1
            begun.append(pool.submit(judged_block, block))
            if len(begun) > JUDGES:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def _blocks(batch: Batch, file: File, opened: ExitStack) -> Iterator[lines.Block]:
    if file.suffix == ".parquet":
        return columnar.blocks(file.path, opened.enter_context(querying.connection()))
    return lines.blocks(file.path, formats.suffixes(batch.events))


def _of_block(judge: Judge, block: lines.Block, batch: Batch) -> Part:
    part = judge.judged(block.sound, block.first_line)
    rejected = part.rejected
    if block.bad:
        bad = [
            {"line": line.line, "reason": line.reason, "detail": _because(line), "raw": line.raw} for line in block.bad
        ]
        rejected = pa.concat_tables([rejected, judging.rejected(pa.Table.from_pylist(bad), batch)])
    if block.member and rejected.num_rows:
        rejected = _placed(rejected, block)
    return replace(part, rejected=rejected)


def _placed(rejected: pa.Table, block: lines.Block) -> pa.Table:
    """The refused rows of an archive, each with the line it has in its own file."""
    line = pc.cast(pc.add(pc.subtract(rejected["line"], block.member_line), 1), pa.string())
    detail = pc.binary_join_element_wise(rejected["detail"], " (line ", line, f" of {block.member})", "")
    return rejected.set_column(rejected.column_names.index("detail"), "detail", detail)


def _because(line: lines.BadLine) -> str:
    return ": ".join(filter(None, [WORDS[line.reason], line.detail]))


def _selected_rows(batch: Batch, company: Company, origin: Origin, zone: str) -> Iterator[Part]:
    select = _until(batch.events.select, company)
    with (
        querying.over(batch.delivery, batch.files, zone) as source,
        querying.connection(zone=zone) as connection,
    ):
        try:
            result = source.sql(select)
            columns = dict(zip(result.columns, map(str, result.types), strict=True))
            selected.check(columns, batch.name, origin.exclude)
            _check_no_line(columns, batch)
            judge = Judge(connection, batch, origin, stated=selected.rows(columns))
            first_line = 1
            for chunk in source.execute(select).to_arrow_reader(PART_ROWS):
                numbers = pa.array(range(first_line, first_line + chunk.num_rows), pa.int64())
                numbered = pa.Table.from_batches([chunk]).add_column(0, "line", numbers)
                yield judge.judged(numbered, first_line)
                first_line += chunk.num_rows
        except duckdb.Error as broken:
            raise Rejected(
                f"the events' select does not fit {batch.name}: {broken}",
                fix="mend events.select in the mapping, or the file",
            ) from broken


def _check_no_line(columns: Iterable[str], batch: Batch) -> None:
    """`Rejected` where the select has a column named as the number that each row is given here."""
    for name in columns:
        if name.lower() == "line":
            raise Rejected(
                f"{batch.name}: the events' select has a column {name}, which is what the number of a row is called here",
                fix=f"leave it out or call it something else in events.select: SELECT * RENAME ({name} AS line_number)",
            )


def _until(select: str, company: Company) -> str:
    """The select without what is dated on `until` or later; a date that cannot be read is left to be refused."""
    if company.until is None:
        return select
    moment = "TRY_CAST(CAST(ts AS VARCHAR) AS TIMESTAMP)"
    return f"SELECT * FROM (\n{select}\n) WHERE coalesce({moment} < TIMESTAMP '{company.until}', true)"
