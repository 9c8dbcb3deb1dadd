"""Reasons in words: figures, peers, and no nonsense whatever is unknown."""

import random
import re

import pandas as pd
import pytest

from usage_pipeline.company import Kind
from usage_pipeline.features import catalogue
from usage_pipeline.scores import peers, phrases, reasons
from usage_pipeline.scores.wording import Account
from usage_pipeline_tests import company

NONSENSE = re.compile(r"\bnan\b|NaN|None|NA>|\binf\b|_|from (\S+) to \1 |--|  |[{}]|(?<!\w)-\d")


def say(
    feature: str, *, kind: Kind = Kind.CHURN, is_up: bool = True, usual: dict | None = None, **columns
) -> str | None:
    """The feature's sentence for an account of a peer group of 40."""
    values = company.frame(company.snapshot("a", **columns)).to_dict("records")[0]
    return phrases.sentence(Account(values, usual or {}, kind, is_up=is_up), feature)


def told(contributions: dict[str, float], *, is_high: bool = True, **columns) -> list[reasons.Reason]:
    frame = company.frame(company.snapshot("a", **columns))
    weights = pd.DataFrame([{feature.name: 0.0 for feature in catalogue.INPUTS} | contributions | {"base": -3.0}])
    return reasons.reasons(frame, peers.medians(frame), weights, kind=Kind.CHURN, is_high=[is_high])[0]


def test_a_fall_of_people_is_told_with_both_figures_and_with_the_peers():
    text = say(
        "users_change_28d",
        users_28d=7,
        users_28d_before=12,
        users_change_28d=7 / 12 - 1,
        users_change_vs_peers=7 / 12 - 1 - 0.04,
    )
    assert text == "active users fell from 12 to 7 in four weeks; similar accounts grew 4 %"


def test_fewer_than_ten_peers_are_not_spoken_of():
    assert say("users_28d", peers=9) == "active users stayed at 10 for four weeks"


@pytest.mark.parametrize(
    ("feature", "columns", "text"),
    [
        (
            "wau_change_2w",
            {"wau_two_weeks_ago": 10, "users_7d": 6},
            "weekly active users fell from 10 to 6 in two weeks",
        ),
        ("days_since_last_use", {"days_since_last_use": 23}, "last used 23 days ago"),
        ("days_since_last_use", {"days_since_last_use": None}, "never used so far"),
        ("uses_vs_usual", {"uses_vs_usual": 0.4}, "feature use of the last week was 60 % below its usual week"),
        ("features_share_28d", {"features_28d": 2, "features_share_28d": 2 / 14}, "uses 2 of 14 features"),
        (
            "sessions_change_28d",
            {"sessions_28d": 12, "sessions_change_28d": -0.4},
            "sessions fell from 20 to 12 in four weeks",
        ),
        (
            "integrations_removed_90d",
            {"integrations_removed_90d": 1, "integrations": 0},
            "1 integration removed in 90 days, none left",
        ),
        (
            "tickets_rise_28d",
            {"tickets_28d": 4, "tickets_rise_28d": 3},
            "support tickets rose from 1 to 4 in four weeks",
        ),
        ("mrr_minor", {"mrr_minor": 125_000}, "pays 1,250 a month"),
        ("mrr_change_180d", {"mrr_change_180d": -0.2}, "pays 20 % less than half a year ago"),
        ("seat_use_28d", {"users_28d": 7, "seats": 20}, "7 of 20 seats in use"),
        ("days_to_renewal", {"days_to_renewal": 1}, "the term ends in 1 day"),
        ("invites_90d", {"invites_90d": 0}, "no invite in 90 days"),
        ("new_users_28d", {"new_users_28d": 1}, "1 person new in four weeks"),
        ("tenure_days", {"tenure_days": 426}, "a customer for 14 months"),
        ("nps_change", {"nps_last": 4, "nps_change": -3}, "its NPS answer fell from 7 to 4 in a year"),
        ("is_activated", {"is_activated": False, "days_to_activation": None}, "did not activate in its first 30 days"),
        ("industry", {"industry": "Retail"}, "customers in Retail leave more often than others"),
        ("uses_percentile_28d", {"uses_percentile_28d": 0.15}, "85 % of similar accounts use the product more"),
    ],
)
def test_a_feature_says_what_a_seller_would(feature, columns, text):
    assert say(feature, **columns) == text


