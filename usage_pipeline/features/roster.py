"""Which accounts a morning speaks of, and since when they have been customers."""

import ibis
import ibis.expr.types as ir

from usage_pipeline.features.contract import LIVE
from usage_pipeline.features.meanings import Meanings
from usage_pipeline.features.sight import KEY, Seen

# Without subscriptions, silence says that a customer has gone: a year, so that yearly habits are kept.
GONE_DAYS = 365

# Upper ends of the bands of REQUIREMENTS SEG-17.
_BANDS = ((20, "1-19"), (100, "20-99"), (500, "100-499"))


def roster(seen: Seen, meanings: Meanings) -> ir.Table:
    """One row per morning and account that was a customer on it.

    `tenure_days` counts from the sign-up, else from the first event; an account with neither is not
    one yet. `record_age` is when the record begins. Kept while it has an active or trial subscription, or, where the company has no
    subscriptions at all, while it was used in the last year.
    """
    stated = seen.account.select(
        *KEY,
        "signup_age",
        "industry",
        "owner_email",
        "merged_into",
        account_name="name",
        size_band=size_band(seen.account.employees),
    )
    known = _full_join(stated, _full_join(seen.first_account, seen.last_use))
    known = known.mutate(
        tenure_days=known.signup_age.fill_null(known.first_age), size_band=known.size_band.fill_null("unknown")
    )
    # One that became part of another is no customer of its own any more: what it does counts there.
    customers = known.filter(known.tenure_days > 0, known.merged_into.isnull())
    if "subscription" in meanings.tables:
        live = seen.subscription.filter(seen.subscription.order == 0, seen.subscription.status.isin(LIVE))
        customers = customers.semi_join(live, KEY)
    else:
        customers = customers.filter(customers.last_age <= GONE_DAYS)
    first = seen.first_account
    begin = first.group_by("as_of").agg(record_age=first.first_age.max())
    customers = customers.left_join(begin, "as_of").drop("as_of_right")
    return customers.select(
        *KEY,
        "tenure_days",
        "record_age",
        "first_age",
        "last_age",
        "account_name",
        "owner_email",
        "industry",
        "size_band",
    )


def size_band(employees: ir.IntegerValue) -> ir.StringValue:
    """1-19, 20-99, 100-499, 500+ employees, or unknown."""
    return ibis.cases(
        (employees.isnull() | (employees < 1), "unknown"),
        *((employees < end, name) for end, name in _BANDS),
        else_="500+",
    )


def counted(usage: ir.Table, roster: ir.Table, age: str = "age") -> ir.Table:
    """The usage rows of the roster's accounts since their sign-up; what is dated before it counts nowhere."""
    with_tenure = usage.inner_join(roster.select(*KEY, "tenure_days"), KEY)
    return with_tenure.filter(with_tenure[age] <= with_tenure.tenure_days)


def _full_join(left: ir.Table, right: ir.Table) -> ir.Table:
    joined = left.outer_join(right, KEY)
    same = {name: joined[name].fill_null(joined[f"{name}_right"]) for name in KEY}
    return joined.mutate(**same).drop(*(f"{name}_right" for name in KEY))
