"""The ladder: five rungs from a rule of thumb to the mean of two models, with one contract.

Every rung gives raw log-odds and contributions that sum to them, over the encoder's matrix.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from usage_pipeline.company import Kind
from usage_pipeline.models import boosted, logistic, rules
from usage_pipeline.models.encoding import Encoder

RULE, RECENCY_FREQUENCY, LOGISTIC, BOOSTED, MEAN = "rule of thumb", "recency-frequency", "logistic", "xgboost", "mean"
RUNGS = (RULE, RECENCY_FREQUENCY, LOGISTIC, BOOSTED, MEAN)
"""From the lightest to the heaviest."""

ALWAYS = tuple(dict.fromkeys((*rules.INPUTS, *logistic.RECENCY_FREQUENCY)))
"""Inputs that the lower rungs read, varying or not."""

# Weekly rows of one account repeat each other: the penalty is set for the rows there would be if
# each account counted about as often as its outcome can happen anew.
_STRENGTH = 1.0


class Ranker(Protocol):
    """A fitted rung."""

    def log_odds(self, values: np.ndarray) -> np.ndarray:
        """Raw log-odds, one per row."""

    def contributions(self, values: np.ndarray) -> np.ndarray:
        """One column per input and the base as the last; each row sums to its raw log-odds."""

    def state(self) -> dict[str, Any]:
        """Everything to restore it from, as JSON has it."""


@dataclass(frozen=True)
class Mean:
    """The mean of the logistic regression's and the trees' log-odds."""

    line: logistic.Logistic
    trees: boosted.Boosted

    def log_odds(self, values: np.ndarray) -> np.ndarray:
        return np.asarray((self.line.log_odds(values) + self.trees.log_odds(values)) / 2)

    def contributions(self, values: np.ndarray) -> np.ndarray:
        return np.asarray((self.line.contributions(values) + self.trees.contributions(values)) / 2)

    def state(self) -> dict[str, Any]:
        return {"logistic": self.line.state(), "xgboost": self.trees.state()}


def fit(
    values: np.ndarray,
    happened: np.ndarray,
    encoder: Encoder,
    kind: Kind,
    *,
    independent: float,
    seed: int,
    threads: int,
) -> dict[str, Ranker]:
    """Every rung, fitted on the rows given.

    `independent` is the share of the rows that tell something of their own (1 over the rows per
    account and horizon).
    """
    places = {name: place for place, name in enumerate(encoder.inputs)}
    counts = tuple(len(encoder.levels.get(name, ())) for name in encoder.inputs)
    few = tuple(places[name] for name in logistic.RECENCY_FREQUENCY if name in places)
    strength = _STRENGTH * independent
    line = logistic.Logistic.fit(values, happened, used=tuple(range(len(counts))), levels=counts, strength=strength)
    trees = boosted.Boosted.fit(values, happened, is_category=tuple(encoder.is_category()), seed=seed, threads=threads)
    return {
        RULE: rules.Rule.fit(values, happened, encoder.inputs, kind),
        RECENCY_FREQUENCY: logistic.Logistic.fit(values, happened, used=few, levels=(0,) * len(few), strength=strength),
        LOGISTIC: line,
        BOOSTED: trees,
        MEAN: Mean(line, trees),
    }


def restored(rung: str, state: dict[str, Any], encoder: Encoder) -> Ranker:
    """The rung that `state` was taken of."""
    if rung == RULE:
        return rules.Rule.restored(state, encoder.inputs)
    if rung == BOOSTED:
        return boosted.Boosted.restored(state)
    if rung == MEAN:
        return Mean(logistic.Logistic.restored(state["logistic"]), boosted.Boosted.restored(state["xgboost"]))
    return logistic.Logistic.restored(state)
