"""Scores: evidence before numbers, then rank, tier and reasons."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from usage_pipeline.company import Company, Events, Kind, Outcome
from usage_pipeline.scores import catalogue, scoring
from usage_pipeline_tests import company

CHURN = {"churn_90d": Outcome(kind=Kind.CHURN, source="subscriptions", horizon_days=90)}
SILENCE = {"gone": Outcome(kind=Kind.CHURN, source="silence", horizon_days=28, silence_days=60)}


@dataclass(frozen=True)
class FallOfPeople:
    """A model that knows one thing: the fewer of its people of two weeks ago are left, the riskier."""

    outcome: str = "churn_90d"
    kind: Kind = Kind.CHURN
    version: str = "3"
    run_id: str = "run-3"
    rung: str = "rule"
    has_skill: bool = True
    skill_reason: str = ""
    base_rate: float = 0.05

    def log_odds(self, snapshots: pd.DataFrame) -> np.ndarray:
        return -4.0 * snapshots["wau_change_2w"].astype("float64").fillna(-1.0).to_numpy()

    def probability(self, snapshots: pd.DataFrame) -> np.ndarray:
        return 1 / (1 + np.exp(3.0 - self.log_odds(snapshots)))

    def contributions(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"wau_change_2w": self.log_odds(snapshots), "base": -3.0}, index=snapshots.index)


def scores(*snapshots: dict, champion=FallOfPeople(), outcomes=CHURN, data_quality: str | None = None) -> pd.DataFrame:
    of = Company(company="test", events=(Events(format="segment"),), outcomes=outcomes)
    models = dict.fromkeys(outcomes, champion)
    return scoring.score(company.frame(*snapshots), models, of, company.AS_OF, data_quality=data_quality).set_index(
        "account_id"
    )


def evidence_of(subject: dict, **how) -> str:
    row = scores(subject, **how).iloc[0]
    assert row.evidence == "sufficient" or (
        pd.isna(row.probability) and pd.isna(row.tier) and row.evidence_detail.endswith((".", "%"))
    )
    return row.evidence


@pytest.mark.parametrize(
    ("subject", "state"),
    [
        (company.snapshot("ordinary"), "sufficient"),
        (company.snapshot("young", history_days=12), "insufficient_history"),
        (company.never_used("shelfware"), "insufficient_use"),
        (company.snapshot("visitor", events_90d=6, active_days_90d=3, is_activated=False), "insufficient_use"),
        (company.snapshot("modest", events_90d=6, active_days_90d=5, is_activated=False), "sufficient"),
        (company.snapshot("former", is_subscribed=False), "not_at_risk"),
    ],
)
def test_what_is_missing_for_a_number_is_said_before_any_number_is_made(subject, state):
    assert evidence_of(subject) == state


def test_an_account_that_went_quiet_after_real_use_is_scored():
    assert evidence_of(company.silent("quiet")) == "sufficient"


def test_a_few_visits_long_ago_were_no_real_use():
    visits = {"history_days": 110, "days_since_last_use": 100, "is_activated": False}
    assert evidence_of(company.silent("visited", **visits)) == "insufficient_use"


def test_without_subscriptions_long_silence_has_left_already():
    quiet, gone = company.snapshot("a", days_since_last_use=28), company.snapshot("b", days_since_last_use=29)
    found = scores(*(row | {"is_subscribed": None} for row in (quiet, gone)), outcomes=SILENCE)
    assert found.evidence.to_dict() == {"a": "sufficient", "b": "not_at_risk"}


def test_no_model_no_skill_and_poor_data_are_told_apart_and_give_no_number():
    account, finding = company.snapshot("a"), "53 % of the events are dated before the account's sign-up."
    blind = replace(FallOfPeople(), has_skill=False, skill_reason="AUC 0.51, interval 0.46 to 0.56")
    assert evidence_of(account, champion=None) == "no_model"
    assert evidence_of(account, champion=blind) == "no_skill"
    assert evidence_of(account, data_quality=finding) == "poor_data"
    both = scores(account, champion=blind, data_quality=finding).iloc[0]
    assert "AUC 0.51" in both.evidence_detail
    assert "53 %" in both.evidence_detail


def test_a_score_is_the_probability_times_a_hundred_with_one_decimal():
    row = scores(company.snapshot("a", wau_change_2w=-0.5)).iloc[0]
    assert row.score == round(100 * row.probability, 1) == 26.9
    assert (row.model_version, row.run_id) == ("3", "run-3")


def test_ranks_begin_at_the_highest_and_equals_go_by_account_id():
    found = scores(
        company.snapshot("c", wau_change_2w=-0.1),
        company.snapshot("b", wau_change_2w=-0.1),
        company.snapshot("a", wau_change_2w=0.2),
        company.snapshot("d", wau_change_2w=-0.6),
        company.snapshot("e", history_days=3),
    )
    assert found["rank"].dropna().to_dict() == {"d": 1, "b": 2, "c": 3, "a": 4}


def test_a_red_account_says_what_pushes_it_up_and_a_green_one_what_holds_it_down():
    falling = company.snapshot("falling", wau_two_weeks_ago=10, users_7d=0, wau_change_2w=-1.0)
    rising = company.snapshot("rising", wau_two_weeks_ago=10, users_7d=12, wau_change_2w=0.2)
    found = scores(falling, rising)
    assert found.tier.to_dict() == {"falling": "red", "rising": "green"}
    assert found.reason_1["falling"] == "weekly active users fell from 10 to 0 in two weeks"
    assert found.reason_1["rising"] == "weekly active users rose from 10 to 12 in two weeks"
    assert json.loads(found.reasons["falling"]) == [
        {"group": "active users", "text": found.reason_1["falling"], "contribution": 4.0}
    ]
    assert pd.isna(found.reason_2["falling"])


def test_every_account_has_a_row_for_every_outcome_and_the_table_takes_them():
    outcomes = CHURN | {"expansion_90d": Outcome(kind=Kind.EXPANSION, source="subscriptions", horizon_days=90)}
    rows = scores(company.snapshot("a"), company.never_used("b"), outcomes=outcomes).reset_index()
    assert sorted(zip(rows.account_id, rows.outcome, strict=True)) == [
        (account, outcome) for account in ("a", "b") for outcome in sorted(outcomes)
    ]
    pa.Table.from_pandas(rows, schema=catalogue.ACCOUNT_SCORE.schema.to_pyarrow(), preserve_index=False)
