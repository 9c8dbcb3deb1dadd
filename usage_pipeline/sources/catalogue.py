"""The tables of `sources`: what others know, with what was known when.

A row that can change carries `valid_from`, `valid_to` (NULL: still so) and `known_at`:
a morning sees the newest row per key with `known_at` before it.
"""

from usage_pipeline.lake import Column, Table

VALIDITY = (
    Column("valid_from", "timestamp", "From when this is so"),
    Column("known_at", "timestamp", "When it first could be known here; a morning sees rows known before it"),
)

ACCOUNT = Table(
    "sources",
    "account",
    "account and change of what is said of it",
    (
        Column("account_id", "string", "The product's id of the customer account"),
        Column("name", "string", "Company name"),
        Column("domain", "string", "Company domain, lower case"),
        Column("industry", "string", "Industry or use case"),
        Column("country", "string", "Country code"),
        Column("employees", "int64", "People in the company", "people"),
        Column("time_zone", "string", "IANA zone in which weekday and hour are taken; NULL: unknown"),
        Column("parent_id", "string", "The organisation it belongs to, where several accounts share one"),
        Column("owner_email", "string", "Who looks after it (CSM)"),
        Column("created_at", "timestamp", "Sign-up"),
        *VALIDITY,
        Column("merged_into", "string", "The account that it became part of (sources/account_merge); NULL: its own"),
    ),
    grows=True,
)

ACCOUNT_MERGE = Table(
    "sources",
    "account_merge",
    "account and change of the account that it is part of, further merges followed",
    (
        Column("account_id", "string", "The account that became part of another"),
        Column("into_id", "string", "What it counts to from then on; itself, where it stands alone again"),
        Column("merged_at", "timestamp", "When they became one"),
        Column("known_at", "timestamp", "When it first could be known here"),
    ),
)

USER = Table(
    "sources",
    "user",
    "user and change of what is said of them",
    (
        Column("user_id", "string", "The product's id of the person"),
        Column("account_id", "string", "Account the person belongs to"),
        Column("email", "string", "Address"),
        Column("role", "string", "Role or job"),
        Column("created_at", "timestamp", "When they joined"),
        *VALIDITY,
    ),
)

SUBSCRIPTION = Table(
    "sources",
    "subscription",
    "subscription and change of its terms",
    (
        Column("subscription_id", "string", "Billing's id"),
        Column("account_id", "string", "Account that pays"),
        Column("status", "string", "active, trial or cancelled"),
        Column("plan", "string", "Plan"),
        Column("plan_rank", "int64", "0 for the smallest plan, rising; tells an upgrade from a downgrade"),
        Column("seats", "int64", "Seats paid for", "seats"),
        Column("mrr_minor", "int64", "Monthly recurring revenue", "minor currency units"),
        Column("currency", "string", "ISO 4217 code"),
        Column("term_months", "int64", "Length of a term", "months"),
        Column("renews_on", "date", "End of the running term; NULL: none stated"),
        Column("auto_renew", "boolean", "Renews by itself"),
        *VALIDITY,
    ),
)

INVOICE = Table(
    "sources",
    "invoice",
    "invoice and change of what has become of it",
    (
        Column("invoice_id", "string", "Billing's id"),
        Column("account_id", "string", "Account that pays"),
        Column("subscription_id", "string", "Subscription that it is for; NULL: none stated"),
        Column("status", "string", "draft, open, paid, void or uncollectible"),
        Column("amount_minor", "int64", "What is asked for", "minor currency units"),
        Column("paid_minor", "int64", "What has been paid", "minor currency units"),
        Column("currency", "string", "ISO 4217 code"),
        Column("issued_at", "timestamp", "When it was issued"),
        Column("due_on", "date", "Day on which it is due; NULL: at once, or none stated"),
        *VALIDITY,
    ),
)

TICKET = Table(
    "sources",
    "ticket",
    "support ticket and change of what is said of it",
    (
        Column("ticket_id", "string", "The help desk's id"),
        Column("account_id", "string", "Account that asked"),
        Column("opened_at", "timestamp", "Opened"),
        Column("closed_at", "timestamp", "Closed; seen only by mornings after it; NULL: open"),
        Column("priority", "string", "low, normal, high or urgent"),
        Column("satisfaction", "int64", "Rating 1 to 5 once closed; NULL: none given", "points"),
        Column("known_at", "timestamp", "When this first could be known here; a morning sees the newest row before it"),
    ),
)

SURVEY = Table(
    "sources",
    "survey",
    "survey answer and change of what is said of it",
    (
        Column("response_id", "string", "The survey tool's id"),
        Column("account_id", "string", "Account of the person who answered"),
        Column("user_id", "string", "Who answered"),
        Column("kind", "string", "nps (0 to 10) or csat (1 to 5)"),
        Column("score", "int64", "The answer", "points"),
        Column("answered_at", "timestamp", "When"),
        Column("known_at", "timestamp", "When this first could be known here; a morning sees the newest row before it"),
    ),
)

MILESTONE = Table(
    "sources",
    "milestone",
    "thing that happened to an account and is no product event",
    (
        Column("account_id", "string", "Account"),
        Column("kind", "string", "churn, downgrade, expansion, renewal, or a name of the company's own"),
        Column("happened_at", "timestamp", "When"),
        Column("known_at", "timestamp", "When it first could be known here"),
    ),
)

