"""Each gate can say no, and says why; every account has a row per play."""

import json
from datetime import timedelta

import pytest

from usage_pipeline_tests.plays import fleet
from usage_pipeline_tests.plays.fleet import AS_OF, EVERY, Fleet, one

WEEK_AGO = AS_OF - timedelta(days=7)


def answers(row: dict) -> dict[str, dict]:
    return {answer["gate"]: answer for answer in json.loads(row["gates"])}


def test_every_account_gets_one_row_per_play():
    decided = Fleet().add("a", churn="red").add("b").add("c", cohort=None, owner=None).decide().decisions
    assert sorted(zip(decided["account_id"], decided["play"], strict=True)) == sorted(
        (a, p) for a in "abc" for p in EVERY
    )


def test_every_row_carries_every_gates_answer_and_every_non_action_its_reason():
    decided = Fleet().add("a", churn="red").add("b").decide().decisions
    asked = {"play_enabled", "data_quality", "skill", "evidence", "trigger", "crm_link", "health", "right_for_cohort"}
    asked |= {"contract", "one_churn_play", "recently_done", "hold_out", "capacity"}
    assert {frozenset(answers(row)) for row in decided.to_dict("records")} == {frozenset(asked)}
    assert all(decided["reason"].str.len() > 5)


@pytest.mark.parametrize(
    ("trait", "play"),
    [
        ({"churn": "red"}, "red_churn_risk"),
        ({"cohort": "Risk-Inactive"}, "risk_inactive"),
        ({"expansion": "high"}, "high_expansion"),
        ({"cohort": "Activated-Narrow"}, "narrow_discovery"),
        ({"cohort": "Stuck-Activated"}, "stuck_workshop"),
    ],
)
def test_each_play_acts_on_what_triggers_it_and_on_nothing_else(trait, play):
    decided = Fleet().add("a", **trait).decide().decisions
    assert decided.loc[decided["decision"] == "do", "play"].tolist() == [play]


@pytest.mark.parametrize(
    ("traits", "play", "gate", "says"),
    [
        ({"churn": "yellow"}, "red_churn_risk", "trigger", "churn_90d is yellow, not red"),
        ({"churn": "red", "evidence": "insufficient_history"}, "red_churn_risk", "evidence", "insufficient_history"),
        ({"cohort": "Risk-Inactive", "evidence": "not_at_risk"}, "risk_inactive", "evidence", "not_at_risk"),
        ({"cohort": "Risk-Inactive", "is_subscribed": False}, "risk_inactive", "evidence", "no active subscription"),
        ({"cohort": "New"}, "stuck_workshop", "evidence", "New"),
        (
            {"churn": "red", "state": "ambiguous", "owner": None},
            "red_churn_risk",
            "crm_link",
            "two companies share its domain",
        ),
        ({"churn": "red", "owner": None}, "red_churn_risk", "crm_link", "nobody owns its record in hubspot"),
        (
            {"expansion": "high", "health": "Orange"},
            "high_expansion",
            "health",
            "no expansion ask while it is Red or Orange",
        ),
        ({"expansion": "high", "health": "Red"}, "high_expansion", "health", "no expansion ask"),
        ({"expansion": "high", "cohort": "Stuck-Activated"}, "high_expansion", "right_for_cohort", "Stuck-Activated"),
        (
            {"expansion": "high", "term_months": 36, "days_to_renewal": 181},
            "high_expansion",
            "contract",
            "legal review",
        ),
        ({"churn": "red", "cohort": "Risk-Inactive"}, "risk_inactive", "one_churn_play", "red_churn_risk speaks first"),
    ],
)
def test_a_gate_says_no_with_its_reason(traits, play, gate, says):
    row = one(Fleet().add("a", **traits).decide(), "a", play)
    assert row["decision"] == "not"
    assert says in row["reason"]
    assert answers(row)[gate]["passed"] is False
    assert row["subject"] is None


@pytest.mark.parametrize(
    "contract", [{"term_months": 36, "days_to_renewal": 180}, {"term_months": 12, "days_to_renewal": 300}]
)
def test_a_contract_that_is_short_or_near_its_end_allows_an_expansion_ask(contract):
    assert one(Fleet().add("a", expansion="high", **contract).decide(), "a", "high_expansion")["decision"] == "do"


def test_the_health_gate_is_about_asking_for_more_and_lets_discovery_go_on():
    row = one(Fleet().add("a", cohort="Activated-Narrow", health="Orange").decide(), "a", "narrow_discovery")
    assert row["decision"] == "do"


