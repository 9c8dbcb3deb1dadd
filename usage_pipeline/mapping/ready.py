"""Selects that are ready: what Stripe, Zendesk and survey tools export, of which a person names the file and no more.

    tables:
      subscription: {format: stripe}
      ticket: {format: zendesk, file: zendesk_tickets, found_in: accounts.name}

A row is read by way of JSON, in which a column that an export lacks is NULL instead of an error.
"""

import re
from typing import Any, Literal

from pydantic import Field, model_validator

from usage_pipeline.mapping import currencies
from usage_pipeline.mapping.part import Part

Format = Literal["stripe", "zendesk", "nps"]


class Ready(Part):
    """A table of `sources` from an export as its tool writes it."""

    format: Format
    file: str = Field(default="", pattern=r"^[A-Za-z0-9_ .-]*$")
    """Its file without the ending; by default subscriptions, invoices, tickets or nps."""
    account: str = ""
    """Column that says whose a row is; by default the one that such an export has for it."""
    found_in: str = Field(default="", pattern=r"^([A-Za-z0-9_-]+\.[^.\"]+(\.[^.\"]+)?)?$")
    """`accounts.stripe_id`: the file and its column in which that value is found, beside the file's `account_id`;
    `accounts.stripe_id.ID` where the account's id is in another column."""

    per_seat: bool = False
    """For `stripe`: Amount is the price of one of Quantity; otherwise what the subscription costs in all."""

    @model_validator(mode="after")
    def _fits(self) -> "Ready":
        if '"' in self.account or "'" in self.account:
            raise ValueError("account names one column, without quotation marks")
        return self


def select(table: str, given: Any) -> str:
    """The SQL of an entry of the mapping's `tables`, which is SQL or names a format."""
    if not isinstance(given, dict):
        return str(given)
    ready = Ready.model_validate(given)
    if (table, ready.format) not in _SELECTS:
        able = ", ".join(f"{name}: {{format: {form}}}" for name, form in _SELECTS)
        raise ValueError(f"there is no ready select of {table} from {ready.format}; there are {able}")
    default, accounts, sql = _SELECTS[table, ready.format]
    places = (ready.account,) if ready.account else accounts
    stated = _first(*places)
    rows = _quoted(ready.file or default)
    joined, account = "", stated
    if ready.found_in:
        other, column, *key = ready.found_in.split(".")
        of = f"accounts_of.{_quoted(column)}"
        joined = f"LEFT JOIN {_quoted(other)} AS accounts_of ON {_plain(of)} = {_plain(stated)}"
        account = f"CAST(accounts_of.{_quoted(key[0] if key else 'account_id')} AS VARCHAR)"
    times = f"coalesce(CAST({_first('Quantity')} AS BIGINT), 1)" if ready.per_seat else "1"
    return (
        sql.replace("{TIMES}", times)
        .replace("{ROWS}", f"SELECT row, {account} AS account_id FROM ({_as_json(rows)}) {joined}")
        .strip()
    )


def selects(given: Any) -> Any:
    """`tables` with SQL in place of each format."""
    return {table: select(table, one) for table, one in given.items()} if isinstance(given, dict) else given


def recognised(columns: set[str]) -> tuple[str, Format] | None:
    """The table and the format of an export, told by columns that only it has."""
    return next((what for what, needed in _TOLD_BY.items() if needed <= columns), None)


def _as_json(rows: str) -> str:
    return f"SELECT to_json(exported) AS row FROM {rows} AS exported"


def _plain(sql: str) -> str:
    return f"lower(trim(CAST({sql} AS VARCHAR)))"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _at(column: str) -> str:
    return f"(row->>'{_path(column)}')"


def _path(column: str) -> str:
    return "/" + column.replace("~", "~0").replace("/", "~1").replace("'", "''")


def _first(*columns: str) -> str:
    return "coalesce(" + ", ".join(f"nullif(trim({_at(column)}), '')" for column in columns) + ", NULL)"


def _utc(*columns: str) -> str:
    """A column whose name says UTC, whatever zone the mapping's clock names."""
    return f"timezone('UTC', CAST({_first(*columns)} AS TIMESTAMP))"


def _needed(what: str, *columns: str) -> str:
    """As `_first`; where the file has none of the columns it is not what it was said to be, and that is told."""
    said = f"no column {columns[0]}: this is no {what}".replace("'", "''")
    has_one = " OR ".join(f"json_exists(row, '{_path(column)}')" for column in columns)
    return f"CASE WHEN {has_one} THEN {_first(*columns)} ELSE error('{said}') END"


def _minor(amount: str) -> str:
    # The export writes whole units in every currency; that Stripe's API counts MGA, ISK and UGX otherwise than ISO 4217
    # does (docs.stripe.com/currencies) shows in none of its columns.
    return f"CAST(round(CAST({amount} AS DECIMAL(18, 4)) * {currencies.units_sql(_first('Currency'))}) AS BIGINT)"


