"""What a test or a person may set of this organisation, with what holds until then."""

from typing import Any

from usage_pipeline.sandbox import store

DEFAULTS: dict[str, Any] = {
    # PEM texts: whoever holds one of their keys may log in by JWT bearer
    "salesforce_jwt_certificates": [],
    # calls that one session lives through; 0: it ends with its time alone
    "salesforce_session_calls": 0,
    # an organisation of this size answers 25 long requests at once; how many of others' run now
    "salesforce_concurrent_limit": 25,
    "salesforce_long_requests": 0,
    # {record id: how many writes to it or its tasks meet a lock}; "*" is any record
    "salesforce_locked": {},
    # polls of a closed Bulk job before its first row is processed, and rows that each further one processes
    "bulk_idle_polls": 1,
    "bulk_rows_per_poll": 50_000,
    # how much of a Bulk job is processed before `bulk_fate` strikes it
    "bulk_percent_before_end": 50,
}

# They stand here, beside what they switch; the control API knows one list of settings.
store.DEFAULTS.update(DEFAULTS)
