"""A person taken out of the lake: their rows, what names them in others' rows, and what was counted with them.

What a row counted for stays accounted for: in `events/batch` it is one refused row more, whose
line in `events/rejected` says nothing but that it was there, as if the file were landed anew.
Each step may be repeated: the events themselves go last, since what is to be changed is read from them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from usage_pipeline.events import carried, catalogue, copies, forgotten, identity, known, persons
from usage_pipeline.events.persons import Person
from usage_pipeline.lake import Lake, Table
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue as usage
from usage_pipeline.usage import rollups

# Rows held at once while partitions are written again.
ROWS_AT_ONCE = 500_000
# Ranges of days whose events are read together, where the person was active on most of them.
DAYS_AT_ONCE = 60
# Made anew from what is left, not edited.
COUNTED = frozenset(table.key for table in usage.TABLES)
REMADE = frozenset({catalogue.IDENTITY_LINK.key, catalogue.BATCH.key}) | COUNTED
# By these a person is found again when a first try was stopped.
_LAST = (catalogue.IDENTITY_CALL.key, catalogue.EVENT.key, sources.USER.key)
# Names of accounts: a person's id may be the same text and is another thing.
_NOT_PEOPLE = frozenset({"account_id", "parent_id", "event_id", "batch", "content_hash", "name", "feature"})

Progress = Callable[[str], None]


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


@dataclass
class Erased:
    """What was found, table by table, and the known days whose rollups change."""

    traces: list[Traces] = field(default_factory=list)
    days: list[date] = field(default_factory=list)


def traces(lake: Lake, tables: Iterable[Table], person: Person) -> list[Traces]:
    """What each table holds of the person; tables without any are left out."""
    found = []
    for table in tables:
        if not lake.exists(table):
            continue
        rows = lake.read(table)
        marked = rows.mutate(theirs=_theirs(rows, table, person), named=_named(rows, table, person))
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
    found: dict[str, set[int]] = {row["batch"]: set() for row in _rows(lake, whole)}
    for row in _stored(lake, person):
        if row["batch"] in found:
            found[row["batch"]].add(row["line"])
    for row in _rows(lake, lake.read(catalogue.REJECTED)):
        if row["batch"] in found and row["raw"] and person.is_named_in(row["raw"]):
            found[row["batch"]].add(row["line"])
    return found


def erase(lake: Lake, tables: Sequence[Table], person: Person, progress: Progress) -> Erased:
    """Take the person out of all tables, count anew what was counted with them, and delete older versions."""
    found = Erased(traces(lake, tables, person))
    found.days = _days_counted(lake, person, found.traces)
    _refuse(lake, person)
    for one in sorted(found.traces, key=lambda one: _LAST.index(one.table.key) if one.table.key in _LAST else -1):
        if one.table.key not in REMADE:
            progress(one.table.key)
            _rewrite(lake, one, person)
    progress("rollups")
    _count_again(lake, found.days)
    # What is left in them is of days whose events are kept no more, so that they cannot be counted again.
    for one in traces(lake, [table for table in tables if table.key in COUNTED], person):
        _rewrite(lake, one, person)
    for table in tables:
        if lake.exists(table):
            progress(f"older versions of {table.key}")
            lake.purge(table)
    return found


def _theirs(rows: ir.Table, table: Table, person: Person) -> ir.BooleanValue:
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


def _named(rows: ir.Table, table: Table, person: Person) -> ir.BooleanValue:
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


def _rewrite(lake: Lake, found: Traces, person: Person) -> None:
    """Write the table's partitions again without the person."""
    table = found.table
    for days in _portions(lake, table, found.days) if table.partition else [None]:
        rows = lake.read(table) if days is None else _of_days(lake, table, days)
        kept = rows.filter(~_theirs(rows, table, person))
        held = lake.backend.create_table("held_rows", kept, temp=True, overwrite=True)
        named = _named(held, table, person)
        others = lake.backend.to_pyarrow(held.filter(~named)).cast(table.schema.to_pyarrow())
        naming = lake.backend.to_pyarrow(held.filter(named)).cast(table.schema.to_pyarrow())
        lake.replace(table, pa.concat_tables([others, _scrubbed(naming, table, person)]), days)


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


