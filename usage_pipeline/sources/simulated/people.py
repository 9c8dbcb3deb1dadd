"""The users of the accounts: they join, take up features, tire and leave."""

import numpy as np
import numpy.typing as npt

from usage_pipeline.sources.simulated import draws, product
from usage_pipeline.sources.simulated.customers import Accounts
from usage_pipeline.sources.simulated.draws import Flags, Floats, Ints, Keys, Purpose

Users = npt.NDArray[np.void]

USER = np.dtype(
    [
        ("account", np.int32),  # position in the accounts
        ("key", np.int64),  # number of the account times PER_ACCOUNT plus the user's number in it
        ("created", np.int32),
        ("left", np.int32),  # -1: still there
        ("tires", np.int32),  # from this day on
        ("propensity", np.float64),
        ("adopted", np.int16),
        ("taste", np.int16),
        ("role", np.int16),
    ]
)
PER_ACCOUNT = 100_000

FIRST_WEEKS = 21.0
"""Days in which a new account fills most of its seats."""
LEAVES_PER_DAY = 0.0013
TIRED = 0.35
ONBOARDING = 4.0
"""How much faster features are taken up in an account's first 30 days."""
TASTES = 8


def user_id(key: int) -> str:
    return f"usr-{key:011d}"


def anonymous_id(key: int) -> str:
    return f"anon-{key:011x}"


def joiners(seed: int, day: int, accounts: Accounts) -> Ints:
    """How many users each account gains today: seats fill, faster where things go well."""
    target = np.maximum(1.0, accounts["seats"] * accounts["fill"])
    gap = np.maximum(target - accounts["people"], 0.0)
    is_new = day - accounts["created"] < 60
    rate = np.where(is_new, 1.0 / FIRST_WEEKS, 0.018) * np.exp(0.45 * np.clip(accounts["engaged"], -3.0, 2.0))
    found = draws.count(
        draws.uniform(seed, day, Purpose.JOIN, draws.keys(accounts["number"])), np.minimum(gap * rate, 8.0)
    )
    # Whoever signs the account up is there on the first day.
    found = np.maximum(found, accounts["people"] == 0)
    return np.where(accounts["ended"] < 0, found, 0)


def joining(seed: int, day: int, accounts: Accounts, joining_now: Ints) -> Users:
    """The new users of a day; the accounts' counts are raised."""
    where = np.repeat(np.arange(len(accounts)), joining_now)
    made = np.zeros(len(where), dtype=USER)
    if not len(where):
        return made
    ordinal = np.arange(len(where)) - np.repeat(np.cumsum(joining_now) - joining_now, joining_now)
    made["account"] = where
    made["key"] = accounts["number"][where] * PER_ACCOUNT + accounts["joined"][where] + ordinal
    accounts["people"] += joining_now.astype(np.int32)
    accounts["joined"] += joining_now.astype(np.int32)
    whom = draws.keys(made["key"])
    made["created"], made["left"] = day, -1
    made["tires"] = day + 30 + (420.0 * draws.exponential(seed, 0, Purpose.TIRE, whom)).astype(np.int32)
    made["propensity"] = 0.185 * np.exp(0.75 * draws.normal(seed, 0, Purpose.PROPENSITY, whom) - 0.2)
    made["adopted"] = 1 + draws.count(draws.uniform(seed, 0, Purpose.ADOPT, whom), 1.1)
    made["taste"] = (draws.uniform(seed, 0, Purpose.TASTE, whom) * TASTES).astype(np.int16)
    made["role"] = (draws.uniform(seed, 0, Purpose.ROLE, whom) * len(product.ROLES)).astype(np.int16)
    return made


def leaving(seed: int, day: int, users: Users, accounts: Accounts) -> Flags:
    """Which users leave today: the tired and those of failing accounts sooner; the last one never."""
    of = users["account"]
    rate = LEAVES_PER_DAY * np.exp(-0.6 * np.clip(accounts["engaged"], -3.0, 2.0))[of]
    rate *= np.where(users["tires"] <= day, 4.0, 1.0)
    here = (users["left"] < 0) & (accounts["people"] > 1)[of]
    leaves: Flags = here & (draws.uniform(seed, day, Purpose.LEAVE, draws.keys(users["key"])) < rate)
    return leaves


def active(seed: int, day: int, users: Users, accounts: Accounts, opportunity: Floats, whom: Keys) -> Ints:
    """Positions of the users who show up today; `opportunity` is the day's, per account."""
    pull = accounts["intensity"] * np.exp(0.50 * np.clip(accounts["engaged"], -3.5, 2.2)) * opportunity
    chance = users["propensity"] * pull[users["account"]]
    chance *= np.where(users["tires"] <= day, TIRED, 1.0)
    here = (users["left"] < 0) & (draws.uniform(seed, day, Purpose.ACTIVE, whom) < np.minimum(chance, 0.93))
    return np.flatnonzero(here)


def adopt(seed: int, day: int, users: Users, who: Ints, accounts: Accounts) -> None:
    """Some of today's active users take up their next feature."""
    of = users["account"][who]
    pace = accounts["pace"] * (1.0 + accounts["pace_lift"]) * np.exp(0.35 * np.clip(accounts["engaged"], -3.0, 2.0))
    # Whoever sets the product up looks around.
    pace = pace * np.where(day - accounts["created"] < 30, ONBOARDING, 1.0)
    chance = np.minimum(0.06 * pace[of] / np.sqrt(users["adopted"][who]), 0.8)
    takes = draws.uniform(seed, day, Purpose.ADOPT, draws.keys(users["key"][who])) < chance
    takes &= users["adopted"][who] < accounts["ceiling"][of] + np.floor(2.0 * accounts["pace_lift"][of])
    users["adopted"][who[takes]] += 1
    np.minimum(users["adopted"], len(product.FEATURES), out=users["adopted"])
