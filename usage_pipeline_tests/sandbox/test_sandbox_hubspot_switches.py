"""What the vendor leaves open is a switch, and each way of it can be had."""

import pytest
from sandbox_builders import COMPANIES, PROPERTIES, TASKS, company, define, key

TO_COMPANY = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}
BETWEEN = "/crm/associations/2026-03/tasks/companies/batch"


def switch(hubspot, **settings):
    assert hubspot.post("/_sandbox/settings", json=settings).status_code == 200


def task(hubspot, **properties):
    body = {"properties": {"hs_timestamp": "2026-05-04T08:00:00Z", "hs_task_subject": "Call", **properties}}
    return hubspot.post(TASKS, json=body)


def upserted(hubspot, value, name="account_key"):
    inputs = [{"id": value, "idProperty": name, "properties": {"city": "Rome"}}]
    return hubspot.post(f"{COMPANIES}/batch/upsert", json={"inputs": inputs})


def test_an_upsert_of_an_archived_value_makes_a_new_record_unless_told_otherwise(hubspot):
    key(hubspot)
    old = company(hubspot, account_key="a1")
    hubspot.delete(f"{COMPANIES}/{old}")
    made = upserted(hubspot, "a1").json()["results"][0]
    assert (made["new"], made["id"] == old) == (True, False)


def test_an_upsert_of_an_archived_value_may_bring_the_record_back(hubspot):
    key(hubspot)
    switch(hubspot, hubspot_archived_upsert="restore")
    old = company(hubspot, account_key="a1")
    hubspot.delete(f"{COMPANIES}/{old}")
    made = upserted(hubspot, "a1").json()["results"][0]
    assert (made["new"], made["id"]) == (False, old)
    assert hubspot.get(f"{COMPANIES}/{old}?properties=city").json()["properties"]["city"] == "Rome"
    assert upserted(hubspot, "a1").json()["results"][0]["id"] == old


def test_an_upsert_of_an_archived_value_may_be_refused(hubspot):
    key(hubspot)
    switch(hubspot, hubspot_archived_upsert="refuse")
    old = company(hubspot, account_key="a1")
    hubspot.delete(f"{COMPANIES}/{old}")
    reply = upserted(hubspot, "a1")
    assert reply.status_code == 400
    assert old in reply.json()["message"]


def test_tasks_may_have_a_unique_id_of_hubspots_own(hubspot):
    assert task(hubspot, hs_unique_id="e1").status_code == 400
    switch(hubspot, hubspot_task_unique_id="unique")
    definition = hubspot.get(f"{PROPERTIES}/tasks/hs_unique_id").json()
    assert (definition["hasUniqueValue"], definition["modificationMetadata"]["readOnlyValue"]) == (True, False)
    assert task(hubspot, hs_unique_id="e1").status_code == 201
    assert task(hubspot, hs_unique_id="e1").status_code == 400


def seen(hubspot, made):
    reply = hubspot.post(f"{BETWEEN}/read", json={"inputs": [{"id": made}]}).json()
    return [to["toObjectId"] for row in reply["results"] for to in row["to"]]


def test_a_new_association_is_seen_at_once_unless_reads_lag_behind(hubspot):
    there, made = company(hubspot), task(hubspot).json()["id"]
    link = {"from": {"id": made}, "to": {"id": there}, "types": [TO_COMPANY]}
    hubspot.post(f"{BETWEEN}/create", json={"inputs": [link]})
    assert seen(hubspot, made) == [int(there)]


def test_a_new_association_is_seen_after_so_many_reads(hubspot):
    switch(hubspot, hubspot_association_lag=2)
    there, made = company(hubspot), task(hubspot).json()["id"]
    link = {"from": {"id": made}, "to": {"id": there}, "types": [TO_COMPANY]}
    hubspot.post(f"{BETWEEN}/create", json={"inputs": [link]})
    assert [seen(hubspot, made) for _ in range(3)] == [[], [], [int(there)]]
    # Repeating what is there already hides nothing again.
    hubspot.post(f"{BETWEEN}/create", json={"inputs": [link]})
    assert seen(hubspot, made) == [int(there)]


