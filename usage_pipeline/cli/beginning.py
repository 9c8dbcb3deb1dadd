"""Beginning with one's own files."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from usage_pipeline.cli.options import AsJson, console, print_json
from usage_pipeline.errors import Rejected
from usage_pipeline.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Put this command on the door."""
    app.command()(init)


def init(
    data: Annotated[Path, typer.Option(help="Folder of your files: CSV, Parquet, JSON lines, exports.")],
    company: Annotated[
        str | None, typer.Option(help="Short name, in lower case; by default that of the folder.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The mapping to write.")] = Path("company.yaml"),
    yes: Annotated[bool, typer.Option("--yes", help="Write over a mapping that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at your files, guess the mapping, show what was understood, and write it with comments.

    Nothing is run and no home is made. What is not sure is a question, in the answer and in the file; dates whose day
    and month could be either are never guessed. The file is then loaded and a sample read through it. Exit code 1: it
    cannot be run yet, and the answer says why.
    """
    from usage_pipeline.run.init import beginning, showing  # noqa: PLC0415 - Dagster takes a second that --help should not

    settings, now = Settings(), datetime.now(UTC).replace(tzinfo=None)
    with console.status("looking at the files ...") as status:

        def told(what: str) -> None:
            status.update(f"looking at {what} ...")

        found = beginning.look(settings, data, company, now=now, told=told)
    if not as_json:
        showing.show(found, console)
    if as_json and not found.events:
        print_json(found.to_json() | {"is_ready": False})
        raise typer.Exit(1)
    if found.events and output.exists() and not yes:
        _may_write_over(output)
    with console.status("reading a sample ...") as status:
        begun = beginning.write(
            settings, found, data, output, now=now, told=lambda what: status.update(f"reading {what} ...")
        )
    if as_json:
        print_json(begun.to_json())
    else:
        showing.show_trial(begun.trial, console)
        console.print(f"\nWrote {output}.", highlight=False, soft_wrap=True)
        for stop in found.stops:
            console.print(f"[red]Not ready:[/] {stop}", highlight=False, soft_wrap=True)
        mend = "Read it, answer its questions" if begun.is_ready else "Mend it"
        console.print(f"{mend}, then:\n\n  {begun.command}\n", highlight=False, markup=False, soft_wrap=True)
    if not begun.is_ready:
        raise typer.Exit(1)


def _may_write_over(output: Path) -> None:
    """Ask, where somebody can answer."""
    if not sys.stdin.isatty() or not typer.confirm(f"{output} is there already; write over it?"):
        raise Rejected(
            f"{output} is there already", fix="add --yes to write over it, or name another file with --output"
        )
