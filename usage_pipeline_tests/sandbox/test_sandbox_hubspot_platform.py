import pytest
from sandbox_builders import COMPANIES, TASKS, company

FORM = {
    "grant_type": "refresh_token",
    "client_id": "sandbox",
    "client_secret": "sandbox",
    "refresh_token": "sandbox-refresh-token",
}


@pytest.mark.parametrize(
    "path", ["/crm/v3/objects/companies", "/crm/objects/2026-03/0-2", "/crm/objects/2026-09/COMPANY"]
)
def test_both_families_of_paths_and_all_spellings_of_a_type_lead_to_the_same_records(hubspot, path):
    there = company(hubspot)
    assert [each["id"] for each in hubspot.get(path).json()["results"]] == [there]


@pytest.mark.parametrize(
    "path",
    ["/crm/v4/objects/companies", "/crm/v3/associations/tasks/companies/batch/read", "/crm/objects/2025-09/companies"],
)
def test_a_version_that_does_not_offer_the_resource_is_not_found(hubspot, path):
    reply = hubspot.get(path)
    assert reply.status_code == 404
    assert reply.headers["x-hubspot-notfound"] == "true"


def test_without_a_token_nobody_gets_in(http):
    reply = http.get(COMPANIES)
    assert reply.status_code == 401
    assert reply.json()["category"] == "INVALID_AUTHENTICATION"
    assert reply.json()["correlationId"]


@pytest.mark.parametrize("version", ["v1", "v3", "2026-03", "2026-09"])
def test_a_refresh_token_gives_an_access_token_and_the_portal(http, version):
    reply = http.post(f"/oauth/{version}/token", data=FORM).json()
    assert reply["expires_in"] == 1800
    assert reply["hub_id"] == http.get("/_sandbox/health").json()["portal_id"]
    seen = http.get(COMPANIES, headers={"authorization": f"Bearer {reply['access_token']}"})
    assert seen.status_code == 200
    assert "x-hubspot-ratelimit-daily" not in seen.headers, "OAuth calls omit the daily pair"
    assert seen.headers["x-hubspot-ratelimit-max"] == "110"


def test_a_wrong_refresh_token_is_refused(http):
    assert http.post("/oauth/v3/token", data={**FORM, "refresh_token": "no"}).status_code == 400


def test_an_access_token_ends(http):
    token = http.post("/oauth/v3/token", data=FORM).json()["access_token"]
    http.post("/_sandbox/sessions/expire")
    assert http.get(COMPANIES, headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_every_answer_tells_its_limits_and_its_correlation_id(hubspot):
    first, second = hubspot.get(COMPANIES).headers, hubspot.get(COMPANIES).headers
    assert first["x-hubspot-ratelimit-interval-milliseconds"] == "10000"
    assert first["x-hubspot-ratelimit-max"] == "190"
    assert int(second["x-hubspot-ratelimit-remaining"]) == int(first["x-hubspot-ratelimit-remaining"]) - 1
    assert int(second["x-hubspot-ratelimit-daily-remaining"]) == int(first["x-hubspot-ratelimit-daily-remaining"]) - 1
    assert first["x-hubspot-correlation-id"] != second["x-hubspot-correlation-id"]


def test_the_191st_call_in_ten_seconds_gets_the_recorded_429(hubspot):
    statuses = [hubspot.get(COMPANIES).status_code for _ in range(190)]
    reply = hubspot.get(COMPANIES)
    assert set(statuses) == {200}
    assert reply.status_code == 429
    assert reply.json()["errorType"] == "RATE_LIMIT"
    assert reply.json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert reply.json()["message"] == "You have reached your ten_secondly_rolling limit."
    assert "retry-after" not in reply.headers


def test_the_daily_limit_is_told_from_the_burst_by_its_policy(hubspot):
    hubspot.post("/_sandbox/settings", json={"hubspot_daily_limit": 1})
    assert hubspot.get(COMPANIES).status_code == 200
    assert hubspot.get(COMPANIES).json()["policyName"] == "DAILY"


def test_a_sixth_search_in_a_second_gets_the_recorded_429_without_a_policy(hubspot):
    hubspot.post("/_sandbox/settings", json={"hubspot_search_per_second": 0})
    reply = hubspot.post(f"{COMPANIES}/search", json={})
    assert reply.status_code == 429
    assert reply.json()["category"] == "RATE_LIMITS"
    assert reply.json()["message"] == "You have reached your secondly limit."
    assert "policyName" not in reply.json()


def test_search_answers_carry_only_the_daily_pair(hubspot):
    headers = hubspot.post(f"{COMPANIES}/search", json={}).headers
    assert "x-hubspot-ratelimit-daily-remaining" in headers
    assert "x-hubspot-ratelimit-remaining" not in headers


def test_a_scope_that_was_not_granted_is_named(hubspot):
    hubspot.post("/_sandbox/settings", json={"hubspot_missing_scopes": ["crm.objects.contacts.write"]})
    reply = hubspot.post(TASKS, json={"properties": {"hs_timestamp": "2026-05-04"}})
    assert reply.status_code == 403
    assert reply.json()["category"] == "MISSING_SCOPES"
    assert reply.json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.contacts.write"]
    assert hubspot.get(TASKS).status_code == 200


def test_a_record_that_is_not_there_is_object_not_found(hubspot):
    reply = hubspot.get(f"{COMPANIES}/999")
    assert reply.status_code == 404
    assert reply.json()["category"] == "OBJECT_NOT_FOUND"
    assert reply.headers["x-hubspot-notfound"] == "true"


def test_a_body_that_is_no_json_is_a_validation_error(hubspot):
    assert hubspot.post(COMPANIES, content="{nope").json()["category"] == "VALIDATION_ERROR"


def test_a_list_is_paged(hubspot):
    ids = [company(hubspot) for _ in range(3)]
    first = hubspot.get(f"{COMPANIES}?limit=2").json()
    assert [each["id"] for each in first["results"]] == ids[:2]
    second = hubspot.get(f"{COMPANIES}?limit=2&after={first['paging']['next']['after']}").json()
    assert [each["id"] for each in second["results"]] == ids[2:]
    assert "paging" not in second
    assert hubspot.get(f"{COMPANIES}?limit=101").status_code == 400


def test_owners_are_found_by_email_and_an_unknown_one_cannot_own(hubspot):
    hubspot.post(
        "/_sandbox/stock", json={"owners": [{"email": "ada@example.com", "first_name": "Ada", "last_name": "L"}]}
    )
    (owner,) = hubspot.get("/crm/owners/2026-03?email=ada@example.com").json()["results"]
    assert owner["firstName"] == "Ada"
    assert owner["userId"] != int(owner["id"])
    company(hubspot, hubspot_owner_id=owner["id"])
    refused = hubspot.post(COMPANIES, json={"properties": {"hubspot_owner_id": str(owner["userId"])}})
    assert refused.status_code == 400


def test_account_details_tell_the_portal(hubspot):
    told = {hubspot.get(f"/account-info/{version}/details").json()["portalId"] for version in ("v3", "2026-03")}
    assert told == {hubspot.get("/_sandbox/health").json()["portal_id"]}
