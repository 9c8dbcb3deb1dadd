"""One seed of the benchmark: a simulated company from its first day to the figures of its models."""

import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from benchmarks import simulated_rows
from usage_pipeline import company as companies
from usage_pipeline import engine, periods
from usage_pipeline.features import snapshot
from usage_pipeline.labels import mornings as weekly
from usage_pipeline.labels import outcomes
from usage_pipeline.models import judging, resampling, training
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sources.simulated import truth
from usage_pipeline.sources.simulated.company import Company

# The outcome and what the generator calls its own chance of it.
OUTCOMES = {"churn_90d": "hazard_churn_90d", "expansion_90d": "hazard_expansion_90d"}
EVERY = 4
"""Every fourth of the weekly mornings: those between tell little more, and take three times as long."""
TRAINING_SEED = 20_26
MEMORY = "1500MB"


@dataclass(frozen=True)
class Task:
    """One seed, and how large its company is."""

    seed: int
    accounts: int


def figures(task: Task) -> dict[str, object]:
    """The judged figures of every outcome of one seed, with the generator's ceiling on the same rows."""
    started = time.monotonic()
    company = Company(task.seed, task.accounts)
    mapping = companies.load(simulated_rows.MAPPING)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        backend = engine.connect(memory_limit=MEMORY, threads=1, spill=folder / "spill")
        facts = simulated_rows.facts(company, backend, folder)
        as_of = company.last_day + periods.ONE_DAY
        asked = asked_mornings(mapping, company.first_day, as_of)
        rows = [table for _, table in snapshot.snapshots(facts, asked, mapping, backend)]
        snapshots = pd.concat([table.to_pandas() for table in rows], ignore_index=True)
        told = {outcome: labels(outcome, mapping, asked, facts, as_of, backend) for outcome in OUTCOMES}
        backend.disconnect()
    known = truth.truth(company).to_pandas()
    found = {outcome: outcome_figures(outcome, mapping, snapshots, told[outcome], known, as_of) for outcome in OUTCOMES}
    return {
        "seed": task.seed,
        "accounts": task.accounts,
        "as_of": as_of.isoformat(),
        "mornings": len(asked),
        "snapshots": len(snapshots),
        "embargo_days": mapping.outcomes["churn_90d"].known_after_days,
        "seconds": round(time.monotonic() - started, 1),
        "memory_gb": round(peak_memory() / 1e9, 2),
        **found["churn_90d"],
        **{f"expansion_{name}": value for name, value in found["expansion_90d"].items()},
    }


def asked_mornings(mapping: companies.Company, first_day: date, as_of: date) -> list[date]:
    """Every fourth morning with a quarter of history whose labels are known, counted from the last one."""
    horizon = max(mapping.outcomes[name].known_after_days for name in OUTCOMES)
    last = as_of - timedelta(days=horizon)
    every = weekly.training_mornings(
        mapping, first_day + periods.QUARTER * periods.ONE_DAY, last, sources.LABEL.empty()
    )
    return every[::-1][::EVERY][::-1]


def labels(name, mapping, asked, facts, as_of, backend) -> pd.DataFrame:
    """What happened next, out of subscriptions alone."""
    known = outcomes.Facts(
        subscription=facts.subscription,
        milestone=sources.MILESTONE.empty(),
        label=sources.LABEL.empty(),
        account=facts.account,
        account_day=facts.account_day,
    )
    return backend.to_pandas(outcomes.label(name, mapping.outcomes[name], asked, known, known_before=as_of))


def outcome_figures(name, mapping, snapshots, told, known, as_of) -> dict[str, object]:
    """Train and judge one outcome; beside it how the generator's own hazard ranks the judged rows."""
    trained = training.train(name, mapping.outcomes[name], snapshots, told, as_of=as_of, seed=TRAINING_SEED, threads=1)
    if trained.judgement is None:
        raise RuntimeError(f"no model of {name}: {trained.reason}")
    judged, rows = trained.judgement, trained.judged_rows
    known = known.assign(as_of=pd.to_datetime(known["as_of"]).astype(rows["as_of"].dtype))
    beside = rows[["account_id", "as_of", "happened"]].merge(
        known[["account_id", "as_of", OUTCOMES[name]]], on=["account_id", "as_of"], how="left", validate="one_to_one"
    )
    if beside[OUTCOMES[name]].isna().any():
        raise RuntimeError(
            f"{int(beside[OUTCOMES[name]].isna().sum())} judged rows of {name} are unknown to the generator"
        )
    hazard, happened = beside[OUTCOMES[name]].to_numpy(), beside["happened"].to_numpy(dtype=bool)
    ceiling = resampling.curve(hazard, happened)
    return {
        "judged_mornings": len(set(rows["as_of"])),
        "judged_rows": judged.judged_rows,
        "judged_positives": judged.judged_positives,
        "base_rate": judged.base_rate,
        "rung": trained.model.rung,
        "auc": judged.auc,
        "average_precision": judged.average_precision,
        "rule_auc": judged.rule_auc,
        "rule_average_precision": judged.rule_average_precision,
        "logistic_average_precision": judged.logistic_average_precision,
        "average_precision_over_rule": judged.gain_over_rule,
        "lift_at_tenth": judged.lift_at_tenth,
        "calibration_slope": judged.calibration_slope,
        "calibration_error": judged.calibration_error,
        "brier_skill": judged.brier_skill,
        "brier_skill_low": judged.brier_skill_low,
        "brier_skill_high": judged.brier_skill_high,
        "has_skill": judged.has_skill,
        "ceiling_auc": float(ceiling.auc),
        "ceiling_average_precision": float(ceiling.average_precision),
        "ceiling_lift_at_tenth": judging.lift(hazard, happened, 0.1),
    }


def peak_memory() -> int:
    """Most bytes this process has held."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
