"""Outcomes told by milestones: things that happened to an account and are no product event."""

from datetime import date

import ibis
import ibis.expr.types as ir

from usage_pipeline import periods
from usage_pipeline.company import Kind


def outcomes(
    counted: str, kind: Kind, calendar: ir.Table, milestone: ir.Table, account: ir.Table, *, known_before: date
) -> ir.Table:
    """One row per account that had signed up and not yet churned, as known on the morning.

    `counted` names the milestones that are the outcome. Churn ends the risk of every outcome.
    """
    ends = {Kind.CHURN.value, counted} if kind is Kind.CHURN else {Kind.CHURN.value}
    at_risk = _signed_up(calendar, account).anti_join(_gone(ends, calendar, milestone), ["account_id", "as_of"])
    then = milestone.filter(
        milestone.kind == counted,
        milestone.known_at < ibis.literal(periods.morning(known_before)),
    ).select("account_id", "happened_at", fact_known_at="known_at")
    pairs = at_risk.left_join(
        then,
        [
            "account_id",
            # What had happened before the morning but became known after it still lay ahead
            # of whoever scored the account.
            (then.happened_at >= at_risk.morning) | (then.fact_known_at >= at_risk.morning),
            then.happened_at.date() < at_risk.until,
        ],
    )
    return pairs.group_by("account_id", "as_of", "stated_at").agg(
        happened=pairs.happened_at.notnull().any(),
        happened_on=pairs.happened_at.min().date(),
        fact_known_at=pairs.fact_known_at.min(),
    )


def _signed_up(calendar: ir.Table, account: ir.Table) -> ir.Table:
    """Accounts that signed up before the morning; one without a date, from when it was first known of."""
    seen = calendar.cross_join(
        account.select("account_id", "known_at", signed_up_at=account.created_at.coalesce(account.valid_from))
    )
    seen = seen.filter(seen.known_at < seen.morning)
    since = seen.group_by("account_id", "as_of", "morning", "until", "stated_at").agg(since=seen.signed_up_at.min())
    return since.filter(since.since < since.morning).drop("since")


def _gone(ends: set[str], calendar: ir.Table, milestone: ir.Table) -> ir.Table:
    """Accounts known on the morning to have had a milestone that ends the risk."""
    past = milestone.filter(milestone.kind.isin(sorted(ends)))
    seen = calendar.cross_join(past.select("account_id", "happened_at", "known_at"))
    return (
        seen.filter(seen.known_at < seen.morning, seen.happened_at < seen.morning)
        .select("account_id", "as_of")
        .distinct()
    )
