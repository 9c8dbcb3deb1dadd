"""Interest in more: content about prices and premium features, and whether it grows out of use."""

import ibis.expr.types as ir

from usage_pipeline import engine
from usage_pipeline.features.roster import counted
from usage_pipeline.features.sight import KEY, Seen, beside


def interest(seen: Seen, roster: ir.Table) -> ir.Table:
    """One row per account that viewed such content in 28 days."""
    recent = counted(seen.content_day, roster)
    viewed = recent.group_by(*KEY, "age").agg(views=engine.whole(recent.events.sum()))
    used = seen.account_day.filter(seen.account_day.uses > 0).select(*KEY, "age").distinct()
    with_use = viewed.semi_join(used, [*KEY, "age"])
    views = viewed.group_by(KEY).agg(content_views_28d=engine.whole(viewed.views.sum()))
    days = with_use.group_by(KEY).agg(content_use_days_28d=engine.whole(with_use.count()))
    return beside(views, days)
