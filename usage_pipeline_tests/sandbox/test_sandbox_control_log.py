import pytest
from sandbox_builders import COMPANIES, account, company, query
from sandbox_faults import arm, batch, log

from usage_pipeline.sandbox import traffic

FORM = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "very-secret"}
SECRET = "s3cr3t-that-nobody-may-read"


def test_the_log_says_which_fault_met_a_call(http, hubspot):
    number = arm(http, "burst_limit", after=1)
    hubspot.get(COMPANIES)
    hubspot.get(COMPANIES)
    first, second = log(http)
    assert first["fault"] is None
    assert second["fault"] == {"id": number, "kind": "burst_limit", "detail": ""}
    assert http.get("/_sandbox/log?struck=true").json() == [second]


def test_a_long_body_is_kept_in_part_with_its_size(http, hubspot):
    hubspot.post(COMPANIES, json={"properties": {"name": "x" * 30_000}})
    (entry,) = log(http)
    assert len(entry["request"]) < 5_000
    assert entry["request"].endswith("bytes)")


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/services/oauth2/token", {"grant_type": "client_credentials", "client_secret": SECRET}),
        ("/services/oauth2/token", {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": SECRET}),
        ("/oauth/v3/token", {"grant_type": "refresh_token", "refresh_token": SECRET, "client_secret": SECRET}),
        ("/oauth/2026-03/token", {"code": SECRET, "unheard_of": SECRET}),
        (f"/oauth/v1/refresh-tokens/{SECRET}", {}),
        (f"/services/oauth2/token?client_secret={SECRET}", {}),
        (f"/crm/objects/2026-03/companies?access_token={SECRET}", {}),
    ],
)
def test_no_credential_enters_the_log_wherever_a_client_puts_it(http, path, form):
    headers = {"authorization": f"Bearer {SECRET}"}
    http.post(path, data=form, headers=headers)
    http.post(path, json=form, headers=headers)
    assert len(log(http)) == 2
    assert SECRET not in http.get("/_sandbox/log").text
    assert SECRET not in http.get("/_sandbox/calls").text
    assert SECRET not in http.get("/log").text


def test_a_new_access_token_is_answered_and_not_kept(http, app):
    form = {**FORM, "client_secret": "sandbox"}
    token = http.post("/services/oauth2/token", data=form).json()["access_token"]
    (entry,) = log(http)
    assert "token_type" in entry["response"]
    kept = [str(tuple(row)) for row in app.state.store.rows("SELECT * FROM api_call")]
    assert token not in "".join(kept)


def routes(http, crm):
    return {(each["method"], each["route"]): each for each in http.get("/_sandbox/calls").json()[crm]["routes"]}


def test_calls_are_counted_per_route_as_reads_writes_and_logins(http, hubspot, salesforce):
    ours = company(hubspot)
    hubspot.post(f"{COMPANIES}/batch/read", json={"inputs": [{"id": ours}]})
    hubspot.post(f"{COMPANIES}/batch/update", json=batch((ours, {"city": "Rome"})))
    hubspot.patch(f"{COMPANIES}/{ours}", json={"properties": {"city": "Oslo"}})
    hubspot.get(f"{COMPANIES}/404")
    theirs = account(salesforce)
    query(salesforce, "SELECT Id FROM Account")
    salesforce.patch(f"/sobjects/Account/{theirs}", json={"Phone": "1"})
    salesforce.patch("/sobjects/Account/Key__c/a%2F1", json={"Phone": "1"})
    told = http.get("/_sandbox/calls").json()
    assert [told["hubspot"][each] for each in ("reads", "writes", "logins", "refused")] == [2, 3, 0, 1]
    assert [told["salesforce"][each] for each in ("reads", "writes", "logins")] == [1, 3, 1]
    assert routes(http, "hubspot")["GET", "/crm/objects/{version}/companies/{id}"]["refused"] == 1


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/crm/objects/2026-03/companies/30000000001", "/crm/objects/{version}/companies/{id}"),
        ("/crm/v3/objects/companies/a1", "/crm/{version}/objects/companies/{id}"),
        ("/crm/objects/2026-03/companies/batch/update/", "/crm/objects/{version}/companies/batch/update"),
        ("/crm/properties/2026-03/tasks/usage_task_key", "/crm/properties/{version}/tasks/{name}"),
        ("/crm/properties/2026-03/tasks/groups/usage", "/crm/properties/{version}/tasks/groups/{name}"),
        ("/services/data/v68.0/sobjects/Account/001Qy0000000001IAA", "/services/data/{version}/sobjects/Account/{id}"),
        ("/services/data/v68.0/sobjects/Account/Key__c/a/1", "/services/data/{version}/sobjects/Account/Key__c/{key}"),
        ("/services/data/v68.0/composite/sobjects/Task/Key__c", "/services/data/{version}/composite/sobjects/Task/Key__c"),
        ("/oauth/v1/refresh-tokens/abc", "/oauth/{version}/refresh-tokens/{name}"),
        ("/", "/"),
    ],
)  # fmt: skip
def test_calls_of_one_kind_share_a_route_whatever_record_they_name(path, route):
    assert traffic.route(path) == route


def test_a_call_without_an_answer_is_counted_and_counting_may_begin_anew(http, hubspot):
    arm(http, "drop_after_commit")
    with pytest.raises(ConnectionResetError):
        company(hubspot)
    told = http.get("/_sandbox/calls").json()["hubspot"]
    assert (told["writes"], told["unanswered"], told["refused"]) == (1, 1, 0)
    http.delete("/_sandbox/calls")
    assert http.get("/_sandbox/calls").json()["hubspot"]["writes"] == 0
    assert len(log(http)) == 1, "the log stays"


def test_the_limits_tell_what_is_used_of_each(http, hubspot, salesforce):
    http.post("/_sandbox/settings", json={"hubspot_burst_limit": 4})
    for _ in range(3):
        hubspot.get(COMPANIES)
    salesforce.get("/limits")
    told = http.get("/_sandbox/limits").json()
    assert told["hubspot"][0] == {"name": "burst, private app (10 s)", "used": 3, "most": 4}
    assert (told["salesforce"][0]["used"], told["salesforce"][0]["most"]) == (1, 100_000)


@pytest.mark.parametrize("query", ["since=x", "limit=-1", "since=99999999999999999999", "limit=%C2%B2"])
def test_a_log_query_that_is_no_number_is_refused(http, query):
    assert http.get(f"/_sandbox/log?{query}").status_code == 400
