"""The tables of `sync`: what was sent, what the CRMs confirmed, what they refused. Exports of the ledger."""

from usage_pipeline.lake import Column, Table

INSTANCE = Column(
    "instance", "string", "CRM and portal, organisation or sandbox (`hubspot:123`), or channel of messages"
)
ACCOUNT_ID = Column("account_id", "string", "Account")

LOG = Table(
    "sync",
    "log",
    "operation on one CRM record, task or message",
    (
        Column("operation", "string", "Its id, sent along where the CRM takes one"),
        Column("run", "string", "The apply that planned it"),
        INSTANCE,
        Column("crm", "string", "hubspot or salesforce; webhook or slack for messages"),
        Column("kind", "string", "fields, task_open, task_update, task_withdraw or message"),
        ACCOUNT_ID,
        Column("key", "string", "The account, or the task's or message's key"),
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
        Column("object", "string", "company"),
        Column("crm_id", "string", "Record in the CRM"),
        Column("field", "string", "Field, by its contract name"),
        ACCOUNT_ID,
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
        Column("crm", "string", "hubspot or salesforce; webhook or slack for messages"),
        Column("kind", "string", "fields, task_open, task_update, task_withdraw or message"),
        Column("key", "string", "The account, or the task's or message's key"),
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

TABLES = (LOG, ACKNOWLEDGED, REJECTION)
"""In the order of the documents."""
