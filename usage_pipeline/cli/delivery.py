"""What tells the CRMs: plan, apply, retry, rollback."""

from pathlib import Path
from typing import Annotated, Any

import typer

from usage_pipeline.cli.options import AsJson, AsOf, ChangesFound, Detailed, OnlyCrm, Select, console, day, print_json

ApprovedBy = Annotated[str | None, typer.Option(help="Who approved it; kept in the ledger with the run.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the door."""
    for command in (plan, apply, retry, rollback):
        app.command()(command)


def plan(
    as_of: AsOf = None,
    crm: OnlyCrm = None,
    select: Select = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many accounts; those with tasks first.")] = None,
    write: Annotated[
        Path | None, typer.Option(help="Also write it there: .json for `apply`, .md for a pull request.")
    ] = None,
    redact: Annotated[bool, typer.Option("--redact", help="Hide accounts, values and words.")] = False,
    as_json: AsJson = False,
    detailed_exitcode: Detailed = False,
) -> None:
    """Show what a delivery would change in each CRM, field by field, and which messages it would send; send nothing.

    Reads what the CRMs hold now. With --detailed-exitcode: 0 nothing to change, 2 something to change, 1 an error.
    """
    from usage_pipeline.run import delivering, plan_table  # noqa: PLC0415 - Dagster takes a second

    made = delivering.make_plans(as_of=day(as_of), only=crm, select=select or (), limit=limit, hide=redact)
    if write is not None:
        delivering.keep(made, write)
    if as_json:
        print_json(made.to_json())
    else:
        for one in made.plans:
            plan_table.show(one, console)
        for channel, messages in made.messages.items():
            plan_table.show_messages(channel, messages, console)
        for problem in made.problems:
            console.print(f"[red]{problem}[/]", highlight=False, soft_wrap=True)
        if write is not None:
            console.print(f"written to {write}", highlight=False)
    if detailed_exitcode and not made.is_empty:
        raise ChangesFound


def apply(
    file: Annotated[Path | None, typer.Argument(metavar="[PLAN]", help="A plan's file; without one: plan now.")] = None,
    as_of: AsOf = None,
    crm: OnlyCrm = None,
    select: Select = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many accounts; those with tasks first.")] = None,
    canary: Annotated[
        int | None, typer.Option(min=1, help="So many accounts first; the rest only if none of them was refused.")
    ] = None,
    approved_by: ApprovedBy = None,
    override: Annotated[
        str | None, typer.Option(metavar="REASON", help="Overrule the circuit breaker; the reason is kept.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Deliver a morning's fields and tasks to the CRMs. Sending again what was sent sends nothing.

    A PLAN is refused when it is stale or was made for another CRM instance.
    """
    from usage_pipeline.run import delivering  # noqa: PLC0415

    given: dict[str, Any] = {
        "select": select,
        "limit": limit,
        "canary": canary,
        "approved_by": approved_by,
        "override": override,
    }
    terms = {name: value for name, value in given.items() if value}
    did = delivering.apply(as_of=day(as_of), file=file, only=crm, terms=terms)
    if as_json:
        print_json({name: did[name] for name in ("delivery", "messages", "alerts")})
    else:
        console.print(did["in_short"], highlight=False, soft_wrap=True)
    if any(one["failed"] for kind in ("delivery", "messages") for one in did[kind].values()):
        raise typer.Exit(1)


def retry(
    crm: OnlyCrm = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send again now what a CRM or channel refused or what failed, messages too, instead of at the next delivery."""
    from usage_pipeline.run import delivering  # noqa: PLC0415

    waiting, did = delivering.retry(only=crm, really=not dry_run)
    if as_json:
        print_json({"waiting": waiting, **{name: (did or {}).get(name) for name in ("delivery", "messages", "alerts")}})
    elif not waiting:
        console.print("Nothing waits: everything that was planned has arrived.")
    else:
        for row in waiting:
            console.print(
                f"{row['instance']}  {row['account_id']}  {row['kind']}: {row['cause']}: {row['detail']}",
                highlight=False,
                soft_wrap=True,
            )
        why = "--dry-run" if dry_run else "nothing of it is wanted any more"
        console.print(f"nothing was sent ({why})" if did is None else did["in_short"], highlight=False)


def rollback(
    to_run: Annotated[str, typer.Option(help="Undo every delivery after this run (`status --history` lists them).")],
    crm: OnlyCrm = None,
    yes: Annotated[bool, typer.Option("--yes", help="Carry it out; without it only the plan is shown.")] = False,
    approved_by: ApprovedBy = None,
) -> None:
    """Restore the fields as the CRM held them before some deliveries, and withdraw the tasks that those opened.

    The next delivery writes what is wanted then: mend the cause first.
    """
    from usage_pipeline.run import delivering, plan_table  # noqa: PLC0415

    for one in delivering.roll_back(to_run, only=crm, really=yes, approved_by=approved_by):
        plan_table.show(one, console)
    console.print("done" if yes else "nothing was sent; --yes carries it out")
