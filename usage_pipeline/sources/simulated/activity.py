"""What the users of a day do: sessions, uses of features, invitations, integrations, help pages."""

from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from usage_pipeline.sources.simulated import customers, draws, people, product
from usage_pipeline.sources.simulated.customers import Accounts
from usage_pipeline.sources.simulated.draws import Floats, Ints, Purpose
from usage_pipeline.sources.simulated.people import Users

Uses = npt.NDArray[np.void]

USE = np.dtype(
    [
        ("account", np.int32),  # position in the accounts
        ("user", np.int64),  # key of the user
        ("number", np.int16),  # within the user's day
        ("ms", np.int64),  # since 1970, UTC
        ("code", np.int16),  # position in product.EVENT_NAMES
        ("detail", np.int16),  # which integration
        ("quantity", np.int32),
        ("seconds", np.int32),
    ]
)

DAY_MS = 86_400_000
MOST_USES = 40
USES_BEYOND_THE_FIRST = 0.42
SIGNS_IN = 0.75
# Slots for what is no use of a feature, beyond the uses and the sign-in.
_INVITE, _INTEGRATION, _PAGE = MOST_USES + 1, MOST_USES + 2, MOST_USES + 3
EPOCH = date(1970, 1, 1)


def opportunity(day: int, accounts: Accounts) -> Floats:
    """Share of the usual use that weekday, holidays, the season and a lull of its own leave to each account."""
    here = EPOCH + timedelta(days=day)
    kept = 1.0
    for first, last, left in product.HOLIDAYS:
        if first <= (here.month, here.day) <= last:
            kept *= left
    weekend = here.weekday() >= 5
    year_day = here.timetuple().tm_yday
    of_industry = np.array(
        [
            (industry.weekend if weekend else 1.0)
            * (1.0 + industry.season * np.cos(2 * np.pi * (year_day - industry.peak_day) / 365.25))
            for industry in product.INDUSTRIES
        ]
    )
    left_by_lull = np.where(accounts["lull_until"] >= day, 0.5, 1.0)
    shares: Floats = kept * of_industry[accounts["industry"]] * left_by_lull
    return shares


@lru_cache(maxsize=1)
def orders() -> npt.NDArray[np.int16]:
    """Features by (industry, taste, position): the industry's typical order, with neighbours swapped by taste."""
    rows = []
    for industry in product.INDUSTRIES:
        typical = np.array([ord(letter) - ord("a") for letter in industry.order])
        places = np.arange(len(typical), dtype=np.float64)
        for taste in range(people.TASTES):
            shift = 1.3 * draws.normal(taste, 0, Purpose.TASTE, draws.keys(typical + 100 * ord(industry.name[0])))
            rows.append(typical[np.argsort(places + shift, kind="stable")])
    return np.array(rows, dtype=np.int16).reshape(len(product.INDUSTRIES), people.TASTES, -1)


def _start(seed: int, day: int, accounts: Accounts, of: Ints, whom: draws.Keys) -> Ints:
    """Milliseconds of the day (UTC) at which each user begins: office hours of the account, some in the evening."""
    ahead = np.array(customers.offsets(day))[accounts["country"][of]] * 60_000
    local = 9.6 + 2.6 * draws.normal(seed, day, Purpose.HOUR, whom)
    local = np.where(draws.uniform(seed, day, Purpose.EVENING, whom) < 0.08, local + 9.5, local)
    start = (local * 3_600_000).astype(np.int64) - ahead
    # A day of work is kept within the UTC day, so that a day once made is complete: what would
    # lie outside begins within two hours of its edge.
    inside = (7_200_000 * draws.uniform(seed, day, Purpose.HOUR, whom, again=1)).astype(np.int64) + 120_000
    begins: Ints = np.where(
        start < 120_000, inside, np.where(start > DAY_MS - 7_200_000, DAY_MS - 7_200_000 - inside, start)
    )
    return begins


