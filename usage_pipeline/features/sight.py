"""What mornings see: the facts known before each, with ages in place of dates.

The door to leakage is here and nowhere else. Ages count days before the morning: 1 is
yesterday. The formulas take a `Seen` and know no date but the name of the morning that a
row is for (`as_of`), so they mean the same every morning.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from usage_pipeline import periods
from usage_pipeline.lake import Span, Table
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue as usage

WEEKS = 13
WINDOW = WEEKS * periods.WEEK
"""Days of use that features look back on."""
PEOPLE_WINDOW = WINDOW + 3 * periods.WEEK
"""Days of `user_day`: the monthly active people of the oldest of the 13 weeks need three more."""
METRIC_WINDOW = 2 * periods.QUARTER
"""Days of `metric_day`: the widest window of a company's own metric, and the one before it."""


KEY = ("as_of", "account_id")
"""What a row of features is for: a morning and an account."""


@dataclass(frozen=True)
class Facts:
    """The tables that features are made of, at least as far back as `needed` says; more does no harm."""

    user_day: ir.Table
    feature_day: ir.Table
    user_feature_day: ir.Table
    event_day: ir.Table
    account_day: ir.Table
    first_use: ir.Table
    last_use: ir.Table
    metric_day: ir.Table
    account: ir.Table
    user: ir.Table
    subscription: ir.Table
    ticket: ir.Table
    survey: ir.Table


@dataclass(frozen=True)
class Parts:
    """The facts as parts that add up (`parts`), or as several mornings see them (`Seen`).

    A part of use has the `day` it lies on and the `known_day` by which it was known. It may stand for several
    days of a week, all on the same side of every window that is asked for.
    """

    user_day: ir.Table
    """`days`: the days of use as bits, the lowest for `day`, the next for the day before it; `earlier`: the word before."""
    feature_day: ir.Table
    account_features: ir.Table
    """`features`: the features that an account used as bits, by `block`; `latest`: those of the last six days of a part."""
    person_features: ir.Table
    """`features`: the features that a person used as bits, by `block`."""
    event_day: ir.Table
    """How often what has a role happened (`milestones.figures`)."""
    content_day: ir.Table
    account_day: ir.Table
    """`uses_squared` adds up to the square of the day's uses."""
    account_week: ir.Table
    first_account: ir.Table
    """As all that follow but the last, with the mornings on which the row is so: from `since`, before `until`."""
    first_person: ir.Table
    first_feature: ir.Table
    last_use: ir.Table
    account: ir.Table
    user: ir.Table
    subscription: ir.Table
    """Every version, the newest first by `order`, seen from the morning `since`."""
    ticket: ir.Table
    survey: ir.Table
    metric_day: ir.Table


@dataclass(frozen=True)
class Seen(Parts):
    """The same tables as mornings see them, a row per morning that sees it; `age` is in days before the morning."""


TABLES: dict[str, Table] = {
    "user_day": usage.USER_DAY,
    "feature_day": usage.FEATURE_DAY,
    "user_feature_day": usage.USER_FEATURE_DAY,
    "event_day": usage.EVENT_DAY,
    "account_day": usage.ACCOUNT_DAY,
    "first_use": usage.FIRST_USE,
    "last_use": usage.LAST_USE,
    "metric_day": usage.METRIC_DAY,
    "account": sources.ACCOUNT,
    "user": sources.USER,
    "subscription": sources.SUBSCRIPTION,
    "ticket": sources.TICKET,
    "survey": sources.SURVEY,
}
"""Where each table of Facts lies in the lake."""


_EVENT_AGES = {
    "activated_age": "activated_day",
    "value_age": "value_day",
    "login_age": "login_day",
    "last_login_age": "last_login_day",
}


def needed(first: date, last: date) -> dict[str, Span]:
    """The known days of each usage table that the mornings from `first` to `last` need; the rest of Facts whole."""
    end = last - periods.ONE_DAY

    def back(length: int) -> Span:
        return first - timedelta(days=length), end

    return {
        "user_day": back(PEOPLE_WINDOW),
        "feature_day": back(WINDOW),
        "user_feature_day": back(periods.MONTH),
        "metric_day": back(METRIC_WINDOW),
        # Integrations, the way to activation and events before the sign-up are counted from the beginning.
        "event_day": (date.min, end),
        "account_day": (date.min, end),
        "first_use": (date.min, end),
        "last_use": (date.min, end),
    }


