"""How good a model is on mornings used for nothing else, and whether it shows skill at all."""

from dataclasses import dataclass

import numpy as np

from usage_pipeline.models import resampling

# Chance of calling a model without skill skilful: 1 in 100, since every score and task rests on it.
_DOUBT = 0.01
_PERMUTATIONS = 999
_BINS = 10


@dataclass(frozen=True)
class Judgement:
    """Figures on the judged rows; the names are those of the catalogue of `models`."""

    judged_accounts: int
    judged_rows: int
    judged_positives: int
    base_rate: float
    auc: float
    auc_low: float
    auc_high: float
    average_precision: float
    average_precision_low: float
    average_precision_high: float
    rule_auc: float
    rule_average_precision: float
    logistic_average_precision: float
    lift_at_tenth: float
    brier_skill: float
    brier_skill_low: float
    brier_skill_high: float
    calibration_error: float
    calibration_slope: float
    gain_over_rule: float
    """Average precision over the rule's."""
    gain_over_rule_low: float
    """Lower end of its 95 % interval, paired by resample."""
    permutation_p: float
    accuracy_at_half: float
    """Reported because people ask for it; a model that says "never" has 1 - base rate."""
    has_skill: bool
    skill_reason: str


def judge(
    probability: np.ndarray,
    happened: np.ndarray,
    account: np.ndarray,
    morning: np.ndarray,
    *,
    rule: np.ndarray,
    logistic: np.ndarray,
    seed: int,
) -> Judgement:
    """The judged rows' figures with intervals over accounts; `rule` and `logistic` are scores on the same rows."""
    told = happened.astype(np.float64)
    base = float(told.mean())
    squared = (probability - told) ** 2

    def figures(weights: np.ndarray) -> np.ndarray:
        model = resampling.curve(probability, happened, weights)
        by_rule = resampling.curve(rule, happened, weights)
        rows = weights.sum(axis=1, dtype=np.float64)
        share = (weights @ told) / rows
        with np.errstate(divide="ignore", invalid="ignore"):
            skill = 1.0 - (weights @ squared) / rows / (share * (1.0 - share))
            gain = model.average_precision / by_rule.average_precision
        return np.stack([model.auc, model.average_precision, skill, gain], axis=1)

    drawn = resampling.resampled(account, seed, figures)
    # A resample in which it happened to nobody, or to everybody, says nothing of ranking.
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    model, by_rule = resampling.curve(probability, happened), resampling.curve(rule, happened)
    auc, auc_low = float(model.auc), float(np.quantile(drawn[:, 0], _DOUBT))
    skill = 1.0 - float(squared.mean()) / (base * (1.0 - base))
    chance = permutation_p(probability, happened, account, morning, seed)
    has_skill, reason = _verdict(auc_low=auc_low, chance=chance, brier_skill=skill)
    return Judgement(
        judged_accounts=len(np.unique(account)),
        judged_rows=len(happened),
        judged_positives=int(told.sum()),
        base_rate=base,
        auc=auc,
        auc_low=auc_low,
        auc_high=float(high[0]),
        average_precision=float(model.average_precision),
        average_precision_low=float(low[1]),
        average_precision_high=float(high[1]),
        rule_auc=float(by_rule.auc),
        rule_average_precision=float(by_rule.average_precision),
        logistic_average_precision=float(resampling.curve(logistic, happened).average_precision),
        lift_at_tenth=lift(probability, happened, 0.1),
        brier_skill=skill,
        brier_skill_low=float(low[2]),
        brier_skill_high=float(high[2]),
        calibration_error=calibration_error(probability, happened),
        calibration_slope=calibration_slope(probability, happened),
        gain_over_rule=float(model.average_precision / by_rule.average_precision),
        gain_over_rule_low=float(low[3]),
        permutation_p=chance,
        accuracy_at_half=float(((probability > 0.5) == happened).mean()),
        has_skill=has_skill,
        skill_reason=reason,
    )


