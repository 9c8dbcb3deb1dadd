"""The way of one command: from landed files to fields and tasks in the CRMs."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from usage_pipeline.defs.launching import Done, Launcher
from usage_pipeline.defs.place import Opened
from usage_pipeline.events import catalogue as events
from usage_pipeline.home import Home
from usage_pipeline.lake import upkeep, write_views
from usage_pipeline.models import catalogue as models
from usage_pipeline.periods import MONTH, ONE_DAY
from usage_pipeline.run import stocking
from usage_pipeline.run.progress import Progress
from usage_pipeline.run.sandboxed import Sandbox
from usage_pipeline.run.simulation import Simulation


@dataclass
class Journey:
    """One run of the main job on one home."""

    home: Home
    opened: Opened
    launcher: Launcher
    progress: Progress
    delivered: list[dict[str, Any]] = field(default_factory=list)
    """What each delivery of this run did, per CRM."""
    failed_checks: list[str] = field(default_factory=list)
    """Checks of this run that should have passed."""
    warnings: list[str] = field(default_factory=list)
    """Checks of this run that found something to know, not to stop for."""

    def fetch(self) -> None:
        """Bring what is new elsewhere into the landing folder, where the mapping says that something lies elsewhere."""
        sources = self.opened.company.fetch
        if sources:
            with self.progress.step(f"fetch {', '.join(one.name for one in sources)}") as step:
                step.note = str(self._run("fetch").metadata.get("sources/fetched", {}).get("in_short", ""))

    def ingest(self) -> None:
        """Land new files and bring the rollups up to date."""
        with self.progress.step("land and clean events") as step:
            done = self._run("ingest")
            landed = done.metadata.get("events/event", {})
            step.note = (
                f"{landed.get('received', 0):,} rows: {landed.get('accepted', 0):,} accepted, "
                f"{landed.get('duplicates', 0):,} duplicates, {landed.get('rejected', 0):,} rejected"
            )
        lake = self.opened.lake
        pending = self.launcher.pending_days(lake.partitions(events.EVENT), upkeep.kept_since(lake, events.EVENT))
        if pending:
            with self.progress.step("roll up days") as step:
                for first, last in pending:
                    self._run("roll_up", days=(first, last))
                step.note = f"{sum((last - first).days + 1 for first, last in pending):,} days"

    def learn(self) -> None:
        """Train a model per outcome from everything known."""
        with self.progress.step("learn: features, labels, models") as step:
            done = self._run("retrain")
            step.note = str(done.metadata.get("models/training", {}).get("in_short", ""))

    def morning(self, as_of: date) -> None:
        """Score one morning, decide, and deliver."""
        if not self.launcher.is_done("plays/decision", as_of):
            self.decide(as_of)
        self.deliver(as_of)

    def decide(self, as_of: date) -> None:
        """Score one morning and decide; once more gives the same, or what new data make of it."""
        with self.progress.step(f"score and decide {as_of}") as step:
            done = self._run("daily", morning=as_of)
            step.note = str(done.metadata.get("plays/decision", {}).get("in_short", ""))

    def deliver(self, as_of: date) -> None:
        """Bring the CRMs to what was decided."""
        with self.progress.step(f"deliver {as_of}") as step:
            done = self._run("deliver", morning=as_of)
            metadata = done.metadata.get("sync/log", {})
            self.delivered.append(metadata.get("delivery", {}))
            step.note = str(metadata.get("in_short", ""))

    def review(self) -> None:
        """Look at what came of it, and write the pages and views."""
        with self.progress.step("review outcomes") as step:
            done = self._run("review")
            step.note = str(done.metadata.get("outcomes/effect", {}).get("in_short", ""))
        from usage_pipeline.defs import tables  # noqa: PLC0415 - it is declared anew once partitions begin

        write_views(self.opened.lake, tables.TABLES, self.home.path / "usage.duckdb")

    def _run(self, job: str, **which: Any) -> Done:
        done = self.launcher.execute(job, **which)
        self.failed_checks.extend(done.failed_checks)
        self.warnings.extend(done.warnings)
        return done


def simulated(journey: Journey, simulation: Simulation, sandbox: Sandbox) -> date:
    """History in one go, then the live weeks; gives the last morning."""
    simulation.land_history(journey.progress)
    for number, as_of in enumerate(simulation.mornings):
        is_last = number == len(simulation.mornings) - 1
        if journey.launcher.is_done("sync/log", as_of) and not is_last:
            continue
        if number and not simulation.has_landed(as_of):
            with journey.progress.step(f"a week passes, until {as_of}") as step:
                step.note = simulation.live_week(as_of, sandbox)
        simulation.open_morning(as_of, sandbox)
        journey.ingest()
        if number == 0:
            journey.learn()
        journey.morning(as_of)
    journey.review()
    return simulation.mornings[-1]


def own_input(journey: Journey, sandbox: Sandbox | None, *, deliver: bool) -> date:
    """A person's own input: all that has landed, for the morning after the last known event.

    A real CRM gets nothing unless `deliver`: first a plan, for a person to read.
    """
    journey.fetch()
    journey.ingest()
    if journey.opened.company.stock_sandbox and sandbox is not None:
        with journey.progress.step("stock the sandbox") as step:
            step.note = stocking.stock(journey.opened, sandbox)
    as_of = latest_morning(journey.opened)
    if is_to_learn(journey.opened, as_of):
        journey.learn()
    # Whatever was edited in the mapping or landed since: the morning is judged by it.
    journey.decide(as_of)
    real = [crm.instance().key for crm in journey.opened.crms().values() if not crm.instance().is_sandbox]
    if real and not deliver:
        journey.progress.say(
            f"Nothing was sent, because {' and '.join(real)} is a real CRM: look at `usage-pipeline plan`, then "
            "`usage-pipeline apply` (or run again with --deliver)."
        )
    else:
        journey.deliver(as_of)
    journey.review()
    return as_of


def is_to_learn(opened: Opened, as_of: date) -> bool:
    """Whether an outcome was never trained here, or a month has become known since."""
    training = opened.frame(opened.lake.read(models.TRAINING))
    trained = {str(row["outcome"]): row["trained_as_of"] for row in training.to_dict("records")}
    return any(
        name not in trained or (as_of - pd.Timestamp(trained[name]).date()).days >= MONTH
        for name in opened.company.outcomes
    )


def latest_morning(opened: Opened) -> date:
    """The morning after the last known event."""
    days = opened.lake.partitions(events.EVENT)
    return days[-1] + ONE_DAY
