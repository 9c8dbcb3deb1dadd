"""Bringing what lies elsewhere."""

from typing import Annotated, Any

import typer

from usage_pipeline.cli.options import AsJson, console, print_json


def add_to(app: typer.Typer) -> None:
    """Put these commands on the door."""
    app.command()(fetch)


def fetch(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come; nothing is written.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring what is new in your object stores and databases into the landing folder.

    What lies where is the mapping's `fetch:` section (docs/input.md, "Inputs that lie elsewhere"); passwords are in
    environment variables that it names. What was brought before does not come again, and a fetch that was killed goes
    on where it was. `usage-pipeline run` fetches first; under `make dev` an ingest follows by itself.
    """
    from usage_pipeline.run import fetching  # noqa: PLC0415 - Dagster takes a second that --help should not

    if dry_run:
        found = fetching.waiting()
        if as_json:
            print_json(found)
        else:
            for one in found:
                console.print(_words(one), highlight=False, soft_wrap=True)
        return
    came = fetching.bring()
    if as_json:
        print_json(came["by_source"])
    else:
        console.print(came["in_short"], highlight=False, soft_wrap=True)


def _words(one: dict[str, Any]) -> str:
    """`usage: 1,200 rows after 2026-05-04 07:00`."""
    if one["rows"] is None:
        return f"{one['name']}: {one['files']:,} objects, {one['bytes'] / 1e6:,.1f} MB"
    after = ", if one of them has changed" if one["is_whole"] else f" after {one['since']}" if one["since"] else ""
    return f"{one['name']}: {one['rows']:,} rows{after}"
