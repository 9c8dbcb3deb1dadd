"""Calls of the Segment specification (RudderStack's are the same), one JSON object per line.

`track`, `page` and `screen` say what happened; `identify`, `group` and `alias` say who is who.
"""

import json

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


def _first(*fields: str) -> str:
    """The first of the fields that states anything; an empty text states nothing."""
    return "coalesce(" + ", ".join(f"nullif({field}, '')" for field in fields) + ")"


ROWS = f"""
    WITH looked_at AS (
        SELECT line, raw, json_valid(raw) AS is_json FROM lines
    ), parsed AS (
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
        FROM opened
    )
    SELECT line, raw,
        CASE WHEN NOT is_json THEN 'bad_json'
            WHEN kind IS NULL AND json_type(raw) <> 'OBJECT' THEN 'not_an_object'
            WHEN kind IS NULL THEN 'unknown_type' END AS unreadable,
        call.type AS type,
        kind,
        {_first("call.messageId")} AS event_id,
        {_first("call.timestamp", "call.originalTimestamp")} AS ts,
        {_first("call.receivedAt")} AS received_at,
        CASE WHEN kind = 'group' THEN {_first("call.groupId")}
            ELSE {
    _first(
        "call.context.groupId",
        "p.account_id",
        "p.accountId",
        "t.account_id",
        "t.accountId",
        "call.context.traits.account_id",
        "call.context.traits.accountId",
    )
} END AS account_id,
        {_first("call.userId")} AS user_id,
        {_first("call.anonymousId")} AS anonymous_id,
        {_first("call.previousId")} AS previous_id,
        CASE WHEN call.type = 'track' THEN {_first("call.event")} ELSE call.type END AS name,
        {_first("p.feature")} AS feature,
        {_first("p.quantity", "p.count")} AS quantity,
        {_first("p.duration_ms", "p.duration", "p.duration_minutes")} AS duration,
        CASE WHEN {_first("p.duration_ms")} IS NOT NULL THEN 1
            WHEN {_first("p.duration")} IS NOT NULL THEN 1000 ELSE 60000 END AS duration_unit_ms,
        {_first("p.session_id", "call.context.sessionId")} AS session_id,
        CASE WHEN call.type IN ('page', 'screen') AND call.name IS NOT NULL
            THEN json_merge_patch(coalesce(properties, '{{}}'), '{_TAKEN}', json_object('name', call.name))
            WHEN kind = 'event' THEN json_merge_patch(properties, '{_TAKEN}')
            ELSE traits END AS properties
    FROM sorted
"""
"""From `lines` (line, raw) to one row per non-blank line, all values as stated."""
