"""Churn and expansion told by subscriptions: what an account paid for, and what it then paid for.

An account's terms are the sum of its active, paid subscriptions, so that one replaced by another
on the same day is no churn. Terms within the horizon are compared with those of the morning: an
account that grew and then shrank back to what it had has lost nothing.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.company import Kind

# A tenth: an indexed price or a rounding of the term is neither a downgrade nor an expansion.
_TENTHS_LEFT, _TENTHS_GAINED = 9, 11


def outcomes(kind: Kind, calendar: ir.Table, subscription: ir.Table, *, known_before: date) -> ir.Table:
    """One row per account that paid on the morning, as known then, and what its terms became."""
    base = _terms_on(calendar, subscription)
    later = _terms_over_time(subscription.filter(subscription.known_at < ibis.literal(periods.morning(known_before))))
    pairs = base.left_join(
        later,
        [
            base.account_id == later.account_id,
            later.day < base.until,
            # In force at some time in the horizon: what had happened before the morning but became
            # known after it was not known to whoever scored the account.
            later.next_day.fill_null(ibis.literal(date.max)) > base.as_of,
        ],
        rname="{name}_then",
    )
    hit = (_lost(pairs) if kind is Kind.CHURN else _gained(pairs)).fill_null(False)  # noqa: FBT003 - a value
    return pairs.group_by("account_id", "as_of", "stated_at").agg(
        happened=hit.any(),
        happened_on=pairs.day.min(where=hit),
        fact_known_at=pairs.changed_known_at.min(where=hit),
    )


def _lost(pairs: ir.Table) -> ir.BooleanValue:
    """Nothing paid any more, or MRR down by more than a tenth with fewer seats or a lower plan."""
    fewer = (pairs.seats_then < pairs.seats).fill_null(False)  # noqa: FBT003 - a value
    lower = (pairs.plan_rank_then < pairs.plan_rank).fill_null(False)  # noqa: FBT003 - a value
    return (pairs.paying_then == 0) | ((pairs.mrr_then * 10 < pairs.mrr * _TENTHS_LEFT) & (fewer | lower))


def _gained(pairs: ir.Table) -> ir.BooleanValue:
    """A higher plan or more seats for no less money, or MRR up by more than a tenth (add-ons)."""
    more = (pairs.seats_then > pairs.seats).fill_null(False)  # noqa: FBT003 - a value
    higher = (pairs.plan_rank_then > pairs.plan_rank).fill_null(False)  # noqa: FBT003 - a value
    not_cheaper = (pairs.mrr_then >= pairs.mrr).fill_null(True)  # noqa: FBT003 - a value
    dearer = (pairs.mrr_then * 10 > pairs.mrr * _TENTHS_GAINED).fill_null(False)  # noqa: FBT003 - a value
    return (pairs.paying_then > 0) & (((more | higher) & not_cheaper) | dearer)


def _newest(rows: ir.Table, within: list[str]) -> ir.Table:
    """The newest row per key; of rows of one instant the one known last, then the dearest."""
    order = [ibis.desc(rows.valid_from), ibis.desc(rows.known_at), ibis.desc(rows.mrr_minor), rows.status]
    place = ibis.row_number().over(ibis.window(group_by=within, order_by=order))
    return rows.mutate(place=place).filter(ibis._.place == 0).drop("place")


def _is_paid(rows: ir.Table) -> ir.BooleanValue:
    """Active and not free; a source without prices has only paid subscriptions."""
    return (rows.status == "active") & (rows.mrr_minor.fill_null(1) > 0)


def _terms_on(calendar: ir.Table, subscription: ir.Table) -> ir.Table:
    """Each paying account's terms on each morning, as known then."""
    seen = calendar.cross_join(subscription)
    seen = seen.filter(seen.known_at < seen.morning, seen.valid_from < seen.morning)
    paid = _newest(seen, ["as_of", "subscription_id"])
    paid = paid.filter(_is_paid(paid))
    return paid.group_by("account_id", "as_of", "until", "stated_at").agg(
        mrr=paid.mrr_minor.sum().cast("int64"),
        seats=paid.seats.sum().cast("int64"),
        plan_rank=paid.plan_rank.max(),
    )


def _terms_over_time(subscription: ir.Table) -> ir.Table:
    """Each account's terms from each day on which one of its subscriptions changed to the next such day."""
    rows = subscription.mutate(day=subscription.valid_from.date())
    rows = _newest(rows, ["subscription_id", "day"])
    rows = rows.mutate(until_day=rows.day.lead().over(group_by="subscription_id", order_by="day"))
    days = rows.group_by("account_id", "day").agg(changed_known_at=rows.known_at.max())
    spells = rows.select("account_id", "status", "seats", "mrr_minor", "plan_rank", "until_day", from_day=rows.day)
    in_force = days.inner_join(
        spells,
        [
            "account_id",
            spells.from_day <= days.day,
            spells.until_day.fill_null(ibis.literal(date.max)) > days.day,
        ],
    )
    is_paid = _is_paid(in_force)
    terms = in_force.group_by("account_id", "day", "changed_known_at").agg(
        paying_then=engine.whole(is_paid.sum()),
        mrr_then=in_force.mrr_minor.sum(where=is_paid).cast("int64"),
        seats_then=in_force.seats.sum(where=is_paid).cast("int64"),
        plan_rank_then=in_force.plan_rank.max(where=is_paid),
    )
    return terms.mutate(next_day=terms.day.lead().over(group_by="account_id", order_by="day"))
