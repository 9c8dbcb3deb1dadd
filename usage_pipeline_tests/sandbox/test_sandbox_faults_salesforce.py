"""One proof for each kind of fault that only a Salesforce knows."""

import pytest
from sandbox_builders import account, error, field, query
from sandbox_faults import arm, collection, proves, struck

COLLECTIONS = "/composite/sobjects"
OWNER = {"email": "ada@example.com", "first_name": "Ada", "last_name": "L", "role": "CSM"}
JOB = {"object": "Account", "operation": "update", "contentType": "CSV", "lineEnding": "LF"}


@pytest.fixture
def three(salesforce):
    """Ids of three accounts."""
    return [account(salesforce, Name=name) for name in ("A", "B", "C")]


def moved(ids, **more):
    return collection(*(("Account", {"Id": each, "BillingCity": "Rome"}) for each in ids), **more)


def cities(salesforce):
    return [each["BillingCity"] for each in query(salesforce, "SELECT BillingCity FROM Account ORDER BY Name")]


@proves("salesforce", "service_unavailable", "unknown_exception", "concurrent_limit", "daily_limit", "batch_refused")
@pytest.mark.parametrize(
    ("kind", "status", "code", "words"),
    [
        ("service_unavailable", 503, "SERVER_UNAVAILABLE", "unavailable"),
        ("unknown_exception", 500, "UNKNOWN_EXCEPTION", "unexpected"),
        ("concurrent_limit", 403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests"),
        ("daily_limit", 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests"),
        ("batch_refused", 400, "JSON_PARSER_ERROR", "Unexpected"),
    ],
)
def test_a_call_is_refused_in_the_platforms_words_and_nothing_is_done(
    http, salesforce, three, kind, status, code, words
):
    arm(http, kind, crm="salesforce")
    reply = salesforce.patch(COLLECTIONS, json=moved(three))
    assert (reply.status_code, error(reply)[0]) == (status, code)
    assert words in error(reply)[1]
    assert "Retry-After" not in reply.headers
    assert cities(salesforce) == [None] * 3


@proves("salesforce", "quota_exhausted")
def test_a_day_that_is_spent_stays_spent_until_the_faults_are_disarmed(http, salesforce):
    arm(http, "quota_exhausted", crm="salesforce")
    replies = [salesforce.get("/limits") for _ in range(3)]
    assert [error(each)[1] for each in replies] == ["TotalRequests Limit exceeded."] * 3
    assert replies[-1].headers["Sforce-Limit-Info"] == "api-usage=100000/100000"
    http.delete("/_sandbox/faults")
    assert salesforce.get("/limits").status_code == 200


@proves("salesforce", "expired_session")
def test_a_session_ends_and_only_a_new_login_helps(http, salesforce, three):
    arm(http, "expired_session", crm="salesforce", match="PATCH")
    for _ in range(2):
        reply = salesforce.patch(COLLECTIONS, json=moved(three))
        assert (reply.status_code, error(reply)[0]) == (401, "INVALID_SESSION_ID")
    form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
    token = http.post("/services/oauth2/token", data=form).json()["access_token"]
    again = salesforce.patch(COLLECTIONS, json=moved(three), headers={"authorization": f"Bearer {token}"})
    assert [each["success"] for each in again.json()] == [True] * 3


@proves("salesforce", "lock_contention", "validation_rule", "duplicate_rule")
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("lock_contention", "UNABLE_TO_LOCK_ROW"),
        ("validation_rule", "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        ("duplicate_rule", "DUPLICATES_DETECTED"),
    ],
)
def test_one_row_fails_in_its_place_and_the_others_are_carried_out(http, salesforce, three, kind, code):
    arm(http, kind, crm="salesforce", rows=[three[1]])
    results = salesforce.patch(COLLECTIONS, json=moved(three)).json()
    assert [each["success"] for each in results] == [True, False, True]
    assert [each["id"] for each in (results[0], results[2])] == [three[0], three[2]]
    assert results[1]["errors"][0]["statusCode"] == code
    assert cities(salesforce) == ["Rome", None, "Rome"]
    assert struck(http)[0]["detail"] == three[1]
    assert [each["success"] for each in salesforce.patch(COLLECTIONS, json=moved(three)).json()] == [True] * 3


def test_a_lock_names_the_parent_and_a_single_write_meets_one_too(http, salesforce, three):
    arm(http, "lock_contention", crm="salesforce", times=2)
    task = ("Task", {"Subject": "Call", "WhatId": three[0]})
    (row,) = salesforce.post(COLLECTIONS, json=collection(task)).json()
    assert three[0] in row["errors"][0]["message"]
    single = salesforce.patch(f"/sobjects/Account/{three[0]}", json={"BillingCity": "Rome"})
    assert (single.status_code, error(single)[0]) == (400, "UNABLE_TO_LOCK_ROW")


def test_all_or_none_undoes_the_others_when_a_rule_refuses_one(http, salesforce, three):
    arm(http, "validation_rule", crm="salesforce", rows=[three[0]])
    results = salesforce.patch(COLLECTIONS, json=moved(three, allOrNone=True)).json()
    codes = [each["errors"][0]["statusCode"] for each in results]
    assert codes == ["FIELD_CUSTOM_VALIDATION_EXCEPTION", *["ALL_OR_NONE_OPERATION_ROLLED_BACK"] * 2]
    assert cities(salesforce) == [None] * 3


def uploaded(salesforce, ids):
    """A Bulk job that has its rows and is closed."""
    job = salesforce.post("/jobs/ingest", json=JOB).json()["id"]
    lines = "\n".join(["Id,BillingCity", *(f"{each},Rome" for each in ids)])
    salesforce.put(f"/jobs/ingest/{job}/batches", content=f"{lines}\n", headers={"content-type": "text/csv"})
    salesforce.patch(f"/jobs/ingest/{job}", json={"state": "UploadComplete"})
    return job


def state(salesforce, job):
    return salesforce.get(f"/jobs/ingest/{job}").json()["state"]


@proves("salesforce", "bulk_failed", "bulk_aborted", "bulk_stuck")
@pytest.mark.parametrize(
    ("kind", "end"), [("bulk_failed", "Failed"), ("bulk_aborted", "Aborted"), ("bulk_stuck", "InProgress")]
)
def test_a_bulk_job_comes_to_a_bad_end_and_the_next_one_does_not(http, salesforce, three, kind, end):
    arm(http, kind, crm="salesforce")
    job = uploaded(salesforce, three)
    assert [state(salesforce, job) for _ in range(9)][-4:] == [end] * 4
    assert cities(salesforce).count("Rome") < 3
    other = uploaded(salesforce, three)
    assert [state(salesforce, other) for _ in range(4)][-1] == "JobComplete"
    assert cities(salesforce) == ["Rome"] * 3
    assert struck(http)[0]["detail"] == f"job {job}"


@proves("salesforce", "record_archived", "record_deleted")
@pytest.mark.parametrize(
    ("kind", "code", "left"),
    [("record_archived", "ENTITY_IS_DELETED", 1), ("record_deleted", "INVALID_CROSS_REFERENCE_KEY", 0)],
)
def test_a_record_vanishes_just_before_it_is_written(http, salesforce, three, kind, code, left):
    arm(http, kind, crm="salesforce", record=three[1])
    results = salesforce.patch(COLLECTIONS, json=moved(three)).json()
    assert [each["success"] for each in results] == [True, False, True]
    assert results[1]["errors"][0]["statusCode"] == code
    found = salesforce.get("/queryAll", params={"q": f"SELECT Id FROM Account WHERE Id = '{three[1]}'"}).json()
    assert found["totalSize"] == left


def test_the_account_of_a_new_task_may_vanish_whether_named_by_id_or_by_key(http, salesforce):
    http.post(
        "/_sandbox/stock", json={"companies": [{"name": n, "account_key": n, "only": "salesforce"} for n in "ab"]}
    )
    ids = {each["Name"]: each["Id"] for each in query(salesforce, "SELECT Id, Name FROM Account")}
    arm(http, "record_archived", crm="salesforce", times=2, object="account")
    by_id = ("Task", {"Subject": "Call", "WhatId": ids["a"]})
    by_key = ("Task", {"Subject": "Call", "What": {"attributes": {"type": "Account"}, "Product_Account_Id__c": "b"}})
    for row in (by_id, by_key):
        (result,) = salesforce.post(COLLECTIONS, json=collection(row)).json()
        assert not result["success"]
    assert [each["detail"] for each in struck(http)] == [f"Account {ids['a']}", f"Account {ids['b']}"]


@proves("salesforce", "record_merged")
def test_an_account_is_merged_into_another_that_takes_its_key_and_its_tasks(http, salesforce):
    http.post("/_sandbox/stock", json={"companies": [{"name": "Acme", "account_key": "a1"}]})
    (old,) = query(salesforce, "SELECT Id FROM Account")
    salesforce.post("/sobjects/Task", json={"Subject": "Call", "WhatId": old["Id"]})
    arm(http, "record_merged", crm="salesforce")
    (row,) = salesforce.patch(COLLECTIONS, json=moved([old["Id"]])).json()
    assert row["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"
    (now,) = query(salesforce, "SELECT Id, Product_Account_Id__c FROM Account")
    assert now["Product_Account_Id__c"] == "a1"
    assert query(salesforce, "SELECT WhatId FROM Task")[0]["WhatId"] == now["Id"]
    companies = http.get("/_sandbox/state").json()["salesforce"]["companies"]
    assert {each["id"]: each["merged_into"] for each in companies if each["archived"]} == {old["Id"]: now["Id"]}


@proves("salesforce", "field_deleted", "permission_revoked")
@pytest.mark.parametrize(("kind", "left"), [("field_deleted", 0), ("permission_revoked", 1)])
def test_a_field_is_gone_or_hidden_just_before_it_is_written(http, salesforce, three, kind, left):
    name = field(salesforce, "Account.Usage_Churn_Risk__c", "Number")
    arm(http, kind, crm="salesforce")
    row = ("Account", {"Id": three[0], name: 81})
    (result,) = salesforce.patch(COLLECTIONS, json=collection(row)).json()
    assert result["errors"][0]["statusCode"] == "INVALID_FIELD"
    asked = "SELECT DeveloperName FROM CustomField WHERE TableEnumOrId = 'Account'"
    known = salesforce.get("/tooling/query", params={"q": asked}).json()["records"]
    assert len(known) == left
    assert struck(http)[0]["detail"] == f"Account.{name}"


def test_a_field_of_a_task_may_vanish_too(http, salesforce):
    name = field(salesforce, "Activity.Usage_Task_Key__c", externalId=True, unique=True)
    arm(http, "field_deleted", crm="salesforce")
    upsert = f"{COLLECTIONS}/Task/{name}"
    assert salesforce.patch(upsert, json=collection(("Task", {"Subject": "Call", name: "e1"}))).status_code == 404


@proves("salesforce", "owner_deactivated")
def test_an_owner_leaves_just_before_a_task_is_given_to_them(http, salesforce):
    http.post("/_sandbox/stock", json={"owners": [OWNER]})
    (owner,) = query(salesforce, "SELECT Id FROM User WHERE Email = 'ada@example.com'")
    arm(http, "owner_deactivated", crm="salesforce")
    row = ("Task", {"Subject": "Call", "OwnerId": owner["Id"]})
    (result,) = salesforce.post(COLLECTIONS, json=collection(row)).json()
    assert result["errors"][0]["statusCode"] == "INACTIVE_OWNER_OR_USER"
    http.patch("/_sandbox/owners/ada@example.com", json={"active": True})
    assert salesforce.post(COLLECTIONS, json=collection(row)).json()[0]["success"]


def test_a_malformed_request_under_every_kind_of_fault_is_answered_all_the_same(http, salesforce):
    """A fault looks into bodies before the CRM has checked them."""
    kinds = [each["name"] for each in http.get("/_sandbox/faults/kinds").json() if "salesforce" in each["crms"]]
    bodies = [
        b"{",
        b"[]",
        b'{"records":7}',
        b'{"records":[7,{"attributes":7,"Id":[]}]}',
        b'{"records":[{"attributes":{"type":7}}]}',
    ]
    spoil = {"drop", "drop_after_commit", "slow_answer", "expired_session"}
    for kind in set(kinds) - spoil:
        arm(http, kind, crm="salesforce", times=None)
        for body in bodies:
            for path in (COLLECTIONS, "/sobjects/Account", "/sobjects/Task/001"):
                assert salesforce.patch(path, content=body).status_code in (*range(300, 500), 500, 502, 503, 504, 200)
        http.delete("/_sandbox/faults")
        http.post("/_sandbox/faults/mend")


def test_faults_of_records_find_the_rows_of_a_bulk_upload(http, salesforce, three):
    arm(http, "record_archived", crm="salesforce", match="PUT .*/batches", record=three[2])
    job = uploaded(salesforce, three)
    assert [state(salesforce, job) for _ in range(4)][-1] == "JobComplete"
    assert salesforce.get(f"/jobs/ingest/{job}").json()["numberRecordsFailed"] == 1
