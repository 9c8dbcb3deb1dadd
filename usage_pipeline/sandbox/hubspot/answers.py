"""What every batch answers, whether of records, associations or properties (CRM_APIS 2.1)."""

from typing import Any

from usage_pipeline.sandbox.exchange import Reply
from usage_pipeline.sandbox.hubspot.asked import Asked
from usage_pipeline.sandbox.store import Store, moment


def batch(store: Store, asked: Asked, done: list[Any], errors: list[dict[str, Any]], *, status: int) -> Reply:
    """Results, and the errors of rows that failed alone: 207, or `status` where the version knows no 207."""
    now = moment(store.now())
    body: dict[str, Any] = {
        "status": "COMPLETE",
        "results": done,
        "requestedAt": now,
        "startedAt": now,
        "completedAt": now,
    }
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
        if _shows_multi_status(store, asked):
            status = 207
    return Reply(status, body)


def _shows_multi_status(store: Store, asked: Asked) -> bool:
    """Whether partial success is a 207 here; whether 2026-09 still sends it is not known (CRM_APIS 8.3)."""
    how = store.setting("multi_status")
    return how == "always" or (how == "by_version" and not asked.is_2026_09)
