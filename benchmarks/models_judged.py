"""One outcome of one input: every rung fitted on what was known, judged on later mornings or on another folder."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.models_alerts import BUDGET, RULE_ALERT, Alerts
from benchmarks.models_data import Data
from usage_pipeline.company import Outcome
from usage_pipeline.errors import Rejected
from usage_pipeline.features import catalogue as features
from usage_pipeline.models import fitting, judging, ladder, resampling, rules, splits, training
from usage_pipeline.models.fitting import Fitted
from usage_pipeline.models.rows import Rows

SEED = 20_26
THREADS = 2
CHOICE = "usage-pipeline's choice"
RESAMPLES = 200


@dataclass(frozen=True)
class Split:
    """What is learned from, and what is judged."""

    known: Rows
    cut: splits.Cut
    judged: Rows
    why: str


def by_time(name: str, outcome: Outcome, data: Data) -> Split:
    """The last quarter of the mornings judged, with the embargo of the labels before it."""
    rows = _rows(name, data)
    cut = splits.cut(rows.morning.tolist(), outcome.known_after_days, rows=rows.count, positives=rows.positives)
    known, judged = rows.some(~rows.on(cut.judge)), rows.some(rows.on(cut.judge))
    if lack := training.lack(cut, known, judged):
        raise Rejected(lack)
    return Split(known, cut, judged, cut.why)


def by_group(timed: Split) -> list[Split]:
    """Each industry judged by what the others teach, on the mornings that `timed` judges."""
    found = []
    for group in sorted(set(timed.judged.frame["industry"].dropna())):
        known = timed.known.some((timed.known.frame["industry"] != group).to_numpy())
        judged = timed.judged.some((timed.judged.frame["industry"] == group).to_numpy())
        if not training.lack(timed.cut, known, judged):
            found.append(Split(known, timed.cut, judged, f"{group} never trained on; {timed.why}"))
    return found


def by_folder(name: str, outcome: Outcome, whole: Data, train: pd.DataFrame, test: pd.DataFrame) -> Split:
    """What TEST's labels name beyond TRAIN's is judged; learned from TRAIN's, known by then where accounts are the same."""
    named, learned = (_told(name, labels) for labels in (test, train))
    rows = _rows(name, whole)
    here = pd.MultiIndex.from_arrays([rows.account, rows.morning])
    is_judged = np.asarray(here.isin(named) & ~here.isin(learned))
    is_known = np.asarray(here.isin(learned))
    first: date = min(rows.morning[is_judged])
    shared = set(rows.account[is_judged]) & set(rows.account[is_known])
    known_at = pd.to_datetime(rows.frame["as_of"]) + pd.Timedelta(days=outcome.known_after_days)
    late = (known_at > pd.Timestamp(first)).to_numpy() if shared else np.zeros(len(rows.frame), dtype=bool)
    known = rows.some(is_known & ~late)
    days = tuple(sorted(set(known.morning)))
    if not days:
        raise Rejected(
            f"{name}: no label of TRAIN was known on {first}, the first morning of TEST", fix="earlier labels"
        )
    why = f"trained on {len(days)} mornings of TRAIN, judged on {len(set(rows.morning[is_judged]))} of TEST"
    why += f"; {len(shared)} accounts are in both, so labels known after {first} are left out" if shared else ""
    cut, judged = splits.Cut(days, (), (), (), outcome.known_after_days, why), rows.some(is_judged)
    if lack := training.lack(cut, known, judged):
        raise Rejected(lack)
    return Split(known, cut, judged, why)


def _told(name: str, labels: pd.DataFrame) -> pd.MultiIndex:
    """Accounts and mornings of which the labels say something."""
    told = labels[(labels["outcome"] == name) & labels["happened"].notna()]
    return pd.MultiIndex.from_arrays([told["account_id"], told["as_of"]])


def _rows(name: str, data: Data) -> Rows:
    rows = Rows.known(name, data.snapshots, data.labels, as_of=date.max)
    told = data.labels.loc[data.labels["outcome"] == name, ["account_id", "as_of", "happened_on"]]
    told = told.assign(as_of=pd.to_datetime(told["as_of"]).astype(rows.frame["as_of"].dtype))
    frame = rows.frame.merge(told, on=["account_id", "as_of"], how="left", validate="one_to_one")
    return replace(rows, frame=frame.assign(happened_on=pd.to_datetime(frame["happened_on"])))