@pytest.mark.parametrize(
    ("how", "category"), [("object_already_exists", "OBJECT_ALREADY_EXISTS"), ("conflict", "CONFLICT"), ("bare", None)]
)
def test_a_taken_name_is_a_409_in_words_that_may_differ(hubspot, how, category):
    switch(hubspot, hubspot_taken_category=how)
    define(hubspot, "risk")
    reply = define(hubspot, "risk")
    assert reply.status_code == 409
    assert reply.json().get("category") == category


def created(hubspot, version, **properties):
    return hubspot.post(f"/crm/objects/{version}/companies", json={"properties": {"name": "Acme", **properties}})


def test_the_portals_own_rules_hold_for_the_api_from_2026_09_on(hubspot):
    switch(hubspot, enforce_admin_rules=True, hubspot_required_properties={"companies": ["city"]})
    assert created(hubspot, "2026-03").status_code == 201
    refused = created(hubspot, "2026-09")
    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")
    assert refused.json()["context"]["properties"] == ["city"]
    there = created(hubspot, "2026-09", city="Rome").json()["id"]
    path = f"/crm/objects/2026-09/companies/{there}"
    assert hubspot.patch(path, json={"properties": {"name": "New"}}).status_code == 200
    assert hubspot.patch(path, json={"properties": {"city": ""}}).status_code == 400


def test_a_rule_fails_its_row_alone_where_trace_ids_are_given(hubspot):
    switch(hubspot, enforce_admin_rules=True, hubspot_required_properties={"companies": ["city"]})
    inputs = [
        {"properties": {"name": "A", "city": "Rome"}, "objectWriteTraceId": "t1"},
        {"properties": {"name": "B"}, "objectWriteTraceId": "t2"},
    ]
    reply = hubspot.post("/crm/objects/2026-09/companies/batch/create", json={"inputs": inputs}).json()
    assert [each["objectWriteTraceId"] for each in reply["results"]] == ["t1"]
    assert reply["errors"][0]["context"]["objectWriteTraceId"] == ["t2"]


def test_a_user_who_may_not_edit_associations_makes_none_from_2026_09_on(hubspot):
    switch(hubspot, enforce_admin_rules=True, hubspot_may_edit_associations=False)
    there, made = company(hubspot), task(hubspot).json()["id"]
    for version, status in (("2026-03", 200), ("2026-09", 400)):
        path = f"/crm/objects/{version}/tasks/{made}/associations/default/companies/{there}"
        assert hubspot.put(path).status_code == status
    link = {"from": {"id": made}, "to": {"id": there}, "types": [TO_COMPANY]}
    reply = hubspot.post("/crm/associations/2026-09/tasks/companies/batch/create", json={"inputs": [link]})
    assert reply.json()["category"] == "VALIDATION_ERROR"


def test_a_batch_read_that_names_an_id_twice_is_refused(hubspot):
    there = company(hubspot)
    reply = hubspot.post(f"{COMPANIES}/batch/read", json={"inputs": [{"id": there}, {"id": there}]})
    assert reply.status_code == 400
    assert reply.json()["message"] == f"Duplicate IDs found in batch input: [{there}]. IDs must be unique"


def test_archived_properties_are_listed_by_themselves(hubspot):
    define(hubspot, "risk")
    define(hubspot, "tier")
    hubspot.delete(f"{PROPERTIES}/companies/risk")
    listed = {each["name"] for each in hubspot.get(f"{PROPERTIES}/companies").json()["results"]}
    archived = hubspot.get(f"{PROPERTIES}/companies?archived=true").json()["results"]
    assert ("risk" in listed, "tier" in listed) == (False, True)
    assert [(each["name"], each["archived"]) for each in archived] == [("risk", True)]


def test_the_id_of_a_merged_record_leads_to_the_one_it_became(hubspot):
    there = company(hubspot)
    hubspot.post("/_sandbox/faults", json={"crm": "hubspot", "match": "batch/update", "kind": "record_merged"})
    inputs = [{"id": there, "properties": {"city": "Rome"}}]
    changed = hubspot.post(f"{COMPANIES}/batch/update", json={"inputs": inputs}).json()["results"][0]
    assert changed["id"] != there
    body = {"inputs": [{"id": there}], "properties": ["hs_merged_object_ids"]}
    (found,) = hubspot.post(f"{COMPANIES}/batch/read", json=body).json()["results"]
    assert found["id"] == changed["id"]
    assert there in found["properties"]["hs_merged_object_ids"].split(";")
