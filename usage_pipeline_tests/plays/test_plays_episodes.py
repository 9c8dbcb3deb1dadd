"""An episode is one: it goes on while its cause lasts, and ends when it is gone."""

from datetime import timedelta

import pytest

from usage_pipeline_tests.plays import fleet
from usage_pipeline_tests.plays.fleet import AS_OF, Fleet, one

WEEK_AGO = AS_OF - timedelta(days=7)


def with_open_task(**traits) -> Fleet:
    accounts = Fleet().add("a", **traits)
    accounts.assign("a", "red_churn_risk", "do", WEEK_AGO)
    accounts.task("a", "red_churn_risk", "open", opened=WEEK_AGO)
    return accounts


@pytest.mark.parametrize("tier", ["red", "yellow"])
def test_an_open_episode_goes_on_and_keeps_its_id_its_first_morning_and_its_due_day(tier):
    row = one(with_open_task(churn=tier).decide(), "a", "red_churn_risk")
    assert (row["decision"], row["episode"], row["assigned_on"]) == ("do", f"a:red_churn_risk:{WEEK_AGO}", WEEK_AGO)
    assert row["due_on"] == WEEK_AGO + timedelta(days=2)
    assert row["reason"].startswith("goes on")


def test_an_open_episode_ends_when_its_cause_is_gone():
    assert one(with_open_task(churn="green").decide(), "a", "red_churn_risk")["decision"] == "not"


def test_an_open_episode_outlives_a_morning_that_lacks_evidence():
    accounts = with_open_task(churn=None, evidence="insufficient_use")
    assert one(accounts.decide(), "a", "red_churn_risk")["decision"] == "do"


def test_a_withdrawn_task_does_not_come_back_at_yellow():
    accounts = Fleet().add("a", churn="yellow")
    accounts.assign("a", "red_churn_risk", "do", WEEK_AGO)
    accounts.task("a", "red_churn_risk", "withdrawn", opened=WEEK_AGO)
    assert one(accounts.decide(), "a", "red_churn_risk")["decision"] == "not"


def test_a_cause_that_comes_back_after_a_withdrawal_is_a_new_episode_in_the_same_arm():
    accounts = Fleet().add("a", churn="red")
    accounts.assign("a", "red_churn_risk", "do", WEEK_AGO)
    accounts.task("a", "red_churn_risk", "withdrawn", opened=WEEK_AGO)
    # Were it drawn anew, nearly everybody would be held out now.
    decided = accounts.decide(fleet.settings(share=0.999))
    row = one(decided, "a", "red_churn_risk")
    assert (row["decision"], row["episode"]) == ("do", f"a:red_churn_risk:{AS_OF}")
    assert row["episode"] in set(decided.assignments["episode"])


def test_an_open_task_is_not_withdrawn_for_a_play_that_has_no_room_yet():
    accounts = Fleet().add("a", churn="red", cohort="Risk-Inactive").add("b", churn="red", probability=0.9)
    accounts.assign("a", "risk_inactive", "do", WEEK_AGO)
    accounts.task("a", "risk_inactive", "open", opened=WEEK_AGO)
    crowded, roomy = accounts.decide(fleet.settings(room=1)), accounts.decide(fleet.settings(room=2))
    assert one(crowded, "a", "red_churn_risk")["decision"] == "not"
    assert one(crowded, "a", "risk_inactive")["decision"] == "do"
    assert one(roomy, "a", "red_churn_risk")["decision"] == "do"
    assert one(roomy, "a", "risk_inactive")["decision"] == "not"


def test_running_the_same_morning_again_says_the_same():
    accounts = Fleet().add("a", churn="red").add("b", cohort="Risk-Inactive").add("c", expansion="high")
    first = accounts.decide(fleet.settings(share=0.3))
    accounts.store(first)
    again = accounts.decide(fleet.settings(share=0.3))
    assert again.assignments.empty
    assert first.decisions.equals(again.decisions)
