"""A person taken out of the lake: their rows, what names them in others' rows, and what was counted with them.

What a row counted for stays accounted for: in `events/batch` it is one refused row more, whose
line in `events/rejected` says nothing but that it was there, as if the file were landed anew.
Each step may be repeated: the events themselves go last, since what is to be changed is read from them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from usage_pipeline import engine
from usage_pipeline.company import Roles
from usage_pipeline.events import catalogue
from usage_pipeline.events.persons import Person
from usage_pipeline.lake import Lake, Table, upkeep
from usage_pipeline.run import erasing_counts, erasing_traces
from usage_pipeline.run.erasing_counts import COUNTED
from usage_pipeline.run.erasing_traces import Traces
from usage_pipeline.sources import catalogue as sources

# Rows held at once while partitions are written again.
ROWS_AT_ONCE = 500_000
REMADE = frozenset({catalogue.IDENTITY_LINK.key, catalogue.BATCH.key}) | COUNTED
# By these a person is found again when a first try was stopped.
_LAST = (catalogue.IDENTITY_CALL.key, catalogue.EVENT.key, sources.USER.key)

Progress = Callable[[str], None]


@dataclass
class Erased:
    """What was found, table by table, and the known days whose rollups change."""

    traces: list[Traces] = field(default_factory=list)
    days: list[date] = field(default_factory=list)


def landed_lines(lake: Lake, person: Person) -> dict[str, set[int]]:
    """By batch the lines that are the person's, of the batches that the lake still holds every row of."""
    batch = lake.read(catalogue.BATCH)
    counted = [
        rows.group_by("batch").aggregate(held=rows.count())
        for rows in (lake.read(catalogue.EVENT), lake.read(catalogue.IDENTITY_CALL))
    ]
    held = ibis.union(*counted, distinct=False)
    held = held.group_by("batch").aggregate(held=held.held.sum())
    known = batch.left_join(held, "batch")
    whole = known.filter(known.held.fill_null(0) == known.accepted + known.duplicates).select("batch")
    found: dict[str, set[int]] = {row["batch"]: set() for row in erasing_traces.found_rows(lake, whole)}
    for row in erasing_traces.stored(lake, person):
        if row["batch"] in found:
            found[row["batch"]].add(row["line"])
    for row in erasing_traces.found_rows(lake, lake.read(catalogue.REJECTED)):
        if row["batch"] in found and row["raw"] and person.is_named_in(row["raw"]):
            found[row["batch"]].add(row["line"])
    return found


def erase(lake: Lake, roles: Roles, tables: Sequence[Table], person: Person, progress: Progress) -> Erased:
    """Take the person out of all tables, count anew what was counted with them, and delete older versions."""
    found = Erased(erasing_traces.traces(lake, tables, person))
    found.days = erasing_counts.days_counted(lake, person, found.traces)
    erasing_counts.refuse(lake, person)
    for one in sorted(found.traces, key=lambda one: _LAST.index(one.table.key) if one.table.key in _LAST else -1):
        if one.table.key not in REMADE:
            progress(one.table.key)
            _rewrite(lake, one, person)
    progress("rollups")
    erasing_counts.count_again(lake, found.days, roles.non_interaction)
    # What is left in them is of days whose events are kept no more, so that they cannot be counted again.
    for one in erasing_traces.traces(lake, [table for table in tables if table.key in COUNTED], person):
        _rewrite(lake, one, person)
    for table in tables:
        if lake.exists(table):
            progress(f"older versions of {table.key}")
            upkeep.purge(lake, table)
    return found


def _rewrite(lake: Lake, found: Traces, person: Person) -> None:
    """Write the table's partitions again without the person."""
    table = found.table
    for days in _portions(lake, table, found.days) if table.partition else [None]:
        rows = lake.read(table) if days is None else _of_days(lake, table, days)
        kept = rows.filter(~erasing_traces.theirs(rows, table, person))
        with engine.holding(lake.backend, "held_rows", kept) as held:
            named = erasing_traces.named(held, table, person)
            others = lake.backend.to_pyarrow(held.filter(~named)).cast(table.schema.to_pyarrow())
            naming = lake.backend.to_pyarrow(held.filter(named)).cast(table.schema.to_pyarrow())
        lake.replace(table, pa.concat_tables([others, erasing_traces.scrubbed(naming, table, person)]), days)


def _of_days(lake: Lake, table: Table, days: Sequence[date]) -> ir.Table:
    rows = lake.read(table, (days[0], days[-1]))
    return rows.filter(rows[str(table.partition)].isin(list(days)))


def _portions(lake: Lake, table: Table, days: Sequence[date]) -> Iterator[list[date]]:
    """The days in order, as many together as memory should hold."""
    sizes = lake.rows_by_day(table)
    portion: list[date] = []
    rows = 0
    for day in days:
        if portion and rows + sizes.get(day, 0) > ROWS_AT_ONCE:
            yield portion
            portion, rows = [], 0
        portion.append(day)
        rows += sizes.get(day, 0)
    if portion:
        yield portion
