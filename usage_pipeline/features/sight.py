"""What a morning sees: the facts known before it, with ages in place of dates.

The door to leakage is here and nowhere else. Ages count days before the morning: 1 is
yesterday. The formulas take a `Seen` and know no date, so they mean the same every morning.
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
class Seen:
    """The same tables as one morning sees them; `age` is in days before the morning."""

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


def seen(facts: Facts, as_of: ir.DateValue) -> Seen:
    """What was known before the morning of `as_of`."""
    return Seen(
        user_day=_used(facts.user_day, as_of, PEOPLE_WINDOW),
        feature_day=_used(facts.feature_day, as_of, WINDOW),
        user_feature_day=_used(facts.user_feature_day, as_of, periods.MONTH),
        event_day=_used(facts.event_day, as_of, None),
        account_day=_used(facts.account_day, as_of, None),
        metric_day=_used(facts.metric_day, as_of, METRIC_WINDOW),
        first_use=_before(facts.first_use, as_of, first_age="first_day"),
        last_use=_before(facts.last_use, as_of, last_age="last_day"),
        account=_state(facts.account, "account_id", as_of, signup_age="created_at"),
        user=_state(facts.user, "user_id", as_of),
        subscription=_terms(facts.subscription, as_of),
        ticket=_tickets(facts.ticket, as_of),
        survey=_before(facts.survey, as_of, age="answered_at").filter(ibis._.age > 0),
    )


def _used(usage: ir.Table, as_of: ir.DateValue, length: int | None) -> ir.Table:
    if length is not None:
        usage = usage.filter(usage.day >= (as_of - ibis.interval(days=length)).cast("date"))
    weekday = usage.day.day_of_week.index().cast("int64")
    known = usage.filter(usage.known_day < as_of, usage.day < as_of)
    return known.mutate(age=_age(known.day, as_of), weekday=weekday).drop("day", "known_day")


def _before(table: ir.Table, as_of: ir.DateValue, **ages: str) -> ir.Table:
    """The rows known before the morning, with ages instead of the named dates or times."""
    known = table.filter(_is_known(table, as_of))
    hidden = [name for name in ("known_at", "known_day") if name in table.columns]
    return known.mutate(**{age: _age(known[name], as_of) for age, name in ages.items()}).drop(*hidden, *ages.values())


def _state(table: ir.Table, key: str, as_of: ir.DateValue, **ages: str) -> ir.Table:
    """The row of each key that was so on the morning: of those known by then, the last to become valid."""
    known = _versions(table, as_of)
    rank = ibis.row_number().over(group_by=key, order_by=_newest(known))
    current = known.mutate(rank=rank).filter(ibis._.rank == 0).drop("rank", "valid_from", "known_at")
    return current.mutate(**{age: _age(current[name], as_of) for age, name in ages.items()}).drop(*ages.values())


def _terms(subscription: ir.Table, as_of: ir.DateValue) -> ir.Table:
    """Every version of a subscription that was known, newest first by `rank`, with the age since which it is so."""
    known = _versions(subscription, as_of)
    return known.mutate(
        age=_age(known.valid_from, as_of),
        order=ibis.row_number().over(group_by="subscription_id", order_by=_newest(known)),
        days_to_renewal=-_age(known.renews_on, as_of),
    ).drop("valid_from", "known_at", "renews_on")


def _tickets(ticket: ir.Table, as_of: ir.DateValue) -> ir.Table:
    known = ticket.filter(_is_known(ticket, as_of), ticket.opened_at < as_of.cast("timestamp"))
    is_closed = known.closed_at.notnull() & (known.closed_at < as_of.cast("timestamp"))
    return known.select(
        "account_id",
        "priority",
        age=_age(known.opened_at, as_of),
        closed_age=is_closed.ifelse(_age(known.closed_at, as_of), ibis.null("int64")),
        # The rating is given when it is closed, so a morning before that must not see it.
        satisfaction=is_closed.ifelse(known.satisfaction, ibis.null("int64")),
    )


def _versions(table: ir.Table, as_of: ir.DateValue) -> ir.Table:
    """The versions known and valid before the morning; without valid_from, valid since it was known."""
    known = table.filter(_is_known(table, as_of))
    known = known.mutate(valid_from=known.valid_from.fill_null(known.known_at))
    return known.filter(known.valid_from < as_of.cast("timestamp"))


def _newest(versions: ir.Table) -> list[ir.Value]:
    # Two versions from one instant, known at one instant: any fixed order will do, if it is the same in every run.
    rest = [versions[name] for name in versions.columns if name not in {"valid_from", "known_at"}]
    return [versions.valid_from.desc(), versions.known_at.desc(), *(column.desc() for column in rest)]


def _is_known(table: ir.Table, as_of: ir.DateValue) -> ir.BooleanValue:
    if "known_day" in table.columns:
        return table.known_day < as_of
    return table.known_at < as_of.cast("timestamp")


def _age(moment: ir.Value, as_of: ir.DateValue) -> ir.IntegerValue:
    """Whole days from the day of `moment` to the morning."""
    day = moment.date() if moment.type().is_timestamp() else moment
    return as_of.delta(day, unit="day").cast("int64")