def _scrubbed(rows: pa.Table, table: Table, person: Person) -> pa.Table:
    for name in _texts(table):
        texts = [None if text is None else person.scrubbed(text) for text in rows[name].to_pylist()]
        rows = rows.set_column(rows.column_names.index(name), rows.schema.field(name), pa.array(texts, pa.string()))
    return rows


# -- accounting ----------------------------------------------------------------------------------


def _refuse(lake: Lake, person: Person) -> None:
    """In place of the person's rows, refused ones without content; each batch's account says the same."""
    batches = {row["batch"]: row for row in _rows(lake, lake.read(catalogue.BATCH))}
    gone = [row for row in _stored(lake, person) if row["batch"] in batches]
    refused = _rows(lake, lake.read(catalogue.REJECTED))
    there = {(row["batch"], row["line"]) for row in refused}
    emptied = {"reason": forgotten.REASON, "detail": forgotten.DETAIL, "raw": ""}
    refused = [row | emptied if row["raw"] and person.is_named_in(row["raw"]) else row for row in refused]
    refused += [
        {name: batches[row["batch"]][name] for name in ("batch", "file", "landed_at")} | {"line": row["line"]} | emptied
        for row in gone
        if (row["batch"], row["line"]) not in there
    ]
    _put(lake, catalogue.REJECTED, refused)
    now: dict[str, int] = {}
    for row in refused:
        now[row["batch"]] = now.get(row["batch"], 0) + 1
    copied = _copies(gone, batches)
    for digest, row in batches.items():
        more = now.get(digest, 0) - row["rejected"]
        if more > 0:
            duplicates = max(min(copied.get(digest, 0), more, row["duplicates"]), more - row["accepted"])
            row["rejected"] += more
            row["duplicates"] -= duplicates
            row["accepted"] -= more - duplicates
    _put(lake, catalogue.BATCH, list(batches.values()))


def _stored(lake: Lake, person: Person) -> list[dict[str, Any]]:
    names = ("event_id", "batch", "line", "known_at", "known_day", "content_hash")
    found = []
    for table, is_event in ((catalogue.EVENT, True), (catalogue.IDENTITY_CALL, False)):
        rows = lake.read(table)
        theirs = rows.filter(_theirs(rows, table, person)).select(*names)
        found += [row | {"is_event": is_event} for row in _rows(lake, theirs)]
    return found


