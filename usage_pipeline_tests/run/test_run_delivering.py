"""Plans and retries by hand, at a terminal: what a person sees of messages, rejections and alerts."""

import json

import pytest
import receiver as receivers
from decided_home import MORNING, Crm, decided, refuse_something
from typer.testing import CliRunner

from usage_pipeline.cli.main import app
from usage_pipeline.defs import messages
from usage_pipeline.errors import Rejected
from usage_pipeline.run import delivering, knowledge


@pytest.fixture
def receiver():
    with receivers.running() as one:
        yield one


@pytest.fixture
def opened(tmp_path, monkeypatch, receiver):
    with decided(tmp_path, monkeypatch, Crm("101", "102"), receiver) as one:
        yield one


def command(*words, code=0):
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def made(**how):
    return delivering.make_plans(**{"as_of": None, "only": None, "select": (), "limit": None, "hide": False} | how)


# -- plan --------------------------------------------------------------------------------------


def test_a_plan_shows_per_channel_what_would_be_told_and_tells_nothing(opened, receiver):
    shown = command("plan")
    assert "messages in slack" in shown
    assert "tell  a: Call a (red_churn_risk)" in shown
    assert receiver.taken == []


def test_the_plan_for_programs_holds_the_messages_beside_what_apply_takes(opened, tmp_path):
    found = json.loads(command("plan", "--json", "--write", str(tmp_path / "plan.json")))
    assert {name: [one["subject"] for one in some] for name, some in found["messages"].items()} == {
        "slack": ["Call a"], "webhook": ["Call a"],
    }  # fmt: skip
    assert set(json.loads((tmp_path / "plan.json").read_text())) == {"format", "plans"}


def test_the_plan_for_a_pull_request_has_a_section_per_channel(opened, tmp_path):
    command("plan", "--write", str(tmp_path / "plan.md"))
    assert (
        "# Messages in webhook: 1\n\n| account | play | subject |\n|---|---|---|\n| a |"
        in (tmp_path / "plan.md").read_text()
    )


def test_a_redacted_plan_hides_whom_its_messages_are_about_and_what_they_say(opened):
    (one,) = made(hide=True).messages["slack"]
    assert one.account_id.startswith("hidden-")
    assert {one.subject, one.body, one.link} == {"(redacted)", None}
    assert one.account_id == made(hide=True).plans[0].new_tasks[0].account_id


def test_a_plan_of_some_accounts_or_of_one_crm_alone_tells_what_its_delivery_would_tell(opened):
    assert {name: len(some) for name, some in made(select=["b"]).messages.items()} == {"slack": 0, "webhook": 0}
    assert made(only="hubspot").messages == {}


def test_messages_alone_are_something_to_change(opened):
    before = made()
    assert not delivering.Planned([], before.messages, []).is_empty
    assert delivering.Planned([], {"slack": []}, []).is_empty


# -- retry and rejections ----------------------------------------------------------------------


def refuse_the_message(opened, receiver, answer=(422, {}, b"no such customer")):
    """The webhook refuses; Slack takes what it is told."""
    receiver.refuses = {'"play.opened"': answer}
    messages.tell(opened, MORNING)
    receiver.refuses = {}
    receiver.taken.clear()


def test_a_message_that_was_refused_is_listed_with_its_fix_and_by_a_dry_run_and_nothing_is_sent(opened, receiver):
    refuse_the_message(opened, receiver)
    assert "no such customer" in command("rejections")
    waiting, did = delivering.retry(only=None, really=False)
    assert [(row["kind"], row["account_id"]) for row in waiting] == [("message", "a")]
    assert (did, receiver.taken) == (None, [])


@pytest.mark.slow
def test_retry_sends_a_refused_message_again_under_its_key(opened, receiver):
    refuse_the_message(opened, receiver)
    (row,) = knowledge.rejections(opened)
    _, did = delivering.retry(only=None, really=True)
    assert did["messages"]["webhook"]["sent"] == 1
    assert receiver.ids == [row["key"]]
    assert knowledge.rejections(opened) == []
    assert delivering.retry(only=None, really=True) == ([], None)


@pytest.mark.slow
def test_retry_sends_again_a_message_whose_answer_was_lost_where_its_channel_drops_repeats(opened, receiver):
    refuse_the_message(opened, receiver, receivers.RESET_AFTER)
    assert knowledge.rejections(opened) == []
    waiting, did = delivering.retry(only=None, really=True)
    assert [row["kind"] for row in waiting] == ["message"]
    assert did["messages"]["webhook"]["sent"] == 1


def test_retry_for_one_crm_leaves_the_messages_alone(opened, receiver):
    refuse_the_message(opened, receiver)
    assert delivering.retry(only="hubspot", really=True) == ([], None)
    assert receiver.taken == []


def test_what_waits_for_an_account_that_is_no_more_is_shown_and_stops_no_retry(opened, receiver):
    refuse_something(opened, days=1, account="gone")
    waiting, did = delivering.retry(only=None, really=True)
    assert (len(waiting), did) == (1, None)


# -- alerts ------------------------------------------------------------------------------------


def test_status_shows_the_alerts_of_the_last_days_and_where_they_were_told(opened, receiver):
    messages.alert(opened, MORNING, {"hubspot": Rejected("nobody may write", fix="grant it")})
    shown = command("status")
    assert f"hubspot: the delivery of {MORNING} has failed (told in slack,webhook)" in shown
    found = json.loads(command("status", "--json"))
    assert [one["kind"] for one in found["alerts"]] == ["delivery_failed"]
    assert found["instances"] == []


def test_a_rejection_is_old_from_the_day_on_which_it_is_alerted(opened, monkeypatch):
    refuse_something(opened, days=3)
    assert [row["is_old"] for row in knowledge.rejections(opened)] == [True]
    monkeypatch.setenv("USAGE_ALERT_AFTER_DAYS", "4")
    assert [row["is_old"] for row in knowledge.rejections(opened)] == [False]
