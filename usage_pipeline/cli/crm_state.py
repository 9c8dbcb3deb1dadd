"""What the ledger and the CRMs hold: status, rejections, one account's state, the field contract."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from usage_pipeline.cli.options import AsJson, ChangesFound, Detailed, OnlyCrm, console, print_json

state_app = typer.Typer(help="What the ledger knows of one account.", no_args_is_help=True)
contract_app = typer.Typer(help="The fields that the CRMs get.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the door."""
    app.command()(validate)
    app.command()(status)
    app.command()(rejections)
    app.command(name="crm-setup")(crm_setup)
    app.add_typer(state_app, name="state")
    app.add_typer(contract_app, name="contract")


def validate(as_json: AsJson = False) -> None:
    """Check the mapping, the plays and the field contract, without looking at any CRM."""
    from usage_pipeline.run import contracts, delivering  # noqa: PLC0415 - Dagster takes a second

    found = contracts.valid(delivering.opened())
    if as_json:
        print_json({"valid": found})
    else:
        for line in found:
            console.print(f"[green]✓[/] {line}", highlight=False)


def status(
    history: Annotated[bool, typer.Option("--history", help="Every run instead of the newest.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say per CRM what was delivered last, what it holds of ours, what waits, and which alerts were raised lately."""
    from usage_pipeline.run import delivering, knowledge  # noqa: PLC0415

    place = delivering.opened()
    rows = knowledge.history(place) if history else knowledge.status(place)
    alerts = [] if history else knowledge.alerts(place)
    if as_json:
        print_json(rows if history else {"instances": rows, "alerts": alerts})
        return
    _tell(rows, as_json=False, empty="nothing was delivered yet")
    for one in alerts:
        told = f"told in {one['told_in']}" if one["told_in"] else "told in no channel"
        console.print(f"[red]alert[/] {one['raised_at']:%Y-%m-%d}  ", end="", highlight=False)
        console.print(f"{one['title']} ({told})", highlight=False, markup=False, soft_wrap=True)


def rejections(as_json: AsJson = False) -> None:
    """List what a CRM will not take and the messages that a channel refused, oldest first, with the fix in words."""
    from usage_pipeline.run import delivering, knowledge  # noqa: PLC0415

    rows = knowledge.rejections(delivering.opened())
    if as_json:
        print_json(rows)
        return
    for row in rows:
        age = f"[red]{row['age_days']} days old[/]" if row["is_old"] else f"{row['age_days']} days"
        console.print(f"{row['instance']}  {row['account_id']}  {row['kind']}, {row['cause']}, {age}", highlight=False)
        console.print(f"  {row['detail']}\n  fix: {row['fix']}", highlight=False, markup=False, soft_wrap=True)
    if not rows:
        console.print("Nothing was refused.")


@state_app.command("show")
def state_show(account: Annotated[str, typer.Argument(help="Account id.")], as_json: AsJson = False) -> None:
    """Print the account's links, confirmed fields, tasks, rejections and hold-outs."""
    from usage_pipeline.run import delivering, knowledge  # noqa: PLC0415

    found = knowledge.account_state(delivering.opened(), account)
    if as_json:
        print_json(found)
        return
    for name, rows in found.items():
        console.rule(name, align="left")
        for row in rows:
            told = ", ".join(f"{key} {value}" for key, value in row.items() if value is not None)
            console.print(told, highlight=False, markup=False, soft_wrap=True)


@state_app.command("forget")
def state_forget(
    account: Annotated[str, typer.Argument(help="Account id.")],
    instance: Annotated[str | None, typer.Option(help="Only at this instance, such as hubspot:123.")] = None,
    as_json: AsJson = False,
) -> None:
    """Forget link, confirmed fields and rejections, so that the next plan starts from the CRM; tasks stay."""
    from usage_pipeline.run import delivering, knowledge  # noqa: PLC0415

    gone = knowledge.forget(delivering.opened(), account, instance)
    if as_json:
        print_json({"forgotten": gone})
    else:
        console.print(f"{gone} rows forgotten")


def crm_setup(
    crm: OnlyCrm = None,
    yes: Annotated[bool, typer.Option("--yes", help="Create what is missing; without it it is only shown.")] = False,
) -> None:
    """Show which fields, groups and permissions the CRMs lack and which scopes creating them needs, then do it."""
    from usage_pipeline.run import contracts, delivering  # noqa: PLC0415

    place = delivering.opened()
    for name, found in contracts.findings(place, crm).items():
        console.rule(name, align="left")
        for one in found:
            console.print(
                f"{one.state:<9} {one.what}: {one.detail} (needs {one.scope})", highlight=False, soft_wrap=True
            )
        if not found:
            console.print("everything is there")
    if not yes:
        console.print("nothing was created; --yes creates what is missing")
        return
    for name, done in contracts.set_up(place, crm).items():
        for line in (*(f"created {one}" for one in done.created), *done.notes):
            console.print(f"{name}: {line}", highlight=False)


@contract_app.command("check")
def contract_check(crm: OnlyCrm = None, as_json: AsJson = False, detailed_exitcode: Detailed = False) -> None:
    """Find drift: fields that the CRMs lack, hide, or hold as something else than the contract says."""
    from usage_pipeline.run import contracts, delivering  # noqa: PLC0415

    found = contracts.findings(delivering.opened(), crm)
    rows = [{"crm": name} | asdict(one) for name, each in found.items() for one in each]
    _tell(rows, as_json=as_json, empty="the CRMs have what the contract says")
    if any(row["state"] != "missing" for row in rows):
        raise typer.Exit(1)
    if rows and detailed_exitcode:
        raise ChangesFound


def _tell(rows: list[dict[str, Any]], *, as_json: bool, empty: str) -> None:
    if as_json:
        print_json(rows)
    elif not rows:
        console.print(empty)
    else:
        table = Table(*(Column(name.replace("_", " "), no_wrap=name in {"run", "last_run"}) for name in rows[0]))
        for row in rows:
            table.add_row(*(_cell(value) for value in row.values()))
        console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count:,} {state}" for state, count in sorted(value.items()))
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "" if value is None else str(value)
