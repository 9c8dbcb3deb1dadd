"""What is kept and what is not: mend refused rows, forget a person, keep an account out, tidy the home."""

import getpass
from dataclasses import asdict
from typing import Annotated, Any

import typer

from usage_pipeline.cli.options import AsJson, console, day, print_json

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
AskedBy = Annotated[str | None, typer.Option(help="Who asked for it; kept. By default the user of this terminal.")]
Reason = Annotated[str | None, typer.Option(help="Why; kept. Name nobody in it.")]

# Of a raw row, what fits a few lines.
_SHOWN = 300


def add_to(app: typer.Typer) -> None:
    """Put these commands on the door."""
    for command in (quarantine, replay, forget, suppress, tidy):
        app.command()(command)


def forget(
    users: Annotated[list[str], typer.Argument(metavar="USER...", help="User ids or e-mail addresses of one person.")],
    dry_run: DryRun = False,
    asked_by: AskedBy = None,
    reason: Reason = None,
    without_crm: Annotated[
        bool, typer.Option("--without-crm", help="Leave the CRM's contacts: they were emptied by hand.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a person: landed files, events, rollups, ledger, our fields of their contact. They cannot come back.

    What was counted stays accounted for without saying of whom. Nothing else should run meanwhile.
    """
    from usage_pipeline.run import delivering, forgetting  # noqa: PLC0415 - Dagster takes a second

    with console.status("looking ...") as status:
        found = forgetting.forget(
            delivering.opened(),
            users,
            asked_by=asked_by or getpass.getuser(),
            reason=reason,
            really=not dry_run,
            progress=lambda what: status.update(f"{what} ..."),
            with_crm=not without_crm,
        )
    told = found.to_json()
    if as_json:
        print_json(told)
        return
    parts: dict[str, Any] = {
        "landed files, lines": found.files,
        "landed files, lines of others that name them": found.mentions,
        "tables, rows": found.tables,
        "tables, rows of others that name them": found.named_in,
        "ledger": {name: count for name, count in found.ledger.items() if count},
        "contacts": found.contacts,
    }
    for what, counts in parts.items():
        for name, count in counts.items():
            console.print(f"{what}: {name} {count:,}", highlight=False, markup=False, soft_wrap=True)
    for name in found.other_files:
        console.print(f"other files: {name}", highlight=False, markup=False, soft_wrap=True)
    if found.is_account_too:
        console.print("An account has the same id: it stays, with what is known of it (`suppress` keeps it out).")
    if found.shared_browsers:
        console.print(f"{found.shared_browsers} browsers are shared with others: what nobody did by name there stays.")
    if found.is_nothing:
        console.print("Nothing is known of them; the tombstone keeps it so." if not dry_run else "Nothing is known.")
    elif dry_run:
        console.print("nothing was erased (--dry-run)")
    else:
        console.print(f"erased; {found.days} known days were counted again; recorded as {found.erasure}")


def suppress(
    account: Annotated[str | None, typer.Argument(help="Account id; without one: who is out.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, as 2026-06-29; by default for good.")] = None,
    reason: Reason = None,
    asked_by: AskedBy = None,
    lift: Annotated[bool, typer.Option("--lift", help="Let the account in again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep an account out of scoring and delivery: no score, no task, and its CRM fields are emptied by the next apply."""
    from usage_pipeline.run import delivering, suppressing  # noqa: PLC0415

    place = delivering.opened()
    if account is not None and lift:
        said = "is in again from the next morning on" if suppressing.lift(place, account) else "was not out"
        console.print(f"{account} {said}", highlight=False, markup=False)
    elif account is not None:
        last = day(until)
        suppressing.suppress(place, account, until=last, reason=reason, asked_by=asked_by or getpass.getuser())
        console.print(
            f"{account} is out {'for good' if last is None else f'until {last}'}", highlight=False, markup=False
        )
    rows = suppressing.listed(place)
    if as_json:
        print_json(rows)
    elif account is None:
        for row in rows:
            when = "for good" if row["until"] is None else f"until {row['until']}"
            told = f"{row['account_id']}  {when}  {row['reason'] or 'no reason given'} ({row['asked_by']})"
            console.print(told, highlight=False, markup=False, soft_wrap=True)
        if not rows:
            console.print("Nobody is out.")


def tidy(dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Put small files together, and delete old table versions and what is past its time (USAGE_KEEP_*)."""
    from usage_pipeline.defs import tidying  # noqa: PLC0415
    from usage_pipeline.run import delivering  # noqa: PLC0415

    with console.status("tidying ...") as status:
        done = tidying.tidy(delivering.opened(), really=not dry_run, progress=lambda what: status.update(f"{what} ..."))
    if as_json:
        print_json(done.to_json())
        return
    for table, days in done.days_dropped.items():
        console.print(f"{table}: {days:,} known days before {done.events_before}", highlight=False)
    for name in done.landed_files:
        console.print(f"landed file {name}", highlight=False, markup=False, soft_wrap=True)
    for table, (before, after) in done.put_together.items():
        console.print(f"{table}: {before:,} small files became {after:,}", highlight=False)
    console.print(
        f"{done.old_files:,} files of old versions deleted, {done.seconds} s"
        if done.was_done
        else "nothing was done (--dry-run)",
        highlight=False,
    )


def quarantine(
    reason: Annotated[str | None, typer.Option(help="Only rows refused for this reason.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the refused rows by file and reason, most first, each with what to do and some samples."""
    from usage_pipeline.run import delivering, replaying  # noqa: PLC0415

    rows = replaying.quarantine(delivering.opened(), reason)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        console.print(f"{row['file']}  {row['reason']}: {row['rows']:,} rows", highlight=False, markup=False)
        console.print(f"  {row['fix']}", highlight=False, markup=False, soft_wrap=True)
        for one in row["samples"]:
            console.print(f"  line {one['line']}: {one['raw'][:_SHOWN]}", highlight=False, markup=False, soft_wrap=True)
    if not rows:
        console.print("Nothing was refused.")


def replay(dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Mend refused rows by the mapping's `repair` rules, judge them again, and land the good ones."""
    from usage_pipeline.defs.launching import Launcher  # noqa: PLC0415
    from usage_pipeline.run import delivering, replaying  # noqa: PLC0415

    place = delivering.opened()
    done = replaying.replayed(place, Launcher(place.home), really=not dry_run)
    if as_json:
        print_json([asdict(one) for one in done])
        return
    for one in done:
        still = ", ".join(f"{count:,} {reason}" for reason, count in sorted(one.still_refused.items()))
        console.print(
            f"{one.rule}: {one.file}: {one.matched:,} rows, {one.accepted:,} accepted, {one.duplicates:,} duplicates"
            + (f", still refused: {still}" if still else ""),
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    if not done:
        console.print("No refused row matches a rule of the mapping's `repair`.")
    elif dry_run:
        console.print("nothing was landed (--dry-run)")
