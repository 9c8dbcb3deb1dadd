"""The ledger's tables."""

from sqlalchemy import Boolean, Column, Date, DateTime, Integer, MetaData, String, Table, Text

metadata = MetaData()

# A CRM instance and how often what we know of it has changed; a plan names the number it was made from.
instance = Table(
    "instance",
    metadata,
    Column("instance", String(120), primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("last_as_of", Date),
)

# Who may apply to an instance just now.
lease = Table(
    "lease",
    metadata,
    Column("instance", String(120), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("run", String(40), nullable=False),
    Column("heartbeat_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
)

# One execution of a plan.
run = Table(
    "run",
    metadata,
    Column("run", String(40), primary_key=True),
    Column("instance", String(120), nullable=False, index=True),
    Column("as_of", Date, nullable=False),
    Column("contract_version", String(40), nullable=False),
    Column("started_at", DateTime, nullable=False),
    Column("finished_at", DateTime),
    Column("state", String(20), nullable=False),
    Column("approved_by", String(200)),
    Column("override", Text),
    Column("measures", Text),
)

# One intent: planned, sent, then ok, left, failed or unknown.
operation = Table(
    "operation",
    metadata,
    Column("operation", String(40), primary_key=True),
    Column("run", String(40), nullable=False),
    Column("instance", String(120), nullable=False, index=True),
    Column("as_of", Date, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("object", String(20), nullable=False),
    Column("key", String(255), nullable=False),
    Column("account_id", String(255), nullable=False),
    Column("crm_id", String(40)),
    Column("payload", Text, nullable=False),
    Column("payload_hash", String(64), nullable=False),
    Column("before", Text),
    Column("class", String(20), nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("planned_at", DateTime, nullable=False),
    Column("sent_at", DateTime),
    Column("lost_at", DateTime),
    Column("settled_at", DateTime),
    Column("cause", String(20)),
    Column("detail", Text),
    Column("fix", Text),
)

# What the CRM last confirmed of a record: its fields as JSON, and the morning that they were brought to.
record = Table(
    "record",
    metadata,
    Column("instance", String(120), primary_key=True),
    Column("object", String(20), primary_key=True),
    Column("crm_id", String(40), primary_key=True),
    Column("account_id", String(255), nullable=False),
    Column("fields", Text, nullable=False),
    Column("written_on", Date, nullable=False),
    Column("at", DateTime, nullable=False),
)

# Which record an account was found to be.
link = Table(
    "link",
    metadata,
    Column("instance", String(120), primary_key=True),
    Column("account_id", String(255), primary_key=True),
    Column("crm_id", String(40), nullable=False),
    Column("matched_by", String(20), nullable=False),
    Column("at", DateTime, nullable=False),
)

# The arm an account was drawn into, stored before anything is done.
assignment = Table(
    "assignment",
    metadata,
    Column("play", String(100), primary_key=True),
    Column("account_id", String(255), primary_key=True),
    Column("episode", String(255), primary_key=True),
    Column("arm", String(20), nullable=False),
    Column("stratum", String(255)),
    Column("assigned_on", Date, nullable=False),
    Column("held_until", Date),
)

# A task of ours: what it says (as we last wrote it) and what became of it.
episode = Table(
    "episode",
    metadata,
    Column("instance", String(120), primary_key=True),
    Column("task_key", String(80), primary_key=True),
    Column("account_id", String(255), nullable=False),
    Column("play", String(100), nullable=False),
    Column("episode", String(255), nullable=False),
    Column("task_id", String(40), nullable=False),
    Column("crm_id", String(40), nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("priority", String(20), nullable=False),
    Column("due_on", Date, nullable=False),
    Column("opened_on", Date, nullable=False),
    Column("status", String(20), nullable=False),
    Column("is_touched", Boolean, nullable=False),
    Column("closed_at", DateTime),
    Column("withdrawn_on", Date),
    Column("answer", Text),
)

# A row that the CRM will not take, until its cause is gone.
rejection = Table(
    "rejection",
    metadata,
    Column("instance", String(120), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("account_id", String(255), nullable=False),
    Column("crm_id", String(40)),
    Column("payload_hash", String(64), nullable=False),
    Column("cause", String(20), nullable=False),
    Column("detail", Text, nullable=False),
    Column("fix", Text, nullable=False),
    Column("since", DateTime, nullable=False),
    Column("last_at", DateTime, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("attempts", Integer, nullable=False),
)
