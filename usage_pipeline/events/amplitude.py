"""Amplitude's export: a zip of gzip files of JSON lines, or those files themselves.

Facts from Amplitude's documentation. The Export API (amplitude.com/docs/apis/analytics/export): the
fields, all times UTC without a zone, one object per line, zipped. The HTTP API: what a device sends
twice with one `insert_id` is one event, session -1 is none, and `event_time` is `client_event_time`
plus `server_received_time - client_upload_time`. Exported files show the rest: the values of `groups`
are lists, the insert id is `$insert_id`, `$identify` and `$groupidentify` are event types.
"""

from usage_pipeline.company import Events
from usage_pipeline.events import fields
from usage_pipeline.events.json_lines import Call, asked, stated

_OWN = "event_properties"
_ACCOUNT = (
    "groups.account",
    "groups.company",
    "groups.organization",
    # As Segment's destination names it.
    "groups.[Segment] Group",
    *fields.default(_OWN, "account"),
    *fields.default("user_properties", "account"),
)


def rows(events: Events) -> str:
    """SQL from `looked_at` (line, raw, is_json) to one row per non-blank line, all values as stated."""
    call = Call(_OWN, "user_properties", "groups")
    found, used = stated(call, events, _OWN, account=_ACCOUNT, session=("session_id",))
    device = call.at("device_id", "amplitude_id")
    insert_id = call.at("$insert_id", "insert_id")
    received = call.at("server_received_time", "server_upload_time")
    event_time = call.at("event_time")
    created = call.at("client_event_time")
    skewed = fields.corrected(created, call.at("client_upload_time"), received)
    columns = {
        "name": call.at("event_type"),
        **found,
        "user_id": call.at(*(events.user or ("user_id",))),
        "anonymous_id": device,
        "previous_id": "NULL::VARCHAR",
        # One insert id of two devices is two events.
        "event_id": f"CASE WHEN {insert_id} IS NULL THEN {call.at('uuid')} ELSE concat_ws('/', {device}, {insert_id}) END",
        "ts": fields.unless(event_time, f"coalesce({skewed}, {created})"),
        "received_at": received,
        "kind": """CASE name WHEN '$identify' THEN 'identify'
            WHEN '$groupidentify' THEN CASE WHEN account_id IS NULL THEN 'identify'
                WHEN coalesce(user_id, anonymous_id) IS NULL THEN 'account' ELSE 'group' END
            ELSE 'event' END""",
    }
    if not events.session:
        # A session's number is the moment it began, which two people may share.
        session, person = found["session_id"], call.at("amplitude_id", "device_id", "user_id")
        columns["session_id"] = f"CASE WHEN {session} <> '-1' THEN concat_ws('/', {person}, {session}) END"
    columns |= asked(
        call,
        events,
        email=("user_properties.email", f"{_OWN}.email"),
        user_agent=("user_agent", "user_properties.user_agent", f"{_OWN}.user_agent"),
    )
    return call.rows(columns, own=_OWN, used=used)
