"""Scores: for each account and outcome a calibrated probability with its reasons, or what is missing for one."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from usage_pipeline.company import Company, Outcome
from usage_pipeline.features import catalogue as features
from usage_pipeline.models import model, tiers
from usage_pipeline.scores import catalogue, evidence, reasons
from usage_pipeline.scores import peers as usual

# The tiers in which an account stands out: its reasons say what pushes the score up.
STANDING_OUT = frozenset({"red", "yellow", "high", "medium"})


def score(
    snapshots: pd.DataFrame,
    models: "dict[str, model.Model | None]",
    company: Company,
    as_of: date,
    *,
    data_quality: str | None,
    suppressed: Collection[str] = (),
) -> pd.DataFrame:
    """What we believe of each account on the morning: one row per account and outcome (ACCOUNT_SCORE).

    `snapshots` are all accounts of the morning, `models` the champions by outcome (missing or
    None: no model), `data_quality` the finding of a failed check of the usage data, `suppressed` the
    accounts that a person keeps out.
    """
    snapshots = snapshots.sort_values("account_id", ignore_index=True)
    peers = usual.medians(snapshots)
    parts = [
        _of_outcome(
            snapshots, peers, name, outcome, models.get(name), data_quality, suppressed, features.inputs(company)
        )
        for name, outcome in company.outcomes.items()
    ]
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_COLUMNS)
    # Integers with gaps: pandas would make them floats.
    return rows.assign(rank=rows["rank"].astype("Int64"), as_of=as_of)[_COLUMNS]


_COLUMNS = [column.name for column in catalogue.ACCOUNT_SCORE.columns]


def _of_outcome(
    snapshots: pd.DataFrame,
    peers: pd.DataFrame,
    name: str,
    outcome: Outcome,
    champion: "model.Model | None",
    data_quality: str | None,
    suppressed: Collection[str],
    inputs: Sequence[features.Feature],
) -> pd.DataFrame:
    found = evidence.evidence(snapshots, outcome, champion, data_quality=data_quality, suppressed=suppressed)
    is_scored = np.array([one.state is evidence.State.SUFFICIENT for one in found], dtype=bool)
    rows = pd.DataFrame(
        {
            "account_id": snapshots["account_id"],
            "outcome": name,
            "kind": outcome.kind.value,
            "evidence": [one.state.value for one in found],
            "evidence_detail": [one.detail for one in found],
            "model_version": None if champion is None else str(champion.version),
            "run_id": None if champion is None else champion.run_id,
        }
    )
    if champion is None or not is_scored.any():
        return rows.reindex(columns=_COLUMNS)
    numbers = _numbers(snapshots[is_scored], peers[is_scored], outcome, champion, inputs)
    return rows.join(numbers).reindex(columns=_COLUMNS)


def _numbers(
    snapshots: pd.DataFrame,
    peers: pd.DataFrame,
    outcome: Outcome,
    champion: "model.Model",
    inputs: Sequence[features.Feature],
) -> pd.DataFrame:
    """Probability, score, rank, tier and reasons of the accounts with sufficient evidence, by their index."""
    probability = np.asarray(champion.probability(snapshots), dtype="float64")
    given = tiers.tiers(probability, champion.base_rate, outcome.kind)
    told = reasons.reasons(
        snapshots,
        peers,
        champion.contributions(snapshots),
        kind=outcome.kind,
        inputs=inputs,
        is_high=[tier in STANDING_OUT for tier, _ in given],
    )
    columns: dict[str, Any] = {
        "probability": probability,
        "score": np.round(100.0 * probability, 1),
        "rank": _ranks(probability, snapshots["account_id"]),
        "tier": [tier for tier, _ in given],
        "tier_rule": [rule for _, rule in given],
        "reasons": [reasons.as_json(some) for some in told],
    }
    for place in range(reasons.SHOWN):
        columns[f"reason_{place + 1}"] = [some[place].text if len(some) > place else None for some in told]
    return pd.DataFrame(columns, index=snapshots.index)


def _ranks(probability: np.ndarray, account_id: pd.Series) -> np.ndarray:
    """1 for the highest; equals by account id."""
    order = np.lexsort((account_id.to_numpy(dtype=str), -probability))
    ranks = np.empty(len(order), dtype="int64")
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks
