"""Messages: which there are, and that each arrives as often as its channel promises, whatever fails."""

from datetime import datetime, time, timedelta

import pandas as pd
import pytest
import receiver as receivers
from channel_builders import SECRET, Clock, slack, webhook
from receiver import RESET_AFTER
from sync_builders import MORNING, NO_DECISION, decision, frame

from usage_pipeline import frames
from usage_pipeline.accounts import CrmId
from usage_pipeline.channels.client import message_key
from usage_pipeline.channels.webhook import Webhook
from usage_pipeline.errors import Rejected, Unavailable
from usage_pipeline.ledger.operations import Operation, Settled
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import messages, telling

BOTH = {"red_churn_risk": ("webhook", "slack")}
WEBHOOK = {"red_churn_risk": ("webhook",), "risk_inactive": ("webhook",)}
SLACK = {"red_churn_risk": ("slack",)}


class Died(BaseException):
    """The process ends here."""


@pytest.fixture
def receiver():
    with receivers.running() as one:
        yield one


@pytest.fixture
def ledger(tmp_path):
    one = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield one
    one.close()


def made(ledger, channel, decisions, channels=WEBHOOK, as_of=MORNING):
    return messages.plan(decisions, messages.sent_keys(ledger, channel, as_of), channels, as_of)


def deliver(ledger, channel, decisions, channels=WEBHOOK, as_of=MORNING, **terms):
    plan = made(ledger, channel, decisions, channels, as_of)
    noon = datetime.combine(as_of, time(12))
    return telling.deliver(plan, channel, ledger, as_of=as_of, now=lambda: noon, **terms)


def accounts(receiver):
    return [one.body.decode().partition('"account_id":"')[2].partition('"')[0] for one in receiver.taken]


def states(ledger):
    return [row["state"] for row in sorted(frames.rows(ledger.log()), key=lambda row: row["planned_at"])]


# -- which messages there are ------------------------------------------------------------------


def test_a_play_that_acts_makes_one_message_per_channel():
    found = messages.plan(frame(decision("a")), set(), BOTH, MORNING, tiers={("a", "churn_90d"): "red"})
    assert [one.channel for one in found] == ["webhook", "slack"]
    assert {one.tier for one in found} == {"red"}
    assert {(one.subject, one.body, one.created) for one in found} == {("Call a", "Use fell.", MORNING)}


def test_who_is_held_out_or_not_decided_gets_nothing_in_any_channel():
    rows = frame(decision("a", decision="hold_out"), decision("b", decision="not"), decision("c"))
    assert {one.account_id for one in messages.plan(rows, set(), BOTH, MORNING)} == {"c"}


def test_a_morning_that_cannot_judge_tells_nothing():
    kept = decision("a") | {"decision": "not"}
    assert kept["episode"]
    assert messages.plan(frame(kept), set(), BOTH, MORNING) == []


def test_a_play_without_a_channel_tells_nothing():
    assert messages.plan(frame(decision("a", "stuck_workshop")), set(), BOTH, MORNING) == []


def test_the_same_episode_has_the_same_key_for_ever_and_each_channel_its_own():
    (first, other), (later, _) = (
        messages.plan(frame(decision("a", body=body)), set(), BOTH, day)
        for body, day in (("Use fell.", MORNING), ("Use fell more.", MORNING + timedelta(days=1)))
    )
    assert first.key == later.key != other.key
    assert messages.plan(frame(decision("a")), {first.key, other.key}, BOTH, MORNING) == []


def test_a_message_of_a_cohort_does_not_tell_the_tier_of_a_score():
    rows = frame(decision("a", outcome=None))
    (one,) = messages.plan(rows, set(), {"red_churn_risk": ("webhook",)}, MORNING, tiers={("a", "churn_90d"): "red"})
    assert one.tier is None


def test_what_is_worth_most_is_told_first():
    rows = frame(decision("a", order=3), decision("b", order=1), decision("c", order=None), decision("d", order=2))
    assert [one.account_id for one in messages.plan(rows, set(), WEBHOOK, MORNING)] == ["b", "d", "a", "c"]


