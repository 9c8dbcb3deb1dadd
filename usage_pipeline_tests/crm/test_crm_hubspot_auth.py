"""An access token is renewed before it ends, and once more where the portal says that it has ended."""

from urllib.parse import parse_qs

import pytest
import requests
from crm_sandbox import running
from hubspot_played import Played

from usage_pipeline.crm.client import FieldWrite
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.crm.hubspot import HubSpot
from usage_pipeline.crm.hubspot_auth import Refresh
from usage_pipeline.crm.rejections import Refused
from usage_pipeline.errors import Rejected

ACCOUNT = 200, {"portalId": 7}
EXPIRED = 401, {"category": "EXPIRED_AUTHENTICATION", "message": "The OAuth token used to make this call expired."}
UNKNOWN = 401, {"category": "INVALID_AUTHENTICATION", "message": "Authentication credentials not found"}


class Portal(Played):
    """Answers in turn, and keeps each call's token and form."""

    def send(self, request, **more):
        self.tokens = [*getattr(self, "tokens", []), request.headers.get("Authorization")]
        self.forms = [*getattr(self, "forms", []), parse_qs(request.body or "") if "/oauth/" in request.url else None]
        if "/oauth/" in request.url:
            request.body = None
        return super().send(request, **more)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def token(name, refresh="r1"):
    return 200, {"access_token": name, "refresh_token": refresh, "expires_in": 1800}


def client(*answers, on_rotation=lambda _: None, version="2026-03"):
    adapter, clock = Portal(*answers), Clock()
    session = requests.Session()
    session.mount("http://", adapter)
    credentials = Refresh("app", "hidden", "r1", on_rotation)
    crm = HubSpot("http://127.0.0.1:1", credentials, version, session=session, sleep=lambda _: None, clock=clock)
    return crm, adapter, clock


def ask(crm):
    """A question that is asked anew each time."""
    crm._instance = None
    return crm.instance()


def test_a_token_is_had_first_and_kept_until_five_minutes_before_its_end():
    crm, adapter, clock = client(token("one"), ACCOUNT, ACCOUNT, token("two"), ACCOUNT)
    ask(crm)
    clock.now = 1_499
    ask(crm)
    clock.now = 1_501
    ask(crm)
    assert [told for told, form in zip(adapter.tokens, adapter.forms, strict=True) if form is None] == [
        "Bearer one",
        "Bearer one",
        "Bearer two",
    ]


def test_a_token_that_the_portal_says_has_expired_is_renewed_once():
    crm, adapter, _ = client(token("one"), EXPIRED, token("two"), ACCOUNT)
    assert ask(crm).id == "7"
    assert adapter.tokens[-1] == "Bearer two"


def test_a_second_expiry_is_no_reason_to_go_on():
    crm, adapter, _ = client(token("one"), EXPIRED, token("two"), EXPIRED)
    with pytest.raises(Refused, match="expired"):
        ask(crm)
    assert not adapter.answers


def test_a_401_that_says_nothing_of_an_end_is_no_reason_for_a_new_token():
    crm, adapter, _ = client(token("one"), UNKNOWN)
    with pytest.raises(Refused, match="credentials"):
        ask(crm)
    assert not adapter.answers


def test_a_rotated_refresh_token_is_told_and_used_from_then_on():
    kept = []
    crm, adapter, clock = client(
        token("one", "r2"), ACCOUNT, token("two", "r2"), ACCOUNT, token("three", "r2"), on_rotation=kept.append
    )
    ask(crm)
    clock.now = 2_000
    ask(crm)
    assert kept == ["r2"]
    used = [form["refresh_token"] for form in adapter.forms if form]
    assert used == [["r1"], ["r2"]]


def test_credentials_that_are_refused_are_a_matter_for_a_person_and_stay_secret():
    crm, _, _ = client((400, {"status": "BAD_REFRESH_TOKEN", "message": "missing or unknown refresh token"}))
    with pytest.raises(Rejected, match="no access token") as refused:
        ask(crm)
    assert "hidden" not in f"{refused.value}{refused.value.__cause__}"
    assert "hidden" not in repr(Refresh("app", "hidden", "r1"))


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        sandbox.stock(("Acme", "a1", "acme.example"))
        sandbox.post("settings", hubspot_oauth_burst_limit=1_000_000)
        yield sandbox


@pytest.mark.parametrize("version", ["2026-03", "2026-09", "v3"])
def test_a_session_that_ends_between_two_writes_loses_none_of_them(sandbox, version):
    (company,) = (one["hubspot"] for one in sandbox.add(("Bolt", "b1", None)))
    refresh = Refresh("sandbox", "sandbox", "sandbox-refresh-token")
    crm = HubSpot(sandbox.url, refresh, version, sleep=lambda _: None)
    crm.provision(CONTRACT)
    sandbox.post("sessions/expire")
    (result,) = crm.write_fields([FieldWrite("op", company, {"usage_cohort": "New"})], CONTRACT)
    assert result.outcome == "ok"
    assert crm.field_values([company], CONTRACT)[company]["usage_cohort"] == "New"
    # An OAuth app has no daily limit.
    assert crm.calls_left() is None
