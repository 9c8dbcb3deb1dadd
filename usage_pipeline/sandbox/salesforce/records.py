"""Records of the organisation: written and read one at a time, inside the caller's transaction."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from usage_pipeline.sandbox.salesforce import access, ids, schema, values
from usage_pipeline.sandbox.salesforce.refusals import RowError, no_column
from usage_pipeline.sandbox.salesforce.schema import Field
from usage_pipeline.sandbox.store import Store


@dataclass(frozen=True)
class Record:
    """One row of one object."""

    id: str
    kind: str
    fields: dict[str, Any]
    created: int
    created_by: str
    modified: int
    modified_by: str
    deleted: bool

    @staticmethod
    def of(row: sqlite3.Row) -> "Record":
        return Record(
            row["id"],
            row["object"],
            json.loads(row["fields"]),
            row["created"],
            row["created_by"],
            row["modified"],
            row["modified_by"],
            bool(row["deleted"]),
        )

    def value(self, field: str) -> Any:
        """A field's value as Salesforce writes it, by its own spelling."""
        system = _SYSTEM.get(field)
        return system(self) if system else self.fields.get(field)


_SYSTEM: dict[str, Callable[[Record], Any]] = {
    "Id": lambda record: record.id,
    "IsDeleted": lambda record: record.deleted,
    "CreatedDate": lambda record: values.written(record.created),
    "CreatedById": lambda record: record.created_by,
    "LastModifiedDate": lambda record: values.written(record.modified),
    "LastModifiedById": lambda record: record.modified_by,
    "SystemModstamp": lambda record: values.written(record.modified),
}

_PERMISSIONS = ("PermissionSet", "PermissionSetAssignment", "FieldPermissions")


def find(store: Store, record_id: str) -> Record | None:
    """A record by id, deleted ones included."""
    full = ids.known(record_id)
    row = store.row("SELECT * FROM sf_record WHERE id = ?", full) if full else None
    return Record.of(row) if row else None


def by_key(store: Store, kind: str, field: Field, value: str) -> list[Record]:
    """Records that are not deleted and hold this value of an indexed field."""
    rows = store.rows(
        "SELECT r.* FROM sf_key k JOIN sf_record r USING (id) WHERE k.object = ? AND k.field = ? AND k.value = ?",
        kind,
        field.name,
        key(field, value),
    )
    return [Record.of(row) for row in rows]


def key(field: Field, value: Any) -> str:
    """A value as it is compared."""
    return str(value) if field.case_sensitive else str(value).lower()


def create(store: Store, kind: str, given: dict[str, Any], *, user: str | None = None, admin: bool = False) -> Record:
    """A new record. An admin sees every field, whatever the permission sets say.

    Raises:
        RowError: when Salesforce would refuse it.
    """
    user = user or store.setting("salesforce_user")
    taken = _checked(store, kind, given, "create", admin=admin)
    for field in schema.fields(store, kind).values():
        if field.default is not None and taken.get(field.name) is None:
            taken[field.name] = field.default
    if "ownerid" in schema.fields(store, kind) and not taken.get("OwnerId"):
        taken["OwnerId"] = user
    missing = [
        field.name
        for field in schema.fields(store, kind).values()
        if not field.nillable and field.createable and taken.get(field.name) is None and field.name != "OwnerId"
    ]
    if missing:
        raise RowError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)
    _check_meaning(store, kind, taken)
    record_id, now = ids.new(store, kind), store.now()
    taken = _derived(store, kind, taken, now)
    _claim(store, kind, record_id, taken)
    store.run(
        "INSERT INTO sf_record VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
        record_id,
        kind,
        json.dumps(taken),
        now,
        user,
        now,
        user,
    )
    if kind in _PERMISSIONS:
        access.changed(store)
    return Record(record_id, kind, taken, now, user, now, user, deleted=False)


