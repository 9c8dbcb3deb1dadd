"""Why a score is what it is: the model's contributions, grouped into what a person calls one thing."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from usage_pipeline.company import Kind
from usage_pipeline.features import catalogue
from usage_pipeline.features.feature import Feature
from usage_pipeline.scores import own_words, phrases
from usage_pipeline.scores.wording import Account

SHOWN = 3

# In log-odds. A group that moves the odds by less than five per cent explains nothing.
LEAST = 0.05


@dataclass(frozen=True)
class Reason:
    """One thing that moves the score, in words; `contribution` in log-odds, positive pushes up."""

    group: str
    text: str
    contribution: float


def reasons(
    snapshots: pd.DataFrame,
    peers: pd.DataFrame,
    contributions: pd.DataFrame,
    *,
    kind: Kind,
    is_high: list[bool],
    inputs: Sequence[Feature] = catalogue.INPUTS,
) -> list[list[Reason]]:
    """For each account the groups that weigh most, strongest first, at most three.

    What pushes the score up for an account that stands out (`is_high`), what holds it down for
    the others. The group's strongest feature
    chooses the sentence, the next one where the snapshot knows too little for it. The three frames and
    `is_high` are in the same order of accounts; `inputs` are the features there may be.
    """
    inputs = [feature for feature in inputs if feature.name in contributions.columns]
    names = [feature.name for feature in inputs]
    groups = list(dict.fromkeys(feature.group for feature in inputs))
    members = {group: [n for n, feature in enumerate(inputs) if feature.group == group] for group in groups}
    weights = contributions[names].to_numpy(dtype="float64")
    sums = np.column_stack([weights[:, members[group]].sum(axis=1) for group in groups])
    values, usual = snapshots.to_dict("records"), peers.to_dict("records")
    found = []
    for row, is_up in enumerate(is_high):
        sign = 1.0 if is_up else -1.0
        account = Account(values[row], usual[row], kind, is_up=is_up)
        found.append(_of_one(account, sums[row] * sign, weights[row] * sign, groups, members, inputs))
    return found


def _of_one(
    account: Account,
    sums: np.ndarray,
    weights: np.ndarray,
    groups: list[str],
    members: dict[str, list[int]],
    inputs: Sequence[Feature],
) -> list[Reason]:
    """The strongest groups of one account that have a sentence; all weights turned so that larger tells more."""
    sign = 1.0 if account.is_up else -1.0
    told: list[Reason] = []
    # Equal weights keep the catalogue's order, so that the same account has the same reasons every time.
    for place in np.argsort(-sums, kind="stable"):
        if sums[place] < LEAST or len(told) == SHOWN:
            break
        group = groups[place]
        pushing = sorted((n for n in members[group] if weights[n] > 0), key=lambda n: -weights[n])
        text = next((said for n in pushing if (said := _sentence(account, inputs[n])) is not None), None)
        if text is not None and all(text != reason.text for reason in told):
            told.append(Reason(group, text, round(float(sums[place] * sign), 4)))
    return told


def _sentence(account: Account, feature: Feature) -> str | None:
    """What a feature says: an own metric in the mapping's words, any other in ours."""
    return own_words.sentence(account, feature) if feature.words else phrases.sentence(account, feature.name)


def as_json(told: list[Reason]) -> str:
    """The reasons as the table keeps them."""
    return json.dumps([asdict(reason) for reason in told], ensure_ascii=False)