def test_peers_stand_beside_the_accounts_own_figure():
    assert (
        say("active_days_28d", active_days_28d=6, usual={"active_days_28d": 17.0})
        == "used on 6 of the last 28 days; similar accounts 17"
    )
    assert (
        say("active_days_28d", active_days_28d=6, usual={"active_days_28d": 6.0})
        == "used on 6 of the last 28 days, like similar accounts"
    )


def test_every_input_of_a_model_has_a_sentence_for_an_ordinary_account():
    unsaid = {"tickets_rise_28d", "nps_change"}  # nothing rose, nothing changed: the group's next feature speaks
    assert {feature.name for feature in catalogue.INPUTS if say(feature.name) is None} == unsaid
    assert not set(phrases.SENTENCES) - {feature.name for feature in catalogue.INPUTS}


def test_no_sentence_is_nonsense_whatever_is_unknown_or_nothing():
    chance = random.Random(7)
    shapes = [company.snapshot("a"), company.silent("b"), company.never_used("c")]
    odd = {"float64": (None, 0.0, 0.004, 1.0, 3.7), "int64": (None, 0, 1, 2, 12_400), "boolean": (None, True, False)}
    signed = re.compile("change|slope|fall|deviation|vs_peers")
    for _ in range(120):
        row = dict(chance.choice(shapes))
        for feature in chance.sample(catalogue.FEATURES, 25):
            values = odd.get(feature.type, (None, "unknown"))
            row[feature.name] = chance.choice((*values, -1, -3) if signed.search(feature.name) else values)
        values = company.frame(row).to_dict("records")[0]
        usual = {name: chance.choice((None, float("nan"), 0.0, 2.5)) for name in phrases.SENTENCES}
        account = Account(values, usual, chance.choice(list(Kind)), is_up=chance.random() < 0.5)
        for feature in catalogue.INPUTS:
            text = phrases.sentence(account, feature.name)
            assert text is None or (not NONSENSE.search(text) and 5 < len(text) < 160), (feature.name, text)


def test_events_that_name_no_people_never_claim_that_nobody_was_there():
    nobody = {
        "users_7d": 0,
        "users_28d": 0,
        "users_90d": 0,
        "users_28d_before": 0,
        "new_users_28d": 0,
        "lost_users_28d": 0,
    }
    people = [feature.name for feature in catalogue.INPUTS if feature.group == "active users"]
    assert [say(name, **nobody) for name in people] == [None] * len(people)


def test_contributions_of_a_group_are_one_reason_and_its_strongest_feature_chooses_the_words():
    found = told({"users_28d": 0.2, "wau_change_2w": 0.6, "days_since_last_use": 0.5}, wau_two_weeks_ago=10, users_7d=6)
    assert [(one.group, one.contribution) for one in found] == [("active users", 0.8), ("recency", 0.5)]
    assert found[0].text.startswith("weekly active users fell from 10 to 6")


def test_a_low_score_is_explained_by_what_holds_it_down():
    weights = {"users_28d": 0.2, "seats": -0.7}
    assert [one.group for one in told(weights, is_high=False)] == ["seats"]
    assert told(weights, is_high=False)[0].contribution == -0.7
    assert [one.group for one in told(weights)] == ["active users"]


def test_at_most_three_reasons_and_none_that_hardly_moves_the_odds():
    weights = {"users_28d": 0.5, "seats": 0.4, "uses_28d": 0.3, "invites_90d": 0.2}
    assert [one.group for one in told(weights)] == ["active users", "seats", "volume"]
    assert told({"users_28d": 0.01}) == []


def test_a_group_of_which_nothing_is_known_leaves_its_place_to_the_next():
    found = told({"seats": 0.9, "users_28d": 0.2}, seats=None)
    assert [one.group for one in found] == ["active users"]


def test_former_customers_are_no_yardstick():
    rows = [company.snapshot(f"a{n}", active_days_28d=20) for n in range(10)] + [
        company.silent(f"b{n}") for n in range(30)
    ]
    assert peers.medians(company.frame(*rows))["active_days_28d"].unique().tolist() == [20.0]
    assert peers.medians(company.frame(*rows[1:]))["active_days_28d"].isna().all()
