import pytest
from sandbox_builders import COMPANIES, TASKS, account, company, field, query

OWNER = {"email": "ada@example.com", "first_name": "Ada", "last_name": "L", "role": "CSM"}
STOCK = {
    "owners": [OWNER],
    "companies": [
        {
            "name": "Acme",
            "domain": "acme.example",
            "account_key": "a1",
            "owner_email": "ada@example.com",
            "industry": "Rocketry",
        },
        {"name": "Acme", "domain": None, "account_key": "a1", "owner_email": "ada@example.com"},
        {"name": "Nameless", "domain": None, "account_key": None, "owner_email": None, "only": "hubspot"},
    ],
}


def test_stock_fills_both_crms_and_lets_companies_be_doubled_or_keyless(http, hubspot, salesforce):
    told = http.post("/_sandbox/stock", json=STOCK).json()
    assert (told["owners"], told["companies"]) == (1, {"hubspot": 3, "salesforce": 2})
    companies = hubspot.get(f"{COMPANIES}?properties=product_account_id,industry").json()["results"]
    assert [each["properties"]["product_account_id"] for each in companies] == ["a1", "a1", None]
    rows = query(salesforce, "SELECT Name, Owner.Email FROM Account WHERE Product_Account_Id__c = 'a1'")
    assert [each["Owner"]["Email"] for each in rows] == ["ada@example.com"] * 2


def test_the_account_keys_name_may_be_the_customers_own(http, hubspot):
    names = {"hubspot": "workspace", "salesforce": "Workspace__c"}
    http.post("/_sandbox/stock", json={**STOCK, "account_key_property": names})
    assert hubspot.get(f"{COMPANIES}?properties=workspace").json()["results"][0]["properties"]["workspace"] == "a1"


def test_a_stock_with_an_owner_nobody_knows_adds_nothing(http):
    reply = http.post(
        "/_sandbox/stock", json={"companies": [{"name": "A"}, {"name": "B", "owner_email": "who@example.com"}]}
    )
    assert reply.status_code == 400
    assert http.get("/_sandbox/health").json()["counts"]["hubspot"]["companies"] == 0


def test_a_set_clock_goes_on_by_a_millisecond_per_request(http, hubspot):
    http.post("/_sandbox/clock", json={"now": "2026-05-04T08:00:00Z"})
    made = [hubspot.post(COMPANIES, json={"properties": {"name": "A"}}).json()["createdAt"] for _ in range(2)]
    assert made == ["2026-05-04T08:00:00.001Z", "2026-05-04T08:00:00.002Z"]
    http.post("/_sandbox/clock", json={"now": None})
    assert not http.get("/_sandbox/health").json()["now"].startswith("2026-05-04")


@pytest.fixture
def tasks(http, hubspot, salesforce):
    """One open task in each CRM, owned by Ada."""
    http.post("/_sandbox/stock", json=STOCK)
    owner = hubspot.get("/crm/owners/2026-03").json()["results"][0]["id"]
    there = hubspot.get(COMPANIES).json()["results"][0]["id"]
    link = {"to": {"id": there}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]}
    properties = {
        "hs_timestamp": "2026-05-04",
        "hs_task_subject": "Call",
        "hs_task_body": "Why",
        "hubspot_owner_id": owner,
    }
    hubspot.post(TASKS, json={"properties": properties, "associations": [link]})
    field(salesforce, "Activity.Usage_Task_Key__c", externalId=True, unique=True)
    (row, _) = query(salesforce, "SELECT Id, OwnerId FROM Account")
    fields = {
        "Subject": "Call",
        "Description": "Why",
        "WhatId": row["Id"],
        "OwnerId": row["OwnerId"],
        "Usage_Task_Key__c": "e1",
    }
    salesforce.post("/sobjects/Task", json={**fields, "ActivityDate": "2026-05-04"})
    return http.get("/_sandbox/tasks?status=open").json()


def test_open_tasks_of_both_crms_are_listed_in_one_shape(tasks):
    assert [each["crm"] for each in tasks] == ["hubspot", "salesforce"]
    for each in tasks:
        told = (each["subject"], each["body"], each["owner_email"], each["company_name"], each["account_key"])
        assert told == ("Call", "Why", "ada@example.com", "Acme", "a1")
    assert tasks[1]["task_key"] == "e1"


