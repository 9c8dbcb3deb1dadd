"""Runs the jobs from a terminal, in this process and on the same instance that the UI shows."""

import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import dagster as dg

from usage_pipeline import defs
from usage_pipeline.defs import pending
from usage_pipeline.errors import Problem, Rejected
from usage_pipeline.home import Home

# The console shows our own progress; everything else is in the run's page.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class RunFailed(Problem):
    """A Dagster run ended in failure; the message names its first cause."""


@dataclass(frozen=True)
class Done:
    """What one run did."""

    job: str
    run_id: str
    materialised: int
    metadata: Mapping[str, Mapping[str, Any]]
    """Metadata by asset key, of the last partition where there are several."""
    failed_checks: tuple[str, ...]
    warnings: tuple[str, ...]
    """Checks that found something to know, not to stop for."""


def prepare(home: Home) -> None:
    """Point Dagster at the home: its own folder, with this project's dagster.yaml in it."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).parents[2] / "dagster.yaml"
    text = (
        source.read_text(encoding="utf-8")
        if source.exists()
        else resources.files("usage_pipeline").joinpath("dagster.yaml").read_text()
    )
    (home.dagster / "dagster.yaml").write_text(text, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    # The account of the run is ours; MLflow still says what goes wrong.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # Partitions of a back-fill are recorded so many at a time (see event_log).
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")


class Launcher:
    """Executes jobs for one home."""

    def __init__(self, home: Home) -> None:
        prepare(home)
        self.home = home
        self.instance = dg.DagsterInstance.get()
        self._definitions: dg.Definitions | None = None
        self._begin: str | None = None

    def definitions(self) -> dg.Definitions:
        """The definitions; loaded anew once the first ingest has told where the partitions begin."""
        begin = self.home.holding().first_known_day
        if self._definitions is None or begin != self._begin:
            _forget_declarations()
            self._definitions = importlib.import_module("usage_pipeline.definitions").defs()
            self._begin = begin
        return self._definitions

    def execute(
        self,
        job: str,
        *,
        morning: date | None = None,
        days: tuple[date, date] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Done:
        """One run of `job`, for a morning or for a range of known days; `RunFailed` with the cause."""
        tags = {}
        if days is not None:
            tags = {
                "dagster/asset_partition_range_start": days[0].isoformat(),
                "dagster/asset_partition_range_end": days[1].isoformat(),
            }
        result = (
            self.definitions()
            .resolve_job_def(job)
            .execute_in_process(
                run_config=QUIET | dict(config or {}),
                instance=self.instance,
                partition_key=morning.isoformat() if morning else None,
                tags=tags,
                raise_on_error=False,
            )
        )
        if not result.success:
            cause = _cause(job, result)
            # A problem of our own brings its fix.
            fix = (
                ""
                if "Fix:" in cause
                else "`make dev` shows the run; repeating the command repeats nothing that is done"
            )
            raise RunFailed(cause, fix=fix)
        materialised = [
            event.step_materialization_data.materialization
            for event in result.all_events
            if event.is_step_materialization
        ]
        return Done(
            job=job,
            run_id=result.run_id,
            materialised=len(materialised),
            metadata={
                one.asset_key.to_user_string(): {name: value.value for name, value in one.metadata.items()}
                for one in materialised
            },
            failed_checks=_unpassed(result, dg.AssetCheckSeverity.ERROR),
            warnings=_unpassed(result, dg.AssetCheckSeverity.WARN),
        )

    def pending_days(self, in_lake: list[date], kept_since: date | None = None) -> list[tuple[date, date]]:
        """Ranges of known days whose rollups are missing or older than the events of that day."""
        return pending.days(self.instance, in_lake, kept_since)[1]

    def is_done(self, asset: str, morning: date) -> bool:
        """Whether the asset of that morning was ever materialised."""
        return morning.isoformat() in pending.storage_ids(self.instance, dg.AssetKey(asset.split("/")))


def _unpassed(result: dg.ExecuteInProcessResult, severity: dg.AssetCheckSeverity) -> tuple[str, ...]:
    return tuple(
        f"{check.asset_key.to_user_string()}: {check.check_name}"
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity is severity
    )


def _forget_declarations() -> None:
    """Drop the modules that declare assets, so that they are declared again; what is open stays open."""
    keep = {"place", "event_log", "launching", "pending"}
    for name in list(vars(defs)):
        module = f"{defs.__name__}.{name}"
        if module in sys.modules and name not in keep:
            del sys.modules[module]
            # `from usage_pipeline.defs import tables` looks at the package before the modules.
            delattr(defs, name)
    sys.modules.pop("usage_pipeline.definitions", None)


def _cause(job: str, result: dg.ExecuteInProcessResult) -> str:
    """The first failed step and its innermost error."""
    for event in result.all_events:
        data = event.event_specific_data
        error = getattr(data, "error", None)
        if event.is_step_failure and error is not None:
            while error.cause is not None:
                error = error.cause
            message = error.message.strip().removeprefix(f"{Rejected.__module__}.")
            return f"{job}: the step {event.step_key} failed: {message}"
    return f"{job} failed in run {result.run_id}"
