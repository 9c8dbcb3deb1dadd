"""Alerts: which there are, and that one stop is one alert."""

from datetime import datetime, timedelta

import pandas as pd
import pytest
import receiver as receivers
from channel_builders import slack, webhook
from receiver import RESET_AFTER
from sync_builders import MORNING, NOON

from usage_pipeline.channels import blocks
from usage_pipeline.errors import Rejected
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import alerts
from usage_pipeline.sync.fitness import Tripped

COLUMNS = ["instance", "kind", "key", "account_id", "cause", "detail", "fix", "since"]


def waiting(*rows):
    found = [
        {"instance": "hubspot:1", "kind": "fields", "key": "a", "account_id": "a", "cause": "permission"}
        | {"detail": "no access to usage_health", "fix": "grant the scope", "since": NOON - timedelta(days=5)}
        | row
        for row in rows
    ]
    return pd.DataFrame(found, columns=COLUMNS, dtype=object)


def late(*rows, now=NOON):
    return alerts.of_rejections(waiting(*rows), now, 3)


def test_a_thousand_rows_that_wait_for_one_grant_are_one_alert():
    (one,) = late(*({"key": f"a{number}"} for number in range(1_000)))
    assert one.title == "hubspot:1: 1,000 rows wait for a person (permission)"
    assert "no access to usage_health" in one.what
    assert one.fix.startswith("grant the scope")


def test_each_instance_and_each_cause_has_an_alert_of_its_own():
    found = late({}, {"key": "b", "cause": "schema"}, {"key": "c", "instance": "salesforce:2"})
    assert len({one.key for one in found}) == 3


def test_a_rejection_is_alerted_when_it_is_three_days_old_and_not_before():
    almost = {"since": NOON - timedelta(days=3) + timedelta(seconds=1)}
    assert late(almost) == []
    assert len(late(almost, now=NOON + timedelta(seconds=1))) == 1


def test_what_waits_goes_on_as_the_same_alert_until_something_further_is_late():
    (first,) = late({})
    (later,) = late({}, now=NOON + timedelta(days=9))
    assert first.key == later.key
    (more,) = late({}, {"key": "b", "since": NOON - timedelta(days=3)})
    assert more.key != first.key


def test_what_passes_by_itself_and_an_alert_that_was_refused_are_no_alerts():
    assert late({"cause": "transient"}, {"cause": "budget"}, {"instance": "alerts:webhook:hooks.example"}) == []


def test_nothing_that_waits_is_no_alert():
    assert alerts.of_rejections(waiting(), datetime(2026, 5, 4), 3) == []


def test_a_stop_is_one_alert_a_morning_and_the_circuit_breaker_is_told_from_a_failure():
    stops = {"hubspot": Tripped("unlike", fix="look"), "salesforce": Rejected("no", fix="mend")}
    first, other = alerts.of_stops(stops, MORNING)
    assert (first.kind, other.kind) == ("circuit_breaker", "delivery_failed")
    assert alerts.of_stops(stops, MORNING) == [first, other]
    assert alerts.of_stops(stops, MORNING + timedelta(days=1))[0].key != first.key


def test_slack_shows_an_alert_as_one_and_names_no_account():
    (alert,) = alerts.of_stops({"hubspot": Rejected("nobody may write", fix="grant it")}, MORNING)
    content = blocks.of(alert.message("slack", MORNING))
    header, section, context = content["blocks"]
    assert header["text"]["text"] == f"hubspot: the delivery of {MORNING} has failed"
    assert section["text"]["text"] == "nobody may write\n\nWhat to do: grant it"
    assert context["elements"][0]["text"].startswith("Alert delivery_failed, morning of")


@pytest.fixture
def ledger(tmp_path):
    one = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield one
    one.close()


@pytest.fixture
def receiver():
    with receivers.running() as one:
        yield one


def told(ledger, raised, *channels):
    return alerts.tell(raised, channels, ledger, as_of=MORNING, now=lambda: NOON)


STOP = alerts.of_stops({"hubspot": Rejected("nobody may write", fix="grant it")}, MORNING)


def test_slack_reads_no_alert_twice_though_its_answer_was_lost(ledger, receiver):
    receiver.answers = [RESET_AFTER]
    channel = slack(receiver)
    assert "may have arrived" in told(ledger, STOP, channel)[0]
    assert told(ledger, STOP, channel) == []
    assert len(receiver.taken) == 1


def test_an_alert_waits_for_no_other_alert_of_its_channel(ledger, receiver):
    receiver.refuses = {'"alert":"circuit_breaker"': (422, {}, b"no")}
    raised = alerts.of_stops({"hubspot": Tripped("unlike"), "salesforce": Rejected("no")}, MORNING)
    assert len(told(ledger, raised, webhook(receiver))) == 1
    assert [b"delivery_failed" in one.body for one in receiver.taken] == [False, True]


def test_an_alert_that_nobody_took_is_let_go_when_its_cause_is_gone(ledger, receiver):
    receiver.refuses = {"operator.alert": (422, {}, b"no")}
    channel = webhook(receiver)
    told(ledger, STOP, channel)
    assert len(ledger.table("rejection")) == 1
    assert told(ledger, [], channel) == []
    assert ledger.table("rejection").empty
    assert len(receiver.taken) == 1


def test_without_anything_to_tell_no_channel_is_touched_and_no_run_written_down(ledger, receiver):
    assert told(ledger, [], webhook(receiver)) == []
    assert ledger.table("run").empty


def test_the_secret_address_of_a_channel_is_in_no_alert_that_the_ledger_keeps(ledger, receiver, tmp_path):
    receiver.refuses = {"operator.alert": (404, {}, b"Cannot POST /hooks/a-secret-place?token=a-secret-word")}
    told(ledger, STOP, webhook(receiver))
    left = b"".join(file.read_bytes() for file in tmp_path.glob("ledger.sqlite*"))
    assert b"answered 404" in left
    assert b"a-secret" not in left
