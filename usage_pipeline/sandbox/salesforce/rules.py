"""What may be written to a record: fields that the writer sees, parents that exist, owners who are active."""

from typing import Any

from usage_pipeline.sandbox.salesforce import access, ids, records, schema, values
from usage_pipeline.sandbox.salesforce.refusals import RowError, no_column
from usage_pipeline.sandbox.salesforce.schema import Field
from usage_pipeline.sandbox.store import Store


def taken(store: Store, kind: str, given: dict[str, Any], verb: str, *, admin: bool) -> dict[str, Any]:
    """Values by the fields' own spelling, nested parents replaced by their ids.

    Raises:
        RowError: for a field that the writer does not see or may not write, and for a value that is not one.
    """
    known = schema.fields(store, kind) if admin else access.visible(store, kind)
    editable = set(known) if admin else access.editable(store, kind)
    kept: dict[str, Any] = {}
    refused = []
    for name, value in given.items():
        if name == "attributes":
            continue
        if isinstance(value, dict):
            field, value = _parent(store, kind, known, name, value)  # noqa: PLW2901 - the parent's id stands for it
        else:
            found = known.get(name.lower())
            if found is None:
                raise no_column(name, kind)
            field = found
        may = field.createable if verb == "create" else field.updateable
        if not may or (field.custom and field.name.lower() not in editable):
            refused.append(field.name)
            continue
        kept[field.name] = values.kept(field, value)
    if refused:
        message = (
            f"Unable to create/update fields: {', '.join(refused)}. Please check the security settings of this field and "
            "verify that it is read/write for your profile or permission set."
        )
        raise RowError("INVALID_FIELD_FOR_INSERT_UPDATE", message, refused)
    return kept


def _parent(store: Store, kind: str, known: dict[str, Field], name: str, given: dict[str, Any]) -> tuple[Field, str]:
    """A lookup given by the parent's external id: "What": {"attributes": {"type": "Account"}, "Key__c": "a1"}."""
    field = next((each for each in known.values() if (each.relationship or "").lower() == name.lower()), None)
    if field is None:
        raise no_column(name, kind)
    named = {key: value for key, value in given.items() if key != "attributes"}
    if len(named) != 1:
        raise RowError("INVALID_FIELD", f"Foreign key external ID: not found for field {name} in entity {kind}")
    of = (given.get("attributes") or {}).get("type")
    if field.name in ("WhatId", "WhoId") and of is None:
        raise RowError("INVALID_FIELD", f"The external foreign key reference does not reference a valid entity: {name}")
    target = schema.object_name(of or field.refers_to[0])
    ((lookup, value),) = named.items()
    key_field = access.visible(store, target).get(lookup.lower()) if target else None
    if target not in field.refers_to or target is None or key_field is None or not key_field.is_key:
        raise RowError("INVALID_FIELD", f"No such column '{lookup}' on sobject of type {of or field.refers_to[0]}")
    found = records.by_key(store, target, key_field, str(value))
    if not found:
        raise RowError(
            "INVALID_FIELD",
            f"Foreign key external ID: {str(value).lower()} not found for field {key_field.name} in entity {target}",
        )
    if len(found) > 1:
        raise RowError(
            "INVALID_FIELD", f"More than one record found for external id field: {[each.id for each in found]}"
        )
    return field, found[0].id


def check_meaning(store: Store, kind: str, taken: dict[str, Any]) -> None:
    """References lead somewhere, owners are active, permissions name real fields."""
    for name, value in taken.items():
        field = schema.fields(store, kind)[name.lower()]
        if field.type != "reference" or value is None:
            continue
        full = ids.known(value)
        if full is None or ids.kind_of(full) not in field.refers_to:
            raise RowError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [name])
        target = records.find(store, full)
        if target is None or target.deleted:
            code = "INVALID_CROSS_REFERENCE_KEY" if target is None else "ENTITY_IS_DELETED"
            raise RowError(code, "invalid cross reference id" if target is None else "entity is deleted", [name])
        taken[name] = full
        if name == "OwnerId" and not target.value("IsActive"):
            raise RowError(
                "INACTIVE_OWNER_OR_USER",
                f"operation performed with inactive user [{full}] as owner of {kind.lower()}",
                [name],
            )
    if kind == "FieldPermissions" and "Field" in taken:
        _check_permission(store, taken)
    if kind == "PermissionSetAssignment":
        twin = store.row(
            "SELECT id FROM sf_record WHERE object = ? AND NOT deleted AND json_extract(fields, '$.PermissionSetId') = ? "
            "AND json_extract(fields, '$.AssigneeId') = ?",
            kind,
            taken.get("PermissionSetId"),
            taken.get("AssigneeId"),
        )
        if twin:
            raise RowError(
                "DUPLICATE_VALUE",
                f"duplicate value found: PermissionSetId duplicates value on record with id: {twin['id']}",
            )


def _check_permission(store: Store, taken: dict[str, Any]) -> None:
    holder, _, name = str(taken["Field"]).partition(".")
    spelled = {each.lower(): kind for kind, each in schema.HOLDERS.items()}
    kind = spelled.get(holder.lower()) or schema.object_name(holder)
    field = schema.fields(store, kind).get(name.lower()) if kind else None
    if field is None or str(taken.get("SobjectType", "")).lower() not in (
        str(kind).lower(),
        schema.HOLDERS.get(str(kind), "").lower(),
    ):
        raise RowError(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"Field Name: bad value for restricted picklist field: {taken['Field']}",
            ["Field"],
        )
    if not field.custom or field.required:
        raise RowError("FIELD_INTEGRITY_EXCEPTION", f"{taken['Field']} does not take field-level security", ["Field"])
    if taken.get("PermissionsEdit") and not taken.get("PermissionsRead"):
        raise RowError("FIELD_INTEGRITY_EXCEPTION", "Edit access to a field needs read access", ["PermissionsEdit"])
    twin = store.row(
        "SELECT id FROM sf_record WHERE object = 'FieldPermissions' AND NOT deleted "
        "AND json_extract(fields, '$.ParentId') = ? AND lower(json_extract(fields, '$.Field')) = lower(?)",
        taken["ParentId"],
        taken["Field"],
    )
    if twin:
        raise RowError(
            "DUPLICATE_VALUE", f"duplicate value found: Field duplicates value on record with id: {twin['id']}"
        )
