"""A morning's plan and delivery as Dagster runs them: messages, alerts, snapshots, with a CRM in memory."""

import json

import dagster as dg
import pandas as pd
import pytest
import receiver as receivers
from channel_builders import SECRET
from dagster_duckdb import DuckDBResource
from decided_home import MORNING, Crm, decide, decided, refuse_something
from sync_builders import decision, link

from usage_pipeline import frames
from usage_pipeline.channels.client import message_key
from usage_pipeline.channels.webhook import Webhook
from usage_pipeline.crm.client import Instance
from usage_pipeline.defs import delivery, messages, place, sync, tables
from usage_pipeline.errors import Rejected, Unavailable
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sync import catalogue, exports
from usage_pipeline.sync.fitness import Tripped


@pytest.fixture
def receiver():
    with receivers.running() as one:
        yield one


@pytest.fixture
def crm():
    return Crm("101", "102")


@pytest.fixture
def opened(tmp_path, monkeypatch, crm, receiver):
    with decided(tmp_path, monkeypatch, crm, receiver) as one:
        yield one


def run(*assets, config=None):
    """Metadata by asset key, and what the run failed of."""
    result = dg.materialize(
        list(assets),
        partition_key=MORNING.isoformat(),
        resources={"place": place.Place(duckdb=DuckDBResource(database=":memory:"))},
        run_config={"ops": {"delivered": {"config": config}}} if config else None,
        raise_on_error=False,
    )
    found = {
        event.asset_key.path[1]: {name: value.value for name, value in event.materialization.metadata.items()}
        for event in result.all_events
        if event.is_step_materialization
    }
    failed = [str(event.event_specific_data.error) for event in result.all_events if event.is_step_failure]
    return found, " ".join(failed)


def rows(opened, table):
    return frames.rows(opened.frame(opened.lake.read(table)))


def alerts(opened):
    return frames.rows(exports.alert(opened.ledger))


def types(receiver):
    return [json.loads(one.body).get("type", "slack") for one in receiver.taken]


# -- messages ----------------------------------------------------------------------------------


def test_a_delivery_tells_each_channel_of_the_play_once_and_says_so(opened, receiver):
    told, failed = run(sync.plan, delivery.delivered)
    assert failed == ""
    assert sorted(types(receiver)) == ["play.opened", "slack"]
    assert {name: sent["sent"] for name, sent in told["log"]["messages"].items()} == {"slack": 1, "webhook": 1}
    again, _ = run(sync.plan, delivery.delivered)
    assert {name: sent["sent"] for name, sent in again["log"]["messages"].items()} == {"slack": 0, "webhook": 0}
    assert len(receiver.taken) == 2
    (one,) = [row for row in rows(opened, catalogue.LOG) if row["crm"] == "webhook"]
    assert one["key"] == message_key("a", "red_churn_risk", f"a:red_churn_risk:{MORNING}", "webhook")


def test_the_plan_shows_the_messages_and_sends_none(opened, receiver):
    told, _ = run(sync.plan)
    assert (told["plan"]["webhook_messages"], told["plan"]["slack_messages"]) == (1, 1)
    assert "# Messages in slack: 1" in told["plan"]["plan"]
    assert "| a | red_churn_risk | Call a |" in told["plan"]["plan"]
    assert receiver.taken == []
    run(sync.plan, delivery.delivered)
    told, _ = run(sync.plan)
    assert told["plan"]["webhook_messages"] == 0


def test_a_channel_that_the_mapping_names_and_no_setting_has_is_told_as_a_problem(opened, receiver, monkeypatch):
    monkeypatch.delenv("USAGE_SLACK_URL")
    told, failed = run(sync.plan, delivery.delivered)
    assert "USAGE_SLACK_URL is empty" in failed
    assert told["log"]["messages"]["webhook"]["sent"] == 1


def test_a_delivery_of_some_accounts_tells_only_of_those(opened, receiver):
    run(sync.plan, delivery.delivered, config={"select": ["b"]})
    assert receiver.taken == []


def test_who_applies_to_one_crm_alone_has_nobody_told(opened, receiver):
    run(sync.plan, delivery.delivered, config={"crm": "hubspot"})
    assert receiver.taken == []


# -- alerts ------------------------------------------------------------------------------------


def tripping(*_, **__):
    raise Tripped("nothing was written, because the morning is unlike the last one", fix="look at docs/runbook.md")


def test_the_circuit_breaker_is_one_alert_in_every_channel_whatever_runs_again(opened, receiver, monkeypatch):
    monkeypatch.setattr("usage_pipeline.sync.fitness.check", tripping)
    told, failed = run(sync.plan, delivery.delivered)
    assert "unlike the last one" in failed
    (alert,) = told["log"]["alerts"]
    assert (alert["kind"], alert["key"]) == ("circuit_breaker", f"hubspot, {MORNING}")
    run(sync.plan, delivery.delivered)
    assert sorted(types(receiver)) == ["operator.alert", "slack"]
    (row,) = rows(opened, catalogue.ALERT)
    assert (row["kind"], row["told_in"]) == ("circuit_breaker", "slack,webhook")
    assert "docs/runbook.md" in row["words"]


