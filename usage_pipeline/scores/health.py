"""Health: a figure composed in the open, for people, from weighted parts of 0 to 100 points.

It is no probability and is fitted to nothing. Each part is the mean of its measures, each
measure a straight line between a worst and a best value; what is not known is left out and
the weights of the rest share its place.
"""

import json
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from usage_pipeline import periods
from usage_pipeline.company import Kind
from usage_pipeline.scores import catalogue


@dataclass(frozen=True)
class Measure:
    """0 points at `worst` or beyond, 100 at `best` or beyond, a straight line between."""

    column: str
    worst: float
    best: float


@dataclass(frozen=True)
class Part:
    """One thing a CSM would look at, and its weight among the known parts."""

    name: str
    weight: float
    measures: tuple[Measure, ...]


# "As usual" (a ratio of 1, a change of 0) earns about 70 points everywhere: a steady account is
# Green, a growing one Dark-Green, and a fall of a quarter in everything is Orange.
PARTS = (
    Part(
        "use against its own usual",
        0.30,
        (Measure("uses_vs_usual", 0.4, 1.25), Measure("uses_change_28d", -0.5, 0.2), Measure("active_share", 0.0, 0.5)),
    ),
    Part(
        "breadth",
        0.20,
        (
            Measure("features_change_28d", -0.5, 0.2),
            Measure("features_percentile_28d", 0.0, 0.8),
            Measure("integrations_removed_90d", 1.0, -0.4),
        ),
    ),
    Part(
        "people and seats",
        0.20,
        (
            Measure("users_change_28d", -0.5, 0.2),
            Measure("wau_change_2w", -0.4, 0.2),
            Measure("seat_use_28d", 0.2, 0.9),
        ),
    ),
    Part(
        "support",
        0.10,
        (
            Measure("tickets_rise_28d", 3.0, -1.5),
            Measure("tickets_open", 4.0, -1.0),
            Measure("tickets_urgent_90d", 3.0, -1.0),
        ),
    ),
    Part("sentiment", 0.10, (Measure("nps_last", 2.0, 10.0), Measure("satisfaction_90d", 2.0, 5.0))),
)

# The churn score joins where it is known: 0 % earns all points, the bound of yellow none (SCO-05).
CHURN = Part("churn score", 0.25, (Measure("churn_probability", 0.40, 0.0),))

# An account that a rule about rank made red or yellow has at most these points for that part.
AT_MOST = {"red": 10.0, "yellow": 45.0}

# Lowest health of each tier, highest first (conflict 12: what is done at each is its meaning).
TIERS = (
    (80.0, "Dark-Green"),  # expansion, reference
    (60.0, "Green"),  # monthly look
    (45.0, "Yellow"),  # weekly look
    (30.0, "Orange"),  # CSM within 48 hours
    (0.0, "Red"),  # executive outreach the same day
)


def health(snapshots: pd.DataFrame, scores: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Health of each account on the morning: one row per account (ACCOUNT_HEALTH).

    `scores` are the morning's account scores of all outcomes; the highest churn probability counts.
    """
    snapshots = snapshots.sort_values("account_id", ignore_index=True)
    measured = _measured(snapshots)
    points = {part.name: _points(part, measured) for part in PARTS}
    points[CHURN.name] = _churn_points(snapshots["account_id"], scores)
    weights = {part.name: part.weight for part in (*PARTS, CHURN)}
    names = list(points)
    values = np.column_stack([points[name] for name in names])
    known = np.where(np.isnan(values), 0.0, [weights[name] for name in names])
    total = known.sum(axis=1)
    mean = np.divide(
        (np.nan_to_num(values) * known).sum(axis=1), total, out=np.full(len(snapshots), np.nan), where=total > 0
    )
    rounded = np.round(mean, 1)
    rows = pd.DataFrame(
        {
            "account_id": snapshots["account_id"],
            "health": rounded,
            "health_tier": [tier(value) for value in rounded],
            "parts": [_as_json(names, row, weights) for row in values],
            "as_of": as_of,
        }
    )
    return rows[[column.name for column in catalogue.ACCOUNT_HEALTH.columns]]


def tier(value: float) -> str | None:
    """The tier of a health; None where there is none."""
    return None if np.isnan(value) else next(name for lowest, name in TIERS if value >= lowest)


def _measured(snapshots: pd.DataFrame) -> pd.DataFrame:
    """The columns that the parts measure, NaN where they would say nothing."""
    names = {measure.column for part in PARTS for measure in part.measures} - {"active_share"}
    found = snapshots[sorted(names)].astype("float64")
    found["active_share"] = snapshots["active_days_28d"].astype("float64") / periods.MONTH
    history = snapshots["history_days"].astype("float64")
    tenure = snapshots["tenure_days"].astype("float64")
    # Below four weeks nothing has a usual, unless nothing was used for the whole of them.
    found.loc[history.lt(periods.MONTH) | (history.isna() & ~tenure.ge(periods.MONTH)), _USE] = np.nan
    # After silence there is no change to measure any more, and nothing is all the points it earns.
    is_silent = snapshots["events_90d"].fillna(0).astype("float64").eq(0) & (
        history.ge(periods.MONTH) | tenure.ge(periods.MONTH)
    )
    found.loc[is_silent, [*_USE, "features_percentile_28d", "users_change_28d"]] = 0.0
    found.loc[is_silent, ["uses_change_28d", "features_change_28d", "users_change_28d", "wau_change_2w"]] = -1.0
    # An input without tickets or integrations says 0 of everyone; that is no merit of anyone.
    if not snapshots["tickets_90d"].astype("float64").gt(0).any():
        found[["tickets_rise_28d", "tickets_open", "tickets_urgent_90d"]] = np.nan
    if not snapshots[["integrations", "integrations_removed_90d"]].astype("float64").gt(0).any(axis=None):
        found["integrations_removed_90d"] = np.nan
    return found


_USE = ["uses_vs_usual", "uses_change_28d", "active_share"]


def _points(part: Part, measured: pd.DataFrame) -> np.ndarray:
    """The mean of the part's known measures; NaN where none is known."""
    lines = [((measured[m.column] - m.worst) / (m.best - m.worst)).clip(0.0, 1.0) * 100.0 for m in part.measures]
    return pd.concat(lines, axis=1).mean(axis=1).to_numpy(dtype="float64")


def _churn_points(account_id: pd.Series, scores: pd.DataFrame) -> np.ndarray:
    """Points for the highest churn probability of each account; NaN where no churn score is known."""
    churn = scores[(scores["kind"] == Kind.CHURN.value) & scores["probability"].notna()]
    if churn.empty:
        return np.full(len(account_id), np.nan)
    earned = _points(CHURN, pd.DataFrame({"churn_probability": churn["probability"].astype("float64")}))
    bound = churn["tier"].map(AT_MOST).fillna(100.0).to_numpy(dtype="float64")
    lowest = pd.Series(np.minimum(earned, bound)).groupby(churn["account_id"].to_numpy()).min()
    return account_id.map(lowest).to_numpy(dtype="float64")


def _as_json(names: list[str], values: np.ndarray, weights: dict[str, float]) -> str:
    """The known parts with their points and weights."""
    known = [
        {"part": name, "value": round(float(value), 1), "weight": weights[name]}
        for name, value in zip(names, values, strict=True)
        if not np.isnan(value)
    ]
    return json.dumps(known, ensure_ascii=False)
