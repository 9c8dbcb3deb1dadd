"""Records of the portal: created, read, changed and archived one at a time, inside the caller's transaction."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from usage_pipeline.sandbox.hubspot import definitions, refusals, shapes, standard, values
from usage_pipeline.sandbox.store import Store, moment

FIRST_ID = 30_000_000_001
"""Portals of today number records with eleven digits."""
MERGED = "hs_merged_object_ids"


@dataclass(frozen=True)
class Record:
    """One company, contact, deal, task or note."""

    id: int
    kind: str
    properties: dict[str, str]
    created: int
    modified: int
    archived: bool

    @staticmethod
    def of(row: sqlite3.Row) -> "Record":
        properties = json.loads(row["properties"])
        return Record(row["id"], row["type"], properties, row["created"], row["modified"], bool(row["archived"]))


def portal(store: Store) -> int:
    """The portal's number (hub_id), drawn when the state file was made."""
    return int(store.setting("portal_id"))


def find(store: Store, kind: str, key: str, id_property: str | None = None, *, archived: bool = False) -> Record | None:
    """A record by its id or by the value of a unique property.

    Raises:
        Refusal: when the property is not unique, as HubSpot does.
    """
    if id_property and id_property != "hs_object_id":
        check_unique(store, kind, id_property)
        definition = definitions.all_of(store, kind)[id_property]
        row = store.row(
            "SELECT o.* FROM hs_unique u JOIN hs_object o USING (id) WHERE u.type = ? AND u.property = ? AND u.value = ? AND o.archived = ?",
            kind,
            id_property,
            unique_key(definition, key),
            archived,
        )
    elif shapes.fits(key):
        row = store.row("SELECT * FROM hs_object WHERE id = ? AND type = ? AND archived = ?", int(key), kind, archived)
        if row is None and not archived:
            # The id of a record that was merged leads to the one that it became part of.
            row = store.row(
                "SELECT o.* FROM hs_merged m JOIN hs_object o ON o.id = m.into_id "
                "WHERE m.id = ? AND o.type = ? AND NOT o.archived",
                int(key),
                kind,
            )
    else:
        row = None
    return Record.of(row) if row else None


def restored(store: Store, kind: str, key: str, id_property: str) -> Record | None:
    """The archived record that held a unique value, where the portal brings it back (undocumented, CRM_APIS 8.2).

    Raises:
        Refusal: where the portal refuses the value instead.
    """
    how = store.setting("hubspot_archived_upsert")
    if how == "create":
        return None
    row = store.row(
        "SELECT * FROM hs_object WHERE type = ? AND archived AND json_extract(properties, ?) = ? ORDER BY modified DESC",
        kind,
        f"$.{id_property}",
        key,
    )
    if row is None:
        return None
    if how == "refuse":
        message = f"An archived record {row['id']} has that value."
        raise refusals.values_not_valid(
            [refusals.value_not_valid(id_property, message, "CONFLICTING_UNIQUE_VALUE", portal(store))]
        )
    store.run("UPDATE hs_object SET archived = 0, modified = ? WHERE id = ?", store.now(), row["id"])
    record = Record.of(row)
    _claim(store, kind, record.id, record.properties)
    return record


def check_unique(store: Store, kind: str, id_property: str) -> None:
    definition = definitions.all_of(store, kind).get(id_property)
    if definition is None or not definition["hasUniqueValue"]:
        raise refusals.invalid(
            f"Unable to perform update/upsert by non-unique {standard.TYPE_IDS[kind]} property {id_property} in portal ID {portal(store)}"
        )


def unique_key(definition: dict[str, Any], value: str) -> str:
    return value.strip().lower() if definition["name"] == "email" else value


def create(store: Store, kind: str, given: dict[str, Any], *, user: int | None = None) -> Record:
    """A new record, checked as HubSpot checks."""
    properties = _checked(store, kind, given, {})
    missing = [name for name in standard.REQUIRED[kind] if not properties.get(name)]
    if missing:
        raise refusals.invalid(
            f"Error creating {standard.SINGULAR[kind]}. Some required properties were not set.",
            context={"properties": missing},
        )
    if kind == "tasks":
        # What a new task is unless it says otherwise, in HubSpot's own values: a plain task (TODO), not begun.
        properties = {"hs_task_status": "NOT_STARTED", "hs_task_type": "TODO", **properties}
    if kind == "deals":
        # HubSpot's guide of deals: the default pipeline, where none is named.
        properties = {"pipeline": "default", **properties}
    record_id, now = store.number("hs_object", FIRST_ID), store.now()
    properties["hs_object_source_label"] = "INTEGRATION" if user is None else "CRM_UI"
    _claim(store, kind, record_id, properties)
    properties = _derived(properties, now, user)
    store.run("INSERT INTO hs_object VALUES (?, ?, ?, ?, ?, 0)", record_id, kind, json.dumps(properties), now, now)
    _index_later(store, Record(record_id, kind, {}, now, now, archived=False), existed=False)
    return Record(record_id, kind, properties, now, now, archived=False)


def change(store: Store, record: Record, given: dict[str, Any], *, user: int | None = None) -> Record:
    """The record with the given values; "" clears one, null leaves it alone."""
    properties = _checked(store, record.kind, given, record.properties)
    merged = {**record.properties, **properties}
    cleared = [name for name, value in given.items() if value is not None and values.text(value) == ""]
    for name in cleared:
        merged.pop(name, None)
    missing = [name for name in standard.REQUIRED[record.kind] if name in cleared]
    if missing:
        raise refusals.invalid(f"Property {missing[0]} of {standard.SINGULAR[record.kind]} may not be empty")
    _claim(store, record.kind, record.id, merged)
    merged = _derived(merged, store.now(), user)
    store.run(
        "UPDATE hs_object SET properties = ?, modified = ? WHERE id = ?", json.dumps(merged), store.now(), record.id
    )
    _index_later(store, record, existed=True)
    return Record(record.id, record.kind, merged, record.created, store.now(), archived=False)