def _copies(gone: list[dict[str, Any]], batches: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Per batch how many of the rows were copies when they landed, in the order in which the files came."""

    def order(row: dict[str, Any]) -> tuple[object, ...]:
        batch = batches[str(row["batch"])]
        return batch["landed_at"], batch["file"], row["known_at"], row["content_hash"], row["line"]

    seen: dict[tuple[object, object], list[date]] = {}
    found: dict[str, int] = {}
    for row in sorted(gone, key=order):
        days = seen.setdefault((row["event_id"], row["is_event"]), [])
        day = row["known_day"]
        if any(abs((day - other).days) <= copies.REACH_DAYS for other in days):
            found[str(row["batch"])] = found.get(str(row["batch"]), 0) + 1
        days.append(day)
    return found


def _rows(lake: Lake, found: ir.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.backend.to_pyarrow(found).to_pylist()
    return rows


def _put(lake: Lake, table: Table, rows: list[dict[str, Any]]) -> None:
    if lake.exists(table):
        lake.replace(table, pa.Table.from_pylist(rows, schema=table.schema.to_pyarrow()))


# -- what is counted from events -------------------------------------------------------------------


def _days_counted(lake: Lake, person: Person, found: Iterable[Traces]) -> list[date]:
    """The known days on which something of the person was counted, also what a shared browser gave them.

    Those whose events are there still: without them nothing can be counted again.
    """
    days = {day for one in found if one.table.key in COUNTED | {catalogue.EVENT.key} and one.rows for day in one.days}
    if person.shared_browsers:
        events = lake.read(catalogue.EVENT)
        shared = events.filter(events.anonymous_id.isin(sorted(person.shared_browsers)))
        days |= {row["known_day"] for row in _rows(lake, shared.select("known_day").distinct())}
    there = lake.partitions(catalogue.EVENT)
    return sorted(day for day in days if there and day >= there[0])


def _count_again(lake: Lake, days: list[date]) -> None:
    """Links, tallies and rollups from the events that are left."""
    users, calls, naming = (lake.read(table) for table in (sources.USER, catalogue.IDENTITY_CALL, catalogue.NAMING))
    if lake.exists(catalogue.IDENTITY_LINK):
        lake.replace(catalogue.IDENTITY_LINK, identity.links(calls, naming, users))
    if lake.exists(usage.METRIC_DAY):
        # The next run fills them in from the events that are left; what they tell apart are hashes of people too.
        for table in (usage.METRIC, usage.METRIC_DAY):
            lake.replace(table, table.empty())
    if not days:
        return
    zones = rollups.zones(lake.read(sources.ACCOUNT))
    rolled = set(lake.partitions(usage.ACCOUNT_DAY))
    # From the newest on: what is left of a person when this is stopped is then the earliest of all that is to be done.
    for some in reversed(list(_ranges(days))):
        span = some[0], some[-1]
        counted = copies.counted(lake.read(catalogue.EVENT, copies.reach(span)), span)
        tally = carried.tallied(counted)
        lake.replace(catalogue.TALLY, tally.filter(tally.known_day.isin(some)), some)
        own = [day for day in some if day in rolled]
        if own:
            found = known.events(lake, span).select(*rollups.USED)
            held = lake.backend.create_table("held_events", found, temp=True, overwrite=True)
            held = held.filter(held.known_day.isin(own))
            lake.replace(usage.USER_FEATURE_DAY, rollups.user_feature_day(held, zones), own)
            lake.replace(usage.EVENT_DAY, rollups.event_day(held), own)
    later = sorted(day for day in rolled if day >= days[0])
    if later:
        _derive(lake, later[0], later[-1])


def _ranges(days: list[date]) -> Iterator[list[date]]:
    """The days, those near each other together."""
    some: list[date] = []
    for day in days:
        if some and (day - some[0]).days >= DAYS_AT_ONCE:
            yield some
            some = []
        some.append(day)
    if some:
        yield some


def _derive(lake: Lake, first: date, last: date) -> None:
    """The rollups of rollups, from the first changed day on: what was first before may be another now."""
    span = first, last
    parts = lake.read(usage.USER_FEATURE_DAY, span)
    oldest = lake.backend.to_pyarrow(parts.day.min()).as_py()
    reach = rollups.reach(oldest, first)

    def earlier(table: Table) -> ir.Table:
        return lake.read(table, reach) if reach else table.empty()

    def before(table: Table) -> ir.Table:
        rows = lake.read(table)
        return rows.filter(rows.known_day < first)

    lake.replace(usage.USER_DAY, rollups.user_day(parts, earlier(usage.USER_DAY)), span)
    lake.replace(usage.FEATURE_DAY, rollups.feature_day(parts, earlier(usage.FEATURE_DAY)), span)
    lake.replace(usage.ACCOUNT_DAY, rollups.account_day(parts, lake.read(usage.USER_DAY, span)), span)
    lake.replace(usage.FIRST_USE, rollups.first_use(parts, before(usage.FIRST_USE)), span)
    lake.replace(usage.LAST_USE, rollups.last_use(parts, before(usage.LAST_USE)), span)
