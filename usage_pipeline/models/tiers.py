"""Which accounts of a morning are red and yellow, and by which of two rules.

A probability alone never calls an account of a low base rate, a rank alone always calls some; so
both rules count, and the rank only where the probability is a multiple of the base rate.
"""

import numpy as np

from usage_pipeline.company import Kind

_NAMES = {Kind.CHURN: ("red", "yellow", "green"), Kind.EXPANSION: ("high", "medium", "low")}

# Probability above; or share of the morning's highest accounts, and multiple of the base rate.
_FIRST = (0.70, 0.02, 4.0)
_SECOND = (0.40, 0.10, 2.0)


def tiers(probability: np.ndarray, base_rate: float, kind: Kind) -> list[tuple[str, str]]:
    """Tier and the rule that gave it, for the scored accounts of one morning.

    An account is in the highest 2 % when no more than 2 % of the accounts have its probability or
    a higher one: among fewer than 50 accounts none is.
    """
    first, second, rest = _NAMES[Kind(kind)]
    values = np.asarray(probability, dtype=np.float64)
    at_least = len(values) - np.searchsorted(np.sort(values), values, side="left")
    share = at_least / max(len(values), 1)
    given: list[tuple[str, str]] = []
    for each, place in zip(values, share, strict=True):
        rule = _rule(each, place, base_rate, _FIRST)
        if rule:
            given.append((first, rule))
            continue
        rule = _rule(each, place, base_rate, _SECOND)
        given.append((second, rule) if rule else (rest, "below both rules"))
    return given


def _rule(probability: float, share: float, base_rate: float, tier: tuple[float, float, float]) -> str:
    above, highest, times = tier
    if probability > above:
        return f"probability above {above:.0%}"
    if share <= highest and base_rate > 0 and probability >= times * base_rate:
        return f"in the highest {highest:.0%} of the morning, at {probability / base_rate:.1f} times the base rate of {base_rate:.1%}"
    return ""