def test_a_link_leads_to_the_record_of_a_real_crm():
    links = pd.DataFrame(
        [
            {
                "crm": "salesforce",
                "instance": "salesforce:00D1",
                "account_id": "a",
                "state": "matched",
                "crm_id": "001",
            },
            {"crm": "hubspot", "instance": "hubspot:42", "account_id": "a", "state": "matched", "crm_id": "7"},
            {
                "crm": "salesforce",
                "instance": "salesforce:00D1",
                "account_id": "b",
                "state": "matched",
                "crm_id": "002",
            },
            {"crm": "hubspot", "instance": "hubspot:42", "account_id": "c", "state": "ambiguous", "crm_id": None},
        ]
    )
    assert messages.account_links(links, hubspot=True, salesforce_url="https://x.my.salesforce.com") == {
        "a": "https://app.hubspot.com/contacts/42/record/0-2/7",
        "b": "https://x.my.salesforce.com/lightning/r/Account/002/view",
    }
    assert messages.account_links(links, hubspot=False, salesforce_url="") == {}


# -- sending ----------------------------------------------------------------------------------


def test_sending_twice_sends_nothing_the_second_time(receiver, ledger):
    channel = webhook(receiver)
    rows = frame(decision("a"), decision("b"))
    assert deliver(ledger, channel, rows).sent == 2
    assert deliver(ledger, channel, rows) == telling.Sent()
    assert deliver(ledger, channel, rows, as_of=MORNING + timedelta(days=1)).sent == 0
    assert len(receiver.taken) == 2


def test_a_plan_that_is_older_than_what_was_sent_meanwhile_sends_nothing_twice(receiver, ledger):
    channel = webhook(receiver)
    plan = made(ledger, channel, frame(decision("a")))
    for _ in range(2):
        last = telling.deliver(plan, channel, ledger, as_of=MORNING, now=Clock().now)
    assert (last.sent, last.over) == (0, 1)
    assert len(receiver.taken) == 1


def test_what_failed_is_sent_by_the_next_delivery_with_the_words_and_the_day_of_the_first(receiver, ledger):
    receiver.answers = [503] * 6
    channel = webhook(receiver)
    assert deliver(ledger, channel, frame(decision("a", body="Use fell."))).unknown == 1
    later = MORNING + timedelta(days=1)
    assert deliver(ledger, channel, frame(decision("a", body="Use fell more.")), as_of=later).sent == 1
    assert len({one.body for one in receiver.taken}) == 1
    assert len(set(receiver.ids)) == 1
    assert states(ledger) == ["failed", "ok"]
    assert ledger.quarantine(channel.instance).empty


def test_a_failed_message_holds_back_the_later_ones_of_its_account_and_no_other(receiver, ledger):
    receiver.refuses = {'"play":"red_churn_risk","episode":"a:': (422, {}, b"no")}
    rows = frame(decision("a", order=1), decision("a", "risk_inactive", order=2), decision("b", order=3))
    channel = webhook(receiver)
    sent = deliver(ledger, channel, rows)
    assert (sent.sent, sent.quarantined, sent.held_back) == (1, 1, 1)
    assert accounts(receiver) == ["a", "b"]
    receiver.refuses = {}
    receiver.taken.clear()
    assert deliver(ledger, channel, rows).sent == 2
    assert ["red_churn_risk" in one.body.decode() for one in receiver.taken] == [True, False]
    assert ledger.quarantine(channel.instance).empty


def test_a_message_that_waits_goes_before_one_that_is_worth_more_but_younger(receiver, ledger):
    receiver.answers = [422]
    channel = webhook(receiver)
    deliver(ledger, channel, frame(decision("a", "risk_inactive", order=9)))
    receiver.taken.clear()
    rows = frame(decision("a", order=1), decision("a", "risk_inactive", order=9))
    assert deliver(ledger, channel, rows, as_of=MORNING + timedelta(days=1)).sent == 2
    assert ["risk_inactive" in one.body.decode() for one in receiver.taken] == [True, False]


def test_a_message_whose_cause_is_gone_is_dropped_with_its_rejection(receiver, ledger):
    receiver.answers = [422]
    channel = webhook(receiver)
    deliver(ledger, channel, frame(decision("a")))
    assert len(ledger.quarantine(channel.instance)) == 1
    deliver(ledger, channel, NO_DECISION, as_of=MORNING + timedelta(days=1))
    assert ledger.quarantine(channel.instance).empty
    assert len(receiver.taken) == 1


def test_an_account_that_is_held_out_since_gets_nothing_of_what_waited(receiver, ledger):
    receiver.answers = [422]
    channel = webhook(receiver)
    deliver(ledger, channel, frame(decision("a")))
    deliver(ledger, channel, frame(decision("a", decision="hold_out")), as_of=MORNING + timedelta(days=1))
    assert len(receiver.taken) == 1