LABEL = Table(
    "sources",
    "label",
    "account, morning and outcome as a labels file states it",
    (
        Column("account_id", "string", "Account"),
        Column("as_of", "date", "Morning the label speaks of"),
        Column("outcome", "string", "Which outcome"),
        Column("happened", "boolean", "Whether it did"),
    ),
)

_OF_CRM = (
    Column("crm", "string", "hubspot or salesforce"),
    Column("instance", "string", "Which portal, organisation or sandbox"),
)
_READ = (
    Column("is_gone", "boolean", "Archived or deleted there"),
    Column("modified_at", "timestamp", "When the CRM last changed it; the next read begins here"),
    *VALIDITY,
)

CRM_OWNER = Table(
    "sources",
    "crm_owner",
    "person whom a CRM gives records to, and change of what is said of them",
    (
        *_OF_CRM,
        Column("owner_id", "string", "Id in the CRM"),
        Column("email", "string", "Address"),
        Column("name", "string", "Name"),
        Column("is_active", "boolean", "May still log in there"),
        *VALIDITY,
    ),
)

DEAL = Table(
    "sources",
    "deal",
    "deal (HubSpot) or opportunity (Salesforce) and change of what is said of it",
    (
        *_OF_CRM,
        Column("deal_id", "string", "Id in the CRM"),
        Column("crm_id", "string", "Company or account there that it is with; NULL: none, or several alike"),
        Column("account_id", "string", "Account that this record is matched with (sources/crm_link); NULL: none"),
        Column("name", "string", "Its name"),
        Column("pipeline", "string", "Pipeline (HubSpot) or type (Salesforce)"),
        Column("stage", "string", "Stage, as people read it"),
        Column("is_closed", "boolean", "Won or lost"),
        Column("is_won", "boolean", "Won"),
        Column("amount_minor", "int64", "What it is worth", "minor currency units"),
        Column("currency", "string", "ISO 4217 code; NULL: none stated, the amount taken to have two decimals"),
        Column("closes_on", "date", "Day on which it closed, or is expected to"),
        Column("owner_id", "string", "Its owner's id in the CRM"),
        Column("owner_email", "string", "Its owner's address"),
        Column("created_at", "timestamp", "When it was created there"),
        *_READ,
    ),
)

CRM_CONTRACT = Table(
    "sources",
    "crm_contract",
    "contract, or record that holds an account's terms in a CRM, and change of them",
    (
        *_OF_CRM,
        Column("contract_id", "string", "Id in the CRM of the record that holds the terms"),
        Column("crm_id", "string", "Company or account there"),
        Column("account_id", "string", "Account that this record is matched with (sources/crm_link); NULL: none"),
        Column("status", "string", "Status, as the CRM has it"),
        Column("starts_on", "date", "First day of the term"),
        Column("renews_on", "date", "Day on which the term ends"),
        Column("term_months", "int64", "Length of a term", "months"),
        Column("seats", "int64", "Seats agreed", "seats"),
        Column("arr_minor", "int64", "Annual recurring revenue", "minor currency units"),
        Column("currency", "string", "ISO 4217 code; NULL: none stated, the amount taken to have two decimals"),
        Column("auto_renew", "boolean", "Renews by itself"),
        *_READ,
    ),
)

CRM_LINK = Table(
    "sources",
    "crm_link",
    "CRM instance and account, as last read",
    (
        Column("crm", "string", "hubspot or salesforce"),
        Column("instance", "string", "Which portal, organisation or sandbox"),
        Column("account_id", "string", "Account"),
        Column("account_name", "string", "Our name of it"),
        Column("domain", "string", "Our domain of it"),
        Column(
            "state", "string", "matched, unmatched, ambiguous, or merged, archived, deleted, missing: see crm/matching"
        ),
        Column("matched_by", "string", "key, link, merge or domain; NULL where not matched"),
        Column("crm_id", "string", "Record id in the CRM; NULL where not matched"),
        Column("crm_name", "string", "The record's name there"),
        Column("owner_id", "string", "The record's owner there; NULL: nobody"),
        Column("owner_email", "string", "The owner's address"),
        Column("detail", "string", "Why it is not matched, in words"),
        Column("read_at", "timestamp", "When the CRM was read"),
    ),
)

PAST_ACTION = Table(
    "sources",
    "past_actions",
    "morning and task or hold-out known by then",
    (
        Column("as_of", "date", "Morning"),
        Column("account_id", "string", "Account"),
        Column("play", "string", "Play"),
        Column("episode", "string", "Episode of that play on that account; the assignment's id for a hold-out"),
        Column("arm", "string", "do or hold_out"),
        Column("assigned_on", "date", "Morning of the first eligibility, when the arm was drawn"),
        Column("held_until", "date", "Last morning of a hold-out; NULL for do"),
        Column("crm", "string", "CRM of the task; NULL for a hold-out"),
        Column("task_id", "string", "Task id in the CRM"),
        Column("opened_on", "date", "Morning the task was opened"),
        Column("status", "string", "open, done, dismissed or withdrawn; NULL for a hold-out"),
        Column("closed_at", "timestamp", "When a person closed it"),
        Column("answer", "string", "What the person said, where the CRM has it"),
    ),
    partition="as_of",
)

TABLES = (
    ACCOUNT, ACCOUNT_MERGE, USER, SUBSCRIPTION, INVOICE, TICKET, SURVEY, MILESTONE, LABEL,
    CRM_LINK, CRM_OWNER, DEAL, CRM_CONTRACT, PAST_ACTION,
)  # fmt: skip
"""In the order of the documents."""
