"""A plan to look at, and a delivery by hand, from a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from dagster_duckdb import DuckDBResource
from rich.console import Console
from rich.table import Table

from usage_pipeline.defs import sync as sync_defs
from usage_pipeline.defs.launching import Launcher
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.errors import Rejected
from usage_pipeline.home import Home, put
from usage_pipeline.plays import catalogue as plays
from usage_pipeline.run import sandboxed
from usage_pipeline.settings import Settings
from usage_pipeline.sync.plans import Plan

# A person reads a screen or two; the file has all of it.
SHOWN = 40


def opened() -> Opened:
    """The home as it is; `Rejected` where it is empty."""
    place = Place(duckdb=DuckDBResource(database=":memory:")).opened
    place.home.holding()
    return place


@contextmanager
def _crms(settings: Settings, home: Home) -> Iterator[None]:
    """The configured CRMs; where one is the sandbox, it runs meanwhile."""
    if settings.hubspot_url and settings.salesforce_url:
        yield
        return
    with sandboxed.running(home):
        yield


def plan(settings: Settings, console: Console, *, as_of: date | None, write: Path | None) -> None:
    """Print what a delivery of the morning would change; nothing is sent."""
    place = opened()
    morning = as_of or _newest(place)
    with _crms(settings, place.home):
        made = [sync_defs.make_plan(place, crm, morning) for crm in place.crms().values()]
    for one in made:
        _show(one, console)
    if write is not None:
        put(write, "[" + ",\n".join(one.to_json() for one in made) + "]")
        console.print(f"written to {write}", highlight=False)


def apply(settings: Settings, console: Console, *, as_of: date | None) -> bool:
    """Deliver the morning, as the job `deliver` does; False where an operation failed."""
    place = opened()
    morning = as_of or _newest(place)
    with _crms(settings, place.home):
        did = Launcher(place.home).execute("deliver", morning=morning).metadata["sync/log"]
    console.print(f"{morning}: {did['in_short']}", highlight=False, soft_wrap=True)
    return not any(one["failed"] for one in did["delivery"].values())


def _newest(place: Opened) -> date:
    mornings = place.lake.partitions(plays.DECISION)
    if not mornings:
        raise Rejected("nothing was decided here yet", fix="run `usage-pipeline run` first")
    return mornings[-1]


def _show(one: Plan, console: Console) -> None:
    console.rule(f"{one.crm}, morning of {one.as_of}", align="left")
    console.print(
        f"{len(one.fields):,} fields on {one.records:,} records; {len(one.new_tasks)} tasks to open, "
        f"{len(one.rewordings)} to update, {len(one.closings)} to withdraw; {one.matched:,} accounts matched, "
        f"{one.unmatched:,} unmatched, {one.ambiguous:,} ambiguous; {one.api_calls} API calls",
        highlight=False,
    )
    if one.is_empty:
        console.print("Nothing has to be sent.")
        return
    table = Table("account", "field", "now", "then")
    for change in one.fields[:SHOWN]:
        table.add_row(change.account_id, change.field, _short(change.old), _short(change.new))
    console.print(table)
    if len(one.fields) > SHOWN:
        console.print(f"... and {len(one.fields) - SHOWN:,} more; `--write FILE` has all of them", highlight=False)
    for task in one.new_tasks[:SHOWN]:
        console.print(f"open  {task.account_id}: {task.subject} (due {task.due_on})", highlight=False, soft_wrap=True)
    for rewording in one.rewordings[:SHOWN]:
        console.print(f"update  {rewording.account_id}: {rewording.subject}", highlight=False, soft_wrap=True)
    for closing in one.closings[:SHOWN]:
        console.print(f"withdraw  {closing.account_id}: {closing.subject}", highlight=False, soft_wrap=True)


def _short(value: str | None) -> str:
    return "" if value is None else value.replace("\n", "; ")[:60]
