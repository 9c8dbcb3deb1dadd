import pytest
from sandbox_builders import account, error, field, query


def row(kind="Account", **fields):
    return {"attributes": {"type": kind}, **fields}


def sent(salesforce, method, path, rows, **more):
    return salesforce.request(method, path, json={"allOrNone": False, "records": rows, **more})


def outcomes(reply):
    return [each["errors"][0]["statusCode"] if each["errors"] else "ok" for each in reply.json()]


def test_results_come_in_the_order_sent_and_one_bad_row_fails_alone(salesforce):
    reply = sent(salesforce, "POST", "/composite/sobjects", [row(Name="A"), row(), row(Name="C")])
    assert reply.status_code == 200
    assert outcomes(reply) == ["ok", "REQUIRED_FIELD_MISSING", "ok"]
    assert reply.json()[1] == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Name]",
                "fields": ["Name"],
            }
        ],
    }
    assert [each["Name"] for each in query(salesforce, "SELECT Name FROM Account ORDER BY Name")] == ["A", "C"]


def test_all_or_none_takes_every_row_back(salesforce):
    reply = sent(salesforce, "POST", "/composite/sobjects", [row(Name="A"), row(), row(Name="C")], allOrNone=True)
    rolled = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert outcomes(reply) == [rolled, "REQUIRED_FIELD_MISSING", rolled]
    assert query(salesforce, "SELECT Id FROM Account") == []


def test_more_than_two_hundred_rows_are_refused(salesforce):
    reply = sent(salesforce, "POST", "/composite/sobjects", [row(Name="A")] * 201)
    assert reply.status_code == 400
    assert query(salesforce, "SELECT Id FROM Account") == []


def test_updates_go_by_id(salesforce):
    there, gone = account(salesforce), account(salesforce)
    salesforce.delete(f"/sobjects/Account/{gone}")
    rows = [
        row(Id=there, Website="a.example"),
        row(Id=gone, Website="b.example"),
        row(Id="001Qy0000000999AAA", Name="C"),
        row(Name="D"),
    ]
    reply = sent(salesforce, "PATCH", "/composite/sobjects", rows)
    assert outcomes(reply) == ["ok", "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MISSING_ARGUMENT"]
    assert reply.json()[0] == {"id": there, "success": True, "errors": []}


def test_upserts_go_by_external_id_and_say_what_they_created(salesforce):
    field(salesforce, "Account.Key__c", externalId=True, unique=True)
    there = account(salesforce, Key__c="a1")
    rows = [row(Key__c="a1", Name="Acme Inc"), row(Key__c="a2", Name="New")]
    reply = sent(salesforce, "PATCH", "/composite/sobjects/Account/Key__c", rows)
    assert [each["created"] for each in reply.json()] == [False, True]
    assert reply.json()[0]["id"] == there
    again = sent(salesforce, "PATCH", "/composite/sobjects/Account/Key__c", rows)
    assert [each["created"] for each in again.json()] == [False, False]


def test_two_rows_with_one_key_both_fail(salesforce):
    field(salesforce, "Account.Key__c", externalId=True, unique=True)
    rows = [row(Key__c="a1", Name="A"), row(Key__c="A1", Name="B"), row(Key__c="a2", Name="C")]
    reply = sent(salesforce, "PATCH", "/composite/sobjects/Account/Key__c", rows)
    assert outcomes(reply) == ["DUPLICATE_VALUE", "DUPLICATE_VALUE", "ok"]


def test_record_ids_are_no_external_ids(salesforce):
    reply = sent(salesforce, "PATCH", "/composite/sobjects/Account/Id", [row(Id="001", Name="A")])
    assert reply.status_code == 404


def test_tasks_are_upserted_with_their_account_by_its_key(salesforce):
    field(salesforce, "Activity.Usage_Task_Key__c", externalId=True, unique=True)
    field(salesforce, "Account.Key__c", externalId=True, unique=True)
    there = account(salesforce, Key__c="a1")
    rows = [row("Task", Usage_Task_Key__c="e1", Subject="Call", What=row("Account", Key__c="a1"))]
    for created in (True, False):
        reply = sent(salesforce, "PATCH", "/composite/sobjects/Task/Usage_Task_Key__c", rows)
        assert reply.json()[0]["created"] is created
    assert [each["WhatId"] for each in query(salesforce, "SELECT WhatId FROM Task")] == [there]


@pytest.mark.parametrize(("how", "status"), [("row", 200), ("request", 400)])
def test_whether_an_unknown_field_fails_the_row_or_the_request_is_a_switch(salesforce, how, status):
    salesforce.post("http://sandbox/_sandbox/settings", json={"collections_unknown_field": how})
    reply = sent(salesforce, "POST", "/composite/sobjects", [row(Name="A"), row(Name="B", Nope__c=1)])
    assert reply.status_code == status
    if status == 400:
        assert error(reply)[0] == "INVALID_FIELD"
        assert query(salesforce, "SELECT Id FROM Account") == []


def test_at_most_ten_changes_of_type_in_one_call(salesforce):
    rows = [row("Account", Name="A"), row("Contact", LastName="B")] * 6
    assert sent(salesforce, "POST", "/composite/sobjects", rows).status_code == 400


def test_many_are_read_and_deleted_in_one_call(salesforce):
    ids = [account(salesforce) for _ in range(2)]
    reply = salesforce.delete("/composite/sobjects", params={"ids": ",".join(ids), "allOrNone": "false"})
    assert [each["success"] for each in reply.json()] == [True, True]
    kept = account(salesforce)
    read = salesforce.post("/composite/sobjects/Account", json={"ids": [kept, ids[0]], "fields": ["Name"]}).json()
    assert [each and each["Id"] for each in read] == [kept, None]


@pytest.mark.parametrize(
    "asked", [{"ids": True, "fields": ["Id"]}, {"ids": [], "fields": [[]]}, {"ids": [1], "fields": "Id"}]
)
def test_ids_and_fields_that_are_no_lists_of_texts_are_refused(salesforce, asked):
    reply = salesforce.post("/composite/sobjects/Account", json=asked)
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
