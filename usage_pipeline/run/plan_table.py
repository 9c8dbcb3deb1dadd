"""Plans on a terminal: the sums, then what changes, old to new; and the messages."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from usage_pipeline.channels.client import Message
from usage_pipeline.sync.plans import Plan

# A person reads a screen or two; the file has all of it.
SHOWN = 40


def show(one: Plan, console: Console) -> None:
    """Print one plan."""
    console.rule(f"{one.crm}, morning of {one.as_of}", align="left")
    left = "" if one.calls_left is None else f" of {one.calls_left:,} left today"
    console.print(
        f"{len(one.fields):,} fields on {one.records:,} records; {len(one.new_tasks)} tasks to open, "
        f"{len(one.rewordings)} to update, {len(one.closings)} to withdraw; {one.matched:,} accounts matched, "
        f"{one.unmatched:,} unmatched, {one.ambiguous:,} ambiguous; {one.api_calls} API calls{left}",
        highlight=False,
    )
    for count, what in (
        (len(one.creations), "companies to create"),
        (len(one.people), "fields of contacts"),
        (sum(move.joins for move in one.moves), "companies to put on lists"),
        (sum(not move.joins for move in one.moves), "companies to take off lists"),
        (one.held_back, f"records differ too little to be written ({one.calls_saved} API calls saved)"),
        (one.edits_restored, "fields were edited by hand and get our value again"),
        (one.edits_left, "fields were edited by hand and stay so"),
        (one.tasks_later, "tasks wait, because their owner gets enough at once"),
        (one.left_closed, "tasks are of episodes that are over and are not opened again"),
        (one.waiting_in_quarantine, "rows wait in quarantine (`usage-pipeline rejections`)"),
        (len(one.strays), "records are gone or another account's since they were matched"),
    ):
        if count:
            console.print(f"{count:,} {what}", highlight=False)
    if one.is_empty:
        console.print("Nothing has to be sent.")
        return
    if one.fields:
        console.print(_changes(one))
    if len(one.fields) > SHOWN:
        console.print(f"... and {len(one.fields) - SHOWN:,} more; `--write FILE` has all of them", highlight=False)
    for verb, tasks in (
        ("create", [f"{made.account_id}: {made.name}" for made in one.creations]),
        ("open", [f"{task.account_id}: {task.subject} (due {task.due_on})" for task in one.new_tasks]),
        ("update", [f"{task.account_id}: {task.subject}" for task in one.rewordings]),
        ("withdraw", [f"{task.account_id}: {task.subject}" for task in one.closings]),
    ):
        for task in tasks[:SHOWN]:
            console.print(f"{verb}  {task}", highlight=False, soft_wrap=True)
        if len(tasks) > SHOWN:
            console.print(f"... and {len(tasks) - SHOWN:,} more to {verb}", highlight=False)


def show_messages(channel: str, messages: Sequence[Message], console: Console) -> None:
    """Print what a channel would be told."""
    console.rule(f"messages in {channel}", align="left")
    console.print(f"{len(messages):,} to send", highlight=False)
    for one in messages[:SHOWN]:
        console.print(f"tell  {one.account_id}: {one.subject} ({one.play})", highlight=False, soft_wrap=True)
    if len(messages) > SHOWN:
        console.print(f"... and {len(messages) - SHOWN:,} more to tell", highlight=False)


def _changes(one: Plan) -> Table:
    table = Table("account", "field", "now", "then")
    for change in one.fields[:SHOWN]:
        table.add_row(change.account_id, change.field, _short(change.old), _short(change.new))
    return table


def _short(value: str | None) -> str:
    return "" if value is None else value.replace("\n", "; ")[:60]
