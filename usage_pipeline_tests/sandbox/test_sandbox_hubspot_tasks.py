import pytest
from sandbox_builders import COMPANIES, TASKS, company, key

TO_COMPANY = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}
BETWEEN = "/crm/associations/2026-03/tasks/companies/batch"


def task(hubspot, **more):
    return hubspot.post(
        TASKS, json={"properties": {"hs_timestamp": "2026-05-04T08:00:00Z", "hs_task_subject": "Call"}, **more}
    )


def test_a_task_needs_its_due_date(hubspot):
    reply = hubspot.post(TASKS, json={"properties": {"hs_task_subject": "Call"}})
    assert reply.status_code == 400
    assert reply.json()["context"]["properties"] == ["hs_timestamp"]


def test_an_association_given_with_the_task_is_seen_from_both_sides(hubspot):
    there = company(hubspot)
    made = task(hubspot, associations=[{"to": {"id": there}, "types": [TO_COMPANY]}]).json()["id"]
    seen = hubspot.get(f"{COMPANIES}/{there}?associations=tasks").json()
    assert seen["associations"]["tasks"]["results"] == [{"id": made, "type": "company_to_task"}]
    found = hubspot.post(f"{BETWEEN}/read", json={"inputs": [{"id": made}]}).json()["results"]
    assert found == [
        {
            "from": {"id": made},
            "to": [
                {
                    "toObjectId": int(there),
                    "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 192, "label": None}],
                }
            ],
        }
    ]


def test_a_task_for_a_company_that_is_not_there_is_not_made(hubspot):
    assert task(hubspot, associations=[{"to": {"id": "404"}, "types": [TO_COMPANY]}]).status_code == 404
    assert hubspot.get(TASKS).json()["results"] == []


def test_the_same_task_upserted_and_associated_twice_is_one_task(hubspot):
    unique, there = key(hubspot, "task_key", "tasks"), company(hubspot)
    properties = {"hs_timestamp": "2026-05-04T08:00:00Z", "hs_task_subject": "Call"}
    for _ in range(2):
        body = {"inputs": [{"id": "e1", "idProperty": unique, "properties": properties}]}
        made = hubspot.post(f"{TASKS}/batch/upsert", json=body).json()["results"][0]["id"]
        link = {"from": {"id": made}, "to": {"id": there}, "types": [TO_COMPANY]}
        assert hubspot.post(f"{BETWEEN}/create", json={"inputs": [link]}).status_code == 201
    assert len(hubspot.get(TASKS).json()["results"]) == 1
    reverse = hubspot.post("/crm/v4/associations/companies/tasks/batch/read", json={"inputs": [{"id": there}]}).json()
    assert len(reverse["results"][0]["to"]) == 1


def test_the_default_association_can_be_put_again_and_again(hubspot):
    there, made = company(hubspot), task(hubspot).json()["id"]
    for version in ("2026-03", "2026-09"):
        path = f"/crm/objects/{version}/tasks/{made}/associations/default/companies/{there}"
        assert hubspot.put(path).status_code == 200
    assert (
        hubspot.put(f"/crm/v4/objects/tasks/{made}/associations/companies/{there}", json=[TO_COMPANY]).status_code
        == 201
    )


def test_reading_associations_one_by_one_is_gone_since_2026_09(hubspot):
    made = task(hubspot).json()["id"]
    paths = {
        version: f"/crm/objects/{version}/tasks/{made}/associations/companies" for version in ("2026-03", "2026-09")
    }
    assert hubspot.get(paths["2026-03"]).status_code == 200
    assert hubspot.get(paths["2026-09"]).status_code == 404


def test_a_missing_end_fails_alone(hubspot):
    there, made = company(hubspot), task(hubspot).json()["id"]
    links = [{"from": {"id": made}, "to": {"id": each}, "types": [TO_COMPANY]} for each in (there, "404")]
    reply = hubspot.post(f"{BETWEEN}/create", json={"inputs": links})
    assert reply.status_code == 207
    assert len(reply.json()["results"]) == 1
    assert reply.json()["numErrors"] == 1


@pytest.mark.parametrize(
    ("pair", "number"), [("tasks/companies", 192), ("companies/tasks", 191), ("notes/companies", 190)]
)
def test_labels_tell_the_type_ids(hubspot, pair, number):
    labels = hubspot.get(f"/crm/v4/associations/{pair}/labels").json()["results"]
    assert labels[0] == {"category": "HUBSPOT_DEFINED", "typeId": number, "label": None}


def test_an_archived_task_is_no_longer_associated(hubspot):
    there = company(hubspot)
    made = task(hubspot, associations=[{"to": {"id": there}, "types": [TO_COMPANY]}]).json()["id"]
    assert hubspot.post(f"{TASKS}/batch/archive", json={"inputs": [{"id": made}]}).status_code == 204
    assert "associations" not in hubspot.get(f"{COMPANIES}/{there}?associations=tasks").json()