def test_a_receiver_that_is_gone_is_asked_once_a_delivery(receiver, ledger):
    receiver.refuses = {"play.opened": 410}
    channel = webhook(receiver)
    rows = frame(*(decision(account) for account in "abcdef"))
    sent = deliver(ledger, channel, rows)
    assert (sent.quarantined, sent.failed) == (1, 5)
    assert len(receiver.taken) == 1
    waiting = ledger.quarantine(channel.instance)
    assert set(waiting["cause"]) == {"identity"}
    assert all("USAGE_WEBHOOK_URL" in fix for fix in waiting["fix"])
    receiver.refuses = {}
    assert deliver(ledger, channel, rows).sent == 6


def test_a_receiver_that_is_unwell_is_left_alone_after_three(receiver, ledger):
    receiver.refuses = {"play.opened": 503}
    rows = frame(*(decision(f"a{number}") for number in range(50)))
    sent = deliver(ledger, webhook(receiver), rows)
    assert (sent.unknown, sent.failed) == (3, 47)
    assert len(receiver.taken) == 3 * 6


def test_one_refused_message_does_not_lose_the_other_ninety_nine(receiver, ledger):
    receiver.refuses = {'"account_id":"a50"': (400, {}, b"no")}
    rows = frame(*(decision(f"a{number}") for number in range(100)))
    sent = deliver(ledger, webhook(receiver), rows)
    assert (sent.sent, sent.quarantined) == (99, 1)


def test_slack_reads_no_message_twice_and_a_person_is_told_which_to_look_for(receiver, ledger):
    receiver.answers = [RESET_AFTER]
    channel = slack(receiver)
    rows = frame(decision("a"))
    sent = deliver(ledger, channel, rows, SLACK)
    assert sent.unknown == 1
    assert "may have arrived" in sent.in_short
    for days in range(1, 4):
        assert deliver(ledger, channel, rows, SLACK, as_of=MORNING + timedelta(days=days)).sent == 0
    assert len(receiver.taken) == 1
    (row,) = frames.rows(ledger.log())
    assert row["state"] == "unknown"
    assert "look in the Slack channel" in row["fix"]
    (told,) = ledger.messages(channel.instance).values()
    assert told.is_in_doubt


def test_slack_is_left_alone_after_one_lost_answer_and_the_rest_is_sent_later(receiver, ledger):
    receiver.answers = [500]
    channel = slack(receiver)
    rows = frame(*(decision(account) for account in "abcd"))
    sent = deliver(ledger, channel, rows, SLACK)
    assert (sent.unknown, sent.failed) == (1, 3)
    assert deliver(ledger, channel, rows, SLACK, as_of=MORNING + timedelta(days=1)).sent == 3
    assert len(set(map(bytes, (one.body for one in receiver.taken)))) == len(receiver.taken) == 4


@pytest.mark.parametrize("at", ["before", "after"])
@pytest.mark.parametrize(("kind", "again"), [("webhook", 1), ("slack", 0)])
def test_a_delivery_that_dies_at_a_message_leaves_what_its_channel_promises(receiver, ledger, kind, again, at):
    channel, channels = (webhook(receiver), WEBHOOK) if kind == "webhook" else (slack(receiver), SLACK)
    send = channel.send

    def die(message):
        if at == "after":
            send(message)
        raise Died

    channel.send = die
    rows = frame(decision("a", order=1), decision("b", order=2))
    with pytest.raises(Died):
        deliver(ledger, channel, rows, channels)
    channel.send = send
    sent = deliver(ledger, channel, rows, channels)
    assert sent.settled_from_before == 2
    assert sent.sent == 1 + again
    arrived = (at == "after") + 1 + again
    assert len(receiver.taken) == arrived
    assert len({one.body for one in receiver.taken}) == (2 if again or at == "after" else 1)
    assert deliver(ledger, channel, rows, channels).sent == 0


def test_two_deliveries_to_one_channel_do_not_run_at_once(receiver, ledger):
    channel = webhook(receiver)
    with (
        ledger.lease(channel.instance, "another", lambda: datetime(2026, 5, 4, 12)),
        pytest.raises(Unavailable, match="another apply"),
    ):
        deliver(ledger, channel, frame(decision("a")))
    assert receiver.taken == []


