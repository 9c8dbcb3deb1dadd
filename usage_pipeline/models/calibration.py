"""From a rung's raw log-odds to a probability that means what it says.

Strictly increasing whatever was fitted: an account with higher log-odds never gets a lower, nor
the same, probability, so that the contributions explain the order of the scores.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

# Below this many accounts in which it happened two numbers are all that can be learned (Platt).
ISOTONIC_FROM = 200
# Each step of the isotonic curve rests on at least this many rows in which it happened.
_POSITIVES_PER_STEP = 20
# Log-odds further out than this are more certain than any history can show (1 in 1,100).
_CERTAIN = 7.0
# Up to here (1 in 150) they mean what they say: bent from 0 on, a base rate of 5 % was said as 6 %,
# and the calibration slope was a sixth too steep.
_STRAIGHT = 5.0
_FLATTEST = 1e-3


@dataclass(frozen=True)
class Calibration:
    """Log-odds to log-odds: straight (Platt), or straight between the knots of an isotonic curve."""

    method: str
    slope: float
    intercept: float
    raw: tuple[float, ...] = ()
    """Knots: raw log-odds, rising."""
    meant: tuple[float, ...] = ()
    """Knots: calibrated log-odds, rising."""

    def log_odds(self, raw: np.ndarray) -> np.ndarray:
        if not self.raw:
            return np.asarray(self.intercept + self.slope * raw)
        knots, meant = np.array(self.raw), np.array(self.meant)
        inside = np.interp(raw, knots, meant)
        # Beyond the ends the straight line's slope goes on; a flat end would tie the highest accounts.
        beyond = np.minimum(raw - knots[0], 0.0) + np.maximum(raw - knots[-1], 0.0)
        return np.asarray(inside + self.slope * beyond)

    def probability(self, raw: np.ndarray) -> np.ndarray:
        meant = self.log_odds(raw)
        # Bent, not cut, towards the limit, so that order survives.
        room = _CERTAIN - _STRAIGHT
        beyond = np.maximum(np.abs(meant) - _STRAIGHT, 0.0)
        bent = np.sign(meant) * (np.minimum(np.abs(meant), _STRAIGHT) + room * np.tanh(beyond / room))
        return np.asarray(1.0 / (1.0 + np.exp(-bent)))

    def state(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "slope": self.slope,
            "intercept": self.intercept,
            "raw": list(self.raw),
            "meant": list(self.meant),
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        return cls(state["method"], state["slope"], state["intercept"], tuple(state["raw"]), tuple(state["meant"]))


def calibrate(raw: np.ndarray, happened: np.ndarray, *, positive_accounts: int) -> Calibration:
    """Platt scaling below about 200 accounts in which it happened, isotonic from there on."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - seconds to import, needed to train only

    line = LogisticRegression(C=1e4).fit(raw.reshape(-1, 1), happened)
    slope, intercept = float(line.coef_[0, 0]), float(line.intercept_[0])
    if slope < _FLATTEST:
        # The raw order says nothing, or the contrary: everybody gets the base rate.
        share = float(happened.mean())
        slope, intercept = _FLATTEST, float(np.log(share / (1 - share)) - _FLATTEST * raw.mean())
    if positive_accounts < ISOTONIC_FROM:
        return Calibration("platt", slope, intercept)
    knots, meant = _steps(raw, happened)
    if len(knots) < 2:
        return Calibration("platt", slope, intercept)
    return Calibration("isotonic", slope, intercept, tuple(knots), tuple(meant))


def _steps(raw: np.ndarray, happened: np.ndarray) -> tuple[list[float], list[float]]:
    """Centre and log-odds of the steps of an isotonic curve, both strictly rising.

    Rows are first cut into bins of equally many positives; neighbours that fall are pooled.
    """
    order = np.argsort(raw, kind="stable")
    sorted_raw, sorted_happened = raw[order], happened[order].astype(np.float64)
    bins = int(np.clip(sorted_happened.sum() // _POSITIVES_PER_STEP, 1, 20))
    edges = np.searchsorted(np.cumsum(sorted_happened), np.linspace(0, sorted_happened.sum(), bins + 1)[1:-1]) + 1
    steps: list[tuple[float, float, float]] = []  # rows, positives, sum of raw
    for part, told in zip(np.split(sorted_raw, edges), np.split(sorted_happened, edges), strict=True):
        if not len(part):
            continue
        steps.append((float(len(part)), float(told.sum()), float(part.sum())))
        while len(steps) > 1 and steps[-1][1] / steps[-1][0] <= steps[-2][1] / steps[-2][0]:
            last = steps.pop()
            steps[-1] = (steps[-1][0] + last[0], steps[-1][1] + last[1], steps[-1][2] + last[2])
    share = [(positives + 0.5) / (rows + 1.0) for rows, positives, _ in steps]
    centres = [total / rows for rows, _, total in steps]
    meant = [float(np.log(each / (1 - each))) for each in share]
    rising = [place for place in range(len(meant)) if place == 0 or meant[place] > max(meant[:place]) + 1e-6]
    return [centres[place] for place in rising], [meant[place] for place in rising]