def seen(parts: Parts, mornings: ir.Table) -> Seen:
    """What was known before each of the mornings, rows of `as_of`."""

    def used(table: ir.Table, length: int | None, **ages: str) -> ir.Table:
        each = table.cross_join(mornings)
        age, known = _age(each.day, each.as_of), _age(each.known_day, each.as_of)
        inside = age >= 1 if length is None else age.between(1, length)
        return _aged(each.filter(inside, known >= 1), age="day", **ages).drop("known_day")

    def current(table: ir.Table, **ages: str) -> ir.Table:
        each = table.cross_join(mornings)
        is_so = (_age(each.since, each.as_of) >= 0) & (each.until.isnull() | (_age(each.until, each.as_of) < 0))
        return _aged(each.filter(is_so), **ages).drop("since", "until")

    return Seen(
        user_day=used(parts.user_day, PEOPLE_WINDOW),
        feature_day=used(parts.feature_day, periods.MONTH),
        account_features=used(parts.account_features, WINDOW),
        person_features=used(parts.person_features, periods.MONTH),
        event_day=used(parts.event_day, None, **_EVENT_AGES).drop("is_whole"),
        content_day=used(parts.content_day, periods.MONTH),
        account_day=used(parts.account_day, WINDOW),
        account_week=used(parts.account_week, None),
        first_account=current(parts.first_account, first_age="day"),
        first_person=current(parts.first_person, age="day"),
        first_feature=current(parts.first_feature, age="day"),
        last_use=current(parts.last_use, last_age="day"),
        account=current(parts.account, signup_age="created_at"),
        user=current(parts.user),
        subscription=_terms(parts.subscription.cross_join(mornings)),
        ticket=_tickets(current(parts.ticket)),
        survey=current(parts.survey, age="answered_at").filter(ibis._.age > 0),
        metric_day=used(parts.metric_day, METRIC_WINDOW),
    )


def beside(rows: ir.Table, *more: ir.Table) -> ir.Table:
    """The rows of accounts on mornings with the columns of other tables, where they have any."""
    joined = rows
    for number, table in enumerate(more):
        joined = joined.left_join(table, KEY, rname=f"{{name}}_{number}")
    return joined.drop(*(f"{name}_{number}" for number in range(len(more)) for name in KEY))


def _terms(each: ir.Table) -> ir.Table:
    """Every version of a subscription that was known, 0 the newest by `order`, with the age since which it is so."""
    known = each.filter(_age(each.since, each.as_of) >= 0)
    newest = known.order.min().over(group_by=["as_of", "subscription_id"])
    return known.mutate(
        age=_age(known.valid_from, known.as_of),
        order=known.order - newest,
        days_to_renewal=-_age(known.renews_on, known.as_of),
    ).drop("valid_from", "since", "renews_on")


def _tickets(told: ir.Table) -> ir.Table:
    known = told.filter(told.opened_at < told.as_of.cast("timestamp"))
    is_closed = known.closed_at.notnull() & (known.closed_at < known.as_of.cast("timestamp"))
    return known.select(
        "as_of",
        "account_id",
        "priority",
        age=_age(known.opened_at, known.as_of),
        closed_age=is_closed.ifelse(_age(known.closed_at, known.as_of), ibis.null("int64")),
        # The rating is given when it is closed, so a morning before that must not see it.
        satisfaction=is_closed.ifelse(known.satisfaction, ibis.null("int64")),
    )


def _aged(each: ir.Table, **ages: str) -> ir.Table:
    """Ages instead of the named dates or times."""
    return each.mutate(**{age: _age(each[name], each.as_of) for age, name in ages.items()}).drop(*ages.values())


def _age(moment: ir.Value, as_of: ir.DateValue) -> ir.IntegerValue:
    """Whole days from the day of `moment` to the morning."""
    day = moment.date() if moment.type().is_timestamp() else moment
    return as_of.delta(day, unit="day").cast("int64")
