"""Mixpanel's raw export: one JSON object per line, `event` and `properties`.

Facts from Mixpanel's documentation. The raw export (mixpanel.com/help/reference/exporting-raw-data):
`properties.time` counts seconds, of UTC or, in a project from before 2023, of the project's local time;
`mp_processing_time_ms` is when Mixpanel took it in, in milliseconds of UTC. Deduplication: what shares
name, time, person and `$insert_id` is one event; the person is left out here, since a later merge
renames them. Identity: `$identify` joins `$anon_id` to `$identified_id`, `$create_alias` gives
`distinct_id` the further name `alias`, `$merge` joins two `$distinct_ids` (original merge); in the
simplified merge an event that has `$device_id` and `$user_id` joins them, and the distinct id of
nobody yet is `$device:` and the device's.
"""

from usage_pipeline.company import Events
from usage_pipeline.events import fields
from usage_pipeline.events.json_lines import Call, asked, stated

_OWN = "properties"
_ACCOUNT = (
    *fields.default(_OWN, "account"),
    *(f"{_OWN}.{name}" for name in ("company_id", "organization_id", "company", "organization")),
)
_SESSION = (f"{_OWN}.$session_id", *fields.default(_OWN, "session"))
# They have columns of their own.
_COLUMNS = tuple(f"{_OWN}.{name}" for name in ("time", "distinct_id", "$insert_id", "$user_id", "$device_id"))
# No part of a device's id.
_DEVICE = "$device:"


def rows(events: Events) -> str:
    """SQL from `looked_at` (line, raw, is_json) to one row per non-blank line, all values as stated."""
    call = Call(_OWN)
    found, used = stated(call, events, _OWN, account=_ACCOUNT, session=_SESSION)

    def own(*names: str) -> str:
        return call.at(*(f"{_OWN}.{name}" for name in names))

    stated_user = call.at(*events.user) if events.user else own("$user_id")
    distinct, time = own("distinct_id"), own("time")
    one, other = own("$distinct_ids.0"), own("$distinct_ids.1")
    columns = {
        "name": call.at("event"),
        **found,
        "device": _bare(own("$device_id")),
        "is_device": f"starts_with({distinct}, '{_DEVICE}') OR {_bare(distinct)} IS NOT DISTINCT FROM device",
        "user_id": f"""CASE name
            WHEN '$identify' THEN coalesce({own("$identified_id")}, {stated_user}, {distinct})
            WHEN '$create_alias' THEN {own("alias")}
            WHEN '$merge' THEN CASE WHEN starts_with({one}, '{_DEVICE}') THEN {other} ELSE {one} END
            ELSE coalesce({stated_user}, CASE WHEN NOT is_device THEN {distinct} END) END""",
        "anonymous_id": f"""CASE name
            WHEN '$identify' THEN coalesce({_bare(own("$anon_id", "$anon_distinct_id"))}, device)
            WHEN '$create_alias' THEN NULL WHEN '$merge' THEN NULL
            ELSE coalesce(device, CASE WHEN is_device THEN {_bare(distinct)} END) END""",
        "previous_id": f"""CASE name WHEN '$create_alias' THEN {_bare(distinct)}
            WHEN '$merge' THEN {_bare(f"CASE WHEN starts_with({one}, '{_DEVICE}') THEN {one} ELSE {other} END")} END""",
        "event_id": f"CASE WHEN {own('$insert_id')} IS NOT NULL THEN concat_ws('/', name, {time}, {own('$insert_id')}) END",
        # As text without a zone: in an old project the seconds are those of local time.
        "ts": f"coalesce(CAST({fields.epoch(time)} AS VARCHAR), {time})",
        "received_at": own("mp_processing_time_ms"),
        "kind": """CASE name WHEN '$identify' THEN 'identify' WHEN '$create_alias' THEN 'alias'
            WHEN '$merge' THEN 'alias' ELSE 'event' END""",
    }
    columns |= asked(
        call,
        events,
        email=(f"{_OWN}.$email", f"{_OWN}.email"),
        user_agent=(f"{_OWN}.$user_agent", f"{_OWN}.user_agent", f"{_OWN}.$browser"),
    )
    return call.rows(columns, own=_OWN, used=(*used, *_COLUMNS))


def _bare(identifier: str) -> str:
    return f"CASE WHEN starts_with({identifier}, '{_DEVICE}') THEN substr({identifier}, {len(_DEVICE) + 1}) ELSE {identifier} END"
