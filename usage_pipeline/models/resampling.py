"""How sure a figure is: the same figure over many resamples of the accounts.

Rows of one account are drawn together, since they repeat each other. A resample is a weight per
row; every figure is computed for all resamples at once. Two scores judged with the same seed see
the same resamples, so their differences are paired.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

RESAMPLES = 500
_AT_ONCE = 4_000_000  # weights held at a time: 16 MB


@dataclass(frozen=True)
class Curve:
    """Weight of what happened and what did not at and above each distinct score, highest first."""

    hits: np.ndarray
    misses: np.ndarray

    @property
    def auc(self) -> np.ndarray:
        """Area under the ROC curve; equal scores count half."""
        rise = np.diff(self.misses, axis=-1, prepend=0.0)
        middle = self.hits - np.diff(self.hits, axis=-1, prepend=0.0) / 2
        return _over((rise * middle).sum(axis=-1), self.hits[..., -1] * self.misses[..., -1])

    @property
    def average_precision(self) -> np.ndarray:
        """Mean precision over the recall gained at each distinct score."""
        gained = np.diff(self.hits, axis=-1, prepend=0.0)
        # Above the first row that was drawn nothing is gained, whatever the precision of nothing is.
        precision = np.nan_to_num(_over(self.hits, self.hits + self.misses), nan=0.0)
        return _over((gained * precision).sum(axis=-1), self.hits[..., -1])


def curve(score: np.ndarray, happened: np.ndarray, weights: np.ndarray | None = None) -> Curve:
    """The curve of `score`, for one weighting of the rows or for each row of `weights`."""
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.diff(score[order], append=np.nan) != 0)
    told = happened[order].astype(np.float64)
    if weights is None:
        return Curve(np.cumsum(told)[ends], np.cumsum(1.0 - told)[ends])
    drawn = weights[:, order]
    hits = np.cumsum(drawn * told, axis=1, dtype=np.float64)[:, ends]
    return Curve(hits, np.cumsum(drawn, axis=1, dtype=np.float64)[:, ends] - hits)


def resampled(
    account: np.ndarray, seed: int, figure: Callable[[np.ndarray], np.ndarray], resamples: int = RESAMPLES
) -> np.ndarray:
    """`figure` of every resample; it takes weights (resamples x rows) and gives (resamples, ...)."""
    return np.concatenate([figure(weights) for weights in _weights(account, seed, resamples)])


def _weights(account: np.ndarray, seed: int, resamples: int) -> Iterator[np.ndarray]:
    _, codes = np.unique(account, return_inverse=True)
    accounts = int(codes.max()) + 1
    generator = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // len(codes))
    for start in range(0, resamples, step):
        drawn = generator.multinomial(accounts, np.full(accounts, 1 / accounts), size=min(step, resamples - start))
        yield drawn.astype(np.float32)[:, codes]


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    blank = np.full(np.shape(below), np.nan)
    return np.asarray(np.divide(above, below, out=blank, where=np.asarray(below) > 0))
