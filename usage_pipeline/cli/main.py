"""The door: the main job, and what one looks at while it grows."""

import os
from pathlib import Path
from typing import Annotated

import typer

from usage_pipeline import spans
from usage_pipeline.cli import beginning, crm_state, data, delivery, fetching
from usage_pipeline.cli.options import AsOf, ChangesFound, console, day
from usage_pipeline.errors import Problem
from usage_pipeline.settings import Settings

app = typer.Typer(
    help=(
        "Turns what customers do in a product into what a company should do about it.\n\n"
        "Start with `usage-pipeline run`: it simulates a company, learns from its usage, and delivers scores and "
        "tasks to a HubSpot and a Salesforce that ship with the project. Everything it makes lies under USAGE_HOME "
        "(default: data/)."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
beginning.add_to(app)
fetching.add_to(app)
delivery.add_to(app)
crm_state.add_to(app)
data.add_to(app)

Mapping = Annotated[
    Path | None,
    typer.Option(help="YAML file that says how your files are to be read (docs/input.md, docs/settings.md)."),
]
Data = Annotated[Path | None, typer.Option(help="Folder of your files.")]
Accounts = Annotated[int, typer.Option(min=200, max=200_000, help="Accounts of the simulated company.")]
Seed = Annotated[int, typer.Option(help="Seed of the simulated company: the same seed gives the same company.")]


@app.command()
def run(
    mapping: Mapping = None,
    data: Data = None,
    accounts: Accounts = 500,
    seed: Seed = 1,
    deliver: Annotated[
        bool, typer.Option(help="With your own input: write to a real CRM without a plan first.")
    ] = False,
) -> None:
    """Run the main job: land, learn, score, decide, deliver, and say what happened.

    Without options a simulated company is made and delivered to the CRM sandbox. With --mapping and --data it is
    your own input; a real CRM then gets nothing before you have seen a plan. Running it again repeats nothing that is
    done.
    """
    from usage_pipeline.run import main_job  # noqa: PLC0415 - Dagster takes a second that --help should not

    if (mapping is None) != (data is None):
        raise typer.BadParameter("--mapping and --data belong together: the one says how to read the other")
    if mapping is not None and data is not None:
        told = main_job.run_own_input(Settings(), console, mapping=mapping, data=data, deliver=deliver)
    else:
        told = main_job.run_simulated(Settings(), console, accounts=accounts, seed=seed)
    if not told["ok"]:
        raise typer.Exit(1)


@app.command()
def simulate(accounts: Accounts = 500, seed: Seed = 1) -> None:
    """Make only the raw data of a simulated company: two years of deliveries under the home's landing folder."""
    from usage_pipeline.run import main_job  # noqa: PLC0415

    main_job.simulate_only(Settings(), console, accounts=accounts, seed=seed)


@app.command()
def trace(
    account: Annotated[str, typer.Argument(help="Account id, as the product gives it.")], as_of: AsOf = None
) -> None:
    """Print one account as one chain: events, features, score with reasons, decisions, CRM fields and tasks, outcome."""
    from usage_pipeline.run import delivering  # noqa: PLC0415
    from usage_pipeline.run import trace as tracing  # noqa: PLC0415

    tracing.show(delivering.opened(), account, day(as_of), console)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="HTTP port; TLS listens on the next one.", min=0, max=65534)] = 8780,
    state: Annotated[Path | None, typer.Option(help="SQLite file; by default sandbox.sqlite under the home.")] = None,
) -> None:
    """Serve a HubSpot and a Salesforce of your own on loopback, with pages to look at.

    HubSpot takes the token `sandbox-token`; Salesforce takes client id `sandbox` and secret `sandbox`.
    """
    from usage_pipeline.sandbox import server  # noqa: PLC0415

    settings = Settings()
    file = state or settings.home.resolve() / "sandbox.sqlite"
    file.parent.mkdir(parents=True, exist_ok=True)
    server.serve(file, port, port + 1 if port else None)


@app.command()
def doctor() -> None:
    """Check settings, folders and CRM access, and tell the fix of whatever is not in order."""
    from usage_pipeline.run import doctor as doctors  # noqa: PLC0415

    is_sound = True
    for finding in doctors.examine(Settings()):
        is_sound = is_sound and finding.is_sound
        mark = "[green]✓[/]" if finding.is_sound else "[red]✗[/]"
        console.print(f"{mark} {finding.name:<16} {finding.detail}", highlight=False, soft_wrap=True)
        if finding.fix:
            console.print(f"  {'':<16} fix: {finding.fix}", highlight=False, soft_wrap=True)
    if not is_sound:
        raise typer.Exit(1)


@app.command()
def dev(
    dagster_port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of the MLflow UI.")] = 5000,
) -> None:
    """Serve Dagster (UI and daemon), MLflow and the CRM sandbox together; Ctrl-C stops all of them."""
    from usage_pipeline.run import dev as development  # noqa: PLC0415

    raise typer.Exit(development.serve(Settings(), console, dagster_port=dagster_port, mlflow_port=mlflow_port))


def main() -> None:
    """The entry point: a problem is told in words, with its fix, and ends with exit code 1."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        spans.configure()
        app()
    except ChangesFound as changes:
        raise SystemExit(2) from changes
    except Problem as problem:
        console.print(f"[red]{type(problem).__name__}:[/] {problem}", highlight=False, soft_wrap=True)
        raise SystemExit(1) from problem
    except SystemExit as ended:
        # Typer ends with 2 for a mistake in the command; here 2 means changes, and a mistake is 1 like any error.
        raise SystemExit(1 if ended.code else 0) from ended
