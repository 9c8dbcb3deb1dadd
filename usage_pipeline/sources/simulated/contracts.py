"""What the accounts pay for: trials, renewals, cancellations, downgrades, seats and plans added."""

from dataclasses import dataclass

import numpy as np

from usage_pipeline.sources.simulated import customers, draws, health
from usage_pipeline.sources.simulated.customers import Accounts
from usage_pipeline.sources.simulated.draws import Flags, Ints, Purpose

# After a change of terms both sides rest.
REST_DAYS = 45
CANCELS = 0.68
"""Share of churn that is a cancellation; the rest are downgrades."""
TRIAL_CONVERTS = 0.8


@dataclass(frozen=True)
class Changes:
    """Positions of the accounts whose terms change today, by what happens to them."""

    started: Ints
    renewed: Ints
    lapsed: Ints
    cancelled: Ints
    downgraded: Ints
    expanded: Ints

    @property
    def all(self) -> Ints:
        return np.unique(
            np.concatenate([self.started, self.renewed, self.lapsed, self.cancelled, self.downgraded, self.expanded])
        )


def advance(seed: int, day: int, accounts: Accounts) -> Changes:
    """Let the contracts live through one day; the accounts are changed in place."""
    whom = draws.keys(accounts["number"])
    here = accounts["ended"] < 0
    due = here & (accounts["renews"] <= day)
    converts = draws.uniform(seed, day, Purpose.TRIAL, whom) < TRIAL_CONVERTS * np.exp(
        0.15 * np.clip(accounts["engaged"], -2.0, 1.5)
    )
    lapses = due & accounts["is_trial"] & ~converts
    starts = due & accounts["is_trial"] & converts
    pays = here & ~accounts["is_trial"]

    rested = np.where(day - accounts["changed"] >= REST_DAYS, 1.0, 0.15)
    risk = health.churn_rate(accounts["decided"], accounts["seats"], day - accounts["created"])
    risk *= rested * health.renewal_weight(accounts["term_months"] == 12, accounts["renews"] - day)
    churns = pays & (draws.uniform(seed, day, Purpose.CHURN, whom) < 1.0 - np.exp(-risk))
    # Nothing smaller is sold than two seats of the smallest plan.
    can_shrink = (accounts["plan"] > 0) | (accounts["seats"] > 3)
    downgrades = churns & can_shrink & (draws.uniform(seed, day, Purpose.CHURN_KIND, whom) > CANCELS)
    cancels = churns & ~downgrades

    seat_use = accounts["people"] / accounts["seats"]
    hope = health.expansion_rate(accounts["decided"], accounts["wish"], seat_use) * rested
    expands = pays & ~churns & (draws.uniform(seed, day, Purpose.EXPAND, whom) < 1.0 - np.exp(-hope))
    renews = due & pays & ~cancels

    _shrink(seed, day, accounts, downgrades)
    _grow(seed, day, accounts, expands)
    accounts["is_trial"] &= ~starts
    again = np.flatnonzero(starts | renews)
    accounts["term_from"][starts] = day
    accounts["renews"][again] = customers.renewals(accounts["term_from"][again], accounts["term_months"][again], day)
    accounts["ended"][lapses | cancels] = day
    return Changes(*(np.flatnonzero(flag) for flag in (starts, renews, lapses, cancels, downgrades, expands)))


def _shrink(seed: int, day: int, accounts: Accounts, which: Flags) -> None:
    """A smaller plan where there is one, else fewer seats; the account breathes again, a little."""
    to_plan = which & (accounts["plan"] > 0)
    fewer = which & ~to_plan
    kept = 0.4 + 0.4 * draws.uniform(seed, day, Purpose.AMOUNT, draws.keys(accounts["number"]))
    accounts["plan"][to_plan] -= 1
    smaller = np.clip(np.floor(accounts["seats"] * kept), 2, accounts["seats"] - 1).astype(np.int32)
    accounts["seats"][fewer] = smaller[fewer]
    accounts["drift"][which] += 0.4
    accounts["changed"][which] = day


def _grow(seed: int, day: int, accounts: Accounts, which: Flags) -> None:
    """More seats, or, one time in four, a larger plan."""
    whom = draws.keys(accounts["number"])
    to_plan = which & (accounts["plan"] < 2) & (draws.uniform(seed, day, Purpose.EXPAND_KIND, whom) < 0.25)
    more = which & ~to_plan
    added = np.ceil(accounts["seats"] * (0.1 + 0.3 * draws.uniform(seed, day, Purpose.AMOUNT, whom)))
    accounts["plan"][to_plan] += 1
    accounts["seats"][more] += added[more].astype(np.int32)
    accounts["wish"][which] *= 0.5
    accounts["changed"][which] = day
