"""Calls of the Segment specification (RudderStack's are the same), one JSON object per line.

`track`, `page` and `screen` say what happened; `identify`, `group` and `alias` say who is who.

Facts from both documentations (segment.com/docs/connections/spec/common, rudderstack.com/docs/event-spec):
`timestamp` is `originalTimestamp` set right by how wrong the device's clock was, `receivedAt - sentAt`.
What was taken before that was computed has no `timestamp`. RudderStack writes its session as
`context.sessionId`, a number.
"""

import json

from usage_pipeline.company import Events
from usage_pipeline.events import fields
from usage_pipeline.events.json_lines import Call

# Every field is taken as text and judged later, so that a wrong type is a reason, not an error.
_TEXT = "VARCHAR"
_TRAITS = {"account_id": _TEXT, "accountId": _TEXT}
_PROPERTIES = {
    "feature": _TEXT,
    "duration_ms": _TEXT,
    "duration": _TEXT,
    "duration_minutes": _TEXT,
    "quantity": _TEXT,
    "count": _TEXT,
    "session_id": _TEXT,
    **_TRAITS,
}
_CALL = {
    "type": _TEXT,
    "event": _TEXT,
    "name": _TEXT,
    "messageId": _TEXT,
    "timestamp": _TEXT,
    "originalTimestamp": _TEXT,
    "receivedAt": _TEXT,
    "userId": _TEXT,
    "anonymousId": _TEXT,
    "groupId": _TEXT,
    "previousId": _TEXT,
    "properties": "JSON",
    "traits": "JSON",
    "context": {"groupId": _TEXT, "sessionId": _TEXT, "traits": _TRAITS},
}
# What has a column of its own need not be kept twice.
_TAKEN = json.dumps(dict.fromkeys(_PROPERTIES))


_ACCOUNT = (
    "call.context.groupId",
    "p.account_id",
    "p.accountId",
    "t.account_id",
    "t.accountId",
    "call.context.traits.account_id",
    "call.context.traits.accountId",
)
_EMAIL = ("context.traits.email", "traits.email", "properties.email")


def rows(events: Events) -> str:
    """SQL from `looked_at` (line, raw, is_json) to one row per non-blank line, all values as stated.

    A place that the mapping names is looked up in the line once more; the usual ones are not.
    """
    call = Call()
    first = fields.first
    account = call.one_of(*events.account) if events.account else first(*_ACCOUNT)
    feature = call.at(*events.feature) if events.feature else first("p.feature")
    duration, unit = first("p.duration_ms", "p.duration", "p.duration_minutes"), _UNIT
    if events.duration:
        duration, unit = call.duration(fields.durations(events, "properties"))
    asked = ""
    if "email_domains" in events.exclude:
        asked += f", {call.at(*(events.email or _EMAIL))} AS email"
    if "user_agents" in events.exclude:
        asked += f", {call.at(*(events.user_agent or ('context.userAgent',)))} AS user_agent"
    stated = first("call.timestamp")
    sent = "CASE WHEN is_json THEN json_extract_string(raw, '/sentAt') END"
    skewed = fields.corrected("call.originalTimestamp", sent, "call.receivedAt")
    name = f"CASE WHEN call.type = 'track' THEN {first('call.event')} ELSE call.type END"
    columns = {
        "event_id": first("call.messageId"),
        "ts": fields.unless(stated, f"coalesce({skewed}, {first('call.originalTimestamp')})"),
        "received_at": first("call.receivedAt"),
        "account_id": f"CASE WHEN kind = 'group' THEN {first('call.groupId')} ELSE {account} END",
        "user_id": call.at(*events.user) if events.user else first("call.userId"),
        "anonymous_id": first("call.anonymousId"),
        "previous_id": first("call.previousId"),
        "name": name,
        "feature": f"coalesce({feature}, {name})" if events.feature_is_name else feature,
        "quantity": call.at(*events.quantity) if events.quantity else first("p.quantity", "p.count"),
        "duration": duration,
        "duration_unit_ms": unit,
        "session_id": call.at(*events.session) if events.session else first("p.session_id", "call.context.sessionId"),
    }
    listed = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    found = "".join(f", {sql}" for sql in call.found())
    return f"""
        WITH parsed AS (
            SELECT line, raw, is_json,
                CASE WHEN is_json THEN json_transform(raw, '{json.dumps(_CALL)}') END AS call
            FROM looked_at
            -- A blank line is no row; none is JSON, so only what is not need be looked at twice.
            WHERE is_json OR regexp_matches(raw, '[^\\s\\x0b]')
        ), opened AS (
            SELECT *, CASE WHEN starts_with(call.properties, '{{') THEN call.properties END AS properties,
                CASE WHEN starts_with(call.traits, '{{') THEN call.traits END AS traits
            FROM parsed
        ), sorted AS (
            SELECT *, json_transform(properties, '{json.dumps(_PROPERTIES)}') AS p,
                json_transform(traits, '{json.dumps(_TRAITS)}') AS t,
                CASE WHEN call.type IN ('track', 'page', 'screen') THEN 'event'
                    WHEN call.type IN ('identify', 'group', 'alias') THEN call.type END AS kind
                {found}
            FROM opened
        )
        SELECT line, raw,
            CASE WHEN NOT is_json THEN 'bad_json'
                WHEN kind IS NULL AND json_type(raw) <> 'OBJECT' THEN 'not_an_object'
                WHEN kind IS NULL THEN 'unknown_type' END AS unreadable,
            call.type AS type,
            kind,
            {listed},
            CASE WHEN call.type IN ('page', 'screen') AND call.name IS NOT NULL
                THEN json_merge_patch(coalesce(properties, '{{}}'), '{_TAKEN}', json_object('name', call.name))
                WHEN kind = 'event' AND properties IS NOT NULL THEN json_merge_patch(properties, '{_TAKEN}')
                WHEN kind = 'event' AND call.properties <> 'null' THEN json_object('properties', call.properties)
                WHEN kind = 'event' THEN NULL
                ELSE traits END AS properties
                {asked}
        FROM sorted
    """


_UNIT = f"""CASE WHEN {fields.first("p.duration_ms")} IS NOT NULL THEN 1
    WHEN {fields.first("p.duration")} IS NOT NULL THEN 1000 ELSE 60000 END"""
