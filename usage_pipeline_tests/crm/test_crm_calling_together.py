"""One client and several threads: a session each, one count, one token."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from test_crm_hubspot_auth import ACCOUNT, EXPIRED, client, token

from usage_pipeline.crm.calling import Caller, Class

THREADS = 6
PATIENCE_S = 10.0


class Everybody(requests.adapters.BaseAdapter):
    """Answers when all threads have asked; keeps what they sent."""

    def __init__(self):
        super().__init__()
        self.barrier = threading.Barrier(THREADS)
        self.asked = []

    def send(self, request, **_):
        self.asked.append(dict(request.headers))
        self.barrier.wait(PATIENCE_S)
        response = requests.Response()
        response.status_code, response._content = 200, b""
        response.request = request
        return response

    def close(self):
        pass


class Watched(requests.Session):
    """Keeps which thread has used which session."""

    def __init__(self):
        super().__init__()
        self.used = []

    def request(self, *given, **how):
        self.used.append((id(self), threading.get_ident()))
        return super().request(*given, **how)


def at_once(act):
    """What each of several threads got; one that raises is raised here."""
    with ThreadPoolExecutor(THREADS) as pool:
        return [one.result() for one in [pool.submit(act) for _ in range(THREADS)]]


def test_every_thread_calls_by_a_session_of_its_own_with_the_given_ones_settings_and_adapters():
    session, adapter = Watched(), Everybody()
    session.mount("http://", adapter)
    session.headers["X-Of"] = "the given one"
    caller = Caller("http://127.0.0.1:1", lambda _: None, session=session)
    at_once(lambda: caller.call("GET", "/x", Class.SAFE, headers={"Authorization": "Bearer t"}))
    assert len({one for one, _ in session.used}) == len({thread for _, thread in session.used}) == THREADS
    assert id(session) not in {one for one, _ in session.used}
    assert {(sent["X-Of"], sent["Authorization"]) for sent in adapter.asked} == {("the given one", "Bearer t")}
    assert "Authorization" not in session.headers


def test_calls_of_several_threads_are_all_counted():
    caller = Caller("http://127.0.0.1:1", lambda _: None)
    at_once(lambda: [caller._count(Class.IDEMPOTENT) for _ in range(2_000)])
    assert caller.calls.total == THREADS * 2_000


class Pacing:
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def before(self, path, sleep):  # noqa: ARG002
        self.told.append("before")
        return 7.0

    def after(self, path, response, left_at):  # noqa: ARG002
        self.told.append(("after", left_at))

    def lost(self, path, left_at):  # noqa: ARG002
        self.told.append(("lost", left_at))


@pytest.mark.parametrize("problem", [requests.ReadTimeout("late"), KeyboardInterrupt()])
def test_a_call_without_an_answer_is_over_for_the_pacer_whatever_ended_it(problem):
    pacer, session = Pacing(), requests.Session()
    caller = Caller("http://127.0.0.1:1", lambda _: None, session=session, sleep=lambda _: None, pacer=pacer)

    def request(*_, **__):
        raise problem

    session.request = request
    with pytest.raises((Exception, KeyboardInterrupt)):
        caller.call("POST", "/x", Class.UNSAFE)
    assert pacer.told == ["before", ("lost", 7.0)]


def test_a_token_that_ends_is_renewed_once_however_many_threads_find_it_ended():
    crm, adapter, clock = client(token("one"), ACCOUNT, token("two"))
    crm.instance()
    clock.now = 2_000
    assert set(at_once(crm._portal._authorization.token)) == {"two"}
    assert not adapter.answers


def test_threads_that_are_all_told_that_their_token_has_expired_renew_it_once():
    crm, adapter, _ = client(token("one"), *[EXPIRED] * THREADS, token("two"), *[ACCOUNT] * THREADS)
    portal = crm._portal
    portal._authorization.token()
    told = threading.Barrier(THREADS)
    renew = portal._authorization.renew

    def together(used):
        # All have the same refusal before the first renews.
        told.wait(PATIENCE_S)
        renew(used)

    portal._authorization.renew = together
    answers = at_once(lambda: portal.get(portal.account_info()))
    assert answers == [ACCOUNT[1]] * THREADS
    assert [form["refresh_token"] for form in adapter.forms if form] == [["r1"], ["r1"]]
    assert not adapter.answers
