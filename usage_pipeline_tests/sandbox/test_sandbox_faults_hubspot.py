"""One proof for each kind of fault that only a HubSpot knows."""

import pytest
from sandbox_builders import COMPANIES, PROPERTIES, TASKS, company, define, key, problems
from sandbox_faults import arm, batch, proves, struck

UPDATE = f"{COMPANIES}/batch/update"
SEPTEMBER = UPDATE.replace("2026-03", "2026-09")
OWNER = {"email": "ada@example.com", "first_name": "Ada", "last_name": "L", "role": "CSM"}


def cities(hubspot):
    rows = hubspot.get(f"{COMPANIES}?properties=city").json()["results"]
    return [each["properties"]["city"] for each in rows]


@pytest.fixture
def three(hubspot):
    """Ids of three companies."""
    return [company(hubspot, name=name) for name in ("A", "B", "C")]


def moved(three, city="Rome"):
    return batch(*((each, {"city": city}) for each in three))


@proves("hubspot", "burst_limit", "burst_limit_bare", "secondly_limit", "daily_limit")
@pytest.mark.parametrize(
    ("kind", "policy", "words", "headers"),
    [
        ("burst_limit", "TEN_SECONDLY_ROLLING", "ten_secondly_rolling", True),
        ("burst_limit_bare", "TEN_SECONDLY_ROLLING", "ten_secondly_rolling", False),
        ("secondly_limit", None, "secondly", False),
        ("daily_limit", "DAILY", "daily", False),
    ],
)
def test_each_limit_is_refused_in_its_own_words(http, hubspot, three, kind, policy, words, headers):
    arm(http, kind, crm="hubspot")
    reply = hubspot.post(UPDATE, json=moved(three))
    assert reply.status_code == 429
    assert reply.json().get("policyName") == policy
    assert reply.json()["message"] == f"You have reached your {words} limit."
    assert ("X-HubSpot-RateLimit-Remaining" in reply.headers) == headers
    assert "Retry-After" not in reply.headers
    assert cities(hubspot) == [None] * 3


@proves("hubspot", "quota_exhausted")
def test_a_day_that_is_spent_stays_spent_until_the_faults_are_disarmed(http, hubspot):
    arm(http, "quota_exhausted", crm="hubspot")
    assert [hubspot.get(COMPANIES).json()["policyName"] for _ in range(4)] == ["DAILY"] * 4
    http.delete("/_sandbox/faults")
    assert hubspot.get(COMPANIES).status_code == 200


@proves("hubspot", "service_unavailable", "locked", "migration")
@pytest.mark.parametrize(
    ("kind", "status", "wait"), [("service_unavailable", 503, None), ("locked", 423, None), ("migration", 477, "9")]
)
def test_a_portal_that_cannot_answer_now_says_so_and_does_nothing(http, hubspot, three, kind, status, wait):
    arm(http, kind, crm="hubspot", **({"retry_after": 9} if wait else {}))
    reply = hubspot.post(UPDATE, json=moved(three))
    assert (reply.status_code, reply.headers.get("Retry-After")) == (status, wait)
    assert reply.json()["status"] == "error"
    assert cities(hubspot) == [None] * 3


