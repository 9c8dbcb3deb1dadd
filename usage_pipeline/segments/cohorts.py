"""The cohorts: one decision table that gives every account exactly one of them.

The table below is the definition; the code runs it, the documents print it, and each
account carries the sentence of the row that it met first.
"""

from datetime import date
from enum import StrEnum

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.segments import buckets, catalogue, curves, decisions, renewals
from usage_pipeline.segments.decisions import Row


class Cohort(StrEnum):
    """What a seller calls the account; New is the placeholder outside the four."""

    POWER = "Activated-Power"
    NARROW = "Activated-Narrow"
    STUCK = "Stuck-Activated"
    RISK = "Risk-Inactive"
    NEW = "New"


# Two weeks, or three sessions, before anything can be said (SEG-12); nobody is new after a quarter.
NEW_DAYS = 14
NEW_SESSIONS = 3
NEW_AT_MOST_DAYS = periods.QUARTER

# The lower two quintiles are narrow (conflict 3). Fewer than three features are narrow whatever
# the others do, since equals share a quintile and two features can be in the middle of a shallow
# fleet; half of what the product has is broad whatever the others do.
NARROW_QUINTILE = 2
BROAD_FEATURES = 3
BROAD_SHARE = 0.5

# The floor under "flat is fine": one feature, nobody invited in a quarter, nobody new (SEG-02).
STAGNANT_FEATURES = 1

# More tickets than a calm account opens in a month; with narrow use a sign of giving up (SEG-06).
MANY_TICKETS = 3

# A promoter: narrow use that is loved is no risk by itself (SEG-07).
PROMOTER = 9


TABLE = (
    Row(
        Cohort.NEW,
        f"in its first {NEW_DAYS} days, or fewer than {NEW_SESSIONS} sessions so far in its first {NEW_AT_MOST_DAYS}",
        lambda t: t.is_early,
        "SEG-12",
    ),
    Row(Cohort.RISK, "no feature used in 28 days", lambda t: ~t.is_in_use, "SEG-01"),
    Row(Cohort.RISK, "use is declining, whatever its breadth", lambda t: t.curve == curves.DECLINING, "SEG-01"),
    Row(
        Cohort.POWER,
        "activated, growing or too young for a curve, and broad",
        lambda t: t.is_active & t.is_rising & ~t.is_narrow,
        "SEG-03",
    ),
    Row(
        Cohort.NARROW,
        "activated, growing or too young for a curve, but narrow",
        lambda t: t.is_active & t.is_rising & t.is_narrow,
        "SEG-01",
    ),
    Row(
        Cohort.NARROW,
        "growing without having reached the activation event: that is its gap",
        lambda t: t.curve == curves.GROWING,
        "conflict 3",
    ),
    Row(Cohort.NEW, "not activated, and too young for a curve", lambda t: t.curve == curves.UNKNOWN, "SEG-12"),
    Row(
        Cohort.POWER,
        "activated, flat, and broad: it has found what it needs",
        lambda t: t.is_active & ~t.is_narrow,
        "conflict 3",
    ),
    Row(
        Cohort.STUCK,
        "flat and broad without having reached the activation event",
        lambda t: ~t.is_narrow,
        "conflict 3",
    ),
    Row(
        Cohort.STUCK,
        f"flat and narrow but loved (NPS {PROMOTER} or 10)",
        lambda t: t.nps_last.fill_null(0) >= PROMOTER,
        "SEG-07",
    ),
    Row(
        Cohort.RISK,
        "stagnant: flat, one feature, nobody invited in 90 days and nobody new in 28",
        lambda t: t.is_stagnant,
        "SEG-02",
    ),
    Row(
        Cohort.RISK,
        f"flat and narrow with {MANY_TICKETS} support tickets or more in 28 days",
        lambda t: t.tickets_28d.fill_null(0) >= MANY_TICKETS,
        "SEG-06",
    ),
    Row(Cohort.STUCK, "activated, flat, and narrow", lambda t: t.is_active, "SEG-04"),
    Row(
        Cohort.RISK,
        "flat and narrow, and never reached the activation event",
        decisions.always,
        "conflict 3",
    ),
)


def segment(snapshots: ir.Table, as_of: date) -> ir.Table:
    """Which kind of account each is on the morning: one row per account (ACCOUNT_SEGMENT)."""
    t = snapshots.mutate(is_in_use=snapshots.uses_28d.fill_null(0) > 0)
    used_features = ibis.ifelse(t.is_in_use, t.features_28d, ibis.null("int64"))
    t = t.mutate(
        breadth_quintile=engine.quintile(used_features, within=["is_in_use"]),
        curve=curves.curve(t),
        bucket=buckets.bucket(t),
        renewal_stage=renewals.renewal_stage(t),
    )
    t = t.mutate(
        is_early=_is_early(t),
        is_narrow=_is_narrow(t),
        is_active=t.is_activated.fill_null(False),  # noqa: FBT003
        is_rising=t.curve.isin([curves.GROWING, curves.UNKNOWN]),
        is_stagnant=_is_stagnant(t),
    )
    t = decisions.decided(t, TABLE, "cohort").mutate(as_of=ibis.literal(as_of))
    return catalogue.ACCOUNT_SEGMENT.conform(t)


def markdown() -> str:
    """The decision table as the documents print it."""
    return decisions.markdown(TABLE, "cohort")


def _is_early(t: ir.Table) -> ir.BooleanValue:
    # A snapshot counts sessions of 28 days and active days of 90; an active day has a session,
    # so the larger of the two is what is known of "sessions so far" in a quarter.
    sessions = ibis.greatest(t.sessions_28d.fill_null(0), t.active_days_90d.fill_null(0))
    tenure = t.tenure_days.fill_null(t.history_days).fill_null(0)
    return (tenure < NEW_DAYS) | ((sessions < NEW_SESSIONS) & (tenure <= NEW_AT_MOST_DAYS))


def _is_narrow(t: ir.Table) -> ir.BooleanValue:
    few = (t.breadth_quintile.fill_null(1) <= NARROW_QUINTILE) | (t.features_28d.fill_null(0) < BROAD_FEATURES)
    return few & (t.features_share_28d.fill_null(0.0) < BROAD_SHARE)


def _is_stagnant(t: ir.Table) -> ir.BooleanValue:
    nobody_came = (t.invites_90d.fill_null(0) == 0) & (t.new_users_28d.fill_null(0) == 0)
    return (t.features_28d.fill_null(0) <= STAGNANT_FEATURES) & nobody_came
