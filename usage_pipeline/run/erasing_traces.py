"""Where a person is in the lake: rows that are theirs, and rows of others that name them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from usage_pipeline.events import catalogue, persons
from usage_pipeline.events.persons import Person
from usage_pipeline.lake import Lake, Table

# Ids of accounts: a person's id may be the same text and is another thing. Names may hold a person ("Ann's workspace").
_NOT_PEOPLE = frozenset({"account_id", "parent_id", "event_id", "batch", "content_hash"})


@dataclass(frozen=True)
class Traces:
    """What a table holds of a person."""

    table: Table
    rows: int
    """Rows that are theirs."""
    mentions: int
    """Rows of others that name them."""
    days: tuple[date, ...] = ()
    """The partitions that hold either."""


def traces(lake: Lake, tables: Iterable[Table], person: Person) -> list[Traces]:
    """What each table holds of the person; tables without any are left out."""
    found = []
    for table in tables:
        if not lake.exists(table):
            continue
        rows = lake.read(table)
        marked = rows.mutate(theirs=theirs(rows, table, person), named=named(rows, table, person))
        touched = marked.filter(marked.theirs | marked.named)
        counts = {"rows": touched.theirs.sum(), "mentions": (~touched.theirs).sum()}
        grouped = touched.group_by(table.partition) if table.partition else touched
        for_each = lake.backend.to_pyarrow(grouped.aggregate(**counts)).to_pylist()
        one = Traces(
            table,
            int(sum(row["rows"] or 0 for row in for_each)),
            int(sum(row["mentions"] or 0 for row in for_each)),
            tuple(sorted(row[table.partition] for row in for_each)) if table.partition else (),
        )
        if one.rows or one.mentions:
            found.append(one)
    return found


def theirs(rows: ir.Table, table: Table, person: Person) -> ir.BooleanValue:
    """Whether a row is the person's."""
    tests = [persons.is_one_of(rows[name], person.names) for name in persons.person_columns(table)]
    if table.stage == "sync" and "account_id" in rows.columns:
        # Of a contact the user stands where the account does.
        contact = rows["object"] == "contact" if "object" in rows.columns else None
        contact = rows["kind"] == "contact_fields" if "kind" in rows.columns else contact
        if contact is not None:
            key = rows["key"] if "key" in rows.columns else rows["account_id"]
            tests.append(contact & persons.is_one_of(key, person.ids))
    return _any(tests)


def named(rows: ir.Table, table: Table, person: Person) -> ir.BooleanValue:
    """Whether some text of a row may name the person; whether it does is told by `Person`."""
    if not person.needles:
        return ibis.literal(value=False)
    # One expression for all that is looked for: a column is read through once.
    sought = "(?i)" + "|".join(map(re.escape, person.needles))
    return _any([rows[name].re_search(sought) for name in _texts(table)])


def _texts(table: Table) -> list[str]:
    own = {*persons.person_columns(table), *_NOT_PEOPLE}
    return [column.name for column in table.columns if column.type == "string" and column.name not in own]


def _any(tests: list[ir.BooleanValue]) -> ir.BooleanValue:
    told = ibis.literal(value=False)
    for test in tests:
        told |= test.fill_null(False)  # noqa: FBT003 - it has no name there
    return told


def stored(lake: Lake, person: Person) -> list[dict[str, Any]]:
    names = ("event_id", "batch", "line", "known_at", "known_day", "content_hash")
    found = []
    for table, is_event in ((catalogue.EVENT, True), (catalogue.IDENTITY_CALL, False)):
        held = lake.read(table)
        own = held.filter(theirs(held, table, person)).select(*names)
        found += [row | {"is_event": is_event} for row in found_rows(lake, own)]
    return found


def scrubbed(rows: pa.Table, table: Table, person: Person) -> pa.Table:
    for name in _texts(table):
        texts = [None if text is None else person.scrubbed(text) for text in rows[name].to_pylist()]
        rows = rows.set_column(rows.column_names.index(name), rows.schema.field(name), pa.array(texts, pa.string()))
    return rows


def found_rows(lake: Lake, found: ir.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.backend.to_pyarrow(found).to_pylist()
    return rows


def put(lake: Lake, table: Table, rows: list[dict[str, Any]]) -> None:
    if lake.exists(table):
        lake.replace(table, pa.Table.from_pylist(rows, schema=table.schema.to_pyarrow()))
