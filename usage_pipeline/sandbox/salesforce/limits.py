"""How many calls an organisation answers: in a day, and of long requests at once (CRM_APIS 3.3)."""

import time

from usage_pipeline.sandbox.exchange import Call, Reply
from usage_pipeline.sandbox.salesforce import refusals
from usage_pipeline.sandbox.store import Store

_DAY = 86_400


def count(store: Store) -> None:
    """One more call in the last 24 hours by the wall clock."""
    now = time.time()
    while store.calls and store.calls[0] <= now - _DAY:
        store.calls.popleft()
    store.calls.append(now)


def usage(store: Store) -> str:
    """What the header of every answer tells."""
    most = store.setting("salesforce_daily_limit")
    return f"api-usage={min(len(store.calls), most)}/{most}"


def exceeded(store: Store) -> Reply | None:
    """The answer where a limit is met. An answer, not a refusal, which would undo what it changes here."""
    if len(store.calls) > store.setting("salesforce_daily_limit"):
        return refusals.refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.").reply
    long = store.setting("salesforce_long_requests")
    if long < store.setting("salesforce_concurrent_limit"):
        return None
    # Whoever is refused and comes again finds that one of the long requests has ended.
    store.set("salesforce_long_requests", long - 1)
    return refusals.refused(
        403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    ).reply


def told(store: Store, call: Call, version: str) -> Reply:  # noqa: ARG001
    """`GET /limits`."""
    most = store.setting("salesforce_daily_limit")
    return Reply(
        200,
        {
            "DailyApiRequests": {"Max": most, "Remaining": max(0, most - len(store.calls))},
            "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
            "DataStorageMB": {"Max": 10_240, "Remaining": 10_000},
        },
    )