def fitted(outcome: Outcome, data: Data, split: Split) -> Fitted:
    inputs = features.inputs(data.company)
    return fitting.fit(split.known, split.cut, outcome, inputs, seed=SEED, threads=THREADS)


def permuted(split: Split) -> Split:
    """The same with outcomes that were dealt to other accounts: nothing is left to be learned."""
    dealt = np.random.default_rng(SEED)
    rows = split.known
    who, place = np.unique(rows.account, return_inverse=True)
    days, when = np.unique(rows.morning, return_inverse=True)
    told = np.zeros((len(who), len(days)), dtype=bool)
    told[place, when] = rows.happened
    happened = told[dealt.permutation(len(who))][place, when]
    return replace(split, known=Rows(rows.frame.assign(happened=happened), happened, rows.account, rows.morning))


def judged(outcome: Outcome, found: list[tuple[Fitted, Split]]) -> list[dict[str, Any]]:
    """A row of figures per model, over the judged rows of all splits together."""
    names = {rung: rung for rung in ladder.RUNGS if rung != ladder.MEAN} | {CHOICE: ""}
    said: dict[str, list[np.ndarray]] = {name: [] for name in names}
    scored: dict[str, list[np.ndarray]] = {name: [] for name in names}
    fell: list[np.ndarray] = []
    for one, split in found:
        values = one.encoder.matrix(split.judged.frame)
        for name, stated in names.items():
            rung = stated or one.choice.rung
            raw = one.rungs[rung].log_odds(values)
            probability = one.calibration(rung).probability(raw)
            rule = rules.score(values, one.encoder.inputs, outcome.kind)
            said[name].append(probability)
            # The rule as a person would read it; of several models probabilities are what compares.
            scored[name].append(rule if rung == ladder.RULE else probability)
        fell.append(rules.score(values, one.encoder.inputs, outcome.kind) >= RULE_ALERT)
    rows = pd.concat([split.judged.frame for _, split in found], ignore_index=True)
    happened, account = rows["happened"].to_numpy(dtype=bool), rows["account_id"].to_numpy(dtype=object)
    alerts = Alerts(
        account,
        rows["as_of"].to_numpy().astype("datetime64[D]"),
        happened,
        rows["happened_on"].to_numpy().astype("datetime64[D]"),
        outcome.horizon_days,
    )
    by_rule = np.concatenate(fell)
    told = []
    for name in names:
        probability, score = np.concatenate(said[name]), np.concatenate(scored[name])
        flagged = by_rule if name == ladder.RULE else alerts.highest(score, alerts.counted(by_rule))
        caught = alerts.lead_days(alerts.highest(score, alerts.budget(BUDGET))) > 0
        rung = sorted({one.choice.rung for one, _ in found}) if name == CHOICE else [name]
        told.append(
            {"model": name, "rung": ", ".join(rung)}
            | _figures(probability, score, happened, account)
            | {"caught_at_10": float(caught.mean()), "lead_days": float(alerts.lead_days(flagged).mean())}
        )
    return told


def verdict(outcome: Outcome, one: Fitted, split: Split) -> judging.Judgement:
    """Whether the chosen model shows skill on the judged rows."""
    values = one.encoder.matrix(split.judged.frame)
    raw = one.rungs[one.choice.rung].log_odds(values)
    return judging.judge(
        one.calibration(one.choice.rung).probability(raw),
        split.judged.happened,
        split.judged.account,
        split.judged.morning,
        rule=rules.score(values, one.encoder.inputs, outcome.kind),
        logistic=one.rungs[ladder.LOGISTIC].log_odds(values),
        seed=SEED,
    )


def _figures(
    probability: np.ndarray, score: np.ndarray, happened: np.ndarray, account: np.ndarray
) -> dict[str, float | int]:
    whole = resampling.curve(score, happened)
    drawn = resampling.resampled(
        account, SEED, lambda weights: resampling.curve(score, happened, weights).auc[:, None], RESAMPLES
    )
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    base = float(happened.mean())
    return {
        "rows": len(happened),
        "accounts": len(set(account)),
        "base_rate": base,
        "auc": float(whole.auc),
        "auc_low": float(low),
        "auc_high": float(high),
        "average_precision": float(whole.average_precision),
        "lift_10": judging.lift(score, happened, 0.1),
        "brier_skill": 1.0 - float(((probability - happened) ** 2).mean()) / (base * (1.0 - base)),
        "calibration_error": judging.calibration_error(probability, happened),
    }
