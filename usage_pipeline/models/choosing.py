"""Which rung of the ladder: the lightest that is as good as the best, as far as can be told."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from usage_pipeline.models import judging, resampling


@dataclass(frozen=True)
class Trial:
    """How one rung did where rungs are chosen."""

    rung: str
    average_precision: float
    behind: float
    """How far its average precision lies behind the best rung's."""
    behind_error: float
    """Standard error of that, over accounts, paired by resample."""
    lift_at_tenth: float
    auc: float


@dataclass(frozen=True)
class Choice:
    """The rung, why, and how all of them did."""

    rung: str
    why: str
    trials: tuple[Trial, ...]


def choose(scores: Mapping[str, np.ndarray], happened: np.ndarray, account: np.ndarray, *, seed: int) -> Choice:
    """The lightest rung within one standard error of the best one's average precision.

    `scores` come from the lightest rung to the heaviest, on rows that they were not fitted on. The
    standard error is that of the difference between the two, by bootstrap over accounts.
    """
    precision = {rung: float(resampling.curve(score, happened).average_precision) for rung, score in scores.items()}
    best = max(precision, key=lambda rung: precision[rung])

    def all_rungs(weights: np.ndarray) -> np.ndarray:
        each = [resampling.curve(score, happened, weights).average_precision for score in scores.values()]
        return np.stack(each, axis=1)

    drawn = resampling.resampled(account, seed, all_rungs, 200)
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    behind = drawn[:, [list(scores).index(best)]] - drawn
    trials = tuple(
        Trial(
            rung=rung,
            average_precision=precision[rung],
            behind=precision[best] - precision[rung],
            behind_error=float(behind[:, place].std()),
            lift_at_tenth=judging.lift(score, happened, 0.1),
            auc=float(resampling.curve(score, happened).auc),
        )
        for place, (rung, score) in enumerate(scores.items())
    )
    chosen = next(trial for trial in trials if trial.behind <= trial.behind_error)
    why = (
        f"{chosen.rung} has the highest average precision ({chosen.average_precision:.3f}), and no lighter rung is within one standard error of it"
        if chosen.rung == best
        else f"{chosen.rung} is the lightest rung within one standard error of the best ({best}): "
        f"{chosen.behind:.3f} behind, standard error {chosen.behind_error:.3f}"
    )
    return Choice(chosen.rung, why, trials)