def test_what_a_webhook_is_told_of_an_alert_names_its_kind_and_what_to_do(opened, receiver, monkeypatch):
    monkeypatch.setattr("usage_pipeline.sync.fitness.check", tripping)
    run(sync.plan, delivery.delivered)
    (said,) = [json.loads(one.body) for one in receiver.taken if b"operator.alert" in one.body]
    assert said["data"]["alert"] == "circuit_breaker"
    assert said["data"]["about"] == f"hubspot, {MORNING}"
    assert "What to do: look at docs/runbook.md" in said["data"]["body"]


def test_a_crm_that_is_away_is_alerted_with_its_cause_and_once_though_two_steps_fail(opened, crm, receiver):
    crm.away = Unavailable("the CRM did not answer")
    _, failed = run(sync.plan, delivery.delivered)
    assert "did not answer" in failed
    run(delivery.delivered)
    assert sorted(types(receiver)) == ["operator.alert", "slack"]
    assert any(b"did not answer" in one.body for one in receiver.taken)
    assert [row["about"] for row in alerts(opened)] == [f"hubspot, {MORNING}"]


def test_a_rejection_that_waits_for_a_person_is_alerted_when_it_is_old_enough_and_not_again(opened, receiver):
    refuse_something(opened, days=2)
    messages.alert(opened, MORNING, {})
    assert alerts(opened) == []
    refuse_something(opened, days=4, account="c")
    for _ in range(2):
        raised, unheard = messages.alert(opened, MORNING, {})
        assert (len(raised), unheard) == (1, [])
    (one,) = alerts(opened)
    assert one["title"] == "hubspot:1: 1 row waits for a person (permission)"
    assert len(receiver.taken) == 2


def test_what_passes_by_itself_is_no_alert_however_long_it_waits(opened, receiver):
    refuse_something(opened, days=30, cause="budget")
    assert messages.alert(opened, MORNING, {}) == ([], [])
    assert receiver.taken == []


def test_without_a_channel_an_alert_is_in_metadata_and_table_all_the_same(opened, receiver, monkeypatch):
    monkeypatch.delenv("USAGE_SLACK_URL")
    monkeypatch.delenv("USAGE_WEBHOOK_URL")
    monkeypatch.setattr("usage_pipeline.sync.fitness.check", tripping)
    told, _ = run(sync.plan, delivery.delivered)
    assert len(told["log"]["alerts"]) == 1
    assert told["log"]["alerts_not_sent"] == []
    (row,) = rows(opened, catalogue.ALERT)
    assert row["told_in"] == ""
    assert receiver.taken == []


def test_an_alert_that_a_channel_refused_is_sent_again_by_the_next_delivery_and_is_no_alert_itself(opened, receiver):
    receiver.refuses = {"operator.alert": (422, {}, b"no")}
    stop = {"hubspot": Rejected("no")}
    _, unheard = messages.alert(opened, MORNING, stop)
    assert ["webhook" in words for words in unheard] == [True]
    waiting = frames.rows(opened.ledger.table("rejection"))
    assert [row["instance"].partition(":")[0] for row in waiting] == ["alerts"]
    receiver.refuses = {}
    raised, unheard = messages.alert(opened, MORNING, stop)
    assert (len(raised), unheard) == (1, [])
    assert sorted(types(receiver)) == ["operator.alert", "operator.alert", "slack"]
    assert opened.ledger.table("rejection").empty


def test_alerts_do_not_make_a_channel_look_as_if_it_had_been_told_of_plays(opened, receiver):
    messages.alert(opened, MORNING, {"hubspot": Rejected("no")})
    channel = Webhook(receiver.url, SECRET, opened.now)
    assert opened.ledger.first_morning(channel.instance) is None
    assert opened.ledger.last_as_of(channel.instance) is None


# -- snapshots ---------------------------------------------------------------------------------


def test_what_the_crm_held_when_it_was_planned_can_be_asked_per_morning(opened):
    run(sync.plan)
    found = {row["crm_id"]: row for row in rows(opened, catalogue.SNAPSHOT)}
    assert set(found) == {"101", "102"}
    assert (found["101"]["account_key"], found["101"]["instance"]) == ("a", "hubspot:1")
    assert json.loads(found["101"]["fields"]) == {"usage_churn_tier": "green"}
    assert frames.as_day(found["101"]["as_of"]) == MORNING
    run(sync.plan)
    assert len(rows(opened, catalogue.SNAPSHOT)) == 2


def test_a_crm_that_is_away_does_not_take_what_another_held_out_of_the_morning(opened, crm, monkeypatch):
    other = Crm("101", "102", instance=Instance("salesforce", "9", is_sandbox=True))
    run(sync.plan)
    decide(opened, [decision("a", since=MORNING)])
    links = pd.DataFrame([dict.fromkeys(sources.CRM_LINK.schema.names) | link("a", "101", instance=other.instance())])
    opened.lake.replace(sources.CRM_LINK, tables.memtable(sources.CRM_LINK, links.astype(object)))
    crm.away = Unavailable("away")
    monkeypatch.setattr(place.Opened, "crms", lambda _: {"hubspot": crm, "salesforce": other})
    run(sync.plan)
    assert sorted({row["instance"] for row in rows(opened, catalogue.SNAPSHOT)}) == ["hubspot:1", "salesforce:9"]
