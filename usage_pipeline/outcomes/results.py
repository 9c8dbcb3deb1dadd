"""What happened after flags and after plays.

An outcome counts from the day on which both of its answers can be known: a customer who
cancelled on the third day is not counted before the horizon is over, or every early figure
would be made of bad news only.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.company import Company, Kind
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.outcomes import catalogue
from usage_pipeline.periods import ONE_DAY
from usage_pipeline.plays import gates, holdout, playbook, standing
from usage_pipeline.sources import crm

# Beside the outcome that a play is judged by, the month that tells something sooner.
EARLY_DAYS = 30


def flags(
    judged: pd.DataFrame, scores_history: pd.DataFrame, labels: pd.DataFrame, as_of: date, company: Company
) -> pd.DataFrame:
    """One row per outcome, earlier morning and tier: how many had the tier, and to how many it happened.

    `judged` are the models' judged rows, `scores_history` the scores of earlier mornings, `labels`
    the outcomes of those mornings as known on `as_of`.
    """
    happened = _labels(labels)
    counts: Counter[tuple[str, date, str, str, str]] = Counter()
    for row in frames.rows(judged):
        if row["tier"] is not None and row["happened"] is not None:
            key = (row["outcome"], frames.as_day(row["as_of"]), "judged", row["tier"])
            counts[*key, "accounts"] += 1
            counts[*key, "happened"] += bool(row["happened"])
    for row in frames.rows(scores_history):
        morning = frames.as_day(row["as_of"])
        if row["tier"] is None or row["outcome"] not in company.outcomes or morning >= as_of:
            continue
        key = (row["outcome"], morning, "live", row["tier"])
        answer = happened.get((row["account_id"], row["outcome"], morning))
        if _known_on(company, row["outcome"], morning) > as_of:
            counts[*key, "not_yet_known"] += 1
        elif answer is not None:
            counts[*key, "accounts"] += 1
            counts[*key, "happened"] += answer
    found = [
        {
            "outcome": outcome,
            "as_of": morning,
            "origin": origin,
            "tier": tier,
            **{
                name: counts[outcome, morning, origin, tier, name] for name in ("accounts", "happened", "not_yet_known")
            },
            "known_on": _known_on(company, outcome, morning) if outcome in company.outcomes else None,
        }
        for outcome, morning, origin, tier in sorted({key[:4] for key in counts})
    ]
    return _table(catalogue.FLAG.schema.names, found)


def past_actions(ledger: Ledger, as_of: date) -> pd.DataFrame:
    """What became of tasks (`sources/past_actions`), those opened on this very morning included.

    `sources/past_actions` itself says what was known before the morning, and so before its delivery.
    """
    return crm.past_actions(ledger, {}, as_of + ONE_DAY)


def episodes(
    assignments: pd.DataFrame, past: pd.DataFrame, labels: pd.DataFrame, as_of: date, company: Company
) -> pd.DataFrame:
    """One row per assignment and outcome looked at; `happened` is NULL until it is known.

    `past` tells the state of the tasks; `labels` are the outcomes of the mornings of assignment as
    known on `as_of`. An account that was not at risk of an outcome has no row for it once that is
    known: nothing could happen to it.
    """
    happened = _labels(labels)
    status = {task.episode: task.status for tasks in standing.tasks_by_account(past).values() for task in tasks}
    found = []
    for history in holdout.read(assignments).values():
        for one in history:
            if one.assigned_on > as_of:
                continue
            for outcome in looked_at(one.play, company):
                known_on = _known_on(company, outcome, one.assigned_on)
                answer = happened.get((one.account_id, outcome, one.assigned_on))
                is_known = known_on <= as_of
                if is_known and answer is None:
                    continue
                found.append(
                    {
                        "play": one.play,
                        "account_id": one.account_id,
                        "episode": one.episode,
                        "arm": one.arm,
                        "assigned_on": one.assigned_on,
                        "status": _status(one, status),
                        "outcome": outcome,
                        "happened": answer if is_known else None,
                        "known_on": known_on,
                    }
                )
    found.sort(key=lambda row: (row["play"], row["assigned_on"], row["account_id"], row["outcome"]))
    return _table(catalogue.EPISODE.schema.names, found)


def looked_at(play: str, company: Company) -> tuple[str, ...]:
    """The outcomes by which a play is looked at: the one it is judged by, and its month.

    All plays together (`*`) are looked at by all primary outcomes.
    """
    measured = {one.name: one.measured for one in playbook.shipped()}
    kinds = tuple(Kind) if play == holdout.EVERY_PLAY else (measured[play],) if play in measured else ()
    found: list[str] = []
    for kind in kinds:
        judged_by = gates.primary(company)[kind]
        found += [judged_by] if judged_by in company.outcomes else []
        found += [
            name
            for name, outcome in company.outcomes.items()
            if outcome.kind is kind and outcome.horizon_days == EARLY_DAYS and name != judged_by
        ]
    return tuple(found)


def _status(one: holdout.Assignment, status: dict[str, str]) -> str | None:
    if one.arm == "hold_out" or one.play == holdout.EVERY_PLAY:
        return None
    return status.get(one.episode, "not opened")


def _known_on(company: Company, outcome: str, morning: date) -> date:
    return morning + timedelta(days=company.outcomes[outcome].known_after_days)


def _labels(labels: pd.DataFrame) -> dict[tuple[str, str, date], bool]:
    return {
        (str(row["account_id"]), row["outcome"], frames.as_day(row["as_of"])): bool(row["happened"])
        for row in frames.rows(labels)
        if row["happened"] is not None
    }


def _table(columns: Iterable[str], found: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(found, columns=list(columns), dtype=object)
