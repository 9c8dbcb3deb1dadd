"""What several commands take, and how they answer."""

import json
import sys
from datetime import date
from typing import Annotated, Any

import typer
from rich.console import Console

# What is piped into a file or a log is read on a wide screen later.
console = Console(width=None if sys.stdout.isatty() else 150)

AsOf = Annotated[str | None, typer.Option(help="Morning, as 2026-06-29; by default the newest decided one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]
Detailed = Annotated[bool, typer.Option("--detailed-exitcode", help="Exit with 2 where there is something to change.")]
OnlyCrm = Annotated[str | None, typer.Option(help="Only this CRM: hubspot or salesforce.")]
Select = Annotated[
    list[str] | None, typer.Option(help="Only this account, or the accounts of this cohort; may be repeated.")
]


class ChangesFound(Exception):
    """There is something to change; the command ends with exit code 2."""


def day(text: str | None) -> date | None:
    """The day of an option."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-06-29") from wrong


def print_json(content: Any) -> None:
    """JSON for programs: no colour, no wrapping."""
    sys.stdout.write(json.dumps(content, indent=2, default=str, ensure_ascii=False) + "\n")
