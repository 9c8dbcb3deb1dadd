"""Which features an account uses: how many, which came and went, how evenly."""

import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.features import bits, windows
from usage_pipeline.features.roster import counted
from usage_pipeline.features.sight import KEY, WINDOW, Seen, beside


def breadth(seen: Seen, roster: ir.Table) -> ir.Table:
    """One row per account that used a feature in the 13 weeks before the morning."""
    use = counted(seen.account_features, roster)
    block = use.group_by(*KEY, "block").agg(
        tenure_days=use.tenure_days.max(),
        before=bits.any_of(use.features, windows.before(use.age)),
        **{f"in_{n}": bits.any_of(use.features, use.age <= n) for n in (7, 28)},
        # The first day of 13 weeks lies before the last 90.
        in_90=bits.any_of(
            (use.age <= WINDOW - periods.WEEK).ifelse(use.features, use.latest), use.age <= periods.QUARTER
        ),
    )
    sums = block.group_by(KEY).agg(
        tenure_days=block.tenure_days.max(),
        **{f"features_{n}d": _features(block[f"in_{n}"]) for n in (7, 28, 90)},
        features_28d_before=_features(block.before),
        kept=_features(block.before & block.in_28),
    )
    sums = sums.mutate(features_lost_28d=sums.features_28d_before - sums.kept)
    anybody = block.group_by("as_of", "block").agg(features=bits.any_of(block.in_90))
    in_product = anybody.group_by("as_of").agg(in_product=_features(anybody.features))
    sums = beside(sums, _uses(counted(seen.feature_day, roster)))
    sums = sums.left_join(in_product, "as_of").drop("as_of_right")
    return sums.mutate(
        features_share_28d=engine.ratio(sums.features_28d, sums.in_product),
        features_change_28d=windows.change(
            sums.features_28d, sums.features_28d_before, lived=sums.tenure_days, days=56
        ),
        top_feature_share_28d=engine.ratio(sums.top_uses, sums.uses),
        premium_share_28d=engine.ratio(sums.premium_uses, sums.uses),
    )


def _features(which: ir.IntegerValue) -> ir.IntegerValue:
    return engine.whole(bits.count(which).sum())


def _uses(day: ir.Table) -> ir.Table:
    """How the uses of 28 days are spread over features."""
    feature = day.group_by(*KEY, "feature").agg(is_premium=day.is_premium.any(), uses=engine.whole(day.events.sum()))
    return feature.group_by(KEY).agg(
        premium_features_28d=engine.whole(feature.is_premium.sum()),
        uses=engine.whole(feature.uses.sum()),
        top_uses=engine.whole(feature.uses.max()),
        premium_uses=engine.whole(feature.uses.sum(where=feature.is_premium)),
    )


def adoption(seen: Seen, roster: ir.Table) -> ir.Table:
    """One row per account: what it used for the first time, and when; what was seen before the sign-up is not new."""
    new = first_features(seen, roster)
    return new.group_by(KEY).agg(
        days_since_new_feature=new.age.min(),
        features_new_28d=engine.whole((new.age <= periods.MONTH).sum()),
        features_first_7d=engine.whole((new.age > new.tenure_days - periods.WEEK).sum()),
    )


def first_features(seen: Seen, roster: ir.Table) -> ir.Table:
    """One row per account and feature, with the age of its first use since the sign-up."""
    return counted(seen.first_feature, roster)


def per_person(seen: Seen, roster: ir.Table) -> ir.Table:
    """One row per account: pairs of a person and a feature in 28 days, and how many people combine features."""
    week = counted(seen.person_features, roster)
    block = week.group_by(*KEY, "user_id", "block").agg(features=bits.any_of(week.features))
    person = block.group_by(*KEY, "user_id").agg(features=engine.whole(bits.count(block.features).sum()))
    return person.group_by(KEY).agg(
        person_features_28d=engine.whole(person.features.sum()),
        combined_share_28d=engine.ratio(engine.whole((person.features > 1).sum()), engine.whole(person.count())),
    )
