"""A webhook as its receiver sees it."""

import base64
import hashlib
import json
import logging
from datetime import UTC, datetime

import pytest
import requests
from channel_builders import KEY, SECRET, Clock, message, webhook
from receiver import RESET, RESET_AFTER

from usage_pipeline.channels import signing
from usage_pipeline.channels.webhook import Webhook
from usage_pipeline.crm.calling import ATTEMPTS
from usage_pipeline.crm.rejections import BudgetSpent, Cause, OutcomeUnknown, Refused
from usage_pipeline.errors import Problem, Rejected, Unavailable


def hmac_sha256(key, content):
    """RFC 2104 written out: no code shared with what it checks."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + content).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()


def is_signed(taken, key=KEY):
    content = f"{taken.headers['webhook-id']}.{taken.headers['webhook-timestamp']}.".encode() + taken.body
    expected = base64.b64encode(hmac_sha256(key, content)).decode()
    return f"v1,{expected}" in taken.headers["webhook-signature"].split(" ")


def test_the_signature_is_the_one_that_the_specification_gives_for_its_example():
    # The published test vector of the reference libraries of Standard Webhooks.
    keys = signing.keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "X")
    made = signing.signature(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_can_prove_who_sent_which_bytes_and_when(receiver):
    clock = Clock()
    webhook(receiver, clock).send(message(body="Größe <b> fell.", tier="red", link="https://crm.example/1"))
    (taken,) = receiver.taken
    assert is_signed(taken)
    assert not is_signed(taken, key=b"x" * 32)
    assert int(taken.headers["webhook-timestamp"]) == datetime(2026, 5, 4, 12, tzinfo=UTC).timestamp()
    assert taken.headers["content-type"] == "application/json"
    content = json.loads(taken.body)
    assert content["type"] == "play.opened"
    assert content["timestamp"] == "2026-05-04T00:00:00Z"
    assert content["data"]["body"] == "Größe <b> fell."
    assert (content["data"]["tier"], content["data"]["link"]) == ("red", "https://crm.example/1")


def test_the_whole_address_is_called_with_path_and_token(receiver):
    webhook(receiver).send(message())
    assert receiver.taken[0].path == "/hooks/a-secret-place?token=a-secret-word"


def test_while_a_secret_is_replaced_both_of_them_sign(receiver):
    old = b"o" * 24
    webhook(receiver, secret=f"{SECRET} whsec_{base64.b64encode(old).decode()}").send(message())
    assert is_signed(receiver.taken[0])
    assert is_signed(receiver.taken[0], key=old)


@pytest.mark.parametrize("failure", [500, 502, 503, 504, 408, 425, 429, RESET, RESET_AFTER])
def test_a_message_is_repeated_with_its_id_and_the_moment_of_the_attempt_until_it_arrives(receiver, failure):
    clock = Clock()
    receiver.answers = [failure, failure]
    webhook(receiver, clock).send(message())
    assert set(receiver.ids) == {message().key}
    assert all(is_signed(one) for one in receiver.taken)
    assert len(clock.slept) == 2
    # Half a second, then one: the backoff of `crm.calling` with its jitter.
    assert clock.slept[1] > clock.slept[0] >= 0.5
    if failure != RESET:
        moments = [int(one.headers["webhook-timestamp"]) for one in receiver.taken]
        assert len(moments) == 3
        assert moments[-1] > moments[0]


def test_a_receiver_that_says_when_is_asked_again_then(receiver):
    clock = Clock()
    receiver.answers = [(429, {"Retry-After": "7"}, b""), (503, {"Retry-After": "Mon, 04 May 2026 12:00:30 GMT"}, b"")]
    webhook(receiver, clock).send(message())
    assert 7 <= clock.slept[0] < 8
    assert 30 <= clock.seconds < 31


def test_a_receiver_that_asks_for_an_hour_gets_the_rest_at_the_next_delivery(receiver):
    clock = Clock()
    receiver.answers = [(429, {"Retry-After": "3600"}, b"")]
    with pytest.raises(BudgetSpent, match="3,600 s"):
        webhook(receiver, clock).send(message())
    assert clock.slept == []


def test_a_receiver_that_never_recovers_leaves_the_outcome_unknown(receiver):
    receiver.answers = [500] * 20
    with pytest.raises(OutcomeUnknown):
        webhook(receiver).send(message())
    assert len(receiver.taken) == ATTEMPTS


def test_a_receiver_that_is_away_has_certainly_not_got_it():
    clock = Clock()
    client = Webhook("http://127.0.0.1:1/x", SECRET, clock.now, sleep=clock.sleep)
    with pytest.raises(Unavailable) as away:
        client.send(message())
    assert not isinstance(away.value, OutcomeUnknown)
    assert len(clock.slept) == ATTEMPTS - 1


@pytest.mark.parametrize(
    ("status", "cause", "concerns_all"),
    [
        (400, Cause.SCHEMA, False),
        (401, Cause.PERMISSION, True),
        (403, Cause.PERMISSION, True),
        (404, Cause.IDENTITY, True),
        (410, Cause.IDENTITY, True),
        (413, Cause.SCHEMA, False),
        (422, Cause.SCHEMA, False),
    ],
)
def test_a_refusal_is_typed_and_not_repeated(receiver, status, cause, concerns_all):
    receiver.answers = [(status, {"Content-Type": "text/plain"}, b"field tier\nis missing")]
    with pytest.raises(Refused) as refused:
        webhook(receiver).send(message())
    assert refused.value.rejection.cause is cause
    assert refused.value.concerns_all is concerns_all
    assert "field tier is missing" in refused.value.cause
    assert refused.value.fix
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver, status):
    receiver.answers = [(status, {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"}, b"")]
    with pytest.raises(Refused, match=str(status)) as refused:
        webhook(receiver).send(message())
    assert len(receiver.taken) == 1
    assert "USAGE_WEBHOOK_URL" in refused.value.fix


def test_a_success_is_one_whatever_its_body_holds(receiver):
    receiver.answers = [(202, {"Content-Type": "application/json"}, b"OK, thanks")]
    webhook(receiver).send(message())
    assert len(receiver.taken) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/a-secret-place",
        "hooks.example.com/a-secret-place",
        "ftp://hooks.example.com/a-secret-place",
        "https://",
        "https://me:a-secret-word@hooks.example.com/",
        "https://[a-secret-place",
        "https://hooks.example.com:a-secret-place/",
    ],
)
def test_an_address_that_is_not_https_is_refused_without_being_told(url):
    with pytest.raises(Rejected, match="USAGE_WEBHOOK_URL") as refused:
        Webhook(url, SECRET, Clock().now)
    assert "a-secret" not in str(refused.value)


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64!", base64.b64encode(KEY).decode(), SECRET + " nonsense"],
)
def test_what_is_no_secret_is_refused_without_being_told(secret):
    with pytest.raises(Rejected, match="USAGE_WEBHOOK_SECRET") as refused:
        Webhook("https://hooks.example.com/x", secret, Clock().now)
    assert not any(word in str(refused.value) for word in secret.removeprefix("whsec_").split())


@pytest.mark.parametrize(
    "answer", [403, 500, RESET, (404, {}, b"Cannot POST /hooks/a-secret-place?token=a-secret-word")]
)
def test_neither_address_nor_secret_is_in_an_exception_a_log_or_a_name(receiver, caplog, answer):
    caplog.set_level(logging.DEBUG)
    receiver.answers = [answer] * ATTEMPTS
    client = webhook(receiver)
    with pytest.raises(Problem) as problem:
        client.send(message())
    chain, one = [], problem.value
    while one is not None:
        chain.append(f"{one} {one!r} {vars(one)}")
        one = one.__cause__ or one.__context__
    said = " ".join([*chain, repr(client), client.instance, caplog.text, repr(client._address), repr(client.__dict__)])
    assert caplog.text, "the HTTP library logs each call"
    assert "a-secret" not in said
    assert SECRET.removeprefix("whsec_") not in said


@pytest.mark.parametrize("answer", [RESET, RESET_AFTER])
def test_what_a_trace_records_of_a_lost_connection_names_the_host_alone(receiver, answer):
    receiver.answers = [answer]
    with pytest.raises(requests.ConnectionError) as lost:
        webhook(receiver)._caller.session.request("POST", "a word", headers={"Webhook-Id": "x"})
    assert f"127.0.0.1:{receiver.port}" in str(lost.value)
    assert "a-secret" not in f"{lost.value!r} {vars(lost.value)}"
    assert lost.value.__context__ is None
