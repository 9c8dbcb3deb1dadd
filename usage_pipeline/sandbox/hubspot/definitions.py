"""Property definitions and groups of the portal: HubSpot's own and those people added."""

import json
import re
from typing import Any

from usage_pipeline.sandbox.hubspot import refusals, shapes, standard
from usage_pipeline.sandbox.store import Store, moment

FIELD_TYPES = {
    "bool": {"booleancheckbox", "checkbox", "radio", "select", "calculation_equation"},
    "enumeration": {"booleancheckbox", "checkbox", "radio", "select", "calculation_equation"},
    "date": {"date"},
    "datetime": {"date"},
    "number": {"number", "calculation_equation"},
    "string": {"text", "textarea", "html", "file", "phonenumber", "calculation_equation"},
    "phone_number": {"phonenumber"},
}
"""Which fieldType may present which type (validated by HubSpot since February 2021)."""

MOST_UNIQUE = 10
"""Custom unique properties per object type."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_NEEDED = ("name", "label", "type", "fieldType", "groupName")
_CHANGEABLE = (
    "label",
    "description",
    "groupName",
    "type",
    "fieldType",
    "options",
    "displayOrder",
    "hidden",
    "formField",
    "numberDisplayHint",
)


def all_of(store: Store, kind: str) -> dict[str, dict[str, Any]]:
    """Definitions that are not archived, by name."""
    found: dict[str, dict[str, Any]] | None = store.cache.get(("properties", kind))
    if found is None:
        found = dict(standard.PROPERTIES[kind])
        if kind == "tasks" and store.setting("hubspot_task_unique_id") == "unique":
            found[standard.UNIQUE_ID["name"]] = standard.UNIQUE_ID
        for row in store.rows(
            "SELECT name, definition FROM hs_property WHERE type = ? AND NOT archived ORDER BY rowid", kind
        ):
            found[row["name"]] = json.loads(row["definition"])
        store.cache["properties", kind] = found
    return found


def archived(store: Store, kind: str) -> dict[str, dict[str, Any]]:
    """Definitions that somebody archived, by name."""
    rows = store.rows("SELECT name, definition FROM hs_property WHERE type = ? AND archived ORDER BY rowid", kind)
    return {row["name"]: {**json.loads(row["definition"]), "archived": True} for row in rows}


def groups(store: Store, kind: str) -> dict[str, dict[str, Any]]:
    name, label = standard.GROUPS[kind]
    found = {name: {"name": name, "label": label, "displayOrder": 0, "archived": False}}
    for row in store.rows("SELECT name, definition FROM hs_group WHERE type = ? ORDER BY rowid", kind):
        found[row["name"]] = json.loads(row["definition"])
    return found


def create_group(store: Store, kind: str, given: dict[str, Any]) -> dict[str, Any]:
    name, label = shapes.text(given, "name"), shapes.text(given, "label")
    if not name or not label:
        raise refusals.invalid("Some required fields were not set: [name, label]")
    if name in groups(store, kind):
        raise refusals.taken(store, f'A property group named "{name}" already exists.')
    order = shapes.whole(given, "displayOrder", -1)
    group = {"name": name, "label": label, "displayOrder": order, "archived": False}
    store.run("INSERT INTO hs_group VALUES (?, ?, ?)", kind, name, json.dumps(group))
    return group


def create(store: Store, kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """Add a property to the portal."""
    _check_new(store, kind, given)
    name = given["name"]
    now = moment(store.now())
    definition = {
        "updatedAt": now,
        "createdAt": now,
        "name": name,
        "label": given["label"],
        "type": given["type"],
        "fieldType": given["fieldType"],
        "description": shapes.text(given, "description") or "",
        "groupName": given["groupName"],
        "options": _options(given),
        "displayOrder": shapes.whole(given, "displayOrder", -1),
        "calculated": False,
        "externalOptions": False,
        "archived": False,
        "hasUniqueValue": bool(given.get("hasUniqueValue")),
        "hidden": bool(given.get("hidden")),
        "hubspotDefined": False,
        "formField": bool(given.get("formField")),
        "dataSensitivity": "non_sensitive",
        "modificationMetadata": {
            "archivable": True,
            "readOnlyDefinition": False,
            "readOnlyOptions": False,
            "readOnlyValue": False,
        },
    }
    if given.get("numberDisplayHint"):
        definition["numberDisplayHint"] = shapes.text(given, "numberDisplayHint")
    store.run("INSERT INTO hs_property VALUES (?, ?, ?, 0)", kind, name, json.dumps(definition))
    store.cache.pop(("properties", kind), None)
    return definition


def _check_new(store: Store, kind: str, given: dict[str, Any]) -> None:
    missing = [key for key in _NEEDED if not shapes.text(given, key)]
    if missing:
        raise refusals.invalid(
            f"Invalid input JSON: Some required fields were not set: [{', '.join(missing)}]",
            errors=[{"message": f"{key} is required", "in": key} for key in missing],
        )
    name = str(given["name"])
    if not _NAME.fullmatch(name):
        raise refusals.invalid(
            f'Property name "{name}" is not valid: it must start with a letter and hold at most 100 lower-case letters, digits and underscores'
        )
    _check_types(given["type"], given["fieldType"])
    if given["groupName"] not in groups(store, kind):
        raise refusals.invalid(f'Property group "{given["groupName"]}" does not exist for {standard.SINGULAR[kind]}')
    archived = store.row("SELECT 1 FROM hs_property WHERE type = ? AND name = ? AND archived", kind, name)
    if archived or name in all_of(store, kind):
        state = "archived property" if archived else "property"
        raise refusals.taken(store, f'An {state} named "{name}" already exists.')
    if given.get("hasUniqueValue"):
        _check_unique(store, kind, given)


def _check_types(type_: str, field_type: str) -> None:
    if type_ not in FIELD_TYPES:
        raise refusals.invalid(
            f'Invalid input JSON: "{type_}" is none of the enum values: [{", ".join(sorted(FIELD_TYPES))}]'
        )
    if field_type not in FIELD_TYPES[type_]:
        allowed = ", ".join(sorted(FIELD_TYPES[type_]))
        raise refusals.invalid(f'fieldType "{field_type}" is not valid for type "{type_}"; valid ones are [{allowed}]')


def _check_unique(store: Store, kind: str, given: dict[str, Any]) -> None:
    if kind == "tasks" and store.setting("tasks_unique_property") == "blocked":
        # One live portal refused it (CRM_APIS 2.6); its words were not recorded.
        raise refusals.invalid("hasUniqueValue is not supported for properties of TASK in this portal")
    unique = [each for each in all_of(store, kind).values() if each["hasUniqueValue"] and not each["hubspotDefined"]]
    if len(unique) >= MOST_UNIQUE:
        raise refusals.invalid(f"The limit of {MOST_UNIQUE} unique properties of {standard.SINGULAR[kind]} is reached")
    if given["type"] not in ("string", "number"):
        raise refusals.invalid(f'hasUniqueValue is not possible for type "{given["type"]}"')


def _options(given: dict[str, Any]) -> list[dict[str, Any]]:
    options = [
        {
            "label": shapes.text(option, "label") or _value_of(option),
            "value": _value_of(option),
            "description": shapes.text(option, "description"),
            "displayOrder": shapes.whole(option, "displayOrder", at),
            "hidden": bool(option.get("hidden")),
        }
        for at, option in enumerate(shapes.many(given, "options"))
    ]
    if given["type"] == "bool" and not options:
        raise refusals.invalid("A bool property needs the options true and false")
    values = [option["value"] for option in options]
    if len(set(values)) < len(values):
        raise refusals.invalid("Property option values must be unique")
    return options


def _value_of(option: dict[str, Any]) -> str:
    value = shapes.text(option, "value")
    if value is None:
        raise refusals.invalid("Invalid input JSON: Some required fields were not set: [value]")
    return value


def change(store: Store, kind: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Alter what may be altered: never the name, never hasUniqueValue."""
    definition = all_of(store, kind).get(name)
    if definition is None:
        raise missing(kind, name)
    if definition["modificationMetadata"]["readOnlyDefinition"]:
        raise refusals.invalid(f'Property "{name}" is defined by HubSpot and cannot be changed')
    for key in (*_NEEDED, "description", "numberDisplayHint"):
        shapes.text(given, key)
    changed = {
        **definition,
        **{key: given[key] for key in _CHANGEABLE if key in given},
        "updatedAt": moment(store.now()),
    }
    _check_types(changed["type"], changed["fieldType"])
    if "options" in given:
        changed["options"] = _options(changed)
    store.run("UPDATE hs_property SET definition = ? WHERE type = ? AND name = ?", json.dumps(changed), kind, name)
    store.cache.pop(("properties", kind), None)
    return changed


def archive(store: Store, kind: str, name: str) -> None:
    """Hide a property; its name stays taken."""
    if name in standard.PROPERTIES[kind]:
        raise refusals.invalid(f'Property "{name}" is defined by HubSpot and cannot be archived')
    store.run("UPDATE hs_property SET archived = 1 WHERE type = ? AND name = ?", kind, name)
    store.cache.pop(("properties", kind), None)


def missing(kind: str, name: str) -> Exception:
    return refusals.refused(404, f'Property "{name}" of {standard.SINGULAR[kind]} does not exist', "OBJECT_NOT_FOUND")
