"""Champion or challenger: a new model takes over unless it is shown to be worse on the same mornings."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from usage_pipeline.models import judging, resampling, rules
from usage_pipeline.models.model import Model
from usage_pipeline.models.training import Training

# Worse in 19 of 20 resamples is worse. Below that the newer one is taken: it knows later customers.
_SURE = 0.95
CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class Promotion:
    """The alias a new model gets, and why."""

    alias: str
    why: str


def decide(training: Training, champion: Model | None, *, seed: int) -> Promotion:
    """Compare the new model with the champion on the new one's judged mornings, paired by resample.

    Worse is: a lower average precision, or a higher Brier score, in at least 19 of 20 resamples of
    the accounts. A model without skill never takes over from one that shows skill on these mornings.
    """
    new = training.model
    if new is None or training.judgement is None:
        raise ValueError("a training without a model cannot be promoted")
    if champion is None:
        return Promotion(CHAMPION, "the first model of its outcome")
    missing = [name for name in champion.inputs if name not in training.judged_rows]
    if missing:
        return Promotion(CHAMPION, f"the champion reads features that are no longer made: {', '.join(missing)}")
    rows = training.judged_rows
    happened, account = rows["happened"].to_numpy(dtype=bool), rows["account_id"].to_numpy(dtype=object)
    said, said_before = new.probability(rows), champion.probability(rows)
    told = happened.astype(np.float64)

    def behind(weights: np.ndarray) -> np.ndarray:
        precision = resampling.curve(said_before, happened, weights).average_precision
        precision = precision - resampling.curve(said, happened, weights).average_precision
        brier = (weights @ ((said - told) ** 2 - (said_before - told) ** 2)) / weights.sum(axis=1)
        return np.stack([precision, brier], axis=1)

    drawn = resampling.resampled(account, seed, behind)
    worse_ranking, worse_errors = ((drawn > 0).mean(axis=0)).tolist()
    figures = (
        f"average precision {float(resampling.curve(said, happened).average_precision):.3f} against version "
        f"{champion.version}'s {float(resampling.curve(said_before, happened).average_precision):.3f}, Brier score "
        f"{float(((said - told) ** 2).mean()):.4f} against {float(((said_before - told) ** 2).mean()):.4f}, "
        f"on {len(rows)} judged rows{_had_seen(training, champion)}"
    )
    if worse_ranking >= _SURE:
        return Promotion(CHALLENGER, f"ranks worse in {worse_ranking:.0%} of resamples: {figures}")
    if worse_errors >= _SURE:
        return Promotion(CHALLENGER, f"errs more in {worse_errors:.0%} of resamples: {figures}")
    if not new.has_skill and _is_skilful(training, champion, said_before, seed=seed):
        return Promotion(CHALLENGER, f"shows no skill where the champion does ({new.skill_reason}): {figures}")
    return Promotion(CHAMPION, f"not shown to be worse: {figures}")


def _is_skilful(training: Training, champion: Model, said: np.ndarray, *, seed: int) -> bool:
    """The champion's verdict on the new model's judged rows."""
    rows = training.judged_rows
    happened, account = rows["happened"].to_numpy(dtype=bool), rows["account_id"].to_numpy(dtype=object)
    rule = rules.score(champion.encoder.matrix(rows), champion.inputs, champion.kind)
    verdict = judging.judge(said, happened, account, rows["as_of"].to_numpy(), rule=rule, logistic=said, seed=seed)
    return verdict.has_skill


def _had_seen(training: Training, champion: Model) -> str:
    """A champion fitted on judged mornings is flattered by them, and is the harder to beat."""
    if training.cut is None:
        return ""
    seen_until = champion.fitted_until + timedelta(days=training.cut.embargo_days)
    return ", of which the champion had seen some" if seen_until > training.cut.judge[0] else ""
