"""Our fields in a Salesforce organisation, and one permission set that makes just them visible.

A field made through the API is invisible until a permission set grants it; so the same step that
creates the field grants it, to the integration user alone.
"""

from typing import Any

from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import Provisioned
from usage_pipeline.crm.contract import LONG_TEXT_LENGTH, TEXT_LENGTH, Contract, Field, Kind
from usage_pipeline.crm.rejections import Refused
from usage_pipeline.crm.salesforce_org import Org, quoted
from usage_pipeline.errors import Rejected

TASK_KEY_LENGTH = 80
DESCRIBED = {
    Kind.NUMBER: {"double"},
    Kind.CHOICE: {"picklist"},
    Kind.TEXT: {"string"},
    Kind.LONG_TEXT: {"textarea"},
    Kind.DATE: {"date"},
}


def provision(org: Org, contract: Contract) -> Provisioned:
    """Fields on Account, the unique key on Activity, the permission set and its assignment."""
    created: list[str] = []
    on_account = _custom_fields(org, "Account")
    for field in contract.fields:
        if field.salesforce.removesuffix("__c") not in on_account:
            _create_field(org, f"Account.{field.salesforce}", _metadata(field))
            created.append(f"field Account.{field.salesforce}")
    key = contract.task_key_salesforce
    if key.removesuffix("__c") not in _custom_fields(org, "Activity"):
        # Custom fields of tasks are made on Activity and appear on Task and Event.
        _create_field(
            org,
            f"Activity.{key}",
            {
                "label": "Usage task key",
                "type": "Text",
                "length": TASK_KEY_LENGTH,
                "externalId": True,
                "unique": True,
                "caseSensitive": True,
                "required": False,
            },
        )
        created.append(f"field Activity.{key}")
    created += _grant(org, contract)
    _check(org, contract)
    return Provisioned(tuple(created), tuple(org.notes))


def _custom_fields(org: Org, table: str) -> set[str]:
    soql = f"SELECT Id, DeveloperName FROM CustomField WHERE TableEnumOrId = {quoted(table)}"
    return {found["DeveloperName"] for found in org.query(soql, tooling=True)}


def _create_field(org: Org, full_name: str, metadata: dict[str, Any]) -> None:
    try:
        # A repeated creation is refused as a duplicate name, so asking twice is harmless.
        org.call(
            "POST", "/tooling/sobjects/CustomField", Class.IDEMPOTENT, {"FullName": full_name, "Metadata": metadata}
        )
    except Refused as refused:
        if "DUPLICATE_DEVELOPER_NAME" not in refused.cause:
            raise


def _grant(org: Org, contract: Contract) -> list[str]:
    granted: list[str] = []
    name = contract.permission_set
    found = [row["Id"] for row in org.query(f"SELECT Id FROM PermissionSet WHERE Name = {quoted(name)}")]
    if not found:
        body = {"Name": name, "Label": contract.group_label}
        found = [org.call("POST", "/sobjects/PermissionSet", Class.IDEMPOTENT, body).json()["id"]]
        granted.append(f"permission set {name}")
    there = {
        row["Field"] for row in org.query(f"SELECT Id, Field FROM FieldPermissions WHERE ParentId = {quoted(found[0])}")
    }
    wanted = [("Account", field.salesforce) for field in contract.fields]
    if not there & {f"Task.{contract.task_key_salesforce}", f"Activity.{contract.task_key_salesforce}"}:
        wanted.append(("Task", contract.task_key_salesforce))
    for table, field_name in wanted:
        if f"{table}.{field_name}" not in there:
            _grant_field(org, found[0], table, field_name)
            granted.append(f"permission {table}.{field_name}")
    assigned = (
        f"SELECT Id FROM PermissionSetAssignment WHERE PermissionSetId = {quoted(found[0])}"
        f" AND AssigneeId = {quoted(org.user_id)}"
    )
    if org.user_id and not list(org.query(assigned)):
        body = {"PermissionSetId": found[0], "AssigneeId": org.user_id}
        org.call("POST", "/sobjects/PermissionSetAssignment", Class.IDEMPOTENT, body)
        granted.append(f"assignment of {name} to the integration user")
    return granted


def _grant_field(org: Org, permission_set: str, table: str, field_name: str) -> None:
    def ask(place: str) -> None:
        body = {
            "ParentId": permission_set,
            "SobjectType": place,
            "Field": f"{place}.{field_name}",
            "PermissionsRead": True,
            "PermissionsEdit": True,
        }
        org.call("POST", "/sobjects/FieldPermissions", Class.IDEMPOTENT, body)

    try:
        ask(table)
    except Refused:
        if table != "Task":
            raise
        # Not settled in the vendor's pages: whether a task's field is granted on Task or on Activity.
        ask("Activity")


def _check(org: Org, contract: Contract) -> None:
    """`Rejected` where a field is hidden, or is not what the contract says."""
    account = {found["name"]: found for found in org.get("/sobjects/Account/describe")["fields"]}
    for field in contract.fields:
        found = account.get(field.salesforce)
        if found is None:
            raise _hidden(f"Account.{field.salesforce}", contract)
        if found["type"] not in DESCRIBED[field.kind]:
            raise _mismatch(f"Account.{field.salesforce}", f"a {found['type']}", f"a {field.kind}")
        if not found.get("updateable", True):
            raise _hidden(f"Account.{field.salesforce}", contract)
        options = {option["value"] for option in found.get("picklistValues") or []}
        lacking = [option for option in field.options if option not in options]
        if lacking:
            raise _mismatch(f"Account.{field.salesforce}", f"without {', '.join(lacking)}", "our list")
    task = {found["name"]: found for found in org.get("/sobjects/Task/describe")["fields"]}
    key = task.get(contract.task_key_salesforce)
    if key is None:
        raise _hidden(f"Activity.{contract.task_key_salesforce}", contract)
    if not (key.get("externalId") and key.get("unique")):
        raise _mismatch(f"Activity.{contract.task_key_salesforce}", "not a unique external id", "one")


def _hidden(what: str, contract: Contract) -> Rejected:
    return Rejected(
        f"Salesforce hides the field {what} from the integration user, or forbids editing it",
        fix=f"assign the permission set {contract.permission_set} to the integration user and grant it read and edit of {what}",
    )


def _mismatch(what: str, has: str, wants: str) -> Rejected:
    return Rejected(
        f"Salesforce: {what} exists and is {has}, not {wants}",
        fix=f"rename or delete {what} in Setup, then run again; it is never changed silently",
    )


def _metadata(field: Field) -> dict[str, Any]:
    common = {"label": field.label, "description": field.description, "required": False}
    match field.kind:
        case Kind.NUMBER:
            return common | {"type": "Number", "precision": 5, "scale": 2, "externalId": False, "unique": False}
        case Kind.DATE:
            return common | {"type": "Date"}
        case Kind.TEXT:
            return common | {"type": "Text", "length": TEXT_LENGTH, "externalId": False, "unique": False}
        case Kind.LONG_TEXT:
            return common | {"type": "LongTextArea", "length": LONG_TEXT_LENGTH, "visibleLines": 5}
        case Kind.CHOICE:
            values = [{"fullName": option, "label": option, "default": False} for option in field.options]
            return common | {
                "type": "Picklist",
                "valueSet": {"restricted": True, "valueSetDefinition": {"sorted": False, "value": values}},
            }
