"""One training of one outcome: from snapshots and labels to a judged model, or to the reason why not."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from usage_pipeline.company import Outcome
from usage_pipeline.features import catalogue
from usage_pipeline.models import boosted, choosing, judging, ladder, rules, splits, tiers
from usage_pipeline.models.calibration import calibrate
from usage_pipeline.models.catalogue import JUDGED, TRAINING
from usage_pipeline.models.encoding import Encoder
from usage_pipeline.models.model import Model
from usage_pipeline.models.rows import Rows

# Fewer accounts in which it happened than this cannot teach even five inputs.
FIT_POSITIVES = 20
# Fewer than this cannot tell skill from luck.
JUDGE_POSITIVES = 5
# Rows beyond this repeat what is known, at the price of everybody's waiting: mornings are thinned evenly.
FIT_ROWS = 30_000
_FOLDS = 3


@dataclass(frozen=True, eq=False)
class Training:
    """What came of a training; `model` is None where the state is "insufficient"."""

    outcome: str
    kind: str
    as_of: date
    state: str
    """trained, or insufficient."""
    reason: str
    """Why there is no model, or how the mornings were cut."""
    parameters: dict[str, Any]
    fingerprint: str
    """Hash of the rows and labels used."""
    cut: splits.Cut | None = None
    model: Model | None = None
    choice: choosing.Choice | None = None
    judgement: judging.Judgement | None = None
    rungs_judged: dict[str, dict[str, float]] = field(default_factory=dict)
    """Figures of each rung on the judged rows."""
    judged_rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Snapshots and outcomes of the judged mornings, to compare another model on."""

    def row(self, *, run_id: str | None = None, model_version: str | None = None) -> pd.DataFrame:
        """One row with the columns of TRAINING."""
        figures = asdict(self.judgement) if self.judgement else {}
        content = {
            "outcome": self.outcome,
            "trained_as_of": self.as_of,
            "state": self.state,
            "reason": self.reason,
            "rung": self.model.rung if self.model else None,
            "run_id": run_id,
            "model_version": model_version,
            **figures,
        }
        names = [column.name for column in TRAINING.columns]
        return pd.DataFrame([{name: content.get(name) for name in names}], columns=names)

    def judged(self, *, model_version: str | None = None) -> pd.DataFrame:
        """One row per judged morning and account, with the columns of JUDGED."""
        names = [column.name for column in JUDGED.columns]
        if self.model is None:
            return pd.DataFrame(columns=names)
        rows = self.judged_rows
        values = self.model.encoder.matrix(rows)
        told = pd.DataFrame(
            {
                "outcome": self.outcome,
                "account_id": rows["account_id"].to_numpy(),
                "as_of": rows["as_of"].dt.date.to_numpy(),
                "probability": self.model.calibration.probability(self.model.ranker.log_odds(values)),
                "rule_score": rules.score(values, self.model.inputs, self.model.kind),
                "happened": rows["happened"].to_numpy(dtype=bool),
                "model_version": model_version,
            }
        )
        told["tier"] = ""
        for places in told.groupby("as_of").indices.values():
            given = tiers.tiers(told["probability"].to_numpy()[places], self.model.base_rate, self.model.kind)
            told.loc[places, "tier"] = [tier for tier, _ in given]
        return told[names]


def train(
    name: str,
    outcome: Outcome,
    snapshots: pd.DataFrame,
    labels: pd.DataFrame,
    *,
    as_of: date,
    seed: int,
    threads: int,
    features: Sequence[catalogue.Feature] = catalogue.INPUTS,
) -> Training:
    """Train and judge a model of `outcome` with the labels known on the morning `as_of`.

    `snapshots` have the columns of TRAINING_SNAPSHOT, `labels` those of OUTCOME; other outcomes'
    labels, and labels of mornings without a snapshot, are passed over. `features` are what it may see.
    """
    # Comes with scikit-learn, and is needed to train only.
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415

    rows = Rows.known(name, snapshots, labels, as_of=as_of)
    cut = splits.cut(rows.morning.tolist(), outcome.known_after_days, rows=rows.count, positives=rows.positives)
    lack = _lack(cut, rows)
    begun = Training(
        outcome=name,
        kind=outcome.kind.value,
        as_of=as_of,
        state="insufficient" if lack else "trained",
        reason=lack or cut.why,
        parameters=_parameters(outcome, rows, cut, seed),
        fingerprint=rows.fingerprint(),
        cut=cut,
    )
    if lack:
        return begun
    # Small matrices: a second thread of the linear algebra mostly waits for the first.
    with threadpool_limits(limits=1, user_api="blas"):
        return _trained(begun, outcome, rows, cut, features, seed=seed, threads=threads)


