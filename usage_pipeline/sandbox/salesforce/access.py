"""Who asks, and which fields they may see: a field made by API is hidden until a permission set shows it."""

from usage_pipeline.sandbox.salesforce import schema
from usage_pipeline.sandbox.salesforce.schema import Field
from usage_pipeline.sandbox.store import Store


def visible(store: Store, kind: str) -> dict[str, Field]:
    """Fields that the integration user may read, by lower-case name."""
    found: dict[str, Field] | None = store.cache.get(("visible", kind))
    if found is None:
        granted = _granted(store, kind, "PermissionsRead")
        found = {
            name: each
            for name, each in schema.fields(store, kind).items()
            if not each.custom or each.required or name in granted
        }
        store.cache["visible", kind] = found
    return found


def editable(store: Store, kind: str) -> set[str]:
    """Lower-case names of the custom fields that the integration user may write."""
    found: set[str] | None = store.cache.get(("editable", kind))
    if found is None:
        found = _granted(store, kind, "PermissionsEdit")
        found |= {name for name, each in schema.fields(store, kind).items() if each.required}
        store.cache["editable", kind] = found
    return found


def _granted(store: Store, kind: str, permission: str) -> set[str]:
    """Fields shown by a permission set that is assigned to the integration user."""
    rows = store.rows(
        "SELECT json_extract(f.fields, '$.Field') FROM sf_record f "
        "JOIN sf_record a ON a.object = 'PermissionSetAssignment' AND NOT a.deleted "
        "AND json_extract(a.fields, '$.PermissionSetId') = json_extract(f.fields, '$.ParentId') "
        "AND json_extract(a.fields, '$.AssigneeId') = ? "
        f"WHERE f.object = 'FieldPermissions' AND NOT f.deleted AND json_extract(f.fields, '$.{permission}')",
        store.setting("salesforce_user"),
    )
    # A task's custom field is granted under Task or under Activity: which of them an organisation takes was not recorded.
    holders = {kind.lower(), schema.HOLDERS.get(kind, kind).lower()}
    parts = [row[0].lower().partition(".") for row in rows]
    return {name for holder, _, name in parts if holder in holders}


def changed(store: Store) -> None:
    """Forget what was known about fields and permissions."""
    for key in [key for key in store.cache if key[0] in ("visible", "editable", "fields")]:
        del store.cache[key]
