"""Churn told by silence, for products that nobody cancels: the last event before a long pause."""

from datetime import date

import ibis
import ibis.expr.types as ir

from usage_pipeline import periods


def outcomes(silence_days: int, calendar: ir.Table, account_day: ir.Table, *, known_before: date) -> ir.Table:
    """One row per account with an event in the 28 days before the morning, as known then.

    Churned: its last event before at least `silence_days` without one falls in the horizon, or in
    the 28 days that made it at risk: an account that has just stopped has churned, only nobody
    knows yet.
    """
    recent = calendar.cross_join(account_day.select("account_id", "day", "known_day"))
    recent = recent.filter(
        recent.known_day < recent.as_of,
        recent.day < recent.as_of,
        recent.day >= recent.as_of - ibis.interval(days=periods.MONTH),
    )
    at_risk = recent.select("account_id", "as_of", "until", "stated_at").distinct()
    ends = _ends(account_day.filter(account_day.known_day < ibis.literal(known_before)), silence_days)
    pairs = at_risk.left_join(
        ends,
        [
            "account_id",
            ends.last_day >= at_risk.as_of - ibis.interval(days=periods.MONTH),
            ends.last_day < at_risk.until,
        ],
    )
    return pairs.group_by("account_id", "as_of", "stated_at").agg(
        happened=pairs.last_day.notnull().any(),
        happened_on=pairs.last_day.min(),
        fact_known_at=ibis.null("timestamp"),
    )


def _ends(account_day: ir.Table, silence_days: int) -> ir.Table:
    """Days of use that at least `silence_days` without use follow (so far, for the last of all)."""
    days = account_day.select("account_id", last_day="day").distinct()
    days = days.mutate(next_day=days.last_day.lead().over(group_by="account_id", order_by="last_day"))
    returned = days.next_day <= days.last_day + ibis.interval(days=silence_days)
    return days.filter(~returned.fill_null(False)).drop("next_day")  # noqa: FBT003 - a value
