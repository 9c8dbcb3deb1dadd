"""What `init` prints: what each file was taken as, what is open, what the dry read gave, and what to do next."""

from datetime import datetime

from rich.console import Console
from rich.table import Table

from usage_pipeline.run.init.trial import Trial
from usage_pipeline.run.init.understood import Part, Understood


def show(found: Understood, console: Console) -> None:
    """The table of what was understood, and what is open."""
    table = Table("file", "taken as", "rows", "from", "to", "joins", "missing", show_lines=True)
    for part in found.parts:
        table.add_row(
            part.files,
            _taken(part),
            "-" if part.rows is None else f"{part.rows:,}",
            _day(part.first),
            _day(part.last),
            "\n".join(part.joins) or "-",
            "\n".join(part.missing) or "-",
        )
    for name, why in found.left.items():
        table.add_row(name, "[dim]not used[/]", "-", "-", "-", "-", why)
    console.print(table)
    questions = [question for part in found.parts for question in part.questions] + found.questions
    if not found.has_zone:
        questions.append("in which time zone are the times that name none? Taken as UTC (clock.time_zone)")
    for number, question in enumerate(questions, 1):
        console.print(f"[yellow]Question {number}:[/] {_whole(question)}", highlight=False, soft_wrap=True)


def show_trial(trial: Trial, console: Console) -> None:
    """What a run would make of the files."""
    extent = "all rows" if trial.is_whole else f"the first {trial.received:,} rows"
    console.print(
        f"Dry read of {extent} of events: {trial.received:,} received = {trial.accepted:,} accepted + "
        f"{trial.duplicates:,} duplicates + {trial.rejected:,} rejected.",
        highlight=False,
    )
    for reason, count in trial.reasons.items():
        console.print(f"  {count:,} {reason}", highlight=False)
    for example in trial.examples:
        console.print(f"  such as {example}", highlight=False, markup=False, soft_wrap=True)
    for name, rows in trial.tables.items():
        left = f", {rows['refused']:,} left out for want of a required value" if rows["refused"] else ""
        console.print(f"Table {name}: {rows['rows']:,} rows{left}.", highlight=False)
    if trial.of_known_accounts is not None and trial.with_account:
        share = trial.of_known_accounts / trial.with_account
        console.print(
            f"{share:.1%} of the events that name an account name one of the table of accounts.", highlight=False
        )
    if trial.of_known_users is not None and trial.with_user and not trial.with_account:
        share = trial.of_known_users / trial.with_user
        console.print(f"{share:.1%} of the events that name a person name one of the table of users.", highlight=False)
    for problem in trial.problems:
        console.print(f"[red]Would stop a run:[/] {_whole(problem)}", highlight=False, soft_wrap=True)


def _taken(part: Part) -> str:
    name = f"events ({part.keys['format']})" if "format" in part.keys else part.taken_as
    return f"[red]{name}, left out[/]" if part.stops else name


def _day(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d}"


def _whole(text: str) -> str:
    """Text whose brackets are no markup."""
    return text.replace("[", "\\[")
