"""An access token is renewed before it ends, and once more where the portal says that it has ended."""

import stat
from urllib.parse import parse_qs

import pytest
import requests
from crm_sandbox import running
from hubspot_played import Played

from usage_pipeline.crm import connecting
from usage_pipeline.crm.client import FieldWrite
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.crm.hubspot import HubSpot
from usage_pipeline.crm.hubspot_auth import Refresh
from usage_pipeline.crm.hubspot_token_file import TokenFile
from usage_pipeline.crm.rejections import Refused
from usage_pipeline.errors import Rejected
from usage_pipeline.settings import Settings

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


def client(*answers, store=None, version="2026-03"):
    adapter, clock = Portal(*answers), Clock()
    session = requests.Session()
    session.mount("http://", adapter)
    credentials = Refresh("app", "hidden", "r1", store)
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


def used(adapter):
    return [form["refresh_token"] for form in adapter.forms if form]


def test_a_replaced_refresh_token_is_used_from_then_on_and_by_the_next_process(tmp_path):
    file = TokenFile(tmp_path / "home" / "token.json")
    crm, adapter, clock = client(token("one", "r2"), ACCOUNT, token("two", "r2"), ACCOUNT, store=file)
    ask(crm)
    clock.now = 2_000
    ask(crm)
    assert used(adapter) == [["r1"], ["r2"]]
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert "r1" not in file.path.read_text()
    later, adapter, _ = client(token("three", "r2"), ACCOUNT, store=file)
    ask(later)
    assert used(adapter) == [["r2"]]
    assert [path.name for path in file.path.parent.iterdir()] == ["token.json"]


def test_a_token_that_a_person_gave_since_counts_more_than_what_replaced_an_older_one(tmp_path):
    file = TokenFile(tmp_path / "token.json")
    file.keep("r0", "r9")
    crm, adapter, _ = client(token("one"), ACCOUNT, store=file)
    ask(crm)
    assert used(adapter) == [["r1"]]


def test_a_token_that_another_process_has_replaced_meanwhile_is_looked_up(tmp_path):
    file = TokenFile(tmp_path / "token.json")
    void = 400, {"status": "BAD_REFRESH_TOKEN", "message": "missing or unknown refresh token"}
    crm, adapter, _ = client(void, token("one", "r2"), ACCOUNT, store=file)
    file.keep("r1", "r2")
    assert ask(crm).id == "7"
    assert used(adapter) == [["r1"], ["r2"]]


@pytest.mark.parametrize(("keeps", "words"), [(False, "nowhere to keep"), (True, "cannot be written")])
def test_a_replaced_token_that_cannot_be_kept_is_said_in_words_without_the_token(tmp_path, keeps, words):
    crm, _, _ = client(token("one", "r2"), store=TokenFile(tmp_path / "home" / "token.json") if keeps else None)
    (tmp_path / "home").write_text("not a folder")
    with pytest.raises(Rejected, match=words) as refused:
        ask(crm)
    assert "install the app again" in str(refused.value)
    assert "r2" not in str(refused.value)


def test_a_kept_token_that_cannot_be_read_is_a_matter_for_a_person_and_is_not_quoted(tmp_path):
    (tmp_path / "token.json").write_text('{"refresh_token": "r2"')
    with pytest.raises(Rejected, match="cannot be read") as refused:
        client(store=TokenFile(tmp_path / "token.json"))
    assert "r2" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_an_installations_own_client_keeps_it_in_the_home(tmp_path):
    app = {"client_id": "app", "client_secret": "hidden", "refresh_token": "r1"}
    settings = Settings(
        _env_file=None,
        home=tmp_path,
        crms="hubspot",
        hubspot_url="http://127.0.0.1:1",
        **{f"hubspot_{name}": value for name, value in app.items()},
    )
    authorization = connecting.connect(settings)["hubspot"]._portal._authorization
    authorization._app.store.keep("r1", "r2")
    assert connecting.connect(settings)["hubspot"]._portal._authorization._refresh_token == "r2"
    assert [path.name for path in tmp_path.iterdir()] == ["hubspot_refresh_token.json"]


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
