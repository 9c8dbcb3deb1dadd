import pytest
from sandbox_builders import account, error, field, query, show


def described(salesforce, kind="Account"):
    return {each["name"]: each for each in salesforce.get(f"/sobjects/{kind}/describe").json()["fields"]}


def test_a_new_field_is_hidden_until_a_permission_set_shows_it(salesforce):
    there = account(salesforce)
    field(salesforce, "Account.Risk__c", "Number", visible=False)
    assert "Risk__c" not in described(salesforce)
    written = salesforce.patch(f"/sobjects/Account/{there}", json={"Risk__c": 81})
    assert error(written) == ("INVALID_FIELD", "No such column 'Risk__c' on sobject of type Account")
    asked = salesforce.get("/query", params={"q": "SELECT Risk__c FROM Account"})
    assert error(asked)[0] == "INVALID_FIELD"
    show(salesforce, "Account.Risk__c")
    assert salesforce.patch(f"/sobjects/Account/{there}", json={"Risk__c": 81}).status_code == 204
    assert query(salesforce, "SELECT Risk__c FROM Account")[0]["Risk__c"] == 81.0
    assert described(salesforce)["Risk__c"]["updateable"] is True


def test_a_field_that_may_only_be_read_is_not_written(salesforce):
    there = account(salesforce)
    field(salesforce, "Account.Risk__c", "Number")
    (permission,) = query(salesforce, "SELECT Id FROM FieldPermissions WHERE Field = 'Account.Risk__c'")
    salesforce.patch(f"/sobjects/FieldPermissions/{permission['Id']}", json={"PermissionsEdit": False})
    assert (
        error(salesforce.patch(f"/sobjects/Account/{there}", json={"Risk__c": 1}))[0]
        == "INVALID_FIELD_FOR_INSERT_UPDATE"
    )
    assert described(salesforce)["Risk__c"]["updateable"] is False


def test_a_field_that_exists_is_a_duplicate_developer_name(salesforce):
    field(salesforce, "Account.Risk__c")
    body = {"FullName": "Account.risk__c", "Metadata": {"label": "R", "type": "Text", "length": 20}}
    assert error(salesforce.post("/tooling/sobjects/CustomField", json=body))[0] == "DUPLICATE_DEVELOPER_NAME"


def test_custom_fields_are_listed_by_the_tooling_api(salesforce):
    field(salesforce, "Account.Risk__c")
    field(salesforce, "Activity.Usage_Task_Key__c")
    asked = {"q": "SELECT Id,DeveloperName FROM CustomField WHERE TableEnumOrId='Account'"}
    assert [each["DeveloperName"] for each in salesforce.get("/tooling/query/", params=asked).json()["records"]] == [
        "Risk"
    ]
    asked = {"q": "SELECT QualifiedApiName FROM EntityDefinition WHERE QualifiedApiName IN ('Task', 'Nothing')"}
    assert salesforce.get("/tooling/query", params=asked).json()["size"] == 1


@pytest.mark.parametrize(
    "metadata",
    [
        {"type": "Text"},
        {"type": "Number"},
        {"type": "Nonsense"},
        {"type": "LongTextArea", "length": 100, "visibleLines": 3},
        {"type": "Text", "length": 300},
    ],
)
def test_a_field_without_what_its_type_needs_is_refused(salesforce, metadata):
    body = {"FullName": "Account.Risk__c", "Metadata": {"label": "Risk", **metadata}}
    assert salesforce.post("/tooling/sobjects/CustomField", json=body).status_code == 400


def test_a_key_defined_on_activity_appears_on_task(salesforce):
    field(salesforce, "Activity.Usage_Task_Key__c", externalId=True, unique=True, caseSensitive=True, visible=False)
    assert "Usage_Task_Key__c" not in described(salesforce, "Task")
    show(salesforce, "Activity.Usage_Task_Key__c")
    seen = described(salesforce, "Task")["Usage_Task_Key__c"]
    assert (seen["externalId"], seen["unique"], seen["idLookup"]) == (True, True, True)
    path = "/sobjects/Task/Usage_Task_Key__c/e1"
    assert salesforce.patch(path, json={"Subject": "Call"}).json()["created"] is True
    assert salesforce.patch(path, json={"Subject": "Call again"}).json()["created"] is False
    assert [each["Subject"] for each in query(salesforce, "SELECT Subject FROM Task")] == ["Call again"]


def test_describe_tells_lengths_types_and_choices(salesforce):
    values = [{"fullName": each, "label": each, "default": False} for each in ("red", "green")]
    value_set = {"restricted": True, "valueSetDefinition": {"sorted": False, "value": values}}
    field(salesforce, "Account.Tier__c", "Picklist", valueSet=value_set)
    seen = described(salesforce)
    assert [each["value"] for each in seen["Tier__c"]["picklistValues"]] == ["red", "green"]
    assert (seen["Name"]["length"], seen["Name"]["nillable"]) == (255, False)
    assert (seen["OwnerId"]["referenceTo"], seen["OwnerId"]["relationshipName"]) == (["User"], "Owner")
    assert seen["SystemModstamp"]["updateable"] is False


def test_the_same_permission_twice_is_a_duplicate(salesforce):
    field(salesforce, "Account.Risk__c")
    (there,) = query(salesforce, "SELECT ParentId FROM FieldPermissions")
    again = {
        "ParentId": there["ParentId"],
        "SobjectType": "Account",
        "Field": "Account.Risk__c",
        "PermissionsRead": True,
    }
    assert error(salesforce.post("/sobjects/FieldPermissions", json=again))[0] == "DUPLICATE_VALUE"
