import pytest
from sandbox_builders import COMPANIES, TASKS, account, company, define, field, query
from sandbox_faults import collection

LINK = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}


def state(http, crm):
    return http.get("/_sandbox/state").json()[crm]


def test_the_state_tells_every_company_with_our_fields_as_the_crm_keeps_them(http, hubspot, salesforce):
    http.post("/_sandbox/stock", json={"companies": [{"name": "Acme", "account_key": "a1"}]})
    define(hubspot, "usage_churn_risk", made_as="number")
    (ours,) = (each["id"] for each in state(http, "hubspot")["companies"])
    hubspot.patch(f"{COMPANIES}/{ours}", json={"properties": {"usage_churn_risk": 81.5, "city": "Rome"}})
    field(salesforce, "Account.Usage_Churn_Risk__c", "Number")
    (theirs,) = (each["id"] for each in state(http, "salesforce")["companies"])
    salesforce.patch(f"/sobjects/Account/{theirs}", json={"Usage_Churn_Risk__c": 81.5})

    (one,) = state(http, "hubspot")["companies"]
    assert (one["id"], one["name"], one["account_key"], one["archived"]) == (ours, "Acme", "a1", False)
    assert one["fields"] == {"usage_churn_risk": "81.5"}
    (other,) = state(http, "salesforce")["companies"]
    assert (other["account_key"], other["fields"]) == ("a1", {"Usage_Churn_Risk__c": 81.5})


def test_the_state_tells_every_task_with_its_key_and_company_closed_and_archived_ones_too(http, hubspot, salesforce):
    define(hubspot, "usage_task_key", kind="tasks")
    ours = company(hubspot)
    for key in ("e1", "e2"):
        properties = {"hs_timestamp": "2026-05-04", "hs_task_subject": "Call", "usage_task_key": key}
        hubspot.post(TASKS, json={"properties": properties, "associations": [{"to": {"id": ours}, "types": [LINK]}]})
    first, second = state(http, "hubspot")["tasks"]
    hubspot.delete(f"{TASKS}/{second['id']}")
    http.post(f"/_sandbox/tasks/hubspot/{first['id']}", json={"status": "done"})
    told = [
        (each["key"], each["company_id"], each["state"], each["archived"]) for each in state(http, "hubspot")["tasks"]
    ]
    assert told == [("e1", ours, "done", False), ("e2", ours, "open", True)]

    field(salesforce, "Activity.Usage_Task_Key__c", externalId=True, unique=True)
    theirs = account(salesforce)
    row = ("Task", {"Subject": "Call", "WhatId": theirs, "Usage_Task_Key__c": "e1", "Status": "Deferred"})
    salesforce.post("/composite/sobjects", json=collection(row))
    (task,) = state(http, "salesforce")["tasks"]
    assert (task["key"], task["company_id"], task["state"], task["status"]) == ("e1", theirs, "dismissed", "Deferred")


def test_one_crm_may_be_asked_for_alone(http):
    assert list(http.get("/_sandbox/state?crm=salesforce").json()) == ["salesforce"]


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_a_person_merges_two_companies(http, hubspot, salesforce, crm):
    names = [{"name": "Acme", "account_key": "a1"}, {"name": "Acme Inc", "account_key": None}]
    loser, winner = (each[crm] for each in http.post("/_sandbox/stock", json={"companies": names}).json()["ids"])
    now = http.post(f"/_sandbox/companies/{crm}/{loser}/merge", json={"into": winner}).json()["id"]
    live = [each for each in state(http, crm)["companies"] if not each["archived"]]
    assert [(each["id"], each["name"], each["account_key"]) for each in live] == [(now, "Acme Inc", "a1")]
    assert (now == winner) == (crm == "salesforce"), "HubSpot gives the result an id of its own"
    merged = {each["id"]: each["merged_into"] for each in state(http, crm)["companies"] if each["archived"]}
    assert merged[loser] == now


def test_a_company_is_not_merged_with_itself_or_with_nothing(http, hubspot):
    ours = company(hubspot)
    assert http.post(f"/_sandbox/companies/hubspot/{ours}/merge", json={"into": ours}).status_code == 400
    assert http.post(f"/_sandbox/companies/hubspot/{ours}/merge", json={"into": "404"}).status_code == 404


def test_an_owner_is_shut_out_of_both_crms_and_let_in_again(http, hubspot, salesforce):
    http.post("/_sandbox/stock", json={"owners": [{"email": "ada@example.com", "first_name": "Ada"}]})
    active = "SELECT Id FROM User WHERE IsActive = true AND Email = 'ada@example.com'"
    for there in (False, True):
        http.patch("/_sandbox/owners/ada@example.com", json={"active": there})
        assert len(hubspot.get("/crm/owners/2026-03").json()["results"]) == there
        assert len(query(salesforce, active)) == there
    assert http.patch("/_sandbox/owners/nobody@example.com", json={"active": True}).status_code == 404
    assert http.patch("/_sandbox/owners/ada@example.com", json={}).status_code == 400