def uses(seed: int, day: int, accounts: Accounts, users: Users, who: Ints) -> Uses:
    """Every event of the active users `who`, sign-ins included; integrations of the accounts change with them."""
    of = users["account"][who]
    whom = draws.keys(users["key"][who])
    eager = np.clip(USES_BEYOND_THE_FIRST * np.exp(0.15 * np.clip(accounts["engaged"][of], -3, 2)), 0.05, 0.8)
    beyond = np.log(draws.uniform(seed, day, Purpose.USES, whom)) / np.log(eager)
    n_uses = 1 + np.minimum(beyond.astype(np.int64), MOST_USES - 1)
    start = _start(seed, day, accounts, of, whom)

    row = np.repeat(np.arange(len(who)), n_uses)
    number = 1 + np.arange(len(row)) - np.repeat(np.cumsum(n_uses) - n_uses, n_uses)
    each = whom[row] * np.uint64(64) + number.astype(np.uint64)
    made = np.zeros(len(row), dtype=USE)
    made["account"], made["user"], made["number"] = of[row], users["key"][who][row], number
    made["code"] = _features(seed, day, accounts, users, who, row, each)
    # Within a session a few minutes lie between two uses; one pause in six is an hour or more.
    pause = draws.exponential(seed, day, Purpose.PAUSE, each) * 240_000
    pause *= np.where(draws.uniform(seed, day, Purpose.PAUSE, each, again=1) < 1 / 6, 20.0, 1.0)
    passed = np.cumsum(pause)
    passed -= np.repeat(passed[np.cumsum(n_uses) - n_uses], n_uses)
    made["ms"] = np.minimum(start[row] + passed.astype(np.int64) + 5_000, DAY_MS - 30_000)
    seconds = np.array([feature.seconds for feature in product.FEATURES])[made["code"]]
    made["seconds"] = seconds * np.exp(0.7 * draws.normal(seed, day, Purpose.DURATION, each))
    quantity = np.array([feature.quantity for feature in product.FEATURES])[made["code"]]
    made["quantity"] = np.ceil(quantity * draws.exponential(seed, day, Purpose.QUANTITY, each))

    signs_in = np.flatnonzero(draws.uniform(seed, day, Purpose.SIGNED_IN, whom) < SIGNS_IN)
    extra = [made, _events(signs_in, product.SIGNED_IN, 0, of, users["key"][who], start)]
    reads_help = np.flatnonzero(draws.uniform(seed, day, Purpose.PAGE, whom) < 0.06)
    extra.append(_events(reads_help, product.HELP_PAGE, _PAGE, of, users["key"][who], start + 61_000))
    extra.append(_integrations(seed, day, accounts, users["key"][who], of, start))
    extra.append(_invitations(seed, day, accounts, users["key"][who], of, start, whom))
    made = np.concatenate(extra)
    made["ms"] += day * DAY_MS
    return made


def _features(seed: int, day: int, accounts: Accounts, users: Users, who: Ints, row: Ints, each: draws.Keys) -> Ints:
    """Which feature each use is of: earlier ones more often; in a failing account hardly any other."""
    of = users["account"][who]
    steep = (1.5 * np.exp(-0.22 * np.clip(accounts["engaged"][of], -3.0, 2.0)))[row]
    place = (users["adopted"][who][row] * draws.uniform(seed, day, Purpose.FEATURE, each) ** steep).astype(np.int64)
    order = orders()
    feature = order[accounts["industry"][of][row], users["taste"][who][row], place].astype(np.int64)
    # What the plan does not hold is not there to be used: the most familiar feature instead.
    needed = np.array([feature.plan for feature in product.FEATURES])[feature]
    familiar = np.zeros_like(feature)
    chosen: Ints = np.where(needed <= accounts["plan"][of][row], feature, familiar)
    return chosen


def _events(chosen: Ints, code: int, number: int, of: Ints, user: Ints, ms: Ints) -> Uses:
    made = np.zeros(len(chosen), dtype=USE)
    made["account"], made["user"], made["ms"] = of[chosen], user[chosen], np.minimum(ms[chosen], DAY_MS - 30_000)
    made["code"], made["number"] = code, number
    return made


def _invitations(seed: int, day: int, accounts: Accounts, user: Ints, of: Ints, start: Ints, whom: draws.Keys) -> Uses:
    """Invitations: in growing accounts for the seats that are free, now and then for nobody who comes."""
    free = np.clip(accounts["seats"] - accounts["people"], 0, 10)[of]
    chance = 0.012 * (0.4 + free) * np.exp(0.55 * np.clip(accounts["engaged"], -3.0, 2.0))[of]
    chosen = np.flatnonzero(draws.uniform(seed, day, Purpose.INVITE, whom) < np.minimum(chance, 0.5))
    return _events(chosen, product.INVITED, _INVITE, of, user, start + 95_000)


def _integrations(seed: int, day: int, accounts: Accounts, user: Ints, of: Ints, start: Ints) -> Uses:
    """One person of an account connects a tool it lacks, or removes one as the account cools down."""
    position, first = np.unique(of, return_index=True)
    whom = draws.keys(accounts["number"][position])
    engaged = np.clip(accounts["engaged"][position], -3.0, 2.0)
    held = accounts["integrations"][position].astype(np.int64)
    which = (draws.uniform(seed, day, Purpose.INTEGRATION, whom) * len(product.INTEGRATIONS)).astype(np.int64)
    has = (held >> which) & 1 == 1
    is_new = day - accounts["created"][position] < 30
    chance = np.where(has, 0.006 * np.exp(-0.95 * engaged), 0.003 * np.exp(0.5 * engaged) * np.where(is_new, 4, 1))
    acts = draws.uniform(seed, day, Purpose.INTEGRATION, whom, again=1) < chance
    accounts["integrations"][position[acts]] ^= (1 << which[acts]).astype(np.uint8)
    made = _events(first[acts], product.CONNECTED, _INTEGRATION, of, user, start + 130_000)
    made["code"] = np.where(has[acts], product.DISCONNECTED, product.CONNECTED)
    made["detail"] = which[acts]
    return made
