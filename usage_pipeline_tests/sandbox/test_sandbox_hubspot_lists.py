import hubspot as hubspot_client
import pytest
from hubspot.crm import lists as lists_client
from sandbox_builders import COMPANIES, company
from sandbox_process import running

LISTS = "/crm/lists/2026-03"


def made(hubspot, name="Cohort", **more):
    body = {"name": name, "objectTypeId": "0-2", "processingType": "MANUAL", **more}
    return hubspot.post(LISTS, json=body)


def members(hubspot, number, **query):
    return [each["recordId"] for each in hubspot.get(f"{LISTS}/{number}/memberships", params=query).json()["results"]]


@pytest.mark.parametrize("path", ["/crm/lists/2026-03", "/crm/lists/2026-09", "/crm/v3/lists"])
def test_a_list_is_found_by_its_name_and_its_number(hubspot, path):
    number = made(hubspot, "Cohort: New").json()["list"]["listId"]
    assert hubspot.get(f"{path}/{number}").json()["list"]["name"] == "Cohort: New"
    named = hubspot.get(f"{path}/object-type-id/0-2/name/Cohort%3A%20New").json()["list"]
    assert (named["listId"], named["size"], named["processingType"]) == (number, 0, "MANUAL")


def test_a_name_is_given_once_per_kind_of_record(hubspot):
    assert made(hubspot).status_code == 200
    assert made(hubspot).status_code == 400
    assert made(hubspot, objectTypeId="0-1").status_code == 200


def test_what_is_no_list_is_not_found(hubspot):
    there = company(hubspot)
    for path in (f"{LISTS}/{there}", f"{LISTS}/nope", f"{LISTS}/object-type-id/0-2/name/Nope"):
        assert hubspot.get(path).status_code == 404
    assert made(hubspot, "").status_code == 400
    assert made(hubspot, processingType="SOMEHOW").status_code == 400


def test_memberships_are_added_and_removed_and_the_unknown_are_named(hubspot):
    ids = [company(hubspot) for _ in range(3)]
    number = made(hubspot).json()["list"]["listId"]
    path = f"{LISTS}/{number}/memberships"
    first = hubspot.put(f"{path}/add", json=[*ids[:2], "404"]).json()
    assert first == {"recordsIdsAdded": ids[:2], "recordIdsRemoved": [], "recordIdsMissing": ["404"]}
    body = {"recordIdsToAdd": ids[1:], "recordIdsToRemove": [ids[0]]}
    second = hubspot.put(f"{path}/add-and-remove", json=body).json()
    assert second == {"recordsIdsAdded": [ids[2]], "recordIdsRemoved": [ids[0]], "recordIdsMissing": []}
    assert members(hubspot, number) == ids[1:]
    assert hubspot.put(f"{path}/remove", json=ids).json()["recordIdsRemoved"] == ids[1:]
    assert members(hubspot, number) == []


def test_memberships_come_in_pages_without_the_archived(hubspot):
    ids = [company(hubspot) for _ in range(4)]
    number = made(hubspot).json()["list"]["listId"]
    hubspot.put(f"{LISTS}/{number}/memberships/add", json=ids)
    hubspot.delete(f"{COMPANIES}/{ids[0]}")
    page = hubspot.get(f"{LISTS}/{number}/memberships?limit=2").json()
    assert [each["recordId"] for each in page["results"]] == ids[1:3]
    assert members(hubspot, number, limit=2, after=page["paging"]["next"]["after"]) == ids[3:]
    assert hubspot.get(f"{LISTS}/{number}").json()["list"]["size"] == 3


def test_a_filtered_list_takes_no_members_by_hand(hubspot):
    number = made(hubspot, processingType="DYNAMIC").json()["list"]["listId"]
    assert hubspot.put(f"{LISTS}/{number}/memberships/add", json=["1"]).status_code == 400


def test_a_deleted_list_is_gone_and_its_name_is_free(hubspot):
    number = made(hubspot).json()["list"]["listId"]
    assert hubspot.delete(f"{LISTS}/{number}").status_code == 204
    assert hubspot.get(f"{LISTS}/{number}").status_code == 404
    assert made(hubspot).status_code == 200


def test_the_scope_for_lists_is_one_of_its_own(hubspot):
    hubspot.post("/_sandbox/settings", json={"hubspot_missing_scopes": ["crm.lists.write"]})
    refused = made(hubspot)
    assert refused.json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.lists.write"]
    assert hubspot.get(f"{LISTS}/object-type-id/0-2/name/x").status_code == 404


@pytest.mark.slow
def test_hubspots_own_client_makes_fills_and_reads_a_list(tmp_path):
    with running(tmp_path / "sandbox.sqlite") as sandbox:
        crm = hubspot_client.HubSpot(access_token="sandbox-token", host=sandbox.http).crm
        ids = [
            crm.companies.basic_api.create(
                simple_public_object_input_for_create={"properties": {"name": name}, "associations": []}
            ).id
            for name in ("a", "b")
        ]
        request = lists_client.ListCreateRequest(object_type_id="0-2", processing_type="MANUAL", name="Cohort")
        number = crm.lists.lists_api.create(list_create_request=request).list.list_id
        changed = crm.lists.memberships_api.add_and_remove(
            list_id=number,
            membership_change_request=lists_client.MembershipChangeRequest(
                record_ids_to_add=ids, record_ids_to_remove=[]
            ),
        )
        assert sorted(changed.records_ids_added) == ids
        page = crm.lists.memberships_api.get_page(list_id=number)
        assert [each.record_id for each in page.results] == ids
        named = crm.lists.lists_api.get_by_name(list_name="Cohort", object_type_id="0-2").list
        assert (named.list_id, named.size) == (number, 2)
        with pytest.raises(lists_client.ApiException) as refused:
            crm.lists.lists_api.get_by_name(list_name="Nope", object_type_id="0-2")
        assert refused.value.status == 404
