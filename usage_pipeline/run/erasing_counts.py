"""What a person's rows counted for stays accounted for, as refused rows without content; and what is counted anew.

In `events/batch` a row of theirs is one refused row more, whose line in `events/rejected` says
nothing but that it was there, as if the file were landed anew.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

import ibis.expr.types as ir

from usage_pipeline import engine
from usage_pipeline.events import carried, catalogue, copies, forgotten, identity, known
from usage_pipeline.events.persons import Person
from usage_pipeline.lake import Lake, Table
from usage_pipeline.run import erasing_traces
from usage_pipeline.run.erasing_traces import Traces
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue as usage
from usage_pipeline.usage import rollups

# Ranges of days whose events are read together, where the person was active on most of them.
DAYS_AT_ONCE = 60
# Made anew from what is left, not edited.
COUNTED = frozenset(table.key for table in usage.TABLES)


def refuse(lake: Lake, person: Person) -> None:
    """In place of the person's rows, refused ones without content; each batch's account says the same."""
    batches = {row["batch"]: row for row in erasing_traces.found_rows(lake, lake.read(catalogue.BATCH))}
    gone = [row for row in erasing_traces.stored(lake, person) if row["batch"] in batches]
    refused = erasing_traces.found_rows(lake, lake.read(catalogue.REJECTED))
    there = {(row["batch"], row["line"]) for row in refused}
    emptied = {"reason": forgotten.REASON, "detail": forgotten.DETAIL, "raw": ""}
    refused = [row | emptied if row["raw"] and person.is_named_in(row["raw"]) else row for row in refused]
    refused += [
        {name: batches[row["batch"]][name] for name in ("batch", "file", "landed_at")} | {"line": row["line"]} | emptied
        for row in gone
        if (row["batch"], row["line"]) not in there
    ]
    erasing_traces.put(lake, catalogue.REJECTED, refused)
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
    erasing_traces.put(lake, catalogue.BATCH, list(batches.values()))


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


def days_counted(lake: Lake, person: Person, found: Iterable[Traces]) -> list[date]:
    """The known days on which something of the person was counted, also what a shared browser gave them.

    Those whose events are there still: without them nothing can be counted again.
    """
    counted = [one for one in found if one.table.key in COUNTED or (one.table == catalogue.EVENT and one.rows)]
    days = {day for one in counted for day in one.days}
    if person.shared_browsers:
        events = lake.read(catalogue.EVENT)
        shared = events.filter(events.anonymous_id.isin(sorted(person.shared_browsers)))
        days |= {row["known_day"] for row in erasing_traces.found_rows(lake, shared.select("known_day").distinct())}
    there = lake.partitions(catalogue.EVENT)
    return sorted(day for day in days if there and day >= there[0])


def count_again(lake: Lake, days: list[date], non_interaction: Sequence[str]) -> None:
    """Links, tallies and rollups from the events that are left, `non_interaction` as the mapping names them."""
    calls, naming = (lake.read(table) for table in (catalogue.IDENTITY_CALL, catalogue.NAMING))
    if lake.exists(catalogue.IDENTITY_LINK):
        said = (lake.read(table) for table in (sources.USER, sources.ACCOUNT, sources.ACCOUNT_MERGE))
        lake.replace(catalogue.IDENTITY_LINK, identity.links(calls, naming, *said))
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
            with engine.holding(lake.backend, "held_events", found.filter(found.known_day.isin(own))) as held:
                lake.replace(
                    usage.USER_FEATURE_DAY, rollups.user_feature_day(held, zones, non_interaction=non_interaction), own
                )
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
