"""A made-up fleet: weekly snapshots of accounts with a latent health, and labels that follow from it or do not."""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from usage_pipeline import periods
from usage_pipeline.company import Kind, Outcome
from usage_pipeline.features import catalogue

FIRST = date(2024, 4, 1)
CHURN = Outcome(kind=Kind.CHURN, source="subscriptions", horizon_days=90)
EXPANSION = Outcome(kind=Kind.EXPANSION, source="subscriptions", horizon_days=90)


def mornings(count):
    return [FIRST + timedelta(weeks=week) for week in range(count)]


def fleet(*, accounts=150, weeks=70, signal=1.0, seed=7, outcome=CHURN, name="churn_90d"):
    """Snapshots and labels as training takes them; without `signal` nothing tells who leaves.

    Health wanders from week to week; a low one makes leaving likelier and shows in some inputs.
    """
    rng = np.random.default_rng(seed)
    level = rng.normal(size=accounts)
    health = np.empty((weeks, accounts))
    health[0] = level
    for week in range(1, weeks):
        health[week] = level + 0.9 * (health[week - 1] - level) + rng.normal(scale=0.35, size=accounts)
    hazard = 1 / (1 + np.exp(4.6 + 1.3 * signal * health))
    left = rng.random((weeks, accounts)) < hazard
    gone = np.where(left.any(axis=0), left.argmax(axis=0), weeks + 99)
    there = np.arange(weeks)[:, None] <= gone[None, :]
    ahead = gone[None, :] - np.arange(weeks)[:, None]
    happened = (ahead * 7 < outcome.horizon_days) & there
    week_of, account_of = np.nonzero(there)
    seen = health[there]
    size = np.exp(rng.normal(2.5, 1.0, accounts))[account_of]
    days = np.array(mornings(weeks), dtype="datetime64[us]")[week_of]
    names = np.array([f"account-{number:04d}" for number in range(accounts)], dtype=object)
    columns = {"account_id": names[account_of], "as_of": days}
    for feature in catalogue.FEATURES:
        columns[feature.name] = _column(feature, rng, len(seen))
    noise = lambda scale: rng.normal(scale=scale, size=len(seen))  # noqa: E731
    columns |= {
        "users_28d": np.round(size * np.exp(0.4 * seen + noise(0.3))),
        "users_90d": np.round(size * 1.2) + 1,
        "active_days_28d": np.clip(np.round(14 + 4 * seen + noise(3)), 0, 28),
        "active_days_90d": np.clip(np.round(45 + 9 * seen + noise(8)), 0, 90),
        "uses_28d": np.round(size * 20 * np.exp(0.5 * seen + noise(0.5))),
        "days_since_last_use": np.round(np.exp(0.7 - 0.6 * seen + noise(0.7))),
        "wau_change_2w": np.clip(0.04 * seen + noise(0.35), -1, 3),
        "uses_change_28d": np.where(rng.random(len(seen)) < 0.05, np.nan, 0.2 * seen + noise(0.4)),
        "tickets_open": rng.poisson(np.exp(-0.5 - 0.4 * seen)),
    }
    snapshots = pd.DataFrame(columns)
    known = [periods.morning(day.date() + timedelta(days=outcome.known_after_days)) for day in pd.to_datetime(days)]
    labels = pd.DataFrame(
        {
            "account_id": snapshots["account_id"],
            "outcome": name,
            "kind": outcome.kind.value,
            "happened": happened[there],
            "happened_on": None,
            "known_at": known,
            "is_treated": False,
            "as_of": days,
        }
    )
    return snapshots, labels


def _column(feature, rng, rows):
    """Noise of the feature's type, with gaps, as the lake gives it to pandas."""
    if feature.type == "string":
        return pd.array(
            np.array(["Retail", "Health", "Software", None], dtype=object)[rng.integers(0, 4, rows)], dtype="str"
        )
    if feature.type == "boolean":
        return np.array([True, False, None], dtype=object)[rng.integers(0, 3, rows)]
    values = rng.poisson(5.0, rows).astype(float) if feature.type == "int64" else rng.normal(size=rows)
    return np.where(rng.random(rows) < 0.03, np.nan, values)
