"""Random numbers by address, not by order: a number depends on the seed, the day, its purpose and whom it is for.

So what is done for one account never shifts the luck of another, and a run continued from a
saved state draws what an uninterrupted run would have drawn.
"""

from enum import IntEnum, auto

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_MASK = (1 << 64) - 1
# splitmix64 (Steele, Lea, Flood 2014): a counter through this finaliser passes BigCrush.
_STEP = 0x9E3779B97F4A7C15
_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


class Purpose(IntEnum):
    """What a number decides; two purposes never share one."""

    MISC = auto()
    SIZE = auto()
    INDUSTRY = auto()
    COUNTRY = auto()
    HABIT = auto()
    PLAN = auto()
    TERM = auto()
    PRICE = auto()
    NAME = auto()
    START = auto()
    TENURE = auto()
    QUALITY = auto()
    PACE = auto()
    SIGN_UP = auto()
    HEALTH = auto()
    BAD_NEWS = auto()
    BAD_SIZE = auto()
    GOOD_NEWS = auto()
    GOOD_SIZE = auto()
    LULL = auto()
    LULL_LENGTH = auto()
    CHURN = auto()
    CHURN_KIND = auto()
    EXPAND = auto()
    EXPAND_KIND = auto()
    AMOUNT = auto()
    TRIAL = auto()
    MOMENT = auto()
    JOIN = auto()
    LEAVE = auto()
    PROPENSITY = auto()
    TIRE = auto()
    TASTE = auto()
    ROLE = auto()
    ACTIVE = auto()
    USES = auto()
    SIGNED_IN = auto()
    HOUR = auto()
    EVENING = auto()
    PAUSE = auto()
    FEATURE = auto()
    DURATION = auto()
    QUANTITY = auto()
    ADOPT = auto()
    PAGE = auto()
    INTEGRATION = auto()
    INVITE = auto()
    TICKET = auto()
    PRIORITY = auto()
    CLOSING = auto()
    SATISFACTION = auto()
    SURVEY = auto()
    ANSWER = auto()
    WHO = auto()
    OWNER = auto()
    STATED = auto()
    ANONYMOUS = auto()
    IDENTIFY = auto()
    FATE = auto()
    DELAY = auto()
    ZONE = auto()
    ORDER = auto()
    STRANGER = auto()
    TASK = auto()
    CRM = auto()


def _finish(value: int) -> int:
    value = ((value ^ (value >> 30)) * _MIX[0]) & _MASK
    value = ((value ^ (value >> 27)) * _MIX[1]) & _MASK
    return value ^ (value >> 31)


def keys(values: npt.ArrayLike) -> Keys:
    """Whom the numbers are for, as unsigned 64-bit keys."""
    return np.asarray(values).astype(np.uint64)


def uniform(seed: int, day: int, purpose: Purpose, whom: Keys, *, again: int = 0) -> Floats:
    """One number in (0, 1) per key; `again` numbers further ones for the same purpose."""
    salt = _finish((seed * _STEP + _finish((day + 1) * 1_000_003 + int(purpose) * 131 + again)) & _MASK)
    # The salt is mixed in after a first finish: keys that differ by one must not give shifted copies.
    mixed = whom * np.uint64(_STEP)
    mixed ^= mixed >> np.uint64(32)
    mixed += np.uint64(salt)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(_MIX[0])
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(_MIX[1])
    mixed ^= mixed >> np.uint64(31)
    # 52 bits and a half: never exactly 0 or 1, so that logarithms are finite.
    return ((mixed >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def normal(seed: int, day: int, purpose: Purpose, whom: Keys, *, again: int = 0) -> Floats:
    """One standard normal number per key (Box and Muller 1958)."""
    radius = np.sqrt(-2.0 * np.log(uniform(seed, day, purpose, whom, again=2 * again + 1000)))
    return radius * np.cos(2.0 * np.pi * uniform(seed, day, purpose, whom, again=2 * again + 1001))


def exponential(seed: int, day: int, purpose: Purpose, whom: Keys, *, again: int = 0) -> Floats:
    """One exponential number with mean 1 per key."""
    return -np.log(uniform(seed, day, purpose, whom, again=again))


def count(chances: Floats, mean: Floats | float) -> Ints:
    """Poisson counts of small means from uniform numbers, by inversion; at most 20."""
    mean = np.broadcast_to(np.asarray(mean, dtype=np.float64), chances.shape)
    term = np.exp(-mean)
    reached = term.copy()
    found = np.zeros(chances.shape, dtype=np.int64)
    for n in range(1, 21):
        above = chances > reached
        if not above.any():
            break
        found += above
        term = term * mean / n
        reached += term
    return found


def pick(chances: Floats, shares: npt.ArrayLike) -> Ints:
    """Which of the shares (they add up to 1) each uniform number falls into."""
    edges = np.cumsum(np.asarray(shares, dtype=np.float64))
    return np.minimum(np.searchsorted(edges, chances), len(edges) - 1).astype(np.int64)