def change(
    store: Store, record: Record, given: dict[str, Any], *, user: str | None = None, admin: bool = False
) -> None:
    """Write fields of a record.

    Raises:
        RowError: when Salesforce would refuse it.
    """
    if record.deleted:
        raise RowError("ENTITY_IS_DELETED", "entity is deleted", status=404)
    taken = _checked(store, record.kind, given, "update", admin=admin)
    known = schema.fields(store, record.kind)
    emptied = [name for name, value in taken.items() if value is None and not known[name.lower()].nillable]
    if emptied:
        raise RowError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(emptied)}]", emptied)
    merged = {**record.fields, **taken}
    _check_meaning(store, record.kind, taken)
    merged = {name: value for name, value in merged.items() if value is not None}
    merged = _derived(store, record.kind, merged, store.now())
    if set(taken) & {field.name for field in known.values() if field.is_key}:
        _claim(store, record.kind, record.id, merged)
    store.run(
        "UPDATE sf_record SET fields = ?, modified = ?, modified_by = ? WHERE id = ?",
        json.dumps(merged),
        store.now(),
        user or store.setting("salesforce_user"),
        record.id,
    )
    if record.kind in _PERMISSIONS:
        access.changed(store)


def delete(store: Store, record: Record) -> None:
    if record.deleted:
        raise RowError("ENTITY_IS_DELETED", "entity is deleted", status=404)
    store.run("UPDATE sf_record SET deleted = 1, modified = ? WHERE id = ?", store.now(), record.id)
    store.run("DELETE FROM sf_key WHERE id = ?", record.id)
    if record.kind in _PERMISSIONS:
        access.changed(store)


def _checked(store: Store, kind: str, given: dict[str, Any], verb: str, *, admin: bool) -> dict[str, Any]:
    """Values by the fields' own spelling, nested parents replaced by their ids."""
    known = schema.fields(store, kind) if admin else access.visible(store, kind)
    editable = set(known) if admin else access.editable(store, kind)
    taken: dict[str, Any] = {}
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
        taken[field.name] = values.kept(field, value)
    if refused:
        message = (
            f"Unable to create/update fields: {', '.join(refused)}. Please check the security settings of this field and "
            "verify that it is read/write for your profile or permission set."
        )
        raise RowError("INVALID_FIELD_FOR_INSERT_UPDATE", message, refused)
    return taken


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
    found = by_key(store, target, key_field, str(value))
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


def _check_meaning(store: Store, kind: str, taken: dict[str, Any]) -> None:
    """References lead somewhere, owners are active, permissions name real fields."""
    for name, value in taken.items():
        field = schema.fields(store, kind)[name.lower()]
        if field.type != "reference" or value is None:
            continue
        full = ids.known(value)
        if full is None or ids.kind_of(full) not in field.refers_to:
            raise RowError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [name])
        target = find(store, full)
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


def _derived(store: Store, kind: str, taken: dict[str, Any], now: int) -> dict[str, Any]:
    """What Salesforce fills in itself."""
    if kind in ("Contact", "User"):
        taken["Name"] = " ".join(part for part in (taken.get("FirstName"), taken.get("LastName")) if part)
    if kind == "Task":
        taken["IsClosed"] = taken.get("Status") == "Completed"
        if not taken["IsClosed"]:
            taken.pop("CompletedDateTime", None)
        elif "CompletedDateTime" not in taken:
            taken["CompletedDateTime"] = values.written(now)
        taken.pop("AccountId", None)
        if taken.get("WhatId"):
            taken["AccountId"] = taken["WhatId"]
        elif taken.get("WhoId"):
            contact = find(store, taken["WhoId"])
            taken["AccountId"] = contact.value("AccountId") if contact else None
    return {name: value for name, value in taken.items() if value is not None}


def _claim(store: Store, kind: str, record_id: str, taken: dict[str, Any]) -> None:
    """Index the record's keys; a unique one that is taken names its holder."""
    store.run("DELETE FROM sf_key WHERE id = ?", record_id)
    for field in schema.fields(store, kind).values():
        value = taken.get(field.name)
        if not field.is_key or field.name == "Id" or value is None:
            continue
        indexed = key(field, value)
        if field.unique:
            holder = store.row(
                "SELECT id FROM sf_key WHERE object = ? AND field = ? AND value = ?", kind, field.name, indexed
            )
            if holder:
                raise RowError(
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {field.name} duplicates value on record with id: {holder['id']}",
                    [field.name],
                )
        store.run("INSERT INTO sf_key VALUES (?, ?, ?, ?)", kind, field.name, indexed, record_id)