def _verdict(*, auc_low: float, chance: float, brier_skill: float) -> tuple[bool, str]:
    if auc_low <= 0.5:
        return False, f"the lower end of the one-sided 99 % interval of its AUC is {auc_low:.2f}: chance ranks at .50"
    if chance > _DOUBT:
        return False, f"shuffled outcomes rank as well with a chance of {chance:.1%}, above {_DOUBT:.0%}"
    if brier_skill <= 0:
        return False, f"its probabilities err no less than the base rate alone (Brier skill {brier_skill:.3f})"
    return (
        True,
        f"AUC at least {auc_low:.2f} (99 %), Brier skill {brier_skill:.3f}, shuffled outcomes as good in {chance:.1%}",
    )


def permutation_p(
    probability: np.ndarray, happened: np.ndarray, account: np.ndarray, morning: np.ndarray, seed: int
) -> float:
    """Chance that outcomes dealt to the accounts at random rank as well, of 999 deals.

    An account's outcomes are dealt as a whole, morning by morning, since they repeat each other.
    What is compared is the mean rank of the rows in which it happened within their morning; a
    row dealt to an account that was not at risk on that morning is left out.
    """
    accounts, who = np.unique(account, return_inverse=True)
    mornings, when = np.unique(morning, return_inverse=True)
    ranks = np.full((len(accounts), len(mornings)), np.nan)
    for place in range(len(mornings)):
        rows = np.flatnonzero(when == place)
        ranks[who[rows], place] = _shares(probability[rows])
    observed = float(ranks[who[happened], when[happened]].mean())
    generator = np.random.default_rng(seed)
    order = generator.permuted(np.tile(np.arange(len(accounts)), (_PERMUTATIONS, 1)), axis=1)
    dealt = ranks[order[:, who[happened]], when[happened]]
    known = ~np.isnan(dealt)
    mean = np.where(known, dealt, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return (1 + int((mean >= observed).sum())) / (1 + _PERMUTATIONS)


def _shares(values: np.ndarray) -> np.ndarray:
    """Rank from 0 to 1; equals share their mean."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray(((last - count / 2) / len(values))[place])


def lift(score: np.ndarray, happened: np.ndarray, share: float) -> float:
    """How often it happened in the highest `share` of rows, over the base rate; equals are taken in part."""
    whole = resampling.curve(score, happened)
    taken = np.concatenate([[0.0], whole.hits + whole.misses])
    hits = float(np.interp(share * taken[-1], taken, np.concatenate([[0.0], whole.hits])))
    return float(hits / (share * taken[-1]) / (whole.hits[-1] / taken[-1]))


def bins(probability: np.ndarray, happened: np.ndarray) -> list[tuple[float, float, int]]:
    """Mean probability, share that happened and rows of ten equal-count bins, lowest first."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, _BINS) if len(part)]
    return [(float(probability[part].mean()), float(happened[part].mean()), len(part)) for part in parts]


def calibration_error(probability: np.ndarray, happened: np.ndarray) -> float:
    """Expected calibration error: mean distance of said and seen over the bins, by rows."""
    return sum(abs(said - seen) * rows for said, seen, rows in bins(probability, happened)) / len(happened)


def calibration_slope(probability: np.ndarray, happened: np.ndarray) -> float:
    """Slope of the outcome on the predicted log-odds: below 1 the model is too sure of itself."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - seconds to import, needed to train only

    log_odds = np.log(probability / (1.0 - probability))
    spread = float(log_odds.std())
    if spread < 1e-6:
        return 0.0
    line = LogisticRegression(C=1e6).fit((log_odds / spread).reshape(-1, 1), happened)
    return float(line.coef_[0, 0]) / spread


def ranking(score: np.ndarray, happened: np.ndarray) -> dict[str, float]:
    """AUC, average precision and lift of a score, without intervals."""
    whole = resampling.curve(score, happened)
    return {
        "auc": float(whole.auc),
        "average_precision": float(whole.average_precision),
        "lift_at_tenth": lift(score, happened, 0.1),
    }
