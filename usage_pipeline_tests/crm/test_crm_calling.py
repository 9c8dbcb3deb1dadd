"""What one HTTP conversation makes of failures, played by an adapter instead of a server."""

import io

import pytest
import requests

from usage_pipeline.crm.calling import Caller, Class, Wait
from usage_pipeline.crm.rejections import BudgetSpent, Cause, OutcomeUnknown, Refused, Rejection

LOST = requests.ConnectionError("the connection was reset")
JSON = {"Content-Type": "application/json"}


class Played(requests.adapters.BaseAdapter):
    """Gives the answers in turn: (status, body), or an exception to raise."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)

    def send(self, request, **_):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, body = answer
        response.headers.update(JSON)
        response.raw = io.BytesIO(body)
        response.request = request
        return response

    def close(self):
        pass


def verdict(response):
    if response.status_code == 429:
        raise BudgetSpent("the day's calls are used up")
    if response.status_code == 400:
        raise Refused(Rejection.of(Cause.BUSINESS_RULE, "no"), status=400)
    return Wait("unwell", may_have_happened=True) if response.status_code >= 500 else None


def caller(*answers):
    session = requests.Session()
    adapter = Played(*answers)
    session.mount("http://", adapter)
    return Caller("http://127.0.0.1:1", verdict, session=session, sleep=lambda _: None), adapter


@pytest.mark.parametrize("refusal", [429, 400])
def test_a_write_whose_answer_was_lost_stays_unknown_when_its_repetition_is_refused(refusal):
    client, _ = caller(LOST, (refusal, b"{}"))
    with pytest.raises(OutcomeUnknown, match="may have been carried out"):
        client.call("POST", "/x", Class.IDEMPOTENT, json={})


def test_a_write_that_is_refused_at_once_is_simply_refused():
    client, _ = caller((400, b"{}"))
    with pytest.raises(Refused):
        client.call("POST", "/x", Class.IDEMPOTENT, json={})


def test_a_read_that_is_refused_after_a_lost_answer_is_refused():
    client, _ = caller(LOST, (400, b"{}"))
    with pytest.raises(Refused):
        client.call("GET", "/x", Class.SAFE)


def test_an_answer_that_breaks_off_is_asked_again_where_that_does_no_harm():
    client, adapter = caller((200, b'{"results": [{"id"'), (200, b'{"results": []}'))
    assert client.call("POST", "/x", Class.IDEMPOTENT, json={}).json() == {"results": []}
    assert not adapter.answers


def test_a_creation_whose_answer_breaks_off_is_not_sent_again():
    client, adapter = caller((201, b'{"id": "1'), (201, b'{"id": "2"}'))
    with pytest.raises(OutcomeUnknown, match="breaks off"):
        client.call("POST", "/x", Class.UNSAFE, json={})
    assert len(adapter.answers) == 1
