"""The Tooling API: making custom fields, and asking which there are (CRM_APIS 4.4)."""

import json
import re
from collections.abc import Callable
from typing import Any

from usage_pipeline.sandbox.exchange import Call, Reply
from usage_pipeline.sandbox.salesforce import access, conditions, ids, query, refusals, schema, sobjects, soql
from usage_pipeline.sandbox.salesforce.refusals import RowError
from usage_pipeline.sandbox.salesforce.schema import Field
from usage_pipeline.sandbox.store import Store

MOST_EXTERNAL_IDS = 25

_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")


def create_field(store: Store, call: Call, version: str) -> Reply:  # noqa: ARG001
    given = sobjects.body_of(call)
    field_id = add_field(store, str(given.get("FullName") or ""), given.get("Metadata") or {})
    return Reply(201, {"id": field_id, "success": True, "errors": [], "warnings": [], "infos": []})


def add_field(store: Store, full_name: str, metadata: dict[str, Any]) -> str:
    """Define `Account.Churn_Score__c`; nobody sees it until a permission set shows it.

    Raises:
        RowError: when Salesforce would refuse it.
    """
    holder, _, name = full_name.partition(".")
    kind = _holder(holder)
    if not _NAME.fullmatch(name) or len(name) > 43:
        raise RowError("INVALID_FULLNAME", f"Invalid fullName, must end in a custom suffix (e.g. __c): {full_name}")
    _check(store, kind, name, metadata)
    field_id = ids.new(store, "CustomField")
    store.run("INSERT INTO sf_field VALUES (?, ?, ?, ?)", field_id, kind, name, json.dumps(metadata))
    access.changed(store)
    return field_id


def _holder(spelling: str) -> str:
    """The object on which a field is defined: a task's is Activity."""
    if spelling.lower() == "activity":
        return "Activity"
    kind = schema.object_name(spelling)
    if kind is None or kind in schema.HOLDERS:
        raise RowError("INVALID_FULLNAME", f"Entity of type '{spelling}' does not take custom fields")
    return kind


def _check(store: Store, kind: str, name: str, metadata: dict[str, Any]) -> None:
    taken = store.row("SELECT 1 FROM sf_field WHERE object = ? AND name = ?", kind, name)
    if taken:
        message = f"There is already a field named {name.removesuffix('__c')} on {kind}."
        raise RowError("DUPLICATE_DEVELOPER_NAME", message, ["DeveloperName"])
    made_as = metadata.get("type")
    if made_as not in schema.METADATA_TYPES:
        raise RowError(
            "FIELD_INTEGRITY_EXCEPTION", f"A custom field needs a type that exists, not {made_as}", ["Metadata"]
        )
    if not metadata.get("label"):
        raise RowError("REQUIRED_FIELD_MISSING", "Required fields are missing: [Label]", ["Metadata"])
    needed = {
        "Text": ("length",),
        "LongTextArea": ("length", "visibleLines"),
        "Html": ("length", "visibleLines"),
        "Number": ("precision", "scale"),
        "Percent": ("precision", "scale"),
        "Currency": ("precision", "scale"),
        "Checkbox": ("defaultValue",),
        "Picklist": ("valueSet",),
        "MultiselectPicklist": ("valueSet", "visibleLines"),
    }
    for key in needed.get(made_as, ()):
        if metadata.get(key) is None:
            raise RowError(
                "FIELD_INTEGRITY_EXCEPTION", f"Must specify '{key}' for a CustomField of type {made_as}", ["Metadata"]
            )
    _check_size(made_as, metadata)
    if metadata.get("unique") and made_as not in ("Text", "Number", "Email"):
        raise RowError("FIELD_INTEGRITY_EXCEPTION", f"A field of type {made_as} can not be unique", ["Metadata"])
    if metadata.get("externalId"):
        rows = store.rows("SELECT metadata FROM sf_field WHERE object = ?", kind)
        if sum(bool(json.loads(row["metadata"]).get("externalId")) for row in rows) >= MOST_EXTERNAL_IDS:
            raise RowError(
                "FIELD_INTEGRITY_EXCEPTION",
                f"{kind} has {MOST_EXTERNAL_IDS} external id fields, the limit",
                ["Metadata"],
            )


def _check_size(made_as: str, metadata: dict[str, Any]) -> None:
    length, precision, scale = (int(metadata.get(key) or 0) for key in ("length", "precision", "scale"))
    if made_as == "Text" and not 1 <= length <= 255:
        raise RowError("FIELD_INTEGRITY_EXCEPTION", "The length of a Text field lies between 1 and 255", ["Metadata"])
    if made_as in ("LongTextArea", "Html") and not 256 <= length <= 131_072:
        raise RowError(
            "FIELD_INTEGRITY_EXCEPTION", f"The length of a {made_as} field lies between 256 and 131072", ["Metadata"]
        )
    if precision > 18 or scale > precision:
        raise RowError("FIELD_INTEGRITY_EXCEPTION", "Precision is at most 18 and not less than scale", ["Metadata"])


