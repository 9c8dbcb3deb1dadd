"""The tables of `sync`: what the CRMs held, what was sent, what they confirmed and refused, and what was alerted."""

from typing import get_args

from usage_pipeline.lake import Column, Table
from usage_pipeline.ledger.operations import Kind

INSTANCE = Column(
    "instance",
    "string",
    "CRM and portal, organisation or sandbox (`hubspot:123`), channel of messages, or `alerts:` and channel",
)
KINDS = ", ".join(get_args(Kind))
KEY = "The account, the contact's user, list and account of a move, or the task's or message's key"
CRM = "hubspot or salesforce; webhook or slack for messages; alerts for alerts"
ACCOUNT_ID = Column("account_id", "string", "Account; empty for an alert")

SNAPSHOT = Table(
    "sync",
    "snapshot",
    "CRM record and morning, as it was when the morning was last planned",
    (
        Column("as_of", "date", "Morning that was planned"),
        Column("instance", "string", "CRM and portal, organisation or sandbox (`hubspot:123`)"),
        Column("crm", "string", "hubspot or salesforce"),
        Column("crm_id", "string", "Record in the CRM"),
        Column("account_key", "string", "The product's account id as the record holds it; NULL: none"),
        Column("fields", "string", "What our fields held, as JSON by their contract names; an empty one is left out"),
        Column("read_at", "timestamp", "When the CRM was read"),
    ),
    partition="as_of",
)

LOG = Table(
    "sync",
    "log",
    "operation on one CRM record, task or message",
    (
        Column("operation", "string", "Its id, sent along where the CRM takes one"),
        Column("run", "string", "The apply that planned it"),
        INSTANCE,
        Column("crm", "string", CRM),
        Column("kind", "string", KINDS),
        ACCOUNT_ID,
        Column("key", "string", KEY),
        Column("crm_id", "string", "Record in the CRM"),
        Column("payload", "string", "What was to be written, as JSON"),
        Column("class", "string", "safe, idempotent or unsafe: what repeating it would do"),
        Column("state", "string", "planned, sent, ok, left (a person has it in hand), failed or unknown"),
        Column("attempts", "int64", "Times it was sent"),
        Column("cause", "string", "Kind of rejection; NULL: none"),
        Column("detail", "string", "What the CRM said, or the receiver of a message"),
        Column("planned_at", "timestamp", "Written down before sending"),
        Column("sent_at", "timestamp", "Last sent; NULL: never"),
        Column("settled_at", "timestamp", "When its end was known; NULL: not yet"),
        Column("as_of", "date", "Morning it belongs to"),
    ),
)

ACKNOWLEDGED = Table(
    "sync",
    "acknowledged",
    "field of a CRM record",
    (
        INSTANCE,
        Column("crm", "string", "hubspot or salesforce"),
        Column("object", "string", "company or contact"),
        Column("crm_id", "string", "Record in the CRM"),
        Column("field", "string", "Field, by its contract name"),
        Column("account_id", "string", "Account; of a contact its user"),
        Column("value", "string", "The value that the CRM last confirmed, as text; NULL: emptied"),
        Column("at", "timestamp", "When"),
    ),
)

REJECTION = Table(
    "sync",
    "rejection",
    "operation that a CRM or channel will not take, until its cause is gone",
    (
        INSTANCE,
        Column("crm", "string", CRM),
        Column("kind", "string", KINDS),
        Column("key", "string", KEY),
        ACCOUNT_ID,
        Column("crm_id", "string", "Record in the CRM"),
        Column("cause", "string", "transient, identity, schema, permission, business_rule or budget"),
        Column("detail", "string", "What the CRM said, or the receiver of a message"),
        Column("fix", "string", "What to do"),
        Column("since", "timestamp", "First refused"),
        Column("last_at", "timestamp", "Last refused"),
        Column("attempts", "int64", "Times refused"),
        Column("as_of", "date", "Morning it was last tried for"),
    ),
)

ALERT = Table(
    "sync",
    "alert",
    "alert to those who run all this",
    (
        Column("kind", "string", "circuit_breaker, delivery_failed or waiting_rejections"),
        Column("about", "string", "What it is about, and of which morning or since when; told once for ever"),
        Column("title", "string", "In one line"),
        Column("words", "string", "What it says, with what to do"),
        Column("as_of", "date", "Morning whose delivery raised it first"),
        Column("raised_at", "timestamp", "When it was raised first"),
        Column(
            "told_in", "string", "Channels that have taken it, separated by commas; empty: none is configured or well"
        ),
    ),
)

EXPORTS = (LOG, ACKNOWLEDGED, REJECTION, ALERT)
"""What the ledger knows, written after every delivery."""

TABLES = (SNAPSHOT, *EXPORTS)
"""In the order of the documents."""
