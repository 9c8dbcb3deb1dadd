"""Our properties in a HubSpot portal: what is missing or otherwise than the contract says, and its creation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import Finding, Provisioned
from usage_pipeline.crm.contract import Contract, Field, Kind
from usage_pipeline.crm.hubspot_portal import COMPANY, TASK, Portal, mismatch
from usage_pipeline.crm.hubspot_tasks import is_usable_key
from usage_pipeline.crm.hubspot_wording import OWN_KEY
from usage_pipeline.crm.rejections import OutcomeUnknown, Refused

TYPES = {
    Kind.NUMBER: ("number", "number"),
    Kind.CHOICE: ("enumeration", "select"),
    Kind.TEXT: ("string", "text"),
    Kind.LONG_TEXT: ("string", "textarea"),
    Kind.DATE: ("date", "date"),
}
SINGULAR = {"companies": "company", "contacts": "contact", "tasks": "task"}
TASK_GROUP = "taskinformation"
NO_UNIQUE_TASKS = "this portal allows no unique property on tasks: tasks are created one intent at a time"
NO_UNIQUE_TASKS_BUT_OWN = f"this portal allows no unique property of ours on tasks: {OWN_KEY} tells them apart"

Definitions = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Gap:
    """A finding, with the request that mends it where one can."""

    finding: Finding
    path: str = ""
    definition: Mapping[str, Any] = field(default_factory=dict)


def findings(portal: Portal, contract: Contract, kind: str = COMPANY) -> list[Finding]:
    """How the portal differs from the contract; changes nothing."""
    return [gap.finding for gap in gaps(portal, contract, kind)]


def provision(portal: Portal, contract: Contract, kind: str = COMPANY) -> Provisioned:
    """Group and properties on companies, the key property on tasks; unique where the portal allows it."""
    found = gaps(portal, contract, kind)
    for gap in found:
        if gap.finding.state == "different":
            raise mismatch(f"the {gap.finding.what}", gap.finding.detail, "what the contract says")
    notes = [f"the {gap.finding.what} is {gap.finding.detail}" for gap in found if gap.finding.state == "hidden"]
    created: list[str] = []
    for gap in found:
        if gap.finding.state != "missing":
            continue
        if gap.definition.get("hasUniqueValue"):
            notes += _create_task_key(portal, gap)
        elif not _create_unless_there(portal, gap.path, gap.definition):
            _check_what_another_made(portal, contract, kind, gap)
            continue
        created.append(gap.finding.what)
    return Provisioned(tuple(created), tuple(notes))


def gaps(portal: Portal, contract: Contract, kind: str) -> list[Gap]:
    """Everything that provisioning would create or complain of."""
    wanted = [_definition(one, contract) for one in contract.fields]
    found = _compared(portal, kind, wanted, {one.name: one for one in contract.fields})
    if any(gap.finding.state == "missing" for gap in found):
        groups = {group["name"] for group in portal.listing(portal.properties(kind, "/groups"))}
        if contract.group not in groups:
            group = {"name": contract.group, "label": contract.group_label, "displayOrder": -1}
            named = Finding("missing", f"property group {contract.group}", "it does not exist", _scope(kind))
            found.insert(0, Gap(named, portal.properties(kind, "/groups"), group))
    if kind == COMPANY:
        key = Field(contract.task_key, Kind.TEXT, "Usage task key", "Tells one task from another; do not edit")
        wanted = [_definition(key, contract) | {"groupName": TASK_GROUP, "hasUniqueValue": True}]
        found += _compared(portal, TASK, wanted, {key.name: key})
    return found


def _compared(portal: Portal, kind: str, wanted: list[dict[str, Any]], fields: Mapping[str, Field]) -> list[Gap]:
    there = _there(portal, kind)
    lacking = any(definition["name"] not in there for definition in wanted)
    archived = _there(portal, kind, archived="true") if lacking else {}
    found = []
    for definition in wanted:
        name = definition["name"]
        what = f"{SINGULAR[kind]} property {name}"
        if name in there:
            detail = difference(fields[name], there[name])
            if detail:
                found.append(Gap(Finding("different", what, detail, _scope(kind))))
            elif there[name].get("hidden"):
                found.append(Gap(Finding("hidden", what, "hidden from people in HubSpot's pages", _scope(kind))))
        elif name in archived:
            # Its name stays taken, and only a person can bring it back.
            found.append(Gap(Finding("different", what, "archived", _scope(kind))))
        else:
            named = Finding("missing", what, "it does not exist", _scope(kind))
            found.append(Gap(named, portal.properties(kind), definition))
    return found


def difference(wanted: Field, existing: Mapping[str, Any]) -> str:
    """What an existing property is that the contract's is not, in words; "" where it will do."""
    kind = TYPES[wanted.kind][0]
    if existing.get("type") != kind:
        return f"a {existing.get('type')}, no {kind}"
    options = {option["value"] for option in existing.get("options") or []}
    lacking = [option for option in wanted.options if option not in options]
    if lacking:
        return f"without the options {', '.join(lacking)}"
    if (existing.get("modificationMetadata") or {}).get("readOnlyValue"):
        return "read-only"
    return ""


def _there(portal: Portal, kind: str, **params: str) -> Definitions:
    is_archived = params.get("archived") == "true"
    return {
        found["name"]: found
        for found in portal.listing(portal.properties(kind), **params)
        if bool(found.get("archived")) == is_archived
    }


def _create_unless_there(portal: Portal, path: str, definition: Mapping[str, Any]) -> bool:
    """False where the name is taken; the vendor documents only the status, so only that is looked at."""
    try:
        # A repeated creation answers 409, so asking twice is harmless.
        portal.post(path, Class.IDEMPOTENT, definition)
    except OutcomeUnknown:
        if definition["name"] not in {found["name"] for found in portal.listing(path)}:
            raise
    except Refused as refused:
        if refused.status != 409:
            raise
        return False
    return True


def _check_what_another_made(portal: Portal, contract: Contract, kind: str, gap: Gap) -> None:
    """A name that was free a moment ago: somebody else's is as good, if it is what the contract says."""
    name = gap.definition["name"]
    if name == contract.group:
        return
    there = _there(portal, kind)
    detail = difference(contract.field(name), there[name]) if name in there else "archived"
    if detail:
        raise mismatch(f"the {gap.finding.what}", detail, "what the contract says")


def _create_task_key(portal: Portal, gap: Gap) -> list[str]:
    """What to know about it; some portals block unique properties on tasks."""
    try:
        _create_unless_there(portal, gap.path, gap.definition)
    except Refused as refused:
        if refused.status not in {400, 403}:
            raise
        _create_unless_there(portal, gap.path, {**gap.definition, "hasUniqueValue": False})
    there = _there(portal, TASK)
    if is_usable_key(there.get(gap.definition["name"], {})):
        return []
    return [NO_UNIQUE_TASKS_BUT_OWN if is_usable_key(there.get(OWN_KEY, {})) else NO_UNIQUE_TASKS]


def _scope(kind: str) -> str:
    """Tasks ride on the scopes of contacts."""
    return f"crm.schemas.{'companies' if kind == COMPANY else 'contacts'}.write"


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
