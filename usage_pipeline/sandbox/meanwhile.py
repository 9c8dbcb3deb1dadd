"""What people do to a CRM while a request is on its way: each act can be mended, but for what is gone for good.

An act gives the name of what it touched, for the API log.
"""

from usage_pipeline.sandbox import mending
from usage_pipeline.sandbox.hubspot import definitions
from usage_pipeline.sandbox.hubspot import records as hubspot_records
from usage_pipeline.sandbox.salesforce import access, schema
from usage_pipeline.sandbox.salesforce import records as salesforce_records
from usage_pipeline.sandbox.salesforce import writing as salesforce_writing
from usage_pipeline.sandbox.store import Store

_HUBSPOT_ROWS = (("hs_object", "id"), ("hs_unique", "id"), ("hs_association", "from_id"), ("hs_association", "to_id"))


def archive_in_hubspot(store: Store, record: hubspot_records.Record) -> str:
    for table in ("hs_object", "hs_unique"):
        mending.keep(store, table, "id = ?", record.id)
    hubspot_records.archive(store, record)
    return f"{record.kind} {record.id}"


def delete_in_hubspot(store: Store, record: hubspot_records.Record) -> str:
    """For good, as a request under a privacy law does it: not even `archived=true` finds it."""
    for table, column in _HUBSPOT_ROWS:
        store.run(f"DELETE FROM {table} WHERE {column} = ?", record.id)
    return f"{record.kind} {record.id}"


def archive_property(store: Store, kind: str, name: str) -> str:
    mending.keep(store, "hs_property", "type = ? AND name = ?", kind, name)
    definitions.archive(store, kind, name)
    return f"{kind}.{name}"


def take_scope(store: Store, scope: str) -> str:
    mending.keep_setting(store, "hubspot_missing_scopes")
    store.set("hubspot_missing_scopes", [*store.setting("hubspot_missing_scopes"), scope])
    return scope


def deactivate_owner(store: Store, owner: str) -> str:
    mending.keep(store, "hs_owner", "id = ?", int(owner))
    store.run("UPDATE hs_owner SET archived = 1 WHERE id = ?", int(owner))
    return f"owner {owner}"


def delete_in_salesforce(store: Store, record: salesforce_records.Record) -> str:
    """Into the recycle bin: `queryAll` still sees it."""
    for table in ("sf_record", "sf_key"):
        mending.keep(store, table, "id = ?", record.id)
    salesforce_writing.delete(store, record)
    return f"{record.kind} {record.id}"


def purge_in_salesforce(store: Store, record: salesforce_records.Record) -> str:
    """Out of the recycle bin too."""
    salesforce_writing.delete(store, record)
    store.run("DELETE FROM sf_record WHERE id = ?", record.id)
    return f"{record.kind} {record.id}"


def hide_field(store: Store, kind: str, name: str) -> str:
    """Every permission set stops showing the field."""
    spelled = sorted({f"{kind}.{name}".lower(), f"{schema.HOLDERS.get(kind, kind)}.{name}".lower()})
    marks = ", ".join("?" * len(spelled))
    condition = f"object = 'FieldPermissions' AND NOT deleted AND lower(json_extract(fields, '$.Field')) IN ({marks})"
    mending.keep(store, "sf_record", condition, *spelled)
    store.run(f"UPDATE sf_record SET deleted = 1 WHERE {condition}", *spelled)
    access.changed(store)
    return f"{kind}.{name}"


def delete_field(store: Store, kind: str, name: str) -> str:
    of = (schema.HOLDERS.get(kind, kind), name)
    mending.keep(store, "sf_field", "object = ? AND name = ?", *of)
    store.run("DELETE FROM sf_field WHERE object = ? AND name = ?", *of)
    return hide_field(store, kind, name)


def deactivate_user(store: Store, user: str) -> str:
    mending.keep(store, "sf_record", "id = ?", user)
    store.run("UPDATE sf_record SET fields = json_set(fields, '$.IsActive', json('false')) WHERE id = ?", user)
    return f"user {user}"
