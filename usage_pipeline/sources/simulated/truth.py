"""The truth about the simulated company: for tests and the printed ceiling, never read by the pipeline."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from usage_pipeline.sources.simulated import contracts, customers, health
from usage_pipeline.sources.simulated.customers import Accounts
from usage_pipeline.sources.simulated.draws import Floats

if TYPE_CHECKING:
    from usage_pipeline.sources.simulated.company import Company

Witness = npt.NDArray[np.void]
Turn = npt.NDArray[np.void]

WITNESS = np.dtype(
    [
        ("account", np.int32),
        ("day", np.int32),
        ("health", np.float32),
        ("lift", np.float32),
        ("hazard_churn_90d", np.float32),
        ("hazard_expansion_90d", np.float32),
    ]
)
_MEASURES = ("health", "lift", "hazard_churn_90d", "hazard_expansion_90d")
TURN = np.dtype([("account", np.int32), ("day", np.int32), ("kind", np.int8)])
KINDS = ("cancelled", "downgraded", "expanded", "lapsed")
HORIZON_DAYS = 90
# The path to come spreads, and rates are convex in health: the mean rate is above the rate of the mean path.
SPREAD_PER_DAY = 0.00123


def witness(day: int, accounts: Accounts) -> Witness:
    """What is true of every paying account on the morning of a day."""
    here = np.flatnonzero((accounts["ended"] < 0) & ~accounts["is_trial"])
    accounts = accounts[here]
    seen = np.zeros(len(here), dtype=WITNESS)
    seen["account"], seen["day"] = accounts["number"], day
    seen["health"] = accounts["quality"] + accounts["drift"] + accounts["lift"]
    seen["lift"] = accounts["lift"]
    seen["hazard_churn_90d"], seen["hazard_expansion_90d"] = hazards(day, accounts)
    return seen


def hazards(day: int, accounts: Accounts) -> tuple[Floats, Floats]:
    """Chance of churn (cancelling or downgrading) and of expansion within 90 days, as the generator holds it.

    The rates along the expected path of each account, in steps of five days. Nobody can know
    more on that morning: how this ranks what happens is the ceiling of every model (see `Company`).
    """
    step = 5
    drift, lift, wish = accounts["drift"].copy(), accounts["lift"].copy(), accounts["wish"].copy()
    decided = accounts["decided"].copy()
    is_annual = accounts["term_months"] == 12
    seat_use = accounts["people"] / accounts["seats"]
    churn, expansion = np.zeros(len(accounts)), np.zeros(len(accounts))
    for ahead in range(0, HORIZON_DAYS, step):
        rested = np.where(day + ahead - accounts["changed"] >= contracts.REST_DAYS, 1.0, 0.15)
        rate = health.churn_rate(decided, accounts["seats"], day + ahead - accounts["created"])
        to_renewal = accounts["renews"] - day - ahead
        days = np.where(is_annual, health.ANNUAL_WITHIN_TERM, 1.0) * step
        days += np.where(is_annual & (to_renewal >= 0) & (to_renewal < step), health.ANNUAL_AT_RENEWAL_DAYS, 0.0)
        churn += rate * days * rested * np.exp(SPREAD_PER_DAY * health.CHURN_PER_HEALTH**2 * ahead)
        hope = health.expansion_rate(decided, wish, seat_use)
        expansion += hope * step * rested * np.exp(SPREAD_PER_DAY * health.EXPANSION_PER_HEALTH**2 * ahead)
        now = accounts["quality"] + drift + lift
        decided += (now - decided) * (1.0 - np.exp(-step / health.DECIDED_DAYS))
        drift *= np.exp(-step / health.REVERSION_DAYS)
        lift *= np.exp(-step / health.LIFT_DAYS)
        wish *= np.exp(-step / health.WISH_DAYS)
    return 1.0 - np.exp(-churn), 1.0 - np.exp(-expansion)


def turn(day: int, accounts: Accounts, changes: contracts.Changes) -> Turn:
    """The churn and expansion of a day."""
    parts = []
    for kind, which in enumerate((changes.cancelled, changes.downgraded, changes.expanded, changes.lapsed)):
        part = np.zeros(len(which), dtype=TURN)
        part["account"], part["day"], part["kind"] = accounts["number"][which], day, kind
        parts.append(part)
    return np.concatenate(parts)


def packed(parts: Sequence[npt.NDArray[np.void]], kind: np.dtype[np.void]) -> npt.NDArray[np.void]:
    return np.concatenate(parts) if len(parts) else np.zeros(0, dtype=kind)


def truth(company: "Company") -> pa.Table:
    """One row per paying account and Monday so far: latent health, hazards, and what happened within 90 days.

    `churned_90d` and `expanded_90d` are NULL while the 90 days are not over.
    """
    mornings = list(company.witnessed)
    if company.next_day.weekday() == 0:
        mornings.append(witness((company.next_day - date(1970, 1, 1)).days, company.accounts))
    seen = packed(mornings, WITNESS)
    happened = packed(company.history, TURN)
    not_over = seen["day"] + HORIZON_DAYS > (company.next_day - date(1970, 1, 1)).days
    numbers, place = np.unique(seen["account"], return_inverse=True)
    ids = pa.array([customers.account_id(number) for number in numbers.tolist()])
    return pa.table(
        {
            "account_id": ids.take(pa.array(place)),
            "as_of": pa.array(seen["day"].astype("datetime64[D]")),
            **{name: pa.array(seen[name].astype(np.float64)) for name in _MEASURES},
            "churned_90d": pa.array(_within(seen, happened[happened["kind"] <= 1]), mask=not_over),
            "expanded_90d": pa.array(_within(seen, happened[happened["kind"] == 2]), mask=not_over),
        }
    )


def write(company: "Company", folder: Path) -> Path:
    """Keep the truth as `truth.parquet` in a folder beside the landing folder, never in it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "truth.parquet"
    aside = path.with_suffix(".new")
    parquet.write_table(truth(company), aside)
    return aside.replace(path)


def _within(seen: Witness, happened: Turn) -> npt.NDArray[np.bool_]:
    """Whether a turn of the account lies within the horizon after the morning."""
    span = 100_000
    times = np.sort(happened["account"].astype(np.int64) * span + happened["day"])
    mornings = seen["account"].astype(np.int64) * span + seen["day"]
    following = np.searchsorted(times, mornings)
    padded = np.append(times, np.iinfo(np.int64).max)
    within: npt.NDArray[np.bool_] = padded[following] - mornings < HORIZON_DAYS
    return within
