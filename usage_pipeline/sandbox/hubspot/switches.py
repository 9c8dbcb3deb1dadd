"""What the vendor leaves open about HubSpot, as switches of `POST /_sandbox/settings` (CRM_APIS 8)."""

from typing import Any

DEFAULTS: dict[str, Any] = {
    # an upsert whose unique value an archived record holds: "create" a new one, "restore" it, or "refuse"
    "hubspot_archived_upsert": "create",
    # whether tasks have HubSpot's own hs_unique_id, unique and writable: "absent" or "unique"
    "hubspot_task_unique_id": "absent",
    # how many later reads of associations do not see a new one yet
    "hubspot_association_lag": 0,
    # the category of a 409 for a name that is taken: "object_already_exists", "conflict" or "bare" (none)
    "hubspot_taken_category": "object_already_exists",
    # from 2026-09 on the portal's own rules hold for the API, too: required properties by object type,
    # and whether the integration's user may edit associations
    "enforce_admin_rules": False,
    "hubspot_required_properties": {},
    "hubspot_may_edit_associations": True,
}