def archive(store: Store, record: Record) -> None:
    store.run("UPDATE hs_object SET archived = 1, modified = ? WHERE id = ?", store.now(), record.id)
    # Its unique values are free again: an upsert creates a new record (undocumented, CRM_APIS 8.2).
    store.run("DELETE FROM hs_unique WHERE id = ?", record.id)
    _index_later(store, record, existed=True)


def _checked(store: Store, kind: str, given: dict[str, Any], before: dict[str, str]) -> dict[str, str]:
    known = definitions.all_of(store, kind)
    good: dict[str, str] = {}
    problems = []
    for name, value in given.items():
        if value is None:
            continue
        written = values.text(value)
        try:
            definition = _writable(known, name)
            if written != "":
                good[name] = values.kept(definition, written, before.get(name))
                if definition.get("referencedObjectType") == "OWNER":
                    _check_owner(store, written)
        except values.NotValid as problem:
            problems.append(refusals.value_not_valid(name, problem.message, problem.code, portal(store)))
    if problems:
        raise refusals.values_not_valid(problems)
    return good


def _writable(known: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    definition = known.get(name)
    if definition is None:
        raise values.NotValid(f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST")
    if definition["modificationMetadata"]["readOnlyValue"]:
        raise values.NotValid(f'"{name}" is a read only property; its value cannot be set.', "READ_ONLY_VALUE")
    return definition


def _check_owner(store: Store, value: str) -> None:
    owner = shapes.fits(value) and store.row("SELECT 1 FROM hs_owner WHERE id = ? AND NOT archived", int(value))
    if not owner:
        # Deactivated owners are refused [DOC]; the code was not recorded.
        raise values.NotValid(f"Owner {value} does not exist or is deactivated", "INVALID_OWNER_ID")


def _claim(store: Store, kind: str, record_id: int, properties: dict[str, str]) -> None:
    """Take the unique values of a record, or say who has them."""
    store.run("DELETE FROM hs_unique WHERE id = ?", record_id)
    for name, definition in definitions.all_of(store, kind).items():
        value = properties.get(name)
        if not definition["hasUniqueValue"] or not value:
            continue
        key = unique_key(definition, value)
        holder = store.row("SELECT id FROM hs_unique WHERE type = ? AND property = ? AND value = ?", kind, name, key)
        if holder and kind == "contacts" and name == "email":
            raise refusals.refused(409, f"Contact already exists. Existing ID: {holder['id']}", "CONFLICT")
        if holder:
            message = (
                f"Cannot set PropertyValueCoordinates{{portalId={portal(store)}, objectTypeId={standard.TYPE_IDS[kind]}, "
                f"propertyName={name}, value={value}}} on {record_id}. {holder['id']} already has that value."
            )
            raise refusals.values_not_valid(
                [refusals.value_not_valid(name, message, "CONFLICTING_UNIQUE_VALUE", portal(store))]
            )
        store.run("INSERT INTO hs_unique VALUES (?, ?, ?, ?)", kind, name, key, record_id)


def _derived(properties: dict[str, str], now: int, user: int | None) -> dict[str, str]:
    """What HubSpot fills in itself."""
    if properties.get("domain") and not properties.get("website"):
        properties["website"] = properties["domain"]
    if properties.get("hs_task_status") == "COMPLETED":
        properties.setdefault("hs_task_completion_date", moment(now))
    else:
        properties.pop("hs_task_completion_date", None)
    if user is None:
        properties.pop("hs_updated_by_user_id", None)
    else:
        properties["hs_updated_by_user_id"] = str(user)
    return properties


def _index_later(store: Store, before: Record, *, existed: bool) -> None:
    """Search goes on seeing the record as it was, for as long as the search index lags."""
    lag = store.setting("search_lag_seconds")
    if not lag:
        return
    now = store.now()
    store.run("DELETE FROM hs_unindexed WHERE id = ? AND until <= ?", before.id, now)
    seen = json.dumps(before.properties) if existed else None
    store.run(
        "INSERT OR IGNORE INTO hs_unindexed VALUES (?, ?, ?, ?, ?, ?)",
        before.id,
        before.kind,
        seen,
        before.created,
        before.modified,
        now + int(lag * 1000),
    )


def shown(store: Store, record: Record, wanted: list[str] | tuple[str, ...] | None) -> dict[str, Any]:
    """The record as HubSpot answers it; unknown names are left out, unset ones are null."""
    kind, known = record.kind, definitions.all_of(store, record.kind)
    own: dict[str, str | None] = {
        "hs_object_id": str(record.id),
        standard.CREATED[kind]: moment(record.created),
        standard.MODIFIED[kind]: moment(record.modified),
    }
    names = wanted or standard.SHOWN[kind]
    if MERGED in names:
        parts = store.rows("SELECT id FROM hs_merged WHERE into_id = ? ORDER BY id", record.id)
        own[MERGED] = ";".join(str(part["id"]) for part in parts) or None
    properties = {
        name: values.shown(known[name], record.properties.get(name))
        for name in names
        if name in known and name not in own
    }
    return {
        "id": str(record.id),
        "properties": {**properties, **own},
        "createdAt": moment(record.created),
        "updatedAt": moment(record.modified),
        "archived": record.archived,
        "url": f"https://app.hubspot.com/contacts/{portal(store)}/record/{standard.TYPE_IDS[kind]}/{record.id}",
    }
