"""Writes to records, one at a time, inside the caller's transaction."""

import json
from typing import Any

from usage_pipeline.sandbox.salesforce import access, ids, records, rules, schema, values
from usage_pipeline.sandbox.salesforce.records import Record
from usage_pipeline.sandbox.salesforce.refusals import RowError
from usage_pipeline.sandbox.store import Store

_PERMISSIONS = ("PermissionSet", "PermissionSetAssignment", "FieldPermissions")


def create(store: Store, kind: str, given: dict[str, Any], *, user: str | None = None, admin: bool = False) -> Record:
    """A new record. An admin sees every field, whatever the permission sets say.

    Raises:
        RowError: when Salesforce would refuse it.
    """
    user = user or store.setting("salesforce_user")
    taken = rules.taken(store, kind, given, "create", admin=admin)
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
    rules.check_meaning(store, kind, taken)
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
    taken = rules.taken(store, record.kind, given, "update", admin=admin)
    known = schema.fields(store, record.kind)
    emptied = [name for name, value in taken.items() if value is None and not known[name.lower()].nillable]
    if emptied:
        raise RowError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(emptied)}]", emptied)
    merged = {**record.fields, **taken}
    rules.check_meaning(store, record.kind, taken)
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


def _derived(store: Store, kind: str, taken: dict[str, Any], now: int) -> dict[str, Any]:
    """What Salesforce fills in itself."""
    if kind in ("Contact", "User"):
        taken["Name"] = " ".join(part for part in (taken.get("FirstName"), taken.get("LastName")) if part)
    if kind == "Opportunity":
        taken["IsClosed"] = str(taken.get("StageName")).startswith("Closed")
        taken["IsWon"] = taken.get("StageName") == "Closed Won"
    if kind == "Contract" and taken.get("StartDate") and taken.get("ContractTerm"):
        taken["EndDate"] = values.months_later(taken["StartDate"], int(taken["ContractTerm"]))
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
            contact = records.find(store, taken["WhoId"])
            taken["AccountId"] = contact.value("AccountId") if contact else None
    return {name: value for name, value in taken.items() if value is not None}


def _claim(store: Store, kind: str, record_id: str, taken: dict[str, Any]) -> None:
    """Index the record's keys; a unique one that is taken names its holder."""
    store.run("DELETE FROM sf_key WHERE id = ?", record_id)
    for field in schema.fields(store, kind).values():
        value = taken.get(field.name)
        if not field.is_key or field.name == "Id" or value is None:
            continue
        indexed = records.key(field, value)
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