# Columns of the Dashboard's exports as scripts in the open that read them name them: id, Customer ID, Plan, Quantity,
# Currency, Interval, Amount ("33.00"), Status, Created (UTC), Start (UTC), Start Date (UTC), Current Period Start/End
# (UTC), Trial Start/End (UTC), Canceled At (UTC), Ended At (UTC), and one column "KEY (metadata)" per metadata key.
_STRIPE_SUBSCRIPTIONS = f"""
WITH said AS (
  SELECT account_id,
    {_needed("export of Stripe's subscriptions", "id")} AS subscription_id,
    -- Rows are sorted by their state before anything else is asked of them: a file of something else fails here.
    lower({_needed("export of Stripe's subscriptions", "Status")}) AS state,
    {_first("Plan")} AS plan,
    CAST({_first("Quantity")} AS BIGINT) AS seats,
    upper({_first("Currency")}) AS currency,
    lower({_first("Interval")}) AS every,
    {_minor(_first("Amount"))} * {{TIMES}} AS amount,
    {_utc("Start Date (UTC)", "Start (UTC)", "Created (UTC)")} AS started,
    {_utc("Trial End (UTC)")} AS trial_end,
    {_utc("Current Period End (UTC)")} AS period_end,
    {_utc("Ended At (UTC)", "Canceled At (UTC)")} AS stopped,
    lower(coalesce({_first("Cancel At Period End")}, 'false')) AS stops_then
  FROM ({{ROWS}})
), terms AS (
  SELECT subscription_id, account_id, plan, seats, currency, state,
    CAST(round(CASE every WHEN 'year' THEN amount / 12 WHEN 'week' THEN amount * 52 / 12
      WHEN 'day' THEN amount * 365 / 12 ELSE amount END) AS BIGINT) AS mrr_minor,
    CASE every WHEN 'year' THEN 12 WHEN 'month' THEN 1 END AS term_months,
    CASE WHEN ended IS NULL THEN CAST(period_end AS DATE) END AS renews_on,
    CASE WHEN ended IS NULL THEN stops_then <> 'true' END AS auto_renew,
    started, trial_end, greatest(started, coalesce(trial_end, started)) AS began, ended
  FROM (SELECT *, CASE WHEN state IN ('canceled', 'incomplete_expired') THEN stopped END AS ended FROM said)
), past AS (
  -- When the running term ends, and whether it is renewed, is said as it is now: a morning before must not see it.
  SELECT * EXCLUDE (renews_on, auto_renew) FROM terms
), dated AS (
  SELECT *, 'trial' AS status, started AS valid_from FROM past WHERE trial_end > started OR state = 'trialing'
  UNION ALL BY NAME
  SELECT *, 'active' AS status, began AS valid_from FROM past
  WHERE state NOT IN ('trialing', 'incomplete_expired') AND (ended IS NULL OR ended > began)
  UNION ALL BY NAME
  SELECT *, 'cancelled' AS status, ended AS valid_from FROM past WHERE ended IS NOT NULL
  UNION ALL BY NAME
  -- What it is now, without a moment: from the delivery. So one that is paid again after it was given up is told too.
  SELECT *, CASE WHEN state IS NULL THEN NULL WHEN state = 'trialing' THEN 'trial' WHEN state IN ('canceled', 'incomplete_expired', 'unpaid')
    THEN 'cancelled' ELSE 'active' END AS status, CAST(NULL AS TIMESTAMPTZ) AS valid_from FROM terms
)
SELECT * EXCLUDE (started, trial_end, began, state, ended) FROM dated
"""

# As above: id, Customer, Subscription, Status, Amount Due, Amount Paid ("9.90"), Currency, Date (UTC), Due Date (UTC),
# Finalized At (UTC), Paid At (UTC).
_STRIPE_INVOICES = f"""
WITH said AS (
  SELECT account_id,
    {_needed("export of Stripe's invoices", "id")} AS invoice_id,
    {_first("Subscription")} AS subscription_id,
    lower({_needed("export of Stripe's invoices", "Status")}) AS state,
    {_minor(_first("Amount Due"))} AS amount_minor,
    {_minor(_first("Amount Paid"))} AS paid,
    upper({_first("Currency")}) AS currency,
    {_utc("Finalized At (UTC)", "Date (UTC)", "Created (UTC)")} AS issued_at,
    CAST({_utc("Due Date (UTC)")} AS DATE) AS due_on,
    {_utc("Paid At (UTC)")} AS paid_at
  FROM ({{ROWS}})
)
-- Open from when it was issued, and paid from when it was paid; what it is now, where that has no moment of its own,
-- from the delivery.
SELECT * EXCLUDE (state, paid, paid_at), 'open' AS status, 0 AS paid_minor, issued_at AS valid_from
FROM said WHERE state <> 'draft' AND (paid_at IS NULL OR paid_at > issued_at)
UNION ALL BY NAME
SELECT * EXCLUDE (state, paid, paid_at), state AS status, paid AS paid_minor, paid_at AS valid_from
FROM said WHERE paid_at IS NOT NULL AND state <> 'open'
UNION ALL BY NAME
SELECT * EXCLUDE (state, paid, paid_at), state AS status, paid AS paid_minor, NULL AS valid_from FROM said
"""

