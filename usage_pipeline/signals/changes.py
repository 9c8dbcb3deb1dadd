"""All signals of a morning."""

from datetime import date

import pandas as pd

from usage_pipeline.company import Kind
from usage_pipeline.scores import peers as usual
from usage_pipeline.scores.wording import Account
from usage_pipeline.signals import catalogue, falls, moves


def signals(
    snapshots: pd.DataFrame,
    scores: pd.DataFrame,
    previous_scores: pd.DataFrame,
    segments: pd.DataFrame,
    previous_segments: pd.DataFrame,
    as_of: date,
) -> pd.DataFrame:
    """What just changed: one row per account and kind of change (SIGNAL), by account.

    The previous frames are those of the last scored morning before this one; empty on the first.
    An account without a paid subscription, where the input has any, gives no signal: nobody
    looks after it.
    """
    snapshots = snapshots.sort_values("account_id", ignore_index=True)
    peers = usual.medians(snapshots).to_dict("records")
    tier, cohort = moves.tier_changes(scores, previous_scores), moves.cohort_changes(segments, previous_segments)
    rows = []
    for values, around in zip(snapshots.to_dict("records"), peers, strict=True):
        account_id = str(values["account_id"])
        account = Account(values, around, Kind.CHURN, is_up=True)
        if account.claim("is_subscribed") is False:
            continue
        found = [*falls.falls(account), *(by[account_id] for by in (tier, cohort) if account_id in by)]
        rows += [{"account_id": account_id, **vars(signal), "as_of": as_of} for signal in found]
    frame = pd.DataFrame(rows, columns=[column.name for column in catalogue.SIGNAL.columns])
    return frame.astype({"value": "float64", "own_usual": "float64", "peer_usual": "float64"})
