"""Slack as a channel: what a message looks like there, and that none is read twice."""

import json
import logging

import pytest
import receiver as receivers
from channel_builders import Clock, message, slack
from receiver import RESET, RESET_AFTER

from usage_pipeline.channels import blocks
from usage_pipeline.channels.slack import Slack
from usage_pipeline.crm.rejections import BudgetSpent, Cause, OutcomeUnknown, Refused
from usage_pipeline.errors import Rejected
from usage_pipeline.sandbox import certificate


def texts(content):
    found = [content["text"]]
    for block in content["blocks"]:
        found += [one["text"] for one in block.get("elements", [])]
        found += [block["text"]["text"]] if "text" in block else []
    return found


def test_a_message_has_a_header_its_text_and_what_it_is_about(receiver):
    sent = message(channel="slack", body="WHAT HAPPENED\nUse fell.", tier="red", link="https://crm.example/1?a=1&b=2")
    slack(receiver).send(sent)
    content = json.loads(receiver.taken[0].body)
    header, section, context = content["blocks"]
    assert header == {"type": "header", "text": {"type": "plain_text", "text": "Call a", "emoji": False}}
    assert section["text"]["text"] == "WHAT HAPPENED\nUse fell."
    about, link = (one["text"] for one in context["elements"])
    assert all(word in about for word in ("Account a", "red_churn_risk", "tier red", "2026-05-04", sent.key))
    assert link == "<https://crm.example/1?a=1&amp;b=2|Open the account>"
    assert content["text"] == "Call a"


def test_what_a_customer_is_called_can_neither_call_the_channel_nor_plant_a_link():
    content = blocks.of(message("<!channel>", "slack", body="<https://evil.example|Log in> & <@U1> > all"))
    section = content["blocks"][1]["text"]
    assert section == {
        "type": "mrkdwn",
        "text": "&lt;https://evil.example|Log in&gt; &amp; &lt;@U1&gt; &gt; all",
        "verbatim": True,
    }
    assert "<" not in content["text"]
    assert "<" not in content["blocks"][-1]["elements"][0]["text"]


def test_a_link_that_is_no_web_address_is_left_out():
    content = blocks.of(message(channel="slack", link="javascript:alert(1)"))
    assert len(content["blocks"][-1]["elements"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x" * 10_000,
        "&" * 10_000,
        "\n".join(f"line {n} <&>" for n in range(3_000)),
        "word " * 100_000,
        "\n" * 5_000 + "end",
    ],
)
def test_no_text_and_no_number_of_blocks_is_more_than_slack_takes(body):
    content = blocks.of(message("&" * 4_000, "slack", body=body, link="https://crm.example/" + "x" * 5_000))
    assert len(content["blocks"]) <= 50
    assert len(content["blocks"][0]["text"]["text"]) <= 150
    for text in texts(content):
        assert 0 < len(text) <= 3_000
    for text in set(texts(content)) - {content["blocks"][0]["text"]["text"]}:
        # No escape is cut in two; the header alone is plain text.
        assert text.count("&") == text.count("&amp;") + text.count("&lt;") + text.count("&gt;")


def test_a_long_text_goes_on_in_the_next_section_and_loses_nothing():
    body = "\n".join(f"{n}. step" for n in range(2_000))
    sections = blocks.of(message(channel="slack", body=body))["blocks"][1:-1]
    assert len(sections) > 1
    assert "\n".join(one["text"]["text"] for one in sections) == body


def test_messages_leave_one_a_second_repetitions_included(receiver):
    clock = Clock()
    client = slack(receiver, clock)
    moments = []
    receiver.answers = [200, (429, {"Retry-After": "0"}, b""), 200, 200]
    for account in "abc":
        client.send(message(account, "slack"))
        moments.append(clock.seconds)
    # a at 0, b refused at 1 and taken at 2, c at 3.
    assert moments == pytest.approx([0, 2, 3], abs=0.01)
    assert len(receiver.taken) == 4


