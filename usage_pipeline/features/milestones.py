"""Events that mean something: logins, invites, integrations, value, and the way to activation."""

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.company import Roles
from usage_pipeline.features import windows, workflows
from usage_pipeline.features.breadth import first_features
from usage_pipeline.features.meanings import Meanings
from usage_pipeline.features.roster import counted
from usage_pipeline.features.sight import KEY, WINDOW, Seen, beside

ACTIVATION_DAYS = 30
ACTIVATION_FEATURES = 3


def milestones(seen: Seen, roster: ir.Table, meanings: Meanings) -> ir.Table:
    """One row per account of the roster; NULL where the product has no event of the role."""
    roles = meanings.roles
    day = counted(seen.event_day, roster)

    def count(name: str, where: ir.BooleanValue | None = None) -> ir.IntegerValue:
        return engine.whole(day[name].sum(where=where))

    def count_90(name: str) -> ir.IntegerValue:
        # The first day of 13 weeks lies before the last 90.
        inside = (day.age <= WINDOW - periods.WEEK).ifelse(day[name], day[f"{name}_latest"])
        return engine.whole(inside.sum(where=windows.trailing(day.age, periods.QUARTER)))

    in_28, before_28 = windows.trailing(day.age, periods.MONTH), windows.before(day.age)
    sums = day.group_by(KEY).agg(
        logins_28d=count("logins", in_28),
        value_events_28d=count("values", in_28),
        value_before=count("values", before_28),
        logins_before=count("logins", before_28),
        days_since_last_login=day.last_login_age.min(),
        invites_28d=count("invites", in_28),
        invites_90d=count_90("invites"),
        invites_first_7d=count("invites", day.age > day.tenure_days - periods.WEEK),
        added=count("added"),
        removed=count("removed"),
        integrations_removed_90d=count_90("removed"),
        activated_age=day.activated_age.max(),
        value_age=day.value_age.max(),
        login_age=day.login_age.max(),
        **workflows.sums(day, roles),
    )
    joined = beside(roster.select(*KEY, "tenure_days", "record_age"), sums)
    if not roles.activation:
        third = _third_feature(seen, roster)
        joined = beside(joined.drop("activated_age"), third)
    return _said(_activated(workflows.rated(joined, roles)), roles)


def _third_feature(seen: Seen, roster: ir.Table) -> ir.Table:
    """When the account had used three features, where no event is named as the activation."""
    first = first_features(seen, roster)
    rank = ibis.row_number().over(group_by=KEY, order_by=[ibis.desc("age"), "feature"])
    third = first.mutate(rank=rank).filter(ibis._.rank == ACTIVATION_FEATURES - 1)
    return third.select(*KEY, activated_age="age")


def _activated(sums: ir.Table) -> ir.Table:
    # Nobody saw the first days of an account that is older than the record: its 30 days begin
    # with the record, and how long it took cannot be said.
    is_whole = sums.tenure_days <= sums.record_age
    begun = ibis.least(sums.tenure_days, sums.record_age)
    took = begun - sums.activated_age
    in_time = (took < ACTIVATION_DAYS).fill_null(False)  # noqa: FBT003
    decided = sums.tenure_days >= ACTIVATION_DAYS
    return sums.mutate(
        is_activated=in_time.ifelse(True, decided.ifelse(False, None)),  # noqa: FBT003
        days_to_activation=(in_time & is_whole).ifelse(took, None),
        days_to_value=is_whole.ifelse(sums.tenure_days - sums.value_age, None),
        days_from_login_to_value=(is_whole & sums.login_age.notnull() & sums.value_age.notnull()).ifelse(
            ibis.greatest(sums.login_age - sums.value_age, 0), None
        ),
        invites_first_7d=(is_whole & (sums.tenure_days >= periods.WEEK)).ifelse(
            sums.invites_first_7d.fill_null(0), None
        ),
        logins_change_28d=windows.change(
            sums.logins_28d.fill_null(0), sums.logins_before, lived=sums.tenure_days, days=2 * periods.MONTH
        ),
        value_change_28d=windows.change(
            sums.value_events_28d.fill_null(0), sums.value_before, lived=sums.tenure_days, days=2 * periods.MONTH
        ),
    )


def _said(sums: ir.Table, roles: Roles) -> ir.Table:
    """0 for an event that did not happen, NULL for one that the product does not have."""
    integrations = roles.integration_added + roles.integration_removed
    held = ibis.greatest(sums.added.fill_null(0) - sums.removed.fill_null(0), 0)
    sums = sums.mutate(integrations=held)
    spoken = {
        "logins_28d": roles.login,
        "value_events_28d": roles.value,
        "invites_28d": roles.invite,
        "invites_90d": roles.invite,
        "integrations": integrations,
        "integrations_removed_90d": integrations,
    }
    return sums.mutate(
        **{name: sums[name].fill_null(0) if names else ibis.null("int64") for name, names in spoken.items()},
        invites_first_7d=sums.invites_first_7d if roles.invite else ibis.null("int64"),
    )
