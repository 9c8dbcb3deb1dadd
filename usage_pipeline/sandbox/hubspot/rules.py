"""Rules of the portal's administrators, which hold for the API from 2026-09 on (CRM_APIS 1.1)."""

from typing import Any

from usage_pipeline.sandbox.hubspot import refusals
from usage_pipeline.sandbox.hubspot.asked import Asked
from usage_pipeline.sandbox.store import Store


def check(store: Store, asked: Asked, kind: str, properties: dict[str, Any]) -> None:
    """Refuse a record that a write would leave without a property that the portal requires."""
    if not _hold(store, asked):
        return
    required = store.setting("hubspot_required_properties").get(kind, [])
    missing = [name for name in required if properties.get(name) in (None, "")]
    if missing:
        raise refusals.invalid(
            f"Some required properties were not set: {', '.join(missing)}", context={"properties": missing}
        )


def check_associations(store: Store, asked: Asked) -> None:
    """Refuse where the integration's user may not edit associations."""
    if _hold(store, asked) and not store.setting("hubspot_may_edit_associations"):
        raise refusals.invalid("The user does not have the permission to edit associations")


def _hold(store: Store, asked: Asked) -> bool:
    return bool(asked.is_2026_09 and store.setting("enforce_admin_rules"))