@proves("hubspot", "expired_session")
def test_a_session_ends_early_and_a_token_of_oauth_really_is_over(http, hubspot):
    form = {"grant_type": "refresh_token", "client_id": "sandbox", "client_secret": "sandbox"}
    made = http.post("/oauth/v3/token", data={**form, "refresh_token": "sandbox-refresh-token"}).json()
    token = {"authorization": f"Bearer {made['access_token']}"}
    arm(http, "expired_session", crm="hubspot", times=2)
    assert [http.get(COMPANIES, headers=token).status_code for _ in range(3)] == [401, 401, 401]
    http.delete("/_sandbox/faults")
    arm(http, "expired_session", crm="hubspot")
    reply = hubspot.get(COMPANIES)
    assert (reply.status_code, reply.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert hubspot.get(COMPANIES).status_code == 200, "a static token only seemed over"


@proves("hubspot", "batch_refused", "batch_conflict")
@pytest.mark.parametrize(
    ("kind", "status", "category"),
    [("batch_refused", 400, "VALIDATION_ERROR"), ("batch_conflict", 409, "CONFLICT")],
)
def test_a_whole_batch_is_refused_and_nothing_of_it_done(http, hubspot, three, kind, status, category):
    arm(http, kind, crm="hubspot")
    reply = hubspot.post(UPDATE, json=moved(three))
    assert (reply.status_code, reply.json()["category"]) == (status, category)
    assert cities(hubspot) == [None] * 3


@proves("hubspot", "silent_nothing", "silent_done")
@pytest.mark.parametrize(("path", "status"), [(UPDATE, 207), (SEPTEMBER, 200)])
@pytest.mark.parametrize(("kind", "city"), [("silent_nothing", None), ("silent_done", "Rome")])
def test_an_answer_with_neither_results_nor_errors_says_nothing_of_what_was_done(
    http, hubspot, three, kind, city, path, status
):
    arm(http, kind, crm="hubspot")
    reply = hubspot.post(path, json=moved(three))
    assert reply.status_code == status
    assert (reply.json()["results"], "errors" in reply.json()) == ([], False)
    assert cities(hubspot) == [city] * 3


@proves("hubspot", "rows_reordered")
def test_results_come_in_an_order_that_the_seed_decides(http, hubspot):
    ids = [company(hubspot, name=str(at)) for at in range(12)]
    http.post("/_sandbox/settings", json={"reorder_results": False})
    seen = []
    for seed in (1, 1, 2):
        arm(http, "rows_reordered", crm="hubspot", match="update", seed=seed)
        results = hubspot.post(UPDATE, json=moved(ids)).json()["results"]
        seen.append([each["id"] for each in results])
        http.delete("/_sandbox/faults")
    assert all(sorted(each) == ids for each in seen)
    assert ids not in seen
    assert seen[0] == seen[1] != seen[2]


@proves("hubspot", "validation_rule")
def test_a_rule_refuses_one_row_and_the_others_are_carried_out(http, hubspot, three):
    arm(http, "validation_rule", crm="hubspot", rows=[three[1]], message="Ask Ada first")
    reply = hubspot.post(UPDATE, json=moved(three))
    assert reply.status_code == 207
    assert sorted(each["id"] for each in reply.json()["results"]) == [three[0], three[2]]
    (error,) = reply.json()["errors"]
    assert (error["category"], error["message"]) == ("VALIDATION_ERROR", "Ask Ada first")
    assert error["context"]["objectWriteTraceId"] == ["t1"]
    assert reply.json()["numErrors"] == 1
    assert cities(hubspot) == ["Rome", None, "Rome"]
    assert struck(http)[0]["detail"] == three[1]


def test_a_rule_refuses_the_whole_batch_where_rows_carry_no_trace_id(http, hubspot, three):
    arm(http, "validation_rule", crm="hubspot")
    body = moved(three)
    for row in body["inputs"]:
        del row["objectWriteTraceId"]
    assert hubspot.post(UPDATE, json=body).status_code == 400
    assert cities(hubspot) == [None] * 3


def test_a_rule_takes_as_many_rows_as_asked_and_a_single_write_too(http, hubspot, three):
    arm(http, "validation_rule", crm="hubspot", rows=2)
    assert len(hubspot.post(UPDATE, json=moved(three)).json()["errors"]) == 2
    arm(http, "validation_rule", crm="hubspot", rows="all")
    assert hubspot.post(UPDATE, json=moved(three)).json()["results"] == []
    arm(http, "validation_rule", crm="hubspot")
    assert hubspot.patch(f"{COMPANIES}/{three[0]}", json={"properties": {"city": "Oslo"}}).status_code == 400


@proves("hubspot", "record_archived", "record_deleted")
@pytest.mark.parametrize(("kind", "left"), [("record_archived", 1), ("record_deleted", 0)])
def test_a_record_vanishes_just_before_it_is_written(http, hubspot, three, kind, left):
    arm(http, kind, crm="hubspot", record=three[1])
    reply = hubspot.post(UPDATE, json=moved(three))
    assert sorted(each["id"] for each in reply.json()["results"]) == [three[0], three[2]]
    assert reply.json()["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    bin_of = hubspot.post(f"{COMPANIES}/batch/read?archived=true", json={"inputs": [{"id": three[1]}]}).json()
    assert len(bin_of["results"]) == left
    assert struck(http)[0]["detail"] == f"companies {three[1]}"


def test_a_record_may_be_meant_by_its_account_key_and_another_request_waits(http, hubspot):
    key(hubspot)
    one, two = (company(hubspot, account_key=name) for name in ("a1", "a2"))
    arm(http, "record_archived", crm="hubspot", record="a2")
    assert hubspot.patch(f"{COMPANIES}/{one}", json={"properties": {"city": "Rome"}}).status_code == 200
    assert hubspot.patch(f"{COMPANIES}/{two}", json={"properties": {"city": "Rome"}}).status_code == 404


def test_the_company_of_a_new_task_may_vanish_and_the_task_is_not_made(http, hubspot, three):
    arm(http, "record_archived", crm="hubspot", object="companies")
    link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}
    task = {"properties": {"hs_timestamp": "2026-05-04"}, "associations": [{"to": {"id": three[0]}, "types": [link]}]}
    assert hubspot.post(TASKS, json=task).status_code == 404
    assert hubspot.get(TASKS).json()["results"] == []


@proves("hubspot", "record_merged")
def test_a_record_is_merged_into_a_new_one_with_its_fields_and_tasks(http, hubspot):
    key(hubspot)
    old = company(hubspot, name="Acme", account_key="a1")
    link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}
    task = {"properties": {"hs_timestamp": "2026-05-04"}, "associations": [{"to": {"id": old}, "types": [link]}]}
    hubspot.post(TASKS, json=task)
    arm(http, "record_merged", crm="hubspot", match="PATCH")
    written = hubspot.patch(f"{COMPANIES}/{old}", json={"properties": {"phone": "1"}}).json()

    (now,) = hubspot.get(f"{COMPANIES}?properties=account_key,name").json()["results"]
    assert written["id"] == now["id"] != old, "the old id leads to the new record"
    assert (now["properties"]["account_key"], now["properties"]["name"]) == ("a1", "Acme")
    (kept,) = http.get("/_sandbox/tasks?crm=hubspot").json()
    assert kept["company_id"] == now["id"]
    companies = http.get("/_sandbox/state").json()["hubspot"]["companies"]
    assert {each["id"]: each["merged_into"] for each in companies if each["archived"]}[old] == now["id"]


