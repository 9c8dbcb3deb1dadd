"""Intervals for shares and for the difference of two shares, fit for few accounts and rare outcomes."""

from math import sqrt

# Two-sided 95 %.
Z = 1.959963984540054


def wilson(happened: int, of: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927, JASA 22:209-212); it holds where few or none happened."""
    share = happened / of
    middle = share + Z * Z / (2 * of)
    reach = Z * sqrt(share * (1 - share) / of + Z * Z / (4 * of * of))
    scale = 1 + Z * Z / of
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def newcombe(happened: int, of: int, other_happened: int, other_of: int) -> tuple[float, float, float]:
    """The difference of two independent shares, first minus second, with its 95 % interval.

    The hybrid score interval without continuity correction: method 10 of Newcombe (1998),
    Statistics in Medicine 17:873-890. With shares p and their Wilson limits l and u,
    from `d - sqrt((p1 - l1)^2 + (u2 - p2)^2)` to `d + sqrt((u1 - p1)^2 + (p2 - l2)^2)`.
    """
    first, second = happened / of, other_happened / other_of
    (low_1, high_1), (low_2, high_2) = wilson(happened, of), wilson(other_happened, other_of)
    difference = first - second
    return (
        difference,
        difference - sqrt((first - low_1) ** 2 + (high_2 - second) ** 2),
        difference + sqrt((high_1 - first) ** 2 + (second - low_2) ** 2),
    )
