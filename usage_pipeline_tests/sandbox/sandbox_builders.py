"""Short words for what the sandbox's tests need again and again."""

import json

COMPANIES = "/crm/objects/2026-03/companies"
TASKS = "/crm/objects/2026-03/tasks"
PROPERTIES = "/crm/properties/2026-03"


def company(hubspot, **properties):
    """A new HubSpot company's id."""
    return hubspot.post(COMPANIES, json={"properties": {"name": "Acme", **properties}}).json()["id"]


def define(hubspot, name, kind="companies", made_as="string", field_type=None, **more):
    """Add a property to the portal."""
    groups = {"companies": "companyinformation", "tasks": "taskinformation", "contacts": "contactinformation"}
    shown_as = field_type or {
        "string": "text",
        "enumeration": "select",
        "bool": "booleancheckbox",
        "datetime": "date",
    }.get(made_as, made_as)
    body = {"name": name, "label": name, "type": made_as, "fieldType": shown_as, "groupName": groups[kind], **more}
    return hubspot.post(f"{PROPERTIES}/{kind}", json=body)


def key(hubspot, name="account_key", kind="companies"):
    """A unique property."""
    assert define(hubspot, name, kind, hasUniqueValue=True).status_code == 201
    return name


def problems(reply):
    """The list of property errors that HubSpot hides inside its message."""
    return json.loads(reply.json()["message"].removeprefix("Property values were not valid: "))


def account(salesforce, **fields):
    """A new Salesforce account's id."""
    return salesforce.post("/sobjects/Account", json={"Name": "Acme", **fields}).json()["id"]


def field(salesforce, full_name, made_as="Text", visible=True, **metadata):
    """A custom field, shown to the integration user unless told otherwise."""
    needed = {"Text": {"length": 80}, "Number": {"precision": 5, "scale": 2}}.get(made_as, {})
    body = {"FullName": full_name, "Metadata": {"label": full_name, "type": made_as, **needed, **metadata}}
    made = salesforce.post("/tooling/sobjects/CustomField", json=body)
    assert made.status_code == 201, made.text
    if visible:
        show(salesforce, full_name)
    return full_name.partition(".")[2]


def show(salesforce, full_name):
    """Make a field visible through a permission set of our own."""
    found = query(salesforce, "SELECT Id FROM PermissionSet WHERE Name = 'Usage'")
    if found:
        permission_set = found[0]["Id"]
    else:
        made = salesforce.post("/sobjects/PermissionSet", json={"Name": "Usage", "Label": "Usage"})
        permission_set = made.json()["id"]
        user = query(salesforce, "SELECT Id FROM User WHERE Username = 'integration@sandbox.example'")[0]["Id"]
        assigned = {"PermissionSetId": permission_set, "AssigneeId": user}
        assert salesforce.post("/sobjects/PermissionSetAssignment", json=assigned).status_code == 201
    permission = {"ParentId": permission_set, "SobjectType": full_name.partition(".")[0], "Field": full_name}
    answer = salesforce.post(
        "/sobjects/FieldPermissions", json={**permission, "PermissionsRead": True, "PermissionsEdit": True}
    )
    assert answer.status_code == 201, answer.text


def query(salesforce, soql):
    return salesforce.get("/query", params={"q": soql}).json()["records"]


def error(reply):
    """(errorCode, message) of a Salesforce refusal."""
    return reply.json()[0]["errorCode"], reply.json()[0]["message"]
