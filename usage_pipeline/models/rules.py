"""The lowest rung: what a person would look at without a model.

The fall of weekly active users over two weeks, or their rise where expansion is asked; a product
without users is read by its events of the last week against a usual one.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from usage_pipeline.company import Kind

CHANGE, USERS, USUAL = "wau_change_2w", "users_90d", "uses_vs_usual"
INPUTS = (CHANGE, USERS, USUAL)

# Tripled in two weeks says as much as thirtyfold, which is one person who became thirty.
_LARGEST_RISE = 2.0


@dataclass(frozen=True)
class Rule:
    """The rule's score, stretched onto log-odds by two numbers."""

    inputs: tuple[str, ...]
    sign: float
    slope: float
    base: float

    @classmethod
    def fit(cls, values: np.ndarray, happened: np.ndarray, inputs: tuple[str, ...], kind: Kind) -> Self:
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - seconds to import, needed to train only

        sign = -1.0 if kind is Kind.CHURN else 1.0
        capped = sign * np.minimum(changes(values, inputs), _LARGEST_RISE)
        fitted = LogisticRegression(C=1.0).fit(capped.reshape(-1, 1), happened)
        # A rule that points the other way on this data keeps its direction and says nothing.
        return cls(inputs, sign, max(float(fitted.coef_[0, 0]), 1e-3), float(fitted.intercept_[0]))

    def log_odds(self, values: np.ndarray) -> np.ndarray:
        told = self.sign * np.minimum(changes(values, self.inputs), _LARGEST_RISE)
        return np.asarray(self.base + self.slope * told)

    def contributions(self, values: np.ndarray) -> np.ndarray:
        parts = np.zeros((len(values), len(self.inputs) + 1))
        told = self.log_odds(values) - self.base
        by_events = _by_events(values, self.inputs)
        parts[:, self.inputs.index(CHANGE)] = np.where(by_events, 0.0, told)
        parts[:, self.inputs.index(USUAL)] = np.where(by_events, told, 0.0)
        parts[:, -1] = self.base
        return parts

    def state(self) -> dict[str, Any]:
        return {"sign": self.sign, "slope": self.slope, "base": self.base}

    @classmethod
    def restored(cls, state: dict[str, Any], inputs: tuple[str, ...]) -> Self:
        return cls(inputs, state["sign"], state["slope"], state["base"])


def score(values: np.ndarray, inputs: tuple[str, ...], kind: Kind) -> np.ndarray:
    """The rule as a continuous score: the higher, the likelier; neither capped nor fitted."""
    return changes(values, inputs) * (-1.0 if kind is Kind.CHURN else 1.0)


def changes(values: np.ndarray, inputs: tuple[str, ...]) -> np.ndarray:
    """Change of weekly active users over two weeks; 0 where nobody was active two weeks ago."""
    change = values[:, inputs.index(CHANGE)]
    usual = values[:, inputs.index(USUAL)] - 1.0
    return np.nan_to_num(np.where(_by_events(values, inputs), usual, change), nan=0.0)


def _by_events(values: np.ndarray, inputs: tuple[str, ...]) -> np.ndarray:
    """Rows of a product whose events name no user."""
    nobody = ~(values[:, inputs.index(USERS)] > 0)
    return np.asarray(nobody & np.isnan(values[:, inputs.index(CHANGE)]))