def test_slack_is_asked_again_when_it_says(receiver):
    clock = Clock()
    receiver.answers = [(429, {"Retry-After": "30"}, b"rate_limited")]
    slack(receiver, clock).send(message(channel="slack"))
    assert 30 <= clock.seconds < 31
    assert len(receiver.taken) == 2


def test_slack_asking_for_more_than_a_minute_ends_the_delivery(receiver):
    receiver.answers = [(429, {"Retry-After": "600"}, b"")]
    with pytest.raises(BudgetSpent):
        slack(receiver).send(message(channel="slack"))


@pytest.mark.parametrize("failure", [500, 502, 503, RESET, RESET_AFTER])
def test_a_message_that_may_have_been_read_is_not_sent_again(receiver, failure):
    receiver.answers = [failure]
    with pytest.raises(OutcomeUnknown):
        slack(receiver).send(message(channel="slack"))
    assert len(receiver.taken) == (0 if failure == RESET else 1)
    assert receiver.answers == []


@pytest.mark.parametrize(
    ("status", "word", "cause", "concerns_all"),
    [
        (400, "invalid_payload", Cause.SCHEMA, False),
        (403, "action_prohibited", Cause.PERMISSION, True),
        (404, "no_service", Cause.IDENTITY, True),
        (410, "channel_is_archived", Cause.IDENTITY, True),
    ],
)
def test_slacks_refusals_are_typed(receiver, status, word, cause, concerns_all):
    receiver.answers = [(status, {}, word.encode())]
    with pytest.raises(Refused, match=word) as refused:
        slack(receiver).send(message(channel="slack"))
    assert (refused.value.rejection.cause, refused.value.concerns_all) == (cause, concerns_all)


def test_a_certificate_that_nobody_trusts_is_a_refusal_since_nothing_was_read(tmp_path):
    clock = Clock()
    with receivers.running(certificate.ensure(tmp_path, "127.0.0.1")) as receiver:
        channel = Slack(receiver.url.replace("http:", "https:"), clock.now, sleep=clock.sleep, clock=clock.monotonic)
        with pytest.raises(Refused, match="not trusted") as refused:
            channel.send(message(channel="slack"))
    assert refused.value.concerns_all
    assert receiver.taken == []
    assert "a-secret" not in str(refused.value)


def test_over_tls_the_certificate_of_the_receiver_is_looked_at_and_the_message_arrives(tmp_path, monkeypatch):
    files = certificate.ensure(tmp_path, "127.0.0.1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files.certificate))
    clock = Clock()
    with receivers.running(files) as receiver:
        address = receiver.url.replace("http:", "https:")
        Slack(address, clock.now, sleep=clock.sleep, clock=clock.monotonic).send(message(channel="slack"))
    assert len(receiver.taken) == 1


def test_two_channels_of_one_host_are_two_instances_and_neither_is_told():
    one, other = (Slack(f"https://hooks.slack.com/services/T0/B0/{word}", Clock().now) for word in ("aaaaaa", "bbbbbb"))
    assert one.instance != other.instance
    assert "aaaaaa" not in repr(one) + one.instance
    assert one.instance.startswith("slack:")


def test_slack_over_plain_http_is_refused():
    with pytest.raises(Rejected, match="USAGE_SLACK_URL") as refused:
        Slack("http://hooks.slack.com/services/T0/B0/aaaaaa", Clock().now)
    assert "aaaaaa" not in str(refused.value)


@pytest.mark.parametrize("answer", [(404, {}, b"no /hooks/a-secret-place"), 500, RESET])
def test_slacks_address_is_in_no_exception_and_no_log(receiver, caplog, answer):
    caplog.set_level(logging.DEBUG)
    receiver.answers = [answer]
    with pytest.raises((Refused, OutcomeUnknown)) as problem:
        slack(receiver).send(message(channel="slack"))
    assert caplog.text
    assert "a-secret" not in f"{problem.value} {problem.value!r} {caplog.text}"
