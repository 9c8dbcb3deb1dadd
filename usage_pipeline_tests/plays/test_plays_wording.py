"""A task says what happened, how similar accounts do, what to do and what should come of it."""

from datetime import date

import pytest

from usage_pipeline.plays import wording
from usage_pipeline_tests.plays.fleet import Fleet, one


def crowd(account_id: str, **traits) -> Fleet:
    accounts = Fleet().add(account_id, **traits)
    for n in range(12):
        accounts.add(f"peer{n}", users_change_28d=0.04, features_28d=8)
    return accounts


@pytest.mark.parametrize(
    ("traits", "play"),
    [
        ({"churn": "red"}, "red_churn_risk"),
        ({"cohort": "Risk-Inactive"}, "risk_inactive"),
        ({"expansion": "high"}, "high_expansion"),
        ({"cohort": "Activated-Narrow"}, "narrow_discovery"),
        ({"cohort": "Stuck-Activated"}, "stuck_workshop"),
    ],
)
def test_every_task_has_the_four_parts_and_no_hole(traits, play):
    row = one(crowd("acme", users_28d=7, users_28d_before=11, **traits).decide(), "acme", play)
    for heading in ("WHAT HAPPENED", "HOW SIMILAR ACCOUNTS DO", "WHAT TO DO", "WHAT SHOULD COME OF IT"):
        assert heading in row["body"]
    assert "active people 7 (28 days before: 11)" in row["body"]
    assert "The middle of 13 accounts" in row["body"]
    assert "Acme" in row["subject"]
    for hole in ("None", "nan", "{", "}"):
        assert hole not in row["subject"] + row["body"]


def test_the_reasons_and_the_score_are_in_the_task_of_the_outcome_that_triggered_it():
    body = one(crowd("acme", churn="red", probability=0.724).decide(), "acme", "red_churn_risk")["body"]
    assert "churn risk of 72 of 100 (red: above the line)" in body
    assert "- because of churn" in body
    assert "their active people changed by +4 %; here +0 %" in body


def test_an_account_of_which_little_is_known_still_gets_a_readable_task():
    unknown = dict.fromkeys(
        ("users_28d_before", "users_change_28d", "seats", "days_to_renewal", "mrr_minor", "days_since_last_use")
    )
    row = one(Fleet().add("a", churn="red", **unknown).decide(), "a", "red_churn_risk")
    assert "None" not in row["body"]
    assert "too few to compare with" in row["body"]


def test_a_subject_fits_into_the_crm():
    row = one(Fleet().add("a", churn="red", account_name="Very " * 80 + "Long").decide(), "a", "red_churn_risk")
    assert len(row["subject"]) == wording.SUBJECT_LENGTH


def test_braces_in_a_name_are_just_braces():
    row = one(Fleet().add("a", churn="red", account_name="{score} {0.__class__}").decide(), "a", "red_churn_risk")
    assert "{score} {0.__class__}" in row["subject"]


@pytest.mark.parametrize(
    ("morning", "days", "due"),
    [
        (date(2026, 5, 4), 2, date(2026, 5, 6)),
        (date(2026, 5, 7), 2, date(2026, 5, 11)),
        (date(2026, 5, 9), 1, date(2026, 5, 11)),
        (date(2026, 5, 4), 10, date(2026, 5, 18)),
    ],
)
def test_a_due_day_counts_working_days(morning, days, due):
    assert wording.due(morning, days) == due


def test_open_tasks_keep_their_subject_from_morning_to_morning():
    subjects = [
        one(crowd("acme", churn="red", probability=p).decide(), "acme", "red_churn_risk")["subject"] for p in (0.8, 0.9)
    ]
    assert subjects[0] == subjects[1]
