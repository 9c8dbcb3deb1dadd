"""What the CRM should say of each account, and which tasks should be open there."""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Literal

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.company import Kind, Primary
from usage_pipeline.crm.contract import CONTRACT, Contract

Visibility = Literal["hidden", "shown"]
SUFFICIENT = "sufficient"
EVERY_PLAY = "*"

SCORE_FIELDS = {
    Kind.CHURN: ("usage_churn_risk", "usage_churn_tier", "usage_churn_reasons"),
    Kind.EXPANSION: ("usage_expansion_likelihood", "usage_expansion_tier", "usage_expansion_reasons"),
}
COHORT_FIELD = "usage_cohort"
PLAY_FIELD = "usage_recommended_play"
REVEALING = frozenset({COHORT_FIELD, PLAY_FIELD}.union(*SCORE_FIELDS.values()))
"""Every field that can give some play away."""

TASK_COLUMNS = [
    "account_id",
    "play",
    "episode",
    "task_key",
    "state",
    "subject",
    "body",
    "priority",
    "due_on",
    "expected_outcome",
]


def fields(
    scores: pd.DataFrame,
    segments: pd.DataFrame,
    health: pd.DataFrame,
    decisions: pd.DataFrame,
    assignments: pd.DataFrame,
    as_of: date,
    *,
    primary: Primary,
    holdout_visibility: Visibility = "hidden",
    contract: Contract = CONTRACT,
) -> pd.DataFrame:
    """One row per account: account_id and the fields of the contract as text, None for empty.

    Without sufficient evidence there is no number, but the evidence state, the cohort and the
    morning still are. What would give a play away is emptied for accounts held out of it.
    """
    outcome_of = {Kind.CHURN: primary.churn, Kind.EXPANSION: primary.expansion}
    score = {(row["account_id"], row["outcome"]): row for row in frames.rows(scores)}
    segment = {row["account_id"]: row for row in frames.rows(segments)}
    wellness = {row["account_id"]: row for row in frames.rows(health)}
    play = _recommended(decisions)
    hidden = hidden_fields(decisions, assignments, as_of, primary=primary) if holdout_visibility == "hidden" else {}
    found: list[dict[str, str | None]] = []
    for account in sorted({account for account, _ in score} | segment.keys() | wellness.keys()):
        values: dict[str, Any] = {
            COHORT_FIELD: segment.get(account, {}).get("cohort"),
            "usage_health": wellness.get(account, {}).get("health"),
            "usage_health_tier": wellness.get(account, {}).get("health_tier"),
            "usage_scored_at": as_of.isoformat(),
            PLAY_FIELD: play.get(account),
        }
        versions = []
        for kind, outcome in outcome_of.items():
            row = score.get((account, outcome), {})
            values |= dict(zip(SCORE_FIELDS[kind], _score_values(row), strict=True))
            # The churn model speaks first: its evidence is the one that is shown.
            values["usage_evidence"] = values.get("usage_evidence") or row.get("evidence")
            if row.get("evidence") == SUFFICIENT and row.get("model_version"):
                versions.append(f"{outcome} v{row['model_version']}")
        values["usage_model_version"] = ", ".join(versions)
        values |= dict.fromkeys(hidden.get(account, ()))
        texts = {field.name: field.canonical(_rounded(values.get(field.name))) for field in contract.fields}
        found.append({"account_id": account} | texts)
    return pd.DataFrame(found, columns=["account_id", *(field.name for field in contract.fields)], dtype=object)


def tasks(decisions: pd.DataFrame) -> pd.DataFrame:
    """One row per task that should be open (`TASK_COLUMNS`).

    `state` is `wanted` where a play acts, and `kept` where the morning cannot judge and leaves an
    open task as it is (a decision `not` that keeps its episode).
    """
    found = []
    for row in frames.rows(decisions):
        if row["episode"] is None or row["decision"] == "hold_out":
            continue
        state = "wanted" if row["decision"] == "do" else "kept"
        key = task_key(row["account_id"], row["play"], row["episode"])
        found.append(row | {"task_key": key, "state": state, "due_on": _day(row["due_on"])})
    return pd.DataFrame(found, columns=TASK_COLUMNS, dtype=object)


def task_key(account_id: str, play: str, episode: str) -> str:
    """The same for the same episode for ever; short enough for every CRM's key field."""
    return "usage-" + hashlib.sha256("\n".join((account_id, play, episode)).encode()).hexdigest()[:40]


def hidden_fields(
    decisions: pd.DataFrame, assignments: pd.DataFrame, as_of: date, *, primary: Primary
) -> dict[str, set[str]]:
    """Which fields of an account must stay empty, because they would give away a play it is held out of.

    A play that no decision of the morning mentions hides everything: what triggers it is not known.
    """
    clues: dict[str | None, Iterable[str]] = {
        primary.churn: SCORE_FIELDS[Kind.CHURN],
        primary.expansion: SCORE_FIELDS[Kind.EXPANSION],
        None: (COHORT_FIELD,),
    }
    trigger = {row["play"]: row["outcome"] for row in frames.rows(decisions)}
    hidden: dict[str, set[str]] = {}
    for row in frames.rows(assignments):
        since, until = _day(row["assigned_on"]), _day(row["held_until"])
        if row["arm"] != "hold_out" or (since and since > as_of) or (until and until < as_of):
            continue
        is_known = row["play"] != EVERY_PLAY and row["play"] in trigger
        given_away = clues.get(trigger[row["play"]], REVEALING) if is_known else REVEALING
        hidden.setdefault(row["account_id"], set()).update(given_away)
    return hidden


def _recommended(decisions: pd.DataFrame) -> dict[str, str]:
    """What to do next, of all that the account's plays do: the first in their order."""
    acting = [row for row in frames.rows(decisions) if row["decision"] == "do"]
    first: dict[str, str] = {}
    for row in sorted(acting, key=lambda row: (row["order"] is None, row["order"] or 0, row["play"])):
        name = row["play"].replace("_", " ").capitalize()
        first.setdefault(row["account_id"], f"{name}: {row['subject']}" if row["subject"] else name)
    return first


def _score_values(row: dict[str, Any]) -> tuple[Any, Any, str]:
    if row.get("evidence") != SUFFICIENT:
        return None, None, ""
    reasons = [row.get(f"reason_{place}") for place in (1, 2, 3)]
    return row["score"], row["tier"], "\n".join(reason for reason in reasons if reason)


def _rounded(value: Any) -> Any:
    return round(value, 1) if isinstance(value, float) else value


def _day(value: Any) -> date | None:
    """A day, also where a frame that went through the lake has made a moment of it."""
    return value.date() if isinstance(value, datetime) else value
