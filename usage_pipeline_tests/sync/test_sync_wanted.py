from datetime import date

import pandas as pd
import pytest
from sync_builders import MORNING, assignment, decision, fields_of, frame, health, score, segment

from usage_pipeline.company import Primary
from usage_pipeline.sync import wanted

CHURN = ("usage_churn_risk", "usage_churn_tier", "usage_churn_reasons")


def test_a_scored_account_gets_number_tier_reasons_and_what_to_do():
    got = fields_of([score()], [segment()], [health()], [decision()])["a"]
    assert [got[name] for name in CHURN] == ["81.3", "red", "active users fell from 12 to 7"]
    assert got["usage_scored_at"] == "2026-05-04"
    assert got["usage_health"] == "31.2"
    assert got["usage_recommended_play"] == "Red churn risk: Call a"
    assert got["usage_model_version"] == "churn_90d v3"


def test_a_number_is_spelled_one_way_however_it_came():
    assert fields_of([score(value=64.0)])["a"]["usage_churn_risk"] == "64"


def test_without_evidence_there_is_no_number_but_the_reason_why_and_the_cohort():
    got = fields_of([score(evidence="insufficient_history")], [segment(cohort="New")])["a"]
    assert [got[name] for name in CHURN] == [None, None, None]
    assert (got["usage_evidence"], got["usage_cohort"], got["usage_scored_at"]) == (
        "insufficient_history",
        "New",
        "2026-05-04",
    )
    assert got["usage_model_version"] is None


def test_only_the_first_of_several_acting_plays_is_recommended():
    got = fields_of(
        segments=[segment()], decisions=[decision(play="second", order=2), decision(play="first", order=1)]
    )["a"]
    assert got["usage_recommended_play"].startswith("First")


def test_an_account_held_out_of_a_score_play_shows_nothing_of_that_score_but_keeps_the_rest():
    held = [assignment()]
    got = fields_of(
        [score(), score(outcome="expansion_90d", tier="high")], [segment()], [], [decision(decision="hold_out")], held
    )["a"]
    assert [got[name] for name in CHURN] == [None, None, None]
    assert got["usage_recommended_play"] is None
    assert (got["usage_expansion_tier"], got["usage_cohort"]) == ("high", "Risk-Inactive")


def test_an_account_held_out_of_a_cohort_play_shows_no_cohort():
    rows = [decision(play="risk_inactive", decision="hold_out", outcome=None)]
    got = fields_of([score()], [segment()], [], rows, [assignment(play="risk_inactive")])["a"]
    assert (got["usage_cohort"], got["usage_churn_tier"]) == (None, "red")


@pytest.mark.parametrize("play", ["*", "a_play_that_was_turned_off"])
def test_the_global_hold_out_and_an_unknown_play_hide_everything_that_could_reveal(play):
    got = fields_of([score(), score(outcome="expansion_90d")], [segment()], [], [decision()], [assignment(play=play)])[
        "a"
    ]
    assert {name for name in wanted.REVEALING if got[name] is not None} == set()


@pytest.mark.parametrize(
    ("as_of", "hidden"),
    [(date(2026, 5, 3), False), (MORNING, True), (date(2026, 8, 1), True), (date(2026, 8, 2), False)],
)
def test_a_hold_out_hides_from_its_draw_to_its_last_morning(as_of, hidden):
    got = fields_of([score()], assignments=[assignment()], decisions=[decision(decision="hold_out")], as_of=as_of)["a"]
    assert (got["usage_churn_tier"] is None) == hidden


def test_the_other_arm_and_the_other_setting_hide_nothing():
    assert (
        fields_of([score()], assignments=[assignment(arm="do")], decisions=[decision()])["a"]["usage_churn_tier"]
        == "red"
    )
    shown = fields_of([score()], assignments=[assignment()], holdout_visibility="shown")["a"]
    assert shown["usage_churn_tier"] == "red"


def test_a_task_is_wanted_where_a_play_acts_and_kept_where_the_morning_cannot_judge():
    kept = decision("b", decision="not") | {"episode": "b:red_churn_risk:2026-04-27"}
    rows = [decision("a"), kept, decision("c", decision="not"), decision("d", decision="hold_out")]
    tasks = wanted.tasks(frame(*rows))
    assert tasks[["account_id", "state"]].values.tolist() == [["a", "wanted"], ["b", "kept"]]


def test_a_task_key_is_the_episodes_own_and_fits_every_crm():
    one = wanted.task_key("a", "p", "a:p:2026-05-04")
    assert one == wanted.task_key("a", "p", "a:p:2026-05-04")
    assert one != wanted.task_key("a", "p", "a:p:2026-05-11")
    assert len(one) <= 80


def test_days_that_a_frame_has_made_moments_of_are_days_again():
    decisions = frame(decision()).assign(due_on=pd.to_datetime(["2026-05-06"]))
    assert wanted.tasks(decisions)["due_on"].tolist() == [date(2026, 5, 6)]
    held = frame(assignment()).assign(held_until=pd.to_datetime(["2026-05-03"]))
    assert wanted.hidden_fields(decisions, held, MORNING, primary=Primary()) == {}