def test_a_channel_that_is_new_is_not_told_of_what_went_on_before_it(receiver, ledger):
    open_a_task(ledger, "a", on=MORNING - timedelta(days=9))
    open_a_task(ledger, "b", on=MORNING)
    rows = frame(decision("a"), decision("b"))
    channel = webhook(receiver)
    assert deliver(ledger, channel, rows).sent == 1
    assert accounts(receiver) == ["b"]
    assert deliver(ledger, channel, rows, as_of=MORNING + timedelta(days=1)).sent == 0


def test_what_a_killed_run_left_untold_is_told_the_next_morning_though_its_task_is_open(receiver, ledger):
    channel = webhook(receiver)
    deliver(ledger, channel, NO_DECISION)
    open_a_task(ledger, "a", on=MORNING + timedelta(days=1))
    assert deliver(ledger, channel, frame(decision("a")), as_of=MORNING + timedelta(days=2)).sent == 1


def open_a_task(ledger, account, *, on):
    row = decision(account)
    names = ("play", "episode", "subject", "body", "priority")
    payload = {name: row[name] for name in names} | {"due_on": row["due_on"].isoformat(), "owner_id": None}
    one = Operation(f"op-{account}", "task_open", f"key-{account}", account, CrmId("1"), payload, "idempotent", on)
    ledger.intend("run", "hubspot:1", [one], datetime(2026, 5, 4))
    ledger.settle("hubspot:1", [Settled(one, "ok", crm_id=CrmId("9"))], datetime(2026, 5, 4))


def test_real_people_get_no_message_of_a_morning_long_past(ledger):
    clock = Clock()
    channel = Webhook("https://hooks.example.com/a-secret-place", SECRET, clock.now, sleep=clock.sleep)
    long_past = MORNING - timedelta(days=30)
    plan = made(ledger, channel, frame(decision("a")), as_of=long_past)
    with pytest.raises(Rejected, match="three days"):
        telling.deliver(plan, channel, ledger, as_of=long_past, now=clock.now)
    assert ledger.log().empty


def test_a_morning_before_the_newest_told_one_tells_nothing(receiver, ledger):
    channel = webhook(receiver)
    deliver(ledger, channel, NO_DECISION)
    with pytest.raises(Rejected, match="was told already"):
        deliver(ledger, channel, frame(decision("a")), as_of=MORNING - timedelta(days=1))
    assert receiver.taken == []


def test_a_person_may_have_only_some_accounts_told_and_the_rest_later(receiver, ledger):
    channel = webhook(receiver)
    rows = frame(*(decision(account, order=place) for place, account in enumerate("abcd", start=1)))
    assert deliver(ledger, channel, rows, accounts={"c"}).left_out == 3
    assert deliver(ledger, channel, rows, limit=1).sent == 1
    assert accounts(receiver) == ["c", "a"]
    assert deliver(ledger, channel, rows).sent == 2


def test_the_channels_of_a_message_do_not_know_of_each_other(receiver, ledger):
    rows = frame(decision("a"))
    for channel in (webhook(receiver), slack(receiver)):
        assert deliver(ledger, channel, rows, BOTH).sent == 1
    assert len(receiver.taken) == 2


def test_nothing_secret_is_in_the_ledger(receiver, ledger, tmp_path):
    receiver.refuses = {"a:red": (404, {}, b"Cannot POST /hooks/a-secret-place?token=a-secret-word")}
    deliver(ledger, webhook(receiver), frame(decision("a"), decision("b")))
    receiver.refuses, receiver.answers = {}, [500]
    deliver(ledger, slack(receiver), frame(decision("c")), SLACK)
    left = b"".join(file.read_bytes() for file in tmp_path.glob("ledger.sqlite*"))
    assert b"answered 404" in left
    assert b"a-secret" not in left
    assert SECRET.removeprefix("whsec_").encode() not in left


def test_a_message_is_an_operation_like_any_other(receiver, ledger):
    channel = webhook(receiver)
    deliver(ledger, channel, frame(decision("a")))
    (row,) = frames.rows(ledger.log())
    key = message_key("a", "red_churn_risk", f"a:red_churn_risk:{MORNING}", "webhook")
    assert (row["kind"], row["object"], row["key"], row["instance"]) == ("message", "message", key, channel.instance)
    assert (row["state"], row["attempts"], row["class"]) == ("ok", 1, "idempotent")
    (run,) = frames.rows(ledger.table("run"))
    assert (run["state"], run["as_of"]) == ("finished", MORNING)