def _trained(
    begun: Training,
    outcome: Outcome,
    rows: Rows,
    cut: splits.Cut,
    features: Sequence[catalogue.Feature],
    *,
    seed: int,
    threads: int,
) -> Training:
    fit_rows = rows.on(_thinned(cut.fit, rows.count(cut.fit)))
    encoder = Encoder.fit(rows.frame[fit_rows], always=ladder.ALWAYS, features=features)
    values = encoder.matrix(rows.frame)
    # Rows of one account within a horizon repeat one outcome.
    spans = max(1.0, (max(cut.fit) - min(cut.fit)).days / outcome.horizon_days)
    independent = min(1.0, rows.accounts(fit_rows) * spans / fit_rows.sum())

    def fitted(chosen: np.ndarray) -> dict[str, ladder.Ranker]:
        return ladder.fit(
            values[chosen],
            rows.happened[chosen],
            encoder,
            outcome.kind,
            independent=independent,
            seed=seed,
            threads=threads,
        )

    rungs = fitted(fit_rows)
    if cut.is_cross_fitted:
        chosen_on = calibrated_on = fit_rows
        raw = _cross_fitted(values, rows, fit_rows, fitted, seed=seed)
    else:
        chosen_on, calibrated_on = rows.on(cut.choose), rows.on(cut.calibrate)
        raw = {rung: ranker.log_odds(values) for rung, ranker in rungs.items()}
    choice = choosing.choose(
        {rung: raw[rung][chosen_on] for rung in ladder.RUNGS},
        rows.happened[chosen_on],
        rows.account[chosen_on],
        seed=seed,
    )
    calibration = calibrate(
        raw[choice.rung][calibrated_on],
        rows.happened[calibrated_on],
        positive_accounts=rows.accounts(calibrated_on & rows.happened),
    )

    judge = rows.on(cut.judge)
    judged_raw = {rung: ranker.log_odds(values[judge]) for rung, ranker in rungs.items()}
    rule = rules.score(values[judge], encoder.inputs, outcome.kind)
    judgement = judging.judge(
        calibration.probability(judged_raw[choice.rung]),
        rows.happened[judge],
        rows.account[judge],
        rows.morning[judge],
        rule=rule,
        logistic=judged_raw[ladder.LOGISTIC],
        seed=seed,
    )
    scores = judged_raw | {ladder.RULE: rule}
    found = {
        "rows_fitted": int(fit_rows.sum()),
        "rung": choice.rung,
        "calibration": calibration.method,
        "inputs": len(encoder.inputs),
    }
    return replace(
        begun,
        reason=f"{cut.why}; {choice.why}",
        parameters=begun.parameters | found,
        model=Model(
            outcome=begun.outcome,
            kind=outcome.kind,
            version="",
            run_id="",
            rung=choice.rung,
            has_skill=judgement.has_skill,
            skill_reason=judgement.skill_reason,
            base_rate=float(rows.happened[fit_rows].mean()),
            trained_as_of=begun.as_of,
            fitted_until=max(cut.fit + cut.calibrate + cut.choose),
            encoder=encoder,
            ranker=rungs[choice.rung],
            calibration=calibration,
        ),
        choice=choice,
        judgement=judgement,
        rungs_judged={rung: judging.ranking(score, rows.happened[judge]) for rung, score in scores.items()},
        judged_rows=rows.frame[judge].reset_index(drop=True),
    )


def _cross_fitted(
    values: np.ndarray,
    rows: Rows,
    fit_rows: np.ndarray,
    fitted: Callable[[np.ndarray], dict[str, ladder.Ranker]],
    *,
    seed: int,
) -> dict[str, np.ndarray]:
    """Raw log-odds of each fit row by rungs that saw no row of its account; NaN elsewhere."""
    fold = rows.folds(fit_rows, _FOLDS, seed=seed)
    raw = {rung: np.full(len(values), np.nan) for rung in ladder.RUNGS}
    for each in range(_FOLDS):
        held_out = fold == each
        for rung, ranker in fitted(fit_rows & ~held_out).items():
            raw[rung][held_out] = ranker.log_odds(values[held_out])
    return raw


def _lack(cut: splits.Cut, rows: Rows) -> str:
    """Why there cannot be a model, in words; empty where there can."""
    if not cut.fit:
        return (
            f"history is too short: judging takes {len(cut.judge)} mornings with known labels, and none before "
            f"them is {cut.embargo_days} days older, which a label needs to be known"
        )
    fitted, judged = rows.positives(cut.fit), rows.positives(cut.judge)
    spared = rows.accounts(rows.on(cut.fit) & ~rows.happened)
    if fitted < FIT_POSITIVES:
        return f"it happened to {fitted} accounts on the mornings to learn from; at least {FIT_POSITIVES} are needed"
    if spared < FIT_POSITIVES:
        return f"only {spared} accounts were spared on the mornings to learn from; at least {FIT_POSITIVES} are needed"
    if judged < JUDGE_POSITIVES or rows.happened[rows.on(cut.judge)].all():
        return f"it happened to {judged} accounts on the mornings to judge by; at least {JUDGE_POSITIVES} are needed"
    return ""


def _parameters(outcome: Outcome, rows: Rows, cut: splits.Cut, seed: int) -> dict[str, Any]:
    parts = {"fit": cut.fit, "calibrate": cut.calibrate, "choose": cut.choose, "judge": cut.judge}
    empty = "cross-fitted" if cut.fit else "none"
    return {
        "horizon_days": outcome.horizon_days,
        "silence_days": outcome.silence_days,
        "embargo_days": outcome.known_after_days,
        "seed": seed,
        "trees": boosted.TREES,
        **{f"xgboost_{key}": value for key, value in boosted.PARAMETERS.items()},
        **{
            f"mornings_{part}": f"{len(days)} from {min(days)} to {max(days)}" if days else empty
            for part, days in parts.items()
        },
        "rows_known": len(rows.frame),
        "rows_treated": int(rows.frame["is_treated"].fillna(value=False).sum()),
    }


def _thinned(mornings: tuple[date, ...], rows: int) -> tuple[date, ...]:
    """Every n-th morning, the last included, so that about FIT_ROWS remain."""
    step = max(1, round(rows / FIT_ROWS))
    return mornings[::-1][::step]
