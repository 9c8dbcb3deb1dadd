"""Moves from one morning to the next: of a tier (ALR-01) and of a cohort."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from usage_pipeline.company import Kind
from usage_pipeline.scores.wording import figure
from usage_pipeline.segments.cohorts import Cohort
from usage_pipeline.signals.falls import HIGH, LOW, MEDIUM, Signal

# Worst first, so that a smaller place is a move up.
TIERS = {Kind.CHURN: ("red", "yellow", "green"), Kind.EXPANSION: ("high", "medium", "low")}
SPOKEN = {Kind.CHURN: "churn risk", Kind.EXPANSION: "expansion likelihood"}
SUGGESTED = {
    (Kind.CHURN, True): "Reach out now and speak about what fell; the reasons of the score name it.",
    (Kind.CHURN, False): "No rescue is needed any more; note what helped.",
    (
        Kind.EXPANSION,
        True,
    ): "Speak about what they would gain from more, as long as their health is not Orange or worse.",
    (Kind.EXPANSION, False): "Leave the expansion talk for later.",
}

# A tier by rank moves when others do. The account's own score must have moved by a tenth of
# itself in the same direction, or an account at the edge would flap (conflict 4: hysteresis).
OWN_PART = 0.1

_COHORT_SEVERITY = {Cohort.RISK: HIGH, Cohort.STUCK: MEDIUM, Cohort.NARROW: LOW, Cohort.POWER: LOW, Cohort.NEW: LOW}
_COHORT_SUGGESTED = {
    Cohort.RISK: "Speak with the champion before the renewal does; no expansion ask now.",
    Cohort.STUCK: "Offer a workshop on what the team does not use yet; no upgrade push.",
    Cohort.NARROW: "Show the next feature that fits what they already do.",
    Cohort.POWER: "A candidate for more seats, a higher plan or a reference.",
    Cohort.NEW: "Help with the first steps.",
}
_ORDER = {HIGH: 0, MEDIUM: 1, LOW: 2}


def tier_changes(scores: pd.DataFrame, previous: pd.DataFrame) -> dict[str, Signal]:
    """By account the move of its tier; moves of several outcomes are one signal, the gravest first."""
    columns = ["account_id", "outcome", "kind", "tier", "score"]
    both = scores[columns].merge(
        previous[["account_id", "outcome", "tier", "score"]], on=["account_id", "outcome"], suffixes=("", "_before")
    )
    both = both[both["tier"].notna() & both["tier_before"].notna() & (both["tier"] != both["tier_before"])]
    found: dict[str, list[Signal]] = {}
    for row in both.sort_values(["account_id", "outcome"]).to_dict("records"):
        signal = _tier_change(row)
        if signal is not None:
            found.setdefault(str(row["account_id"]), []).append(signal)
    return {account: _as_one(sorted(signals, key=lambda s: _ORDER[s.severity])) for account, signals in found.items()}


def cohort_changes(segments: pd.DataFrame, previous: pd.DataFrame) -> dict[str, Signal]:
    """By account the move of its cohort, with the row of the decision table that it now meets."""
    both = segments[["account_id", "cohort", "cohort_rule"]].merge(
        previous[["account_id", "cohort"]], on="account_id", suffixes=("", "_before")
    )
    both = both[both["cohort"].notna() & both["cohort_before"].notna() & (both["cohort"] != both["cohort_before"])]
    return {str(row["account_id"]): _cohort_change(row) for row in both.to_dict("records")}


def _tier_change(row: Mapping[Any, Any]) -> Signal | None:
    kind = Kind(row["kind"])
    names = TIERS[kind]
    was, now = float(row["score_before"]), float(row["score"])
    is_up = names.index(row["tier"]) < names.index(row["tier_before"])
    if (now - was if is_up else was - now) < OWN_PART * max(was, now):
        return None
    text = f"{SPOKEN[kind]} ({row['outcome']}) went from {row['tier_before']} to {row['tier']}: {figure(was)} to {figure(now)} of 100"
    severity = (HIGH if row["tier"] == names[0] else MEDIUM) if is_up else LOW
    return Signal("tier_change", severity, text, SUGGESTED[kind, is_up], value=now, own_usual=was)


def _as_one(signals: list[Signal]) -> Signal:
    first = signals[0]
    text = "; ".join(signal.text for signal in signals)
    return Signal(first.kind, first.severity, text, first.suggestion, value=first.value, own_usual=first.own_usual)


def _cohort_change(row: Mapping[Any, Any]) -> Signal:
    cohort = Cohort(row["cohort"])
    text = f"cohort went from {row['cohort_before']} to {cohort.value}: {row['cohort_rule']}"
    return Signal("cohort_change", _COHORT_SEVERITY[cohort], text, _COHORT_SUGGESTED[cohort])
