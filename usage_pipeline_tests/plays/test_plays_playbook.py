"""Plays are data that are checked when they are read."""

import json
from importlib import resources

import pytest

from usage_pipeline.company import Company, Events, Plays
from usage_pipeline.errors import Rejected
from usage_pipeline.plays import playbook

RED = (resources.files("usage_pipeline.plays") / "playbook" / "red_churn_risk.yaml").read_text(encoding="utf-8")


def test_the_book_holds_the_five_plays_and_only_red_churn_risk_ships_turned_on():
    assert {play.name for play in playbook.shipped()} == {
        *("red_churn_risk", "risk_inactive", "high_expansion", "narrow_discovery", "stuck_workshop")
    }
    assert Plays().enabled == ("red_churn_risk",)


def test_an_expansion_goes_to_sales_and_everything_else_to_the_csm():
    assert {play.name for play in playbook.shipped() if play.role == "sales"} == {"high_expansion"}


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ("role: csm", "role: csm\nowner: mia", "owner"),
        ("tiers: [red]", "tiers: [high]", "trigger"),
        ("tiers: [red]", "tiers: [red]\n  cohorts: [Risk-Inactive]", "trigger"),
        ("{account} has a churn risk", "{acount} has a churn risk", "acount"),
        ("{score} of 100", "{account.__class__} of 100", "__class__"),
        ("{score} of 100", "{score:>10} of 100", "score"),
        ("{figures}", "{cohort}", "cohort"),
        ("speak with {account}", "{account} at {score}", "score"),
        ("version: 1", "version: one", "version"),
    ],
)
def test_a_mistake_in_a_play_is_refused_and_named(before, after, names):
    assert before in RED
    with pytest.raises(Rejected, match=names) as refused:
        playbook.parse(RED.replace(before, after, 1), source="mine.yaml")
    assert "mine.yaml" in str(refused.value)


def test_the_json_schema_of_a_play_can_be_printed():
    schema = json.loads(playbook.schema())
    assert schema["additionalProperties"] is False
    assert {"trigger", "steps", "expected_outcome", "wrong_actions"} <= set(schema["required"])


def company(**plays):
    return Company(company="tests", events=(Events(format="segment"),), plays=Plays(**plays))


@pytest.mark.parametrize("key", ["enabled", "channels"])
def test_a_mapping_that_names_a_play_which_no_book_has_is_refused_with_the_known_ones(key):
    named = {"enabled": ("red_churn_risks",)} if key == "enabled" else {"channels": {"red_churn_risks": ("slack",)}}
    with pytest.raises(Rejected, match=rf"plays\.{key} .* names red_churn_risks") as refused:
        playbook.checked(company(**named))
    assert [play.name for play in playbook.shipped() if play.name not in refused.value.fix] == []


def test_a_mapping_that_names_plays_of_the_book_alone_is_taken_as_it_is():
    sound = company(enabled=("risk_inactive",), channels={"high_expansion": ("webhook",)})
    assert playbook.checked(sound) is sound
