"""What the account pays for, and until when."""

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine
from usage_pipeline.features.sight import KEY, Seen, beside

LIVE = ("active", "trial")
_SEATS_BACK, _MRR_BACK = 90, 180


def contract(seen: Seen) -> ir.Table:
    """One row per account with a live subscription; several are summed, and the next renewal of them counts.

    The past is what was known on the morning about it, so a correction counts from when it was known.
    """
    now = _live(seen.subscription, 0)
    is_next = now.days_to_renewal == now.days_to_renewal.min().over(group_by=KEY)
    now = now.mutate(is_next=is_next.fill_null(True))  # noqa: FBT003
    is_paid = (now.status == "active") & ((now.mrr_minor > 0) | now.mrr_minor.isnull())
    terms = now.group_by(KEY).agg(
        seats=now.seats.sum().cast("int64"),
        mrr_minor=now.mrr_minor.sum(where=now.status == "active").cast("int64"),
        plan_rank=now.plan_rank.max(),
        term_months=now.term_months.max(where=now.is_next),
        days_to_renewal=now.days_to_renewal.min(),
        is_auto_renew=now.auto_renew.all(where=now.is_next),
        is_subscribed=is_paid.any(),
    )
    seats_then = _live(seen.subscription, _SEATS_BACK)
    seats_then = seats_then.group_by(KEY).agg(seats_then=seats_then.seats.sum().cast("int64"))
    mrr_then = _live(seen.subscription, _MRR_BACK)
    mrr_then = mrr_then.group_by(KEY).agg(
        mrr_then=mrr_then.mrr_minor.sum(where=mrr_then.status == "active").cast("int64")
    )
    joined = beside(terms, seats_then, mrr_then)
    return joined.mutate(
        seats_change_90d=joined.seats - joined.seats_then,
        mrr_change_180d=engine.ratio(joined.mrr_minor, joined.mrr_then) - 1.0,
    ).drop("seats_then", "mrr_then")


def _live(subscription: ir.Table, days_ago: int) -> ir.Table:
    """The subscriptions that were active or on trial that many days before the morning."""
    then = subscription.filter(subscription.age > days_ago)
    newest = then.order == then.order.min().over(group_by=["as_of", "subscription_id"])
    return then.mutate(newest=newest).filter(ibis._.newest, ibis._.status.isin(LIVE))
