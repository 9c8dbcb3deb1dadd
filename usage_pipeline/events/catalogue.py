"""The tables of `events`: one shape for everything that happened."""

from usage_pipeline.lake import Column, Table

EVENT = Table(
    "events",
    "event",
    "valid event copy",
    (
        Column("event_id", "string", "The source's id; copies share it"),
        Column("ts", "timestamp", "When it happened (UTC)"),
        Column("received_at", "timestamp", "When the source says it got it"),
        Column("received_assumed", "boolean", "received_at is ts plus the mapping's delay: the source does not say"),
        Column("landed_at", "timestamp", "When it was first seen here"),
        Column("known_at", "timestamp", "When a morning could first see it; never before ts"),
        Column("account_id", "string", "Account it states or was resolved to at landing; NULL: not yet known"),
        Column("user_id", "string", "Person; NULL: none or anonymous"),
        Column("anonymous_id", "string", "Device or browser before identification"),
        Column("name", "string", "What happened"),
        Column("feature", "string", "Feature that fired; NULL: none"),
        Column("quantity", "decimal(18, 6)", "How many at once; 1 for a single event"),
        Column("duration_ms", "int64", "How long it took; NULL: not stated", "milliseconds"),
        Column("session_id", "string", "Session the source states; NULL: none"),
        Column("properties", "string", "Everything else, as JSON"),
        Column("content_hash", "string", "64-bit hash of the content, breaks ties between copies"),
        Column("source", "string", "Which input of the mapping"),
        Column("batch", "string", "Which landed file (hash of its bytes)"),
        Column("line", "int64", "Line or row in it, from 1"),
        Column("known_day", "date", "Day of known_at"),
    ),
    partition="known_day",
)

REJECTED = Table(
    "events",
    "rejected",
    "refused input row",
    (
        Column("batch", "string", "Which landed file"),
        Column("file", "string", "Its name"),
        Column("line", "int64", "Line or row in it, from 1"),
        Column("reason", "string", "Typed reason"),
        Column("detail", "string", "What is wrong with it, in words"),
        Column("raw", "string", "The row as it came (undecodable bytes as \\xNN)"),
        Column("landed_at", "timestamp", "When it was first seen here"),
    ),
)

BATCH = Table(
    "events",
    "batch",
    "landed file",
    (
        Column("batch", "string", "Hash of the file's bytes"),
        Column("file", "string", "Name under the landing folder"),
        Column("bytes", "int64", "Size as it landed", "bytes"),
        Column("landed_at", "timestamp", "When it was first seen here"),
        Column("received", "int64", "Physical non-empty lines or rows", "rows"),
        Column("accepted", "int64", "Rows that count", "rows"),
        Column("duplicates", "int64", "Valid copies of an event that already counts", "rows"),
        Column("rejected", "int64", "Refused rows; received = accepted + duplicates + rejected", "rows"),
        Column("first_known_day", "date", "Earliest known day it touched"),
        Column("last_known_day", "date", "Latest known day it touched"),
    ),
)

IDENTITY_CALL = Table(
    "events",
    "identity_call",
    "valid call that says who is who (identify, group, alias, account); no use of the product",
    (
        Column("event_id", "string", "The source's id; copies share it"),
        Column("kind", "string", "identify, group, alias, or account: about an account in nobody's name"),
        Column("ts", "timestamp", "When it was said (UTC)"),
        Column("known_at", "timestamp", "When a morning could first see it"),
        Column("user_id", "string", "Person"),
        Column("anonymous_id", "string", "Device or browser that is this person"),
        Column("previous_id", "string", "For alias: the id the person had before"),
        Column("account_id", "string", "Account the call states; NULL: none"),
        Column("traits", "string", "What else it says, as JSON"),
        Column("content_hash", "string", "64-bit hash of the content"),
        Column("source", "string", "Which input of the mapping"),
        Column("batch", "string", "Which landed file"),
        Column("line", "int64", "Line in it, from 1"),
        Column("known_day", "date", "Day of known_at"),
    ),
)