@proves("hubspot", "field_deleted")
def test_a_property_is_gone_just_before_it_is_written(http, hubspot, three):
    define(hubspot, "usage_churn_risk", made_as="number")
    arm(http, "field_deleted", crm="hubspot")
    assert hubspot.patch(f"{COMPANIES}/{three[0]}", json={"properties": {"city": "Rome"}}).status_code == 200
    reply = hubspot.patch(f"{COMPANIES}/{three[0]}", json={"properties": {"usage_churn_risk": 81}})
    assert problems(reply)[0]["error"] == "PROPERTY_DOESNT_EXIST"
    assert hubspot.get(f"{PROPERTIES}/companies/usage_churn_risk").status_code == 404


@proves("hubspot", "permission_revoked")
def test_a_scope_is_taken_away_and_stays_away(http, hubspot, three):
    arm(http, "permission_revoked", crm="hubspot")
    for _ in range(2):
        reply = hubspot.post(UPDATE, json=moved(three))
        assert (reply.status_code, reply.json()["category"]) == (403, "MISSING_SCOPES")
    assert "crm.objects.companies.write" in reply.text
    assert hubspot.get(COMPANIES).status_code == 200, "reading is another scope"


@proves("hubspot", "owner_deactivated")
def test_an_owner_leaves_just_before_a_task_is_given_to_them(http, hubspot):
    http.post("/_sandbox/stock", json={"owners": [OWNER]})
    owner = hubspot.get("/crm/owners/2026-03").json()["results"][0]["id"]
    arm(http, "owner_deactivated", crm="hubspot")
    task = {"properties": {"hs_timestamp": "2026-05-04", "hubspot_owner_id": owner}}
    assert "is deactivated" in hubspot.post(TASKS, json=task).json()["message"]
    http.patch("/_sandbox/owners/ada@example.com", json={"active": True})
    assert hubspot.post(TASKS, json=task).status_code == 201


def test_a_malformed_request_under_every_kind_of_fault_is_answered_all_the_same(http, hubspot):
    """A fault looks into bodies before the CRM has checked them."""
    kinds = [each["name"] for each in http.get("/_sandbox/faults/kinds").json() if "hubspot" in each["crms"]]
    bodies = [
        b"{",
        b"[]",
        b'{"inputs":7}',
        b'{"inputs":[7,{"id":[],"properties":[]}]}',
        b'{"inputs":[{"id":{},"associations":7}]}',
    ]
    for kind in set(kinds) - {"drop", "drop_after_commit", "slow_answer", "duplicate_delivery"}:
        arm(http, kind, crm="hubspot", times=None)
        for body in bodies:
            for path in (
                UPDATE,
                f"{COMPANIES}/batch/create",
                "/crm/associations/2026-03/tasks/companies/batch/create",
                COMPANIES,
            ):
                assert hubspot.post(path, content=body).status_code in (*range(200, 500), 503, 502, 504)
        http.delete("/_sandbox/faults")
        http.post("/_sandbox/faults/mend")
