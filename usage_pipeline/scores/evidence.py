"""Whether there is evidence for a number, asked before any number is made."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from usage_pipeline import periods
from usage_pipeline.company import Outcome
from usage_pipeline.models import model


class State(StrEnum):
    """The evidence states, in the order in which they are asked."""

    NOT_AT_RISK = "not_at_risk"
    INSUFFICIENT_HISTORY = "insufficient_history"
    INSUFFICIENT_USE = "insufficient_use"
    NO_MODEL = "no_model"
    NO_SKILL = "no_skill"
    POOR_DATA = "poor_data"
    SUFFICIENT = "sufficient"


# Below four whole weeks an account has no usual of its own to be compared with.
MIN_HISTORY_DAYS = periods.MONTH

# Fewer in a quarter are visits, not use. An account that did use the product and went quiet
# is scored whatever its count: silence is news.
MIN_EVENTS = 10
MIN_DAYS = 4


# Where silence itself is the outcome, or a file names who is at risk, only accounts used within
# four weeks are asked about: no model has learned anything of the others.
_AT_RISK_BY_USE = frozenset({"silence", "labels"})


@dataclass(frozen=True)
class Evidence:
    """A state and that in words."""

    state: State
    detail: str


def evidence(
    snapshots: pd.DataFrame,
    outcome: Outcome,
    champion: "model.Model | None",
    *,
    data_quality: str | None,
    suppressed: Collection[str] = (),
) -> list[Evidence]:
    """For each account the first thing that is missing for a number, else `sufficient`.

    `data_quality` is the finding of a failed check of the usage data; None: it passed. `suppressed` accounts
    are kept out by a person.
    """
    fleet = _of_fleet(champion, data_quality)
    has_subscriptions = bool(snapshots["is_subscribed"].notna().any())
    found = []
    for account in snapshots.to_dict("records"):
        if account["account_id"] in suppressed:
            # Not at risk as far as we may say: a state of its own would have to be a choice in every CRM.
            found.append(Evidence(State.NOT_AT_RISK, "Kept out of scoring (`usage-pipeline suppress`)."))
            continue
        own = _of_account(account, outcome, has_subscriptions=has_subscriptions)
        found.append(own or fleet)
    return found


def _of_fleet(champion: "model.Model | None", data_quality: str | None) -> Evidence:
    """What holds for all accounts alike: the model and the data behind it."""
    also = f" Besides, {data_quality}" if data_quality else ""
    if champion is None:
        return Evidence(State.NO_MODEL, f"No model has been trained and promoted for this outcome.{also}")
    if not champion.has_skill:
        return Evidence(
            State.NO_SKILL,
            f"The model shows no skill on mornings it was not trained on: {champion.skill_reason}.{also}",
        )
    if data_quality:
        return Evidence(State.POOR_DATA, f"The usage data failed its quality check: {data_quality}")
    return Evidence(
        State.SUFFICIENT, f"Scored by version {champion.version}, which showed skill on mornings it was not trained on."
    )


def _of_account(account: Mapping[Any, Any], outcome: Outcome, *, has_subscriptions: bool) -> Evidence | None:
    """What is missing of this account; None where nothing is."""
    since_first, since_last = _days(account["history_days"]), _days(account["days_since_last_use"])
    if has_subscriptions and not _claim(account["is_subscribed"], otherwise=False):
        return Evidence(State.NOT_AT_RISK, "No active paid subscription on this morning.")
    is_without_contract = not has_subscriptions and outcome.source in _AT_RISK_BY_USE
    if is_without_contract and since_last is not None and since_last > periods.MONTH:
        return Evidence(State.NOT_AT_RISK, f"Not used for {since_last} days: without a contract it has left already.")
    if since_first is None:
        return Evidence(State.INSUFFICIENT_USE, "No use is known of this account.")
    if since_first < MIN_HISTORY_DAYS:
        return Evidence(
            State.INSUFFICIENT_HISTORY,
            f"First used {since_first} days ago; {MIN_HISTORY_DAYS} days are needed to know its usual.",
        )
    events = _days(account["events_90d"]) or 0
    if events < MIN_EVENTS and not _was_used(account, since_first, since_last):
        return Evidence(State.INSUFFICIENT_USE, f"{events} events in 90 days; {MIN_EVENTS} are needed for a pattern.")
    return None


def _was_used(account: Mapping[Any, Any], since_first: int, since_last: int | None) -> bool:
    """Whether it really used the product, whatever its count today.

    It activated, or used the product for four weeks and has been quiet for four, or has come back
    for longer than a quarter and on four days of this one.
    """
    if _claim(account["is_activated"], otherwise=False):
        return True
    if since_last is None:
        return False
    used_for = since_first - since_last
    if since_last >= periods.MONTH:
        return used_for >= periods.MONTH
    return used_for >= periods.QUARTER and (_days(account["active_days_90d"]) or 0) >= MIN_DAYS


def _days(value: Any) -> int | None:
    return None if value is None or pd.isna(value) else int(value)


def _claim(value: Any, *, otherwise: bool) -> bool:
    return otherwise if value is None or pd.isna(value) else bool(value)
