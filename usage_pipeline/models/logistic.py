"""Two rungs of logistic regression: on five recency-frequency inputs, and on all of them."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

# What "how lately, how often, how much, by how many" comes down to.
RECENCY_FREQUENCY = ("days_since_last_use", "active_days_28d", "active_days_90d", "uses_28d", "users_28d")

# Beyond five standard deviations a value says "very many", and a straight line would shout it.
_FAR = 5.0
# Where fewer training rows lack a value than this, its absence is an accident, not a sign.
_MISSING_SHARE = 0.01


@dataclass(frozen=True)
class Logistic:
    """A straight line in standardised inputs; each is centred, so that the base is the average account.

    Inputs are taken as sign(x) log(1 + |x|): counts of accounts from five to five thousand people
    lie on one scale. A missing value is the average, plus a term of its own where it is common.
    """

    used: tuple[int, ...]
    """Places of the inputs in the encoder's matrix."""
    levels: tuple[int, ...]
    """Number of levels per used input; 0 for a number."""
    centre: np.ndarray
    scale: np.ndarray
    has_gap: np.ndarray
    """Which used inputs have a term for being missing."""
    shift: np.ndarray
    """Mean of each design column over the training rows."""
    weights: np.ndarray
    base: float
    width: int
    """Number of inputs of the encoder."""

    @classmethod
    def fit(
        cls,
        values: np.ndarray,
        happened: np.ndarray,
        *,
        used: tuple[int, ...],
        levels: tuple[int, ...],
        strength: float,
    ) -> Self:
        """`strength` is the inverse of the penalty (scikit-learn's C)."""
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - seconds to import, needed to train only

        chosen = values[:, list(used)]
        numbers = _bent(chosen)
        # nan-safe without a warning for a column that is missing throughout
        known = ~np.isnan(numbers)
        count = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, numbers, 0.0).sum(axis=0) / count
        scale = np.sqrt((np.where(known, numbers - centre, 0.0) ** 2).sum(axis=0) / count)
        scale[scale < 1e-9] = 1.0
        has_gap = (1.0 - known.mean(axis=0) >= _MISSING_SHARE) & (np.array(levels) == 0)
        empty = cls(used, levels, centre, scale, has_gap, np.zeros(0), np.zeros(0), 0.0, values.shape[1])
        design = empty._design(values)
        shift = design.mean(axis=0)
        fitted = LogisticRegression(C=strength, max_iter=300, tol=1e-3).fit(design - shift, happened)
        return cls(
            used,
            levels,
            centre,
            scale,
            has_gap,
            shift,
            fitted.coef_[0].astype(np.float64),
            float(fitted.intercept_[0]),
            values.shape[1],
        )

    def log_odds(self, values: np.ndarray) -> np.ndarray:
        return np.asarray((self._design(values) - self.shift) @ self.weights + self.base)

    def contributions(self, values: np.ndarray) -> np.ndarray:
        """Per input of the encoder, the sum over its design columns; the base comes last."""
        terms = (self._design(values) - self.shift) * self.weights
        parts = np.zeros((len(values), self.width + 1))
        for column, place in enumerate(self._owners()):
            parts[:, place] += terms[:, column]
        parts[:, -1] = self.base
        return parts

    def _design(self, values: np.ndarray) -> np.ndarray:
        chosen = values[:, list(self.used)]
        far = np.clip((_bent(chosen) - self.centre) / self.scale, -_FAR, _FAR)
        numeric = np.array(self.levels) == 0
        gaps = np.isnan(chosen[:, self.has_gap]).astype(np.float64)
        of_levels = [
            (chosen[:, [place]] == np.arange(self.levels[place])).astype(np.float64)
            for place in np.flatnonzero(~numeric)
        ]
        return np.concatenate([np.nan_to_num(far[:, numeric], nan=0.0), gaps, *of_levels], axis=1)

    def _owners(self) -> list[int]:
        """The encoder's place of the input that each design column speaks of."""
        used, levels = np.array(self.used), np.array(self.levels)
        owners = [*used[levels == 0], *used[self.has_gap]]
        for place in np.flatnonzero(levels > 0):
            owners += [used[place]] * int(levels[place])
        return [int(owner) for owner in owners]

    def state(self) -> dict[str, Any]:
        return {
            "used": list(self.used),
            "levels": list(self.levels),
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "has_gap": self.has_gap.tolist(),
            "shift": self.shift.tolist(),
            "weights": self.weights.tolist(),
            "base": self.base,
            "width": self.width,
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        return cls(
            tuple(state["used"]),
            tuple(state["levels"]),
            np.array(state["centre"]),
            np.array(state["scale"]),
            np.array(state["has_gap"], dtype=bool),
            np.array(state["shift"]),
            np.array(state["weights"]),
            state["base"],
            state["width"],
        )


def _bent(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))
