"""The main job with everything around it: a home, a sandbox, an instance, a summary."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from dagster_duckdb import DuckDBResource
from rich.console import Console

from usage_pipeline import company as companies
from usage_pipeline.defs.launching import Launcher
from usage_pipeline.defs.place import Place
from usage_pipeline.errors import Rejected
from usage_pipeline.features import catalogue as features
from usage_pipeline.home import Home, put
from usage_pipeline.plays import playbook
from usage_pipeline.run import account, journey, sandboxed, summary
from usage_pipeline.run.journey import Journey
from usage_pipeline.run.progress import Progress
from usage_pipeline.run.sandboxed import Sandbox
from usage_pipeline.run.simulation import MAPPING, Simulation
from usage_pipeline.settings import Settings


def run_simulated(settings: Settings, console: Console, *, accounts: int, seed: int) -> dict[str, Any]:
    """The main job on a simulated company, delivered to the sandbox; gives the summary."""
    if settings.hubspot_url or settings.salesforce_url:
        raise Rejected(
            "a simulated company is delivered to the sandbox only",
            fix="unset USAGE_HUBSPOT_URL and USAGE_SALESFORCE_URL, or run your own input with --mapping and --data",
        )
    home = Home(settings)
    simulation = Simulation(home, accounts, seed)
    home.claim(MAPPING, simulation.landing, simulation.origin)

    def way(one: Journey, sandbox: Sandbox) -> date:
        return journey.simulated(one, simulation, sandbox)

    return _run(home, console, way)


def simulate_only(settings: Settings, console: Console, *, accounts: int, seed: int) -> None:
    """Only the simulated company's history, landed under the home."""
    home = Home(settings)
    simulation = Simulation(home, accounts, seed)
    home.claim(MAPPING, simulation.landing, simulation.origin)
    simulation.land_history(Progress(console))
    console.print(
        f"landed in {simulation.landing}; `usage-pipeline run` goes on from here", highlight=False, soft_wrap=True
    )


def run_own_input(settings: Settings, console: Console, *, mapping: Path, data: Path, deliver: bool) -> dict[str, Any]:
    """The main job on a person's own input, delivered to the configured CRMs; gives the summary."""
    if not data.is_dir():
        raise Rejected(f"there is no folder {data}", fix="name the folder of your files with --data")
    # Before the home is claimed: a mapping that cannot run does not become the one in force.
    features.checked(playbook.checked(companies.load(mapping)))
    home = Home(settings)
    home.claim(mapping, data.resolve(), str(data.resolve()))
    return _run(home, console, lambda one, sandbox: journey.own_input(one, sandbox, deliver=deliver))


def _run(home: Home, console: Console, way: Callable[[Journey, Sandbox], date]) -> dict[str, Any]:
    progress = Progress(console)
    with sandboxed.running(home) as sandbox:
        opened = Place(duckdb=DuckDBResource(database=":memory:")).opened
        one = Journey(home=home, opened=opened, launcher=Launcher(home), progress=progress)
        as_of = way(one, sandbox)
        told = summary.summarise(one, as_of)
    put(home.summary_file, told)
    account.show(told, home, console)
    return told