def test_a_play_that_the_company_did_not_turn_on_does_nothing():
    row = one(Fleet().add("a", churn="red").decide(fleet.settings(enabled=())), "a", "red_churn_risk")
    assert (row["decision"], row["is_eligible"]) == ("not", True)
    assert "not turned it on" in row["reason"]


def test_on_a_morning_of_bad_data_no_play_acts_and_nothing_is_drawn():
    accounts = Fleet().add("a", churn="red").add("b", cohort="Risk-Inactive").add("c", expansion="high")
    decided = accounts.decide(data_quality="half the usage predates the accounts")
    assert set(decided.decisions["decision"]) == {"not"}
    assert all(decided.decisions["reason"].str.contains("half the usage predates the accounts"))
    assert decided.assignments.empty


@pytest.mark.parametrize("skill", [{"churn_90d": False, "expansion_90d": False}, {}])
def test_without_skill_no_play_acts_cohort_plays_included(skill):
    accounts = (
        Fleet()
        .add("a", churn="red")
        .add("b", cohort="Risk-Inactive")
        .add("c", expansion="high")
        .add("d", cohort="Stuck-Activated")
    )
    decided = accounts.decide(skill=skill)
    assert set(decided.decisions["decision"]) == {"not"}
    assert all(decided.decisions["reason"].str.contains("no skill|there is no"))
    assert decided.assignments.empty


def test_a_play_needs_the_skill_of_the_model_behind_it_and_a_cohort_play_that_of_churn():
    accounts = Fleet().add("a", churn="red", expansion="high").add("b", cohort="Activated-Narrow")
    only_churn = accounts.decide(skill={"churn_90d": True, "expansion_90d": False}).decisions
    only_expansion = accounts.decide(skill={"churn_90d": False, "expansion_90d": True}).decisions
    assert set(only_churn.loc[only_churn["decision"] == "do", "play"]) == {"red_churn_risk", "narrow_discovery"}
    assert set(only_expansion.loc[only_expansion["decision"] == "do", "play"]) == {"high_expansion"}


def test_a_morning_that_cannot_judge_leaves_an_open_task_as_it_is():
    accounts = Fleet().add("a", churn="red")
    accounts.assign("a", "red_churn_risk", "do", WEEK_AGO)
    accounts.task("a", "red_churn_risk", "open", opened=WEEK_AGO)
    row = one(accounts.decide(data_quality="a day of events is missing"), "a", "red_churn_risk")
    assert (row["decision"], row["episode"]) == ("not", f"a:red_churn_risk:{WEEK_AGO}")


@pytest.mark.parametrize("status", ["done", "dismissed"])
def test_what_a_person_closed_within_the_horizon_does_not_come_again(status):
    accounts = Fleet().add("a", churn="red")
    accounts.assign("a", "red_churn_risk", "do", WEEK_AGO)
    accounts.task("a", "red_churn_risk", status, opened=WEEK_AGO, closed=AS_OF - timedelta(days=2))
    # The copy in the other CRM is still open: what the person said counts for both.
    accounts.task("a", "red_churn_risk", "open", opened=WEEK_AGO, crm="salesforce")
    row = one(accounts.decide(), "a", "red_churn_risk")
    assert row["decision"] == "not"
    assert "a person" in row["reason"]


def test_what_a_person_closed_longer_ago_may_come_again_as_a_new_episode():
    long_ago = AS_OF - timedelta(days=120)
    accounts = Fleet().add("a", churn="red")
    accounts.assign("a", "red_churn_risk", "do", long_ago)
    accounts.task("a", "red_churn_risk", "done", opened=long_ago, closed=AS_OF - timedelta(days=90))
    row = one(accounts.decide(), "a", "red_churn_risk")
    assert (row["decision"], row["episode"]) == ("do", f"a:red_churn_risk:{AS_OF}")


def test_after_a_closed_task_the_next_play_against_churn_keeps_silent_while_the_cause_lasts():
    accounts = Fleet().add("a", churn="red", cohort="Risk-Inactive")
    accounts.assign("a", "red_churn_risk", "do", WEEK_AGO)
    accounts.task("a", "red_churn_risk", "done", opened=WEEK_AGO, closed=AS_OF - timedelta(days=2))
    assert one(accounts.decide(), "a", "risk_inactive")["decision"] == "not"
