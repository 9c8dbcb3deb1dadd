"""One training of one outcome: from snapshots and labels to a judged model, or to the reason why not."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

import pandas as pd

from usage_pipeline.company import Outcome
from usage_pipeline.features import catalogue
from usage_pipeline.models import boosted, choosing, fitting, judging, ladder, rules, splits, tiers
from usage_pipeline.models.catalogue import JUDGED, TRAINING
from usage_pipeline.models.model import Model
from usage_pipeline.models.rows import Rows

# Fewer accounts in which it happened than this cannot teach even five inputs.
FIT_POSITIVES = 10
# Fewer than this cannot tell skill from luck.
JUDGE_POSITIVES = 5


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
    rows = Rows.known(name, snapshots, labels, as_of=as_of)
    cut = splits.cut(rows.morning.tolist(), outcome.known_after_days, rows=rows.count, positives=rows.positives)
    judge = rows.on(cut.judge)
    lacking = lack(cut, rows.some(~judge), rows.some(judge))
    begun = Training(
        outcome=name,
        kind=outcome.kind.value,
        as_of=as_of,
        state="insufficient" if lacking else "trained",
        reason=lacking or cut.why,
        parameters=_parameters(outcome, rows, cut, seed),
        fingerprint=rows.fingerprint(),
        cut=cut,
    )
    if lacking:
        return begun
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
    fitted = fitting.fit(rows, cut, outcome, features, seed=seed, threads=threads)
    judge = rows.on(cut.judge)
    values = fitted.encoder.matrix(rows.frame[judge])
    raw = {rung: ranker.log_odds(values) for rung, ranker in fitted.rungs.items()}
    rule = rules.score(values, fitted.encoder.inputs, outcome.kind)
    rung = fitted.choice.rung
    calibration = fitted.calibration(rung)
    judgement = judging.judge(
        calibration.probability(raw[rung]),
        rows.happened[judge],
        rows.account[judge],
        rows.morning[judge],
        rule=rule,
        logistic=raw[ladder.LOGISTIC],
        seed=seed,
    )
    scores = raw | {ladder.RULE: rule}
    found = {
        "rows_fitted": fitted.rows,
        "rung": rung,
        "calibration": calibration.method,
        "inputs": len(fitted.encoder.inputs),
    }
    return replace(
        begun,
        reason=f"{cut.why}; {fitted.choice.why}",
        parameters=begun.parameters | found,
        model=Model(
            outcome=begun.outcome,
            kind=outcome.kind,
            version="",
            run_id="",
            rung=rung,
            has_skill=judgement.has_skill,
            skill_reason=judgement.skill_reason,
            base_rate=fitted.base_rate,
            trained_as_of=begun.as_of,
            fitted_until=max(cut.fit + cut.calibrate + cut.choose),
            encoder=fitted.encoder,
            ranker=fitted.rungs[rung],
            calibration=calibration,
        ),
        choice=fitted.choice,
        judgement=judgement,
        rungs_judged={rung: judging.ranking(score, rows.happened[judge]) for rung, score in scores.items()},
        judged_rows=rows.frame[judge].reset_index(drop=True),
    )


def lack(cut: splits.Cut, known: Rows, judged: Rows) -> str:
    """Why there cannot be a model, in words; empty where there can.

    `known` holds the rows of the mornings before the judged ones, `judged` theirs.
    """
    if not cut.fit:
        return (
            f"history is too short: judging takes {len(cut.judge)} mornings with known labels, and none before "
            f"them is {cut.embargo_days} days older, which a label needs to be known"
        )
    fitted, positive = known.positives(cut.fit), judged.accounts(judged.happened)
    spared = known.accounts(known.on(cut.fit) & ~known.happened)
    if fitted < FIT_POSITIVES:
        return f"it happened to {fitted} accounts on the mornings to learn from; at least {FIT_POSITIVES} are needed"
    if spared < FIT_POSITIVES:
        return f"only {spared} accounts were spared on the mornings to learn from; at least {FIT_POSITIVES} are needed"
    if positive < JUDGE_POSITIVES or judged.happened.all():
        return f"it happened to {positive} accounts on the mornings to judge by; at least {JUDGE_POSITIVES} are needed"
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
