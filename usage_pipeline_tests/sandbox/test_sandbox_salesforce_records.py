import pytest
from sandbox_builders import account, error, field, query


def written(salesforce, **fields):
    return salesforce.patch(f"/sobjects/Account/{account(salesforce)}", json=fields)


def test_a_record_is_made_read_changed_and_deleted(salesforce):
    made = salesforce.post("/sobjects/Account", json={"Name": "Acme", "Website": "acme.example"})
    assert made.status_code == 201
    there = made.json()["id"]
    assert salesforce.patch(f"/sobjects/Account/{there}", json={"Website": None}).status_code == 204
    seen = salesforce.get(f"/sobjects/Account/{there}?fields=Name,Website").json()
    assert (seen["Name"], seen["Website"]) == ("Acme", None)
    assert salesforce.delete(f"/sobjects/Account/{there}").status_code == 204
    again = salesforce.patch(f"/sobjects/Account/{there}", json={"Name": "B"})
    assert (again.status_code, error(again)[0]) == (404, "ENTITY_IS_DELETED")


def test_what_is_required_is_named(salesforce):
    reply = salesforce.post("/sobjects/Account", json={"Website": "a.example"})
    assert reply.status_code == 400
    assert reply.json() == [
        {"message": "Required fields are missing: [Name]", "errorCode": "REQUIRED_FIELD_MISSING", "fields": ["Name"]}
    ]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Name": "x" * 256}, "STRING_TOO_LONG"),
        ({"Nope__c": 1}, "INVALID_FIELD"),
        ({"SystemModstamp": "2026-05-04T08:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"OwnerId": "nobody"}, "MALFORMED_ID"),
        ({"OwnerId": "005Qy0000000999AAA"}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"AnnualRevenue": "a lot"}, "JSON_PARSER_ERROR"),
        ({"Name": None}, "REQUIRED_FIELD_MISSING"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_code(salesforce, fields, code):
    assert error(written(salesforce, **fields))[0] == code


def test_a_restricted_picklist_takes_only_its_values(salesforce):
    value_set = {"restricted": True, "valueSetDefinition": {"value": [{"fullName": "red", "label": "red"}]}}
    field(salesforce, "Account.Tier__c", "Picklist", valueSet=value_set)
    assert written(salesforce, Tier__c="red").status_code == 204
    assert error(written(salesforce, Tier__c="purple"))[0] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert written(salesforce, Industry="Rocketry").status_code == 204, "standard picklists are not restricted"


def test_a_number_is_kept_to_its_scale_and_within_its_precision(salesforce):
    field(salesforce, "Account.Risk__c", "Number", precision=5, scale=2)
    written(salesforce, Risk__c=81.456)
    assert query(salesforce, "SELECT Risk__c FROM Account")[0]["Risk__c"] == 81.46
    assert error(written(salesforce, Risk__c=1000))[0] == "NUMBER_OUTSIDE_VALID_RANGE"


def test_upsert_by_external_id_creates_then_updates_and_update_only_does_not_create(salesforce):
    field(salesforce, "Account.Key__c", externalId=True, unique=True)
    path = "/sobjects/Account/Key__c/a%2F1.inc"
    assert salesforce.patch(f"{path}?updateOnly=true", json={"Name": "Acme"}).status_code == 404
    first = salesforce.patch(path, json={"Name": "Acme"})
    assert (first.status_code, first.json()["created"]) == (201, True)
    second = salesforce.patch(f"{path}?updateOnly=true", json={"Name": "Acme Inc"})
    assert (second.status_code, second.json()["created"]) == (200, False)
    assert query(salesforce, "SELECT Name, Key__c FROM Account WHERE Key__c = 'A/1.INC'")[0]["Name"] == "Acme Inc"


def test_a_key_that_matches_several_is_a_300_that_lists_them(salesforce):
    field(salesforce, "Account.Key__c", externalId=True, unique=False)
    ids = {account(salesforce, Key__c="a1") for _ in range(2)}
    reply = salesforce.patch("/sobjects/Account/Key__c/a1", json={"Name": "B"}, follow_redirects=False)
    assert reply.status_code == 300
    assert {each.rpartition("/")[2] for each in reply.json()} == ids


def test_a_field_that_is_no_external_id_is_not_accessible(salesforce):
    reply = salesforce.patch("/sobjects/Account/Website/a1", json={"Name": "B"})
    assert reply.status_code == 404
    assert error(reply)[1] == "Provided external ID field does not exist or is not accessible: Website"


def test_a_unique_value_that_is_taken_names_its_holder(salesforce):
    field(salesforce, "Account.Key__c", externalId=True, unique=True)
    holder = account(salesforce, Key__c="a1")
    reply = salesforce.post("/sobjects/Account", json={"Name": "Twin", "Key__c": "A1"})
    assert error(reply) == (
        "DUPLICATE_VALUE",
        f"duplicate value found: Key__c duplicates value on record with id: {holder}",
    )


def test_a_task_knows_its_account_and_whether_it_is_closed(salesforce):
    there = account(salesforce)
    made = salesforce.post(
        "/sobjects/Task", json={"Subject": "Call", "WhatId": there, "ActivityDate": "2026-05-04"}
    ).json()["id"]
    seen = salesforce.get(f"/sobjects/Task/{made}").json()
    assert (seen["Status"], seen["Priority"], seen["IsClosed"], seen["AccountId"]) == (
        "Not Started",
        "Normal",
        False,
        there,
    )
    salesforce.patch(f"/sobjects/Task/{made}", json={"Status": "Completed"})
    assert salesforce.get(f"/sobjects/Task/{made}").json()["IsClosed"] is True
    assert (
        error(salesforce.patch(f"/sobjects/Task/{made}", json={"IsClosed": False}))[0]
        == "INVALID_FIELD_FOR_INSERT_UPDATE"
    )


def test_a_lookup_is_given_by_the_parents_external_id(salesforce):
    field(salesforce, "Account.Key__c", externalId=True, unique=True)
    there = account(salesforce, Key__c="a1")
    what = {"attributes": {"type": "Account"}, "Key__c": "a1"}
    assert salesforce.post("/sobjects/Task", json={"Subject": "Call", "What": what}).status_code == 201
    assert query(salesforce, "SELECT WhatId, What.Name FROM Task")[0]["WhatId"] == there
    missing = salesforce.post("/sobjects/Task", json={"Subject": "Call", "What": {**what, "Key__c": "a2"}})
    assert error(missing)[0] == "INVALID_FIELD"
    empty = salesforce.post("/sobjects/Task", json={"Subject": "Call", "What": {"attributes": {"type": "Account"}}})
    assert "Foreign key external ID: not found" in error(empty)[1]
