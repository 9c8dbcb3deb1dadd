"""What a run did, for programs (`run_summary.json`) and for people."""

from datetime import date
from typing import Any

import pandas as pd

from usage_pipeline.defs.place import Opened
from usage_pipeline.events import catalogue as events
from usage_pipeline.lake import Table
from usage_pipeline.models import catalogue as models
from usage_pipeline.outcomes import catalogue as outcomes
from usage_pipeline.plays import catalogue as plays
from usage_pipeline.run.journey import Journey
from usage_pipeline.scores import catalogue as scores

COUNTED = (
    "fields_written",
    "records_written",
    "tasks_opened",
    "tasks_updated",
    "tasks_withdrawn",
    "api_calls",
    "unmatched",
    "ambiguous",
    "failed",
    "quarantined",
    "held_back",
    "calls_saved",
)
STATES = ("unmatched", "ambiguous")
"""Counts of how things are, not of what was done: the last delivery's, not the sum."""


def summarise(journey: Journey, as_of: date) -> dict[str, Any]:
    """The whole run; `ok` says that everything succeeded or is in quarantine with a known cause."""
    opened = journey.opened
    score = _frame(opened, scores.ACCOUNT_SCORE, as_of)
    decision = _frame(opened, plays.DECISION, as_of)
    # Whoever is held out of everything is held out of plays that would never have fired, too.
    idle = (decision.decision == "hold_out") & ~decision.is_eligible.astype(bool)
    decision.loc[idle, "decision"] = "not"
    delivery = _delivery(journey.delivered)
    failed = sum(int(one["failed"]) for one in delivery.values())
    company = opened.company
    churn = score[score.outcome == company.primary.churn]
    return {
        "ok": not journey.failed_checks and failed == 0,
        "seconds": round(journey.progress.seconds, 1),
        "company": company.company,
        "as_of": as_of.isoformat(),
        "events": _events(opened),
        "accounts": int(score.account_id.nunique()),
        "outcomes": _outcomes(opened, score),
        "tiers": {tier: int((churn.tier == tier).sum()) for tier in ("red", "yellow", "green")},
        "plays": {name: int((decision.decision == name).sum()) for name in ("do", "hold_out", "not")},
        "plays_by_name": _plays(decision),
        "delivery": delivery,
        "effects": _effects(opened),
        "failed_checks": journey.failed_checks,
        "warnings": journey.warnings,
        "product_data": _product_data(opened),
    }


def _frame(opened: Opened, table: Table, as_of: date | None = None) -> pd.DataFrame:
    rows = opened.lake.read(table, (as_of, as_of) if as_of and table.partition else None)
    return opened.frame(rows)


def _events(opened: Opened) -> dict[str, int]:
    batches = _frame(opened, events.BATCH)
    return {name: int(batches[name].sum()) for name in ("received", "accepted", "duplicates", "rejected")}


def _product_data(opened: Opened) -> list[dict[str, Any]]:
    """Every check of the product data that it did not pass, in words, and whether plays stop for it."""
    findings = _frame(opened, events.FINDING)
    return [
        {"check": row["check"], "words": row["words"], "stops_plays": bool(row["stops_plays"])}
        for row in findings[~findings["passed"].astype(bool)].to_dict("records")
    ]


def _outcomes(opened: Opened, score: pd.DataFrame) -> dict[str, Any]:
    training = _frame(opened, models.TRAINING).sort_values("trained_as_of").drop_duplicates("outcome", keep="last")
    learned = {row["outcome"]: row for row in training.to_dict("records")}
    found = {}
    for outcome, rows in score.groupby("outcome"):
        row = learned.get(str(outcome), {})
        found[str(outcome)] = {
            "scored": int((rows.evidence == "sufficient").sum()),
            "insufficient_evidence": int((rows.evidence != "sufficient").sum()),
            "evidence": {str(state): int(count) for state, count in rows.evidence.value_counts().items()},
            "skill": bool(_plain(row.get("has_skill"))),
            "skill_reason": _plain(row.get("skill_reason")) or _plain(row.get("reason")),
            "model_version": _plain(row.get("model_version")),
            "rung": _plain(row.get("rung")),
            **{name: _plain(row.get(name)) for name in MEASURES},
        }
    return found


MEASURES = (
    "auc",
    "auc_low",
    "average_precision",
    "average_precision_low",
    "average_precision_high",
    "rule_average_precision",
    "logistic_average_precision",
    "calibration_error",
    "calibration_slope",
    "brier_skill",
    "lift_at_tenth",
    "base_rate",
)


def _plain(value: Any) -> Any:
    """A value that JSON has: unknown is null."""
    if value is None or pd.isna(value):
        return None
    return round(float(value), 4) if isinstance(value, float) else value


def _plays(decision: pd.DataFrame) -> dict[str, Any]:
    counts = decision.groupby(["play", "decision"]).size().unstack(fill_value=0)
    return {
        str(play): {name: int(row.get(name, 0)) for name in ("do", "hold_out", "not")}
        for play, row in counts.iterrows()
    }


def _delivery(delivered: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for one in delivered:
        for crm, counts in one.items():
            sums = total.setdefault(crm, dict.fromkeys(COUNTED, 0))
            for name in COUNTED:
                value = int(counts.get(name, 0))
                sums[name] = value if name in STATES else sums[name] + value
    return total


def _effects(opened: Opened) -> list[dict[str, Any]]:
    effect = _frame(opened, outcomes.EFFECT)
    return [
        {name: _plain(row[name]) if not isinstance(row[name], date) else str(row[name]) for name in effect.columns}
        for row in effect.to_dict("records")
    ]
