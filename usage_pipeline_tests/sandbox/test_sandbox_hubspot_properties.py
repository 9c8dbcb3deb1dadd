import pytest
from sandbox_builders import PROPERTIES, define, key


def test_a_property_is_made_read_and_listed(hubspot):
    assert hubspot.post(f"{PROPERTIES}/companies/groups", json={"name": "usage", "label": "Usage"}).status_code == 201
    made = define(hubspot, "usage_risk", made_as="number", groupName="usage")
    assert made.status_code == 201
    assert hubspot.get(f"{PROPERTIES}/companies/usage_risk").json()["modificationMetadata"]["readOnlyValue"] is False
    listed = {each["name"] for each in hubspot.get("/crm/v3/properties/companies").json()["results"]}
    assert {"usage_risk", "domain"} <= listed


def test_what_exists_is_a_409(hubspot):
    define(hubspot, "usage_risk")
    assert define(hubspot, "usage_risk").status_code == 409
    group = {"name": "usage", "label": "Usage"}
    hubspot.post(f"{PROPERTIES}/companies/groups", json=group)
    assert hubspot.post(f"{PROPERTIES}/companies/groups", json=group).status_code == 409


def test_an_archived_property_keeps_its_name(hubspot):
    define(hubspot, "usage_risk")
    assert hubspot.delete(f"{PROPERTIES}/companies/usage_risk").status_code == 204
    assert hubspot.get(f"{PROPERTIES}/companies/usage_risk").status_code == 404
    assert define(hubspot, "usage_risk").status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Upper"},
        {"name": "1st"},
        {"name": "x" * 101},
        {"type": "number", "fieldType": "text"},
        {"type": "decimal"},
        {"groupName": "nowhere"},
        {"label": ""},
        {"type": "enumeration", "fieldType": "text"},
    ],
)
def test_a_definition_that_cannot_be_is_refused(hubspot, wrong):
    good = {"name": "risk", "label": "Risk", "type": "string", "fieldType": "text", "groupName": "companyinformation"}
    assert hubspot.post(f"{PROPERTIES}/companies", json={**good, **wrong}).status_code == 400


def test_an_option_may_be_added_but_uniqueness_never(hubspot):
    options = [{"label": "Low", "value": "low"}]
    define(hubspot, "tier", made_as="enumeration", options=options)
    more = [*options, {"label": "High", "value": "high"}]
    changed = hubspot.patch(f"{PROPERTIES}/companies/tier", json={"options": more, "hasUniqueValue": True}).json()
    assert [each["value"] for each in changed["options"]] == ["low", "high"]
    assert changed["hasUniqueValue"] is False


def test_ten_unique_properties_are_the_limit(hubspot):
    for at in range(10):
        key(hubspot, f"key_{at}")
    assert define(hubspot, "key_10", hasUniqueValue=True).status_code == 400


def test_whether_a_task_may_have_a_unique_property_is_a_switch(hubspot):
    hubspot.post("/_sandbox/settings", json={"tasks_unique_property": "blocked"})
    assert define(hubspot, "task_key", "tasks", hasUniqueValue=True).status_code == 400
    assert define(hubspot, "task_key", "tasks").status_code == 201
    assert define(hubspot, "account_key", hasUniqueValue=True).status_code == 201
    hubspot.post("/_sandbox/settings", json={"tasks_unique_property": "allowed"})
    assert define(hubspot, "unique_task_key", "tasks", hasUniqueValue=True).status_code == 201


@pytest.mark.parametrize(("version", "status"), [("2026-03", 201), ("2026-09", 200)])
def test_a_batch_of_definitions_is_201_and_since_2026_09_200(hubspot, version, status):
    one = {"name": "risk", "label": "Risk", "type": "string", "fieldType": "text", "groupName": "companyinformation"}
    reply = hubspot.post(f"/crm/properties/{version}/companies/batch/create", json={"inputs": [one]})
    assert reply.status_code == status
    body = {"archived": False, "dataSensitivity": "non_sensitive", "inputs": [{"name": "risk"}, {"name": "absent"}]}
    found = hubspot.post(f"/crm/properties/{version}/companies/batch/read", json=body).json()
    assert [each["name"] for each in found["results"]] == ["risk"]
    assert found["errors"][0]["context"]["name"] == ["absent"]
