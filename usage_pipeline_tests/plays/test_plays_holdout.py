"""The draw: once, by a hash, before anything is done, and kept for the horizon."""

from datetime import timedelta

import pytest

from usage_pipeline.plays import holdout
from usage_pipeline_tests.plays import fleet
from usage_pipeline_tests.plays.fleet import AS_OF, Fleet, one

DRAWN = fleet.settings(share=0.2)


def reds(count: int) -> Fleet:
    accounts = Fleet()
    for n in range(count):
        accounts.add(f"a{n:03}", churn="red")
    return accounts


def test_both_arms_are_stored_on_the_morning_of_the_first_eligibility():
    decided = reds(60).decide(DRAWN)
    stored = decided.assignments[decided.assignments["play"] == "red_churn_risk"]
    assert set(stored["arm"]) == {"do", "hold_out"}
    assert set(stored["assigned_on"]) == {AS_OF}
    assert set(stored["stratum"]) == {"20-99/red"}
    assert set(stored.loc[stored["arm"] == "hold_out", "held_until"]) == {AS_OF + timedelta(days=89)}
    assert len(stored) == 60


def test_the_draw_ignores_the_order_of_rows_and_who_else_is_there():
    few, many = reds(40).decide(DRAWN), reds(80).decide(DRAWN, shuffled=True)
    drawn = {
        frame_of: dict(zip(a["account_id"], a["arm"], strict=True))
        for frame_of, a in (("few", red(few)), ("many", red(many)))
    }
    assert drawn["few"].items() <= drawn["many"].items()


def red(decided):
    return decided.assignments[decided.assignments["play"] == "red_churn_risk"]


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_the_share_held_out_is_close_to_the_stated_one(share):
    drawn = [
        holdout.draw(f"a{n}", "red_churn_risk", AS_OF, share=share, stratum="s", horizon_days=90, seed="a seed")
        for n in range(20_000)
    ]
    held = sum(one.arm == "hold_out" for one in drawn) / len(drawn)
    # Four standard errors of a share of 20,000.
    assert held == pytest.approx(share, abs=4 * (share * (1 - share) / 20_000) ** 0.5)


def test_plays_are_drawn_independently_of_each_other():
    held = {
        play: {
            n
            for n in range(2_000)
            if holdout.draw(f"a{n}", play, AS_OF, share=0.5, stratum="s", horizon_days=90, seed="s").arm == "hold_out"
        }
        for play in ("red_churn_risk", "risk_inactive")
    }
    assert 400 < len(held["red_churn_risk"] & held["risk_inactive"]) < 600


def test_a_held_out_account_stays_held_out_until_the_horizon_is_over_whatever_its_tier():
    accounts = Fleet().add("a", churn="red").add("b", churn="green")
    for account in "ab":
        accounts.assign(account, "red_churn_risk", "hold_out", AS_OF)
    for later in (0, 7, 89):
        decided = accounts.decide(as_of=AS_OF + timedelta(days=later))
        for account in "ab":
            row = one(decided, account, "red_churn_risk")
            assert (row["decision"], row["episode"]) == ("hold_out", f"{account}:red_churn_risk:{AS_OF}")
            assert (row["subject"], row["body"]) == (None, None)
    assert one(accounts.decide(as_of=AS_OF + timedelta(days=90)), "a", "red_churn_risk")["decision"] == "do"


def test_held_out_of_one_play_the_others_go_on():
    accounts = Fleet().add("a", churn="red", cohort="Risk-Inactive")
    accounts.assign("a", "red_churn_risk", "hold_out", AS_OF - timedelta(days=7))
    assert one(accounts.decide(), "a", "risk_inactive")["decision"] == "do"


def test_the_task_of_another_play_does_not_tell_the_score_that_is_held_back():
    accounts = Fleet().add("a", churn="red", cohort="Risk-Inactive", probability=0.8765)
    accounts.assign("a", "red_churn_risk", "hold_out", AS_OF - timedelta(days=7))
    told = one(accounts.decide(), "a", "risk_inactive")
    assert "88 of 100" not in told["body"]
    assert "because of churn" not in told["body"]


def test_the_global_hold_out_is_held_out_of_every_play():
    accounts = Fleet().add("a", churn="red", expansion="high").add("b", churn="red")
    accounts.assign("a", "*", "hold_out", AS_OF - timedelta(days=30), days=365)
    decided = accounts.decide()
    assert set(decided.decisions.loc[decided.decisions["account_id"] == "a", "decision"]) == {"hold_out"}
    assert one(decided, "b", "red_churn_risk")["decision"] == "do"


def test_whoever_is_drawn_into_the_global_hold_out_is_drawn_for_no_play():
    decided = reds(60).decide(fleet.settings(share=0.2, everywhere=0.3))
    drawn = decided.assignments
    everywhere = set(drawn.loc[(drawn["play"] == "*") & (drawn["arm"] == "hold_out"), "account_id"])
    assert everywhere
    assert not everywhere & set(drawn.loc[drawn["play"] != "*", "account_id"])
    assert set(drawn.loc[drawn["play"] == "*", "account_id"]) == {f"a{n:03}" for n in range(60)}


def test_the_global_hold_out_binds_every_play_from_the_morning_of_the_draw():
    decided = reds(30).decide(fleet.settings(everywhere=0.999)).decisions
    assert set(decided["decision"]) == {"hold_out"}


def test_over_capacity_does_not_decide_who_is_drawn():
    roomy, crowded = reds(60).decide(DRAWN), reds(60).decide(fleet.settings(share=0.2, room=3))
    assert roomy.assignments.equals(crowded.assignments)


def test_accounts_that_are_not_eligible_are_not_drawn():
    assert Fleet().add("a").add("b", churn="red", owner=None).decide(DRAWN).assignments.empty
