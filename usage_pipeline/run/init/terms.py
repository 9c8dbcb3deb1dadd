"""Subscriptions: what an account paid for from when on, from a table of changes, of states, or of terms."""

import re

from usage_pipeline.events import fields
from usage_pipeline.run.init import selects
from usage_pipeline.run.init.columns import Column
from usage_pipeline.run.init.files import Source
from usage_pipeline.run.init.kinds import Taken
from usage_pipeline.run.init.selects import Select

# Rows of one subscription that begin so soon after the last ended go on with it.
_GAP_DAYS = 7


_MONTHS = {
    "month": 1,
    "monthly": 1,
    "quarter": 3,
    "quarterly": 3,
    "year": 12,
    "yearly": 12,
    "annual": 12,
    "annually": 12,
    "week": None,
    "day": None,
}


# The states of a subscription as Stripe names them (docs.stripe.com/api/subscriptions/object), and common others.
_STATES = {
    "active": {"active", "past_due", "live", "paid", "current", "paused", "open", "subscribed", "incomplete"},
    "trial": {"trialing", "trial", "in_trial", "free_trial"},
    "cancelled": {"canceled", "cancelled", "ended", "expired", "incomplete_expired", "unpaid", "churned", "inactive", "closed", "terminated"},
}  # fmt: skip


def subscription(taken: Taken, source: Source, account: str) -> str:
    """Subscriptions with what each said from when on: as rows of changes, as a state, or as terms with begin and end."""
    has = taken.columns
    key = selects.ref(has["subscription_id"]) if "subscription_id" in has else _key_of_terms(taken, account)
    terms: list[tuple[str, str, str]] = [(key, "subscription_id", ""), (account, "account_id", "")]
    if "plan" in has:
        terms.append(
            (selects.ref(has["plan"]), "plan", f"{has['plan'].distinct:,} plans: {', '.join(has['plan'].common)}")
        )
    terms += [(selects.ref(has[name]), name, "") for name in ("plan_rank", "seats", "auto_renew") if name in has]
    if "currency" in has:
        terms.append((f"upper({selects.ref(has['currency'])})", "currency", ""))
    months = _months(has.get("interval"))
    if months:
        terms.append((months, "term_months", ""))
    if "mrr" in has:
        terms.append(_money(has["mrr"], months))
    if "renews_on" in has and _sure(has["renews_on"]):
        terms.append((f"CAST({selects.moment(has['renews_on'], as_moment=True)} AS DATE)", "renews_on", ""))
    if "changed_at" in has:
        select = Select(source.table, terms)
        select.add(_state(taken), "status", "")
        select.add(selects.moment(has["changed_at"]), "valid_from", has["changed_at"].says_when())
        return select.sql()
    return _over_time(taken, source, terms)


def is_of_bills(source: Source) -> bool:
    """Whether the table's name says that a row is a bill."""
    return re.search(r"invoice|bill|payment|charge", source.table.lower()) is not None


def _over_time(taken: Taken, source: Source, terms: list[tuple[str, str, str]]) -> str:
    """One row per begin and one per end; what begins again at once did not end."""
    has = taken.columns
    inner = Select(source.table, list(terms))
    key = has.get("subscription_id")
    is_term = key is not None and key.distinct < key.filled
    names = [name for _, name, _ in terms]
    # Where a row is a term of several, its end was agreed when it began.
    of_now = [name for name in names if name == "auto_renew" or (name == "renews_on" and not is_term)]
    listed = ", ".join(names)
    past = ", ".join(f"NULL AS {name}" if name in of_now else name for name in names)
    if "started" in has and _sure(has["started"]):
        inner.add(selects.moment(has["started"], as_moment=True), "started", has["started"].says_when())
    else:
        inner.add("NULL::TIMESTAMP", "started", "no column says when it began")
    ended = (
        selects.moment(has["ended"], as_moment=True) if "ended" in has and _sure(has["ended"]) else "NULL::TIMESTAMP"
    )
    inner.add(ended, "ended")
    if "status" in has:
        inner.add(_state(taken), "state", f"found: {', '.join(has['status'].common)}")
    elif "is_trial" in has:
        inner.add(f"CASE WHEN {selects.ref(has['is_trial'])} THEN 'trial' ELSE 'active' END", "state")
    else:
        inner.add("'active'", "state")
    # Where each bill is a row, a term that runs on beyond the last bill may yet be billed again.
    billed = ("status" not in has or is_of_bills(source)) and (key is None or is_term)
    seen = "\n  AND ended < (SELECT max(started) FROM term)" if billed else ""
    body = "\n".join("  " + line for line in inner.sql().splitlines())
    now = f"""
-- ... and what is so now, of those that go on: from the delivery, since no morning before it could know it.
UNION ALL
SELECT {listed},
  state, NULL
FROM next
WHERE started IS NOT NULL AND ended IS NULL AND next_start IS NULL AND state <> 'cancelled'"""
    return f"""WITH term AS (
{body}
), next AS (
  SELECT *, lead(started) OVER (PARTITION BY subscription_id ORDER BY started) AS next_start FROM term
)
-- One row from when it began, as what it was then ...
SELECT {past},
  CASE WHEN state = 'cancelled' THEN 'active' ELSE state END AS status, started AS valid_from
FROM next
WHERE started IS NOT NULL OR (ended IS NULL AND state <> 'cancelled')
-- ... and one from when it ended, unless it went on within {_GAP_DAYS} days; without that day, from the delivery.
UNION ALL
SELECT {past},
  'cancelled', ended
FROM next
WHERE (ended IS NOT NULL OR state = 'cancelled')
  AND (next_start IS NULL OR next_start > ended + INTERVAL {_GAP_DAYS} DAY){seen}{now if of_now else ""}"""


def _state(taken: Taken) -> str:
    column = taken.columns.get("status")
    if column is None:
        return "'active'"
    name = selects.quoted(column.name)
    whens = " ".join(
        f"WHEN lower({name}) IN ({', '.join(map(fields.text, sorted(words)))}) THEN '{state}'"
        for state, words in _STATES.items()
    )
    return f"CASE {whens} ELSE lower({name}) END"


def unknown_states(column: Column) -> list[str]:
    """States that none of active, trial and cancelled is known to be."""
    known = set().union(*_STATES.values())
    return [value for value in column.common if value.lower() not in known]


def _key_of_terms(taken: Taken, account: str) -> str:
    plan = taken.columns.get("plan")
    return f"concat_ws('/', {account}, {selects.ref(plan)})" if plan is not None else account


def _months(interval: Column | None) -> str:
    if interval is None:
        return ""
    name = selects.quoted(interval.name)
    if interval.is_number:
        return f"CAST({name} AS BIGINT)"
    known = {value: _MONTHS.get(value.lower()) for value in interval.common}
    whens = " ".join(f"WHEN {fields.text(value)} THEN {months}" for value, months in known.items() if months)
    return f"CASE {name} {whens} END" if whens else ""


def _money(column: Column, months: str) -> tuple[str, str, str]:
    name = selects.quoted(column.name)
    if re.search(r"minor|cents", column.plain):
        return f"CAST({name} AS BIGINT)", "mrr_minor", "minor units by its name"
    is_monthly = "mrr" in column.plain or "month" in column.plain
    amount = f"{name} * 100" if is_monthly or not months else f"{name} * 100 / coalesce({months}, 1)"
    why = f"QUESTION: taken as whole units (median {column.median:,.2f}); if these are cents, leave out * 100"
    return f"CAST(round({amount}) AS BIGINT)", "mrr_minor", why


def _sure(column: Column) -> bool:
    return column.times is not None and column.times.is_sure