def read_field(store: Store, call: Call, version: str, record: str) -> Reply:  # noqa: ARG001
    row = store.row("SELECT * FROM sf_field WHERE id = ?", ids.known(record))
    if row is None:
        raise refusals.not_found()
    metadata = json.loads(row["metadata"])
    return Reply(
        200,
        {
            **_field_row(row["id"], row["object"], row["name"]),
            "FullName": f"{row['object']}.{row['name']}",
            "Metadata": metadata,
        },
    )


def change_field(store: Store, call: Call, version: str, record: str) -> Reply:  # noqa: ARG001
    row = store.row("SELECT * FROM sf_field WHERE id = ?", ids.known(record))
    if row is None:
        raise refusals.not_found()
    before, after = json.loads(row["metadata"]), sobjects.body_of(call).get("Metadata") or {}
    if after.get("type", before["type"]) != before["type"]:
        raise refusals.refused(
            400, "FIELD_INTEGRITY_EXCEPTION", f"Cannot change the type of {row['name']}", ["Metadata"]
        )
    store.run("UPDATE sf_field SET metadata = ? WHERE id = ?", json.dumps({**before, **after}), row["id"])
    access.changed(store)
    return Reply(204)


def ask(store: Store, call: Call, version: str) -> Reply:
    """A query over definitions: CustomField, EntityDefinition, FieldDefinition."""
    tree = soql.parse(call.query.get("q", ""))
    tables: dict[str, Callable[[Store], list[dict[str, Any]]]] = {
        "customfield": _custom_fields,
        "entitydefinition": _entities,
        "fielddefinition": _field_definitions,
    }
    table = tables.get(tree.object.lower())
    if table is None:
        return query.query(store, call, version)
    rows = table(store)
    spelled = {name.lower(): name for name in rows[0]} if rows else {}

    def bind(path: str) -> tuple[str, Field]:
        name = path if not rows else spelled.get(path.lower())
        if name is None:
            raise refusals.refused(400, "INVALID_FIELD", f"No such column '{path}' on entity '{tree.object}'.")
        return name, Field(name, name, "boolean" if rows and isinstance(rows[0].get(name), bool) else "string")

    if tree.where is not None:
        holds = conditions.test(tree.where, bind, store.now())
        rows = [row for row in rows if holds(row.get)]
    rows = query.ordered(rows, tree, lambda row, path: row[bind(path)[0]])
    if not tree.paths:
        return Reply(200, {"size": len(rows), "totalSize": len(rows), "done": True, "records": []})
    paths = [bind(path)[0] for path in tree.paths]
    shown = [_shown(tree.object, version, row, paths) for row in rows]
    return Reply(
        200,
        {
            "size": len(shown),
            "totalSize": len(shown),
            "done": True,
            "queryLocator": None,
            "entityTypeName": tree.object,
            "records": shown,
        },
    )


def _shown(table: str, version: str, row: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    key = row.get("Id") or row.get("DurableId")
    shown: dict[str, Any] = {
        "attributes": {"type": table, "url": f"/services/data/v{version}/tooling/sobjects/{table}/{key}"}
    }
    for path in paths:
        first, _, rest = path.partition(".")
        if rest:
            shown.setdefault(first, {"attributes": {"type": "EntityDefinition"}})[rest] = row[path]
        else:
            shown[first] = row[first]
    return shown


def _field_row(field_id: str, kind: str, name: str) -> dict[str, Any]:
    return {
        "Id": field_id,
        "DeveloperName": name.removesuffix("__c"),
        "TableEnumOrId": kind,
        "EntityDefinitionId": kind,
        "EntityDefinition.QualifiedApiName": kind,
        "NamespacePrefix": None,
        "ManageableState": "unmanaged",
    }


def _custom_fields(store: Store) -> list[dict[str, Any]]:
    return [
        _field_row(row["id"], row["object"], row["name"]) for row in store.rows("SELECT * FROM sf_field ORDER BY id")
    ]


def _entities(store: Store) -> list[dict[str, Any]]:  # noqa: ARG001 - the tables share one signature
    return [
        {
            "DurableId": kind,
            "QualifiedApiName": kind,
            "DeveloperName": kind,
            "Label": label,
            "KeyPrefix": ids.PREFIXES.get(kind),
            "IsCustomizable": kind in ("Account", "Contact", "Activity", "Task", "User"),
        }
        for kind, label in (*schema.LABELS.items(), ("Activity", "Activity"))
    ]


def _field_definitions(store: Store) -> list[dict[str, Any]]:
    return [
        {
            "DurableId": f"{kind}.{field.name}",
            "QualifiedApiName": field.name,
            "DeveloperName": field.name.removesuffix("__c"),
            "Label": field.label,
            "DataType": field.type,
            "Length": field.length,
            "EntityDefinitionId": kind,
            "EntityDefinition.QualifiedApiName": kind,
        }
        for kind in schema.LABELS
        for field in schema.fields(store, kind).values()
    ]
