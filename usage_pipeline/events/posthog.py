"""PostHog's batch export: one event per JSON line or Parquet row.

Facts from PostHog's documentation and code. Batch exports (posthog.com/docs/cdp/batch-exports/s3): the
fields; times are UTC; in Parquet `properties` and `person_properties` are JSON as text; `timestamp` is
already set right by `sent_at`; `created_at` is when PostHog took the event in. Its clients: before
somebody is identified `distinct_id` is the device's id and `$is_identified` false; `$identify` names
`$anon_distinct_id`; `$groups` holds a key per group type; `$groupidentify` speaks of one
(`$group_type`, `$group_key`), from a server in the name of a person `$TYPE_KEY` whom nobody is. Its
ingestion: `$create_alias` and `$merge_dangerously` make `alias` part of the event's `distinct_id`.
"""

from usage_pipeline.company import Events
from usage_pipeline.events import fields
from usage_pipeline.events.json_lines import Call, asked, stated

_OWN = "properties"
_GROUPS = ("account", "company", "organization")
_ACCOUNT = (*(f"{_OWN}.$groups.{group}" for group in _GROUPS), *fields.default(_OWN, "account"))
_SESSION = (f"{_OWN}.$session_id", *fields.default(_OWN, "session"))


def rows(events: Events) -> str:
    """SQL from `looked_at` (line, raw, is_json) to one row per non-blank line, all values as stated."""
    call = Call(_OWN, "person_properties")
    found, used = stated(call, events, _OWN, account=_ACCOUNT, session=_SESSION)

    def own(name: str) -> str:
        return call.at(f"{_OWN}.{name}")

    places = [fields.pointer(place) for place in events.account or _ACCOUNT]
    start = fields.pointer(f"{_OWN}.$groups") + "/"
    groups = ", ".join(fields.text(place.removeprefix(start)) for place in places if place.startswith(start)) or "NULL"
    distinct, device = call.at("distinct_id"), own("$device_id")
    columns = {
        "name": call.at("event"),
        "is_group": "name IS NOT DISTINCT FROM '$groupidentify'",
        "is_nobody": f"is_group AND {distinct} IS NOT DISTINCT FROM concat('$', {own('$group_type')}, '_', {own('$group_key')})",
        # These name whoever it turns out to be, while the client still says that nobody is identified.
        "is_device": f"name NOT IN ('$identify', '$create_alias', '$merge_dangerously') "
        f"AND ({distinct} IS NOT DISTINCT FROM {device} OR {own('$is_identified')} IS NOT DISTINCT FROM 'false')",
        **found,
        "account_id": f"CASE WHEN is_group AND {own('$group_type')} IN ({groups}) THEN {own('$group_key')} "
        f"WHEN is_group AND is_nobody THEN NULL ELSE {found['account_id']} END",
        "user_id": (
            call.at(*events.user) if events.user else f"CASE WHEN NOT is_device AND NOT is_nobody THEN {distinct} END"
        ),
        "anonymous_id": f"""CASE WHEN name = '$identify' THEN coalesce({own("$anon_distinct_id")}, {device})
            WHEN is_device OR (is_nobody AND account_id IS NULL) THEN {distinct} ELSE {device} END""",
        "previous_id": f"CASE WHEN name IN ('$create_alias', '$merge_dangerously') THEN {own('alias')} END",
        "event_id": call.at("uuid"),
        "ts": call.at("timestamp"),
        "received_at": call.at("created_at", "_inserted_at", "inserted_at"),
        "kind": """CASE WHEN name IN ('$create_alias', '$merge_dangerously') THEN 'alias'
            WHEN is_group AND account_id IS NOT NULL THEN
                CASE WHEN coalesce(user_id, anonymous_id) IS NULL THEN 'account' ELSE 'group' END
            WHEN is_group OR name IN ('$identify', '$set') THEN 'identify'
            ELSE 'event' END""",
    }
    columns |= asked(
        call,
        events,
        email=("person_properties.email", f"{_OWN}.$set.email", f"{_OWN}.email"),
        user_agent=(f"{_OWN}.$raw_user_agent", f"{_OWN}.$useragent", f"{_OWN}.$user_agent"),
    )
    return call.rows(columns, own=_OWN, used=used)