# The columns of the tickets' CSV export as scripts in the open write them out (Summation column, Id, Requester id,
# Requester email, Organization, Status, Priority, Created at, Solved at, Satisfaction Score, ...), and those of a JSON
# export, which are the API's (developer.zendesk.com/api-reference/ticketing/tickets/tickets).
_ZENDESK_TICKETS = f"""
SELECT account_id,
  {_needed("export of Zendesk's tickets", "Id", "id")} AS ticket_id,
  {_first("Created at", "created_at")} AS opened_at,
  CASE WHEN lower({_first("Status", "status")}) IN ('solved', 'closed')
    THEN coalesce({_first("Solved at", "solved_at")}, {_first("Updated at", "updated_at")}) END AS closed_at,
  lower({_first("Priority", "priority")}) AS priority,
  CASE WHEN lower(coalesce({_first("Satisfaction Score")}, row->'satisfaction_rating'->>'score')) LIKE 'good%' THEN 5
    WHEN lower(coalesce({_first("Satisfaction Score")}, row->'satisfaction_rating'->>'score')) LIKE 'bad%' THEN 1
  END AS satisfaction
FROM ({{ROWS}})
WHERE lower(coalesce({_first("Status", "status")}, '')) <> 'deleted'
"""

_ANSWERED = _first(
    "Responded at", "Response date", "Response Date", "Responded At", "Submitted at", "Submitted At", "Submit Date (UTC)",
    "Date Submitted", "End Date", "Date", "Timestamp", "created_at", "answered_at",
)  # fmt: skip
# Survey tools agree on no layout; these are names that their exports have, the API's of Delighted among them.
_NPS = f"""
SELECT account_id,
  coalesce({_first("Response ID", "Response Id", "ResponseId", "response_id", "id", "ID", "#")}, md5(CAST(row AS VARCHAR))) AS response_id,
  {_first("user_id", "User ID", "Person Email", "Person email", "Email", "email", "Email Address")} AS user_id,
  'nps' AS kind,
  {_needed("survey of which the score is known", "Score", "NPS", "NPS Score", "score", "nps_score", "Rating")} AS score,
  CASE WHEN regexp_full_match({_ANSWERED}, '[0-9]{{10}}') THEN CAST(to_timestamp(CAST({_ANSWERED} AS BIGINT)) AS VARCHAR)
    ELSE {_ANSWERED} END AS answered_at
FROM ({{ROWS}})
"""

_CUSTOMER = (
    "account_id (metadata)",
    "Account ID (metadata)",
    "customer_account_id (metadata)",
    "Customer ID",
    "Customer",
)
_COMPANY = ("account_id", "Account ID", "Company ID", "company_id", "Company", "company", "Organization")
_SELECTS: dict[tuple[str, str], tuple[str, tuple[str, ...], str]] = {
    ("subscription", "stripe"): ("subscriptions", _CUSTOMER, _STRIPE_SUBSCRIPTIONS),
    ("invoice", "stripe"): ("invoices", _CUSTOMER, _STRIPE_INVOICES),
    ("ticket", "zendesk"): ("tickets", ("Organization", "organization_id"), _ZENDESK_TICKETS),
    ("survey", "nps"): ("nps", _COMPANY, _NPS),
}
PEOPLE: dict[str, tuple[str, ...]] = {
    "subscription": ("Customer Email",),
    "invoice": ("Customer Email",),
    # Not "Requester id", which is Zendesk's own: the product's user of that number is somebody else.
    "ticket": ("Requester email", "Requester external id"),
    "survey": ("user_id", "User ID", "Person Email", "Person email", "Email", "email", "Email Address"),
}
"""By table, columns of its export that say whom a row is about; `forget` looks there."""
_TOLD_BY: dict[tuple[str, Format], set[str]] = {
    ("subscription", "stripe"): {"id", "Customer ID", "Plan", "Interval", "Status", "Created (UTC)"},
    ("invoice", "stripe"): {"id", "Customer", "Amount Due", "Amount Paid", "Status", "Date (UTC)"},
    ("ticket", "zendesk"): {"Id", "Requester id", "Organization", "Created at", "Solved at"},
}


def of_account(table: str, form: str) -> tuple[str, ...]:
    """The columns that may say whose a row of such an export is, the first that is there counts."""
    return _SELECTS[table, form][1]


_NAME = re.compile(r"[A-Za-z0-9_ .-]+")


def is_file_name(name: str) -> bool:
    """Whether a mapping may name this file."""
    return _NAME.fullmatch(name) is not None
