"""Latent health: what nobody sees, from which use, churn and expansion follow.

Per account, `health = quality + drift + lift`: a constant quality, a slowly mean-reverting
drift with shocks (a champion leaves, a budget is cut, a project succeeds), and what
treatments lifted. Use answers within days (`engaged`), the decision to stay or go within
weeks (`decided`): so a falling account is seen before it leaves, unless luck decides.

The rates are per day. The effects of treatments are true and stated: `EFFECTS`.
"""

from dataclasses import dataclass

import numpy as np

from usage_pipeline.sources.simulated import draws
from usage_pipeline.sources.simulated.draws import Flags, Floats, Ints, Keys, Purpose

# A quarter of a drift is still there after half a year.
REVERSION_DAYS = 150.0
QUALITY_SD = 0.60
DIFFUSION_SD = 0.50
BAD_NEWS_RATE, BAD_NEWS_LEAST, BAD_NEWS_MEAN = 1 / 320, 0.7, 0.7
GOOD_NEWS_RATE, GOOD_NEWS_LEAST, GOOD_NEWS_MEAN = 1 / 500, 0.4, 0.4
# What the shocks add to the mean, taken off again so that health is about 0 on average.
SHOCK_MEAN = REVERSION_DAYS * (
    GOOD_NEWS_RATE * (GOOD_NEWS_LEAST + GOOD_NEWS_MEAN) - BAD_NEWS_RATE * (BAD_NEWS_LEAST + BAD_NEWS_MEAN)
)

ENGAGED_DAYS = 7.0
DECIDED_DAYS = 30.0
LIFT_DAYS = 60.0
WISH_DAYS = 45.0

CHURN_RATE = 0.00023
CHURN_PER_HEALTH = 1.8
EXPANSION_RATE = 0.00043
EXPANSION_PER_HEALTH = 1.0
# Within a term an annual contract is hard to leave; at its end the wish of months comes due.
ANNUAL_WITHIN_TERM = 0.35
ANNUAL_AT_RENEWAL_DAYS = 120.0


@dataclass(frozen=True)
class Effect:
    """What one treatment truly does: added once, halving every LIFT_DAYS * ln 2 (42) days.

    `health` is in points of latent health (1 point of *lasting* health divides the churn
    hazard by exp(1.8) = 6), `wish` adds to the log hazard of expansion, `pace` multiplies
    the speed of feature adoption by 1 + pace at first.
    """

    health: float = 0.0
    wish: float = 0.0
    pace: float = 0.0


EFFECTS = {
    "red_churn_risk": Effect(health=1.0),
    "risk_inactive": Effect(health=0.7),
    "high_expansion": Effect(wish=0.9),
    "narrow_discovery": Effect(health=0.2, pace=2.5),
    "stuck_workshop": Effect(health=0.4, pace=2.0),
}
OTHER_EFFECT = Effect(health=0.3)
"""Of a treatment by any other name: a friendly call."""
MOST_LIFT = 1.5
"""Treatments add up to no more than this, in health and in wish."""


def drifted(drift: Floats, seed: int, day: int, whom: Keys, *, days: int = 1) -> Floats:
    """The drift `days` later, as one step."""
    kept = (1.0 - 1.0 / REVERSION_DAYS) ** days
    step = drift * kept - SHOCK_MEAN * (1.0 - kept)
    step += DIFFUSION_SD * np.sqrt(1.0 - kept**2) * draws.normal(seed, day, Purpose.HEALTH, whom)
    hit = np.flatnonzero(draws.uniform(seed, day, Purpose.BAD_NEWS, whom) < BAD_NEWS_RATE * days)
    step[hit] -= BAD_NEWS_LEAST + BAD_NEWS_MEAN * draws.exponential(seed, day, Purpose.BAD_SIZE, whom[hit])
    hit = np.flatnonzero(draws.uniform(seed, day, Purpose.GOOD_NEWS, whom) < GOOD_NEWS_RATE * days)
    step[hit] += GOOD_NEWS_LEAST + GOOD_NEWS_MEAN * draws.exponential(seed, day, Purpose.GOOD_SIZE, whom[hit])
    return step


def settled(seed: int, day: int, whom: Keys) -> Floats:
    """A drift as it is found in an account of long standing: three reversion times lived through, in coarse steps."""
    drift = np.zeros(len(whom))
    for before in range(3 * int(REVERSION_DAYS), 0, -15):
        drift = drifted(drift, seed, day - before, whom, days=15)
    return drift


def churn_rate(decided: Floats, seats: Ints, tenure_days: Ints) -> Floats:
    """Chance per day that an account on a monthly contract cancels or downgrades."""
    # Below the floor nothing gets worse: an account that is lost is lost.
    wish = -CHURN_PER_HEALTH * np.maximum(decided, -2.6)
    wish -= 0.15 * (np.log(seats) - 2.0)
    wish += 0.25 * (tenure_days < 120)
    return np.minimum(CHURN_RATE * np.exp(wish), 0.05)


def expansion_rate(decided: Floats, wish: Floats, seat_use: Floats) -> Floats:
    """Chance per day that an account adds seats or takes a larger plan."""
    need = EXPANSION_PER_HEALTH * np.clip(decided, -3.0, 2.2) + wish
    need += 3.0 * (np.clip(seat_use, 0.3, 1.1) - 0.8)
    return np.minimum(EXPANSION_RATE * np.exp(need), 0.05)


def renewal_weight(is_annual: Flags, days_to_renewal: Ints) -> Floats:
    """How many days' worth of churn the coming day holds for a contract."""
    within = np.where(days_to_renewal == 0, ANNUAL_AT_RENEWAL_DAYS, ANNUAL_WITHIN_TERM)
    return np.where(is_annual, within, 1.0)