@pytest.mark.parametrize(
    ("status", "hubspot_status", "salesforce_status"),
    [("done", "COMPLETED", "Completed"), ("dismissed", "DEFERRED", "Deferred")],
)
def test_a_person_ends_a_task_and_says_what_came_of_it(
    http, hubspot, salesforce, tasks, status, hubspot_status, salesforce_status
):
    for each in tasks:
        answer = {"status": status, "answer": "Training booked"}
        assert http.post(f"/_sandbox/tasks/{each['crm']}/{each['id']}", json=answer).status_code == 200
    wanted = "hs_task_status,hs_task_body,hs_updated_by_user_id"
    seen = hubspot.get(f"{TASKS}/{tasks[0]['id']}?properties={wanted}").json()["properties"]
    assert (seen["hs_task_status"], seen["hs_task_body"]) == (hubspot_status, "Why\n\nAnswer: Training booked")
    assert seen["hs_updated_by_user_id"] is not None
    (row,) = query(salesforce, "SELECT Status, Description, LastModifiedBy.Email FROM Task")
    assert (row["Status"], row["Description"]) == (salesforce_status, "Why\n\nAnswer: Training booked")
    assert row["LastModifiedBy"]["Email"] == "ada@example.com"
    assert http.get("/_sandbox/tasks?status=open").json() == []
    assert len(http.get(f"/_sandbox/tasks?status={status}").json()) == 2


def test_what_a_person_does_is_no_api_call(http, tasks):
    before = len(http.get("/_sandbox/log").json())
    http.post(f"/_sandbox/tasks/hubspot/{tasks[0]['id']}", json={"status": "done"})
    assert len(http.get("/_sandbox/log").json()) == before


def test_a_person_edits_and_deletes_companies(http, hubspot, salesforce):
    ours, theirs = company(hubspot), account(salesforce)
    assert http.patch(f"/_sandbox/companies/hubspot/{ours}", json={"properties": {"city": "Rome"}}).status_code == 200
    assert (
        http.patch(f"/_sandbox/companies/salesforce/{theirs}", json={"properties": {"Phone": "1"}}).status_code == 200
    )
    assert hubspot.get(f"{COMPANIES}/{ours}?properties=city").json()["properties"]["city"] == "Rome"
    for crm, record in (("hubspot", ours), ("salesforce", theirs)):
        assert http.delete(f"/_sandbox/companies/{crm}/{record}").status_code == 200
    assert hubspot.get(f"{COMPANIES}/{ours}").status_code == 404


def test_the_log_keeps_requests_and_no_secret(http, hubspot):
    company(hubspot, name="Loggia")
    form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
    session = http.post("/services/oauth2/token", data=form).json()["access_token"]
    first, second = http.get("/_sandbox/log").json()
    assert (first["crm"], first["method"], first["path"], first["status"]) == ("hubspot", "POST", COMPANIES, 201)
    assert "Loggia" in first["request"]
    assert "Loggia" in first["response"]
    assert "client_secret=***" in second["request"]
    assert session not in http.get("/_sandbox/log").text
    assert "sandbox-token" not in http.get("/_sandbox/log").text
    assert [each["id"] for each in http.get(f"/_sandbox/log?since={first['id']}").json()] == [second["id"]]
    assert http.get("/_sandbox/log?crm=salesforce").json() == [second]


def test_a_fault_meets_the_next_matching_request_and_then_is_used_up(http, hubspot):
    http.post("/_sandbox/faults", json={"match": "POST .*/companies$", "status": 503, "times": 1})
    assert hubspot.get(COMPANIES).status_code == 200
    assert hubspot.post(COMPANIES, json={"properties": {"name": "A"}}).status_code == 503
    assert hubspot.get(COMPANIES).json()["results"] == [], "nothing was done"
    assert hubspot.post(COMPANIES, json={"properties": {"name": "A"}}).status_code == 201


@pytest.mark.parametrize("kind", ["status_after_commit", "drop_after_commit"])
def test_a_request_may_be_carried_out_and_its_answer_lost(http, hubspot, kind):
    http.post("/_sandbox/faults", json={"match": "POST /crm", "kind": kind, "status": 504})
    try:
        assert hubspot.post(COMPANIES, json={"properties": {"name": "A"}}).status_code == 504
    except ConnectionResetError:
        assert kind == "drop_after_commit"
    assert len(hubspot.get(COMPANIES).json()["results"]) == 1


@pytest.mark.parametrize("wrong", [{"kind": "nonsense"}, {"match": "("}, {"status": 200}])
def test_a_fault_that_cannot_work_is_refused(http, wrong):
    assert http.post("/_sandbox/faults", json=wrong).status_code == 400


def test_an_unknown_setting_or_one_of_another_kind_is_refused(http):
    assert http.post("/_sandbox/settings", json={"nonsense": 1}).status_code == 400
    assert http.post("/_sandbox/settings", json={"hubspot_burst_limit": "many"}).status_code == 400


def test_a_reset_empties_both_crms_and_makes_another_portal(http, hubspot):
    company(hubspot)
    before = http.get("/_sandbox/health").json()
    http.post("/_sandbox/reset")
    after = http.get("/_sandbox/health").json()
    assert after["counts"]["hubspot"] == dict.fromkeys(after["counts"]["hubspot"], 0)
    assert after["portal_id"] != before["portal_id"]
    assert after["organisation_id"] != before["organisation_id"]
