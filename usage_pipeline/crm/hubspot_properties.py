"""Our properties in a HubSpot portal: create what is missing, refuse what merely has our name."""

from typing import Any

from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import Provisioned
from usage_pipeline.crm.contract import Contract, Field, Kind
from usage_pipeline.crm.hubspot_portal import COMPANY, TASK, Portal, mismatch
from usage_pipeline.crm.rejections import Refused

TYPES = {
    Kind.NUMBER: ("number", "number"),
    Kind.CHOICE: ("enumeration", "select"),
    Kind.TEXT: ("string", "text"),
    Kind.LONG_TEXT: ("string", "textarea"),
    Kind.DATE: ("date", "date"),
}
TASK_GROUP = "taskinformation"


def provision(portal: Portal, contract: Contract) -> Provisioned:
    """Group and properties on companies, the key property on tasks; unique where the portal allows it."""
    created: list[str] = []
    present = _present(portal, COMPANY)
    missing = [field for field in contract.fields if field.name not in present]
    for field in contract.fields:
        if field.name in present:
            check(field, present[field.name])
    if missing and _create_unless_there(
        portal,
        portal.properties(COMPANY, "/groups"),
        {"name": contract.group, "label": contract.group_label, "displayOrder": -1},
    ):
        created.append(f"property group {contract.group}")
    for field in missing:
        if _create_unless_there(portal, portal.properties(COMPANY), _definition(field, contract)):
            created.append(f"company property {field.name}")
        else:
            check(field, _just_made_by_another(portal, field))
    notes: list[str] = []
    if contract.task_key not in _present(portal, TASK):
        unique = _create_task_key(portal, contract)
        created.append(f"task property {contract.task_key}")
        if not unique:
            notes.append("this portal allows no unique property on tasks: tasks are created one intent at a time")
    return Provisioned(tuple(created), tuple(notes))


def check(field: Field, existing: dict[str, Any]) -> None:
    """`Rejected` where the property is not what the contract says."""
    what = f"the company property {field.name}"
    kind = TYPES[field.kind][0]
    if existing.get("type") != kind:
        raise mismatch(what, existing.get("type"), kind)
    options = {option["value"] for option in existing.get("options") or []}
    lacking = [option for option in field.options if option not in options]
    if lacking:
        raise mismatch(what, f"without the options {', '.join(lacking)}", "our list")
    if (existing.get("modificationMetadata") or {}).get("readOnlyValue"):
        raise mismatch(what, "read-only", "writable")


def _present(portal: Portal, kind: str) -> dict[str, dict[str, Any]]:
    return {
        found["name"]: found for found in portal.get(portal.properties(kind))["results"] if not found.get("archived")
    }


def _create_unless_there(portal: Portal, path: str, definition: dict[str, Any]) -> bool:
    """False where the name is taken; the vendor documents only the status, so only that is looked at."""
    try:
        # A repeated creation answers 409, so asking twice is harmless.
        portal.post(path, Class.IDEMPOTENT, definition)
    except Refused as refused:
        if refused.status != 409:
            raise
        return False
    return True


def _just_made_by_another(portal: Portal, field: Field) -> dict[str, Any]:
    there = _present(portal, COMPANY)
    if field.name not in there:
        raise mismatch(f"the company property {field.name}", "archived", "in use")
    return there[field.name]


def _create_task_key(portal: Portal, contract: Contract) -> bool:
    """True where the key is unique; some portals block unique properties on tasks."""
    definition: dict[str, Any] = {
        "name": contract.task_key,
        "label": "Usage task key",
        "type": "string",
        "fieldType": "text",
        "groupName": TASK_GROUP,
        "description": "Tells one task from another; do not edit",
        "hasUniqueValue": True,
    }
    path = portal.properties(TASK)
    try:
        portal.post(path, Class.IDEMPOTENT, definition)
    except Refused as refused:
        if refused.status not in {400, 403, 409}:
            raise
        if refused.status != 409:
            portal.post(path, Class.IDEMPOTENT, definition | {"hasUniqueValue": False})
    return bool(portal.get(portal.properties(TASK, f"/{contract.task_key}")).get("hasUniqueValue"))


def _definition(field: Field, contract: Contract) -> dict[str, Any]:
    kind, widget = TYPES[field.kind]
    return {
        "name": field.name,
        "label": field.label,
        "type": kind,
        "fieldType": widget,
        "groupName": contract.group,
        "description": field.description,
        "formField": False,
        "options": [
            {"label": option, "value": option, "displayOrder": place, "hidden": False}
            for place, option in enumerate(field.options)
        ],
    }