NAMING = Table(
    "events",
    "naming",
    "account, person and browser that landed events name together, per landing",
    (
        Column("account_id", "string", "Account; NULL: the events name only a person and a browser"),
        Column("user_id", "string", "Person; NULL: none"),
        Column("anonymous_id", "string", "Device or browser; NULL: none"),
        Column("known_at", "timestamp", "Earliest moment it was known"),
    ),
)

TALLY = Table(
    "events",
    "tally",
    "account as stated, day, known day, and person and session where both are stated",
    (
        Column("account_id", "string", "Account as the events state it, before any link; NULL: none"),
        Column("user_id", "string", "Person of the session; NULL: no session stated"),
        Column("session_id", "string", "Session of the person; NULL: none stated"),
        Column("day", "date", "Day it happened (UTC)"),
        Column("events", "int64", "Events that count", "events"),
        Column("known_day", "date", "Day it became known"),
    ),
    partition="known_day",
)

IDENTITY_LINK = Table(
    "events",
    "identity_link",
    "id and account (and person), from when it was known",
    (
        Column("id", "string", "A user id, an anonymous id, or the id of an account that became part of another"),
        Column("id_kind", "string", "user, anonymous or account"),
        Column("account_id", "string", "Account it belongs to from then on"),
        Column("user_id", "string", "Person it belongs to; NULL: not known"),
        Column("known_at", "timestamp", "From when this was known"),
        Column(
            "said_at", "timestamp", "When it was said: the later of what became known together holds; NULL: not told"
        ),
        Column("because", "string", "identify, group, alias, users table, event, account merge or company domain"),
        Column("evidence", "string", "What says so: the call with its file, or the table"),
    ),
    grows=True,
)

FINDING = Table(
    "events",
    "finding",
    "check of the product data",
    (
        Column("check", "string", "Name of the check"),
        Column("value", "float64", "What was found; NULL: nothing to look at"),
        Column("limit", "float64", "Where it stops being in order"),
        Column("passed", "boolean", "In order"),
        Column("blocking", "boolean", "No run may go on without it"),
        Column("stops_plays", "boolean", "No play may act on scores made from data that fail it"),
        Column("words", "string", "The finding in a sentence"),
    ),
)

PROFILE = Table(
    "events",
    "profile",
    "input, event name, day and known day",
    (
        Column("source", "string", "Which input of the mapping"),
        Column("name", "string", "Event name"),
        Column("day", "date", "Day it happened (UTC)"),
        Column("events", "int64", "Valid copies of events", "events"),
        Column("without_account", "int64", "Of these, without an account of their own", "events"),
        Column("without_user", "int64", "Without a person", "events"),
        Column("without_feature", "int64", "Without a feature", "events"),
        Column("without_session", "int64", "Without a session", "events"),
        Column("without_duration", "int64", "Without a duration", "events"),
        Column("last_ts", "timestamp", "The newest of them"),
        Column("known_day", "date", "Day it became known"),
    ),
    partition="known_day",
)

FINDING_HISTORY = Table(
    "events",
    "finding_history",
    "check of the product data, what it looks at, and day",
    (
        Column("check", "string", "Name of the check"),
        Column("about", "string", "Column or event name that it looks at; empty: all events"),
        Column("value", "float64", "What was found; NULL: nothing to look at"),
        Column("usual", "float64", "What it was before: median of earlier days; NULL: too few of them"),
        Column("low", "float64", "Below it is not in order; NULL: nothing is too low"),
        Column("high", "float64", "Above it is not in order; NULL: nothing is too high"),
        Column("passed", "boolean", "In order"),
        Column("words", "string", "The finding in a sentence"),
        Column("day", "date", "Day it is about (UTC)"),
    ),
    partition="day",
)

TABLES = (EVENT, REJECTED, BATCH, IDENTITY_CALL, NAMING, TALLY, PROFILE, IDENTITY_LINK, FINDING, FINDING_HISTORY)
"""In the order of the documents."""
