"""The personas: one decision table that gives every person in an account exactly one of them (IDN-03).

A new person who is stuck wants a walk through the product, one at home in it a question
(ACT-17), and champions are found among the latter (SEG-21).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.features import sight
from usage_pipeline.features.people import POWER_DAYS
from usage_pipeline.lake import Span, Table
from usage_pipeline.segments import catalogue, decisions
from usage_pipeline.segments.decisions import Row
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sources import validity
from usage_pipeline.usage import catalogue as usage


class Persona(StrEnum):
    """How a person uses the product."""

    NEW = "New"
    STUCK_NEW = "Stuck-New"
    POWER = "Power"
    SPECIALIST = "Specialist"
    REGULAR = "Regular"
    OCCASIONAL = "Occasional"
    DORMANT = "Dormant"


# As long as an account is new (SEG-12); then two weeks more in which to come back.
NEW_DAYS = 14
# The day it was shown and one more: the product is no habit yet.
STUCK_ACTIVE_DAYS = 2
# One feature or two can be the whole of a job; from three on it is the product that is known.
POWER_FEATURES = 3
# A day of use a week.
REGULAR_DAYS = 4
# As far back as features read it: a year would find the last use of more who are gone, and open three times the files.
WINDOW = sight.PEOPLE_WINDOW

TABLE = (
    Row(
        Persona.NEW,
        f"first use within the last {NEW_DAYS} days",
        lambda t: t.days_since_first_use <= NEW_DAYS,
        "ACT-17",
    ),
    Row(
        Persona.STUCK_NEW,
        f"first use {NEW_DAYS + 1} to {periods.MONTH} days ago, and used on at most {STUCK_ACTIVE_DAYS} days so far",
        lambda t: (t.days_since_first_use <= periods.MONTH) & (t.active_days_28d <= STUCK_ACTIVE_DAYS),
        "ACT-17",
    ),
    Row(
        Persona.POWER,
        f"used on {POWER_DAYS} or more of the last {periods.MONTH} days, and {POWER_FEATURES} features or more",
        lambda t: (t.active_days_28d >= POWER_DAYS) & (t.features_28d >= POWER_FEATURES),
        "SEG-21",
    ),
    Row(
        Persona.SPECIALIST,
        f"used on {POWER_DAYS} or more of the last {periods.MONTH} days, but fewer than {POWER_FEATURES} features",
        lambda t: t.active_days_28d >= POWER_DAYS,
        "SEG-21",
    ),
    Row(
        Persona.REGULAR,
        f"used on {REGULAR_DAYS} to {POWER_DAYS - 1} of the last {periods.MONTH} days",
        lambda t: t.active_days_28d >= REGULAR_DAYS,
        "IDN-03",
    ),
    Row(
        Persona.OCCASIONAL,
        f"used on 1 to {REGULAR_DAYS - 1} of the last {periods.MONTH} days",
        lambda t: t.active_days_28d >= 1,
        "IDN-03",
    ),
    Row(
        Persona.DORMANT,
        f"used before, but not in the last {periods.MONTH} days",
        lambda t: t.days_since_first_use.notnull(),
        "IDN-03",
    ),
    Row(Persona.DORMANT, "known to belong to the account, but never used it", decisions.always, "IDN-03"),
)


@dataclass(frozen=True)
class Facts:
    """The tables that personas are made of, at least as far back as `needed` says; more does no harm."""

    user_day: ir.Table
    user_feature_day: ir.Table
    first_use: ir.Table
    user: ir.Table


TABLES: dict[str, Table] = {
    "user_day": usage.USER_DAY,
    "user_feature_day": usage.USER_FEATURE_DAY,
    "first_use": usage.FIRST_USE,
    "user": sources.USER,
}
"""Where each table of Facts lies in the lake."""

_PERSON = ["account_id", "user_id"]


def needed(first: date, last: date) -> dict[str, Span]:
    """The known days of each usage table that the mornings from `first` to `last` need; `user` whole."""
    end = last - periods.ONE_DAY
    return {
        "user_day": (first - timedelta(days=WINDOW), end),
        "user_feature_day": (first - timedelta(days=periods.MONTH), end),
        # Whole: a feature that somebody tries after years does not make them new.
        "first_use": (date.min, end),
    }


def personas(facts: Facts, accounts: ir.Table, as_of: date) -> ir.Table:
    """How each person used the product on the morning: one row per person and account (USER_PERSONA).

    Everybody on record for one of `accounts` (its customers, by `account_id`), and everybody
    whose use became known in the WINDOW. Any event is use, as in `users_28d`; a feature counts once.
    """
    month = as_of - timedelta(days=periods.MONTH)
    days = _known(facts.user_day, as_of, WINDOW)
    fired = _known(facts.user_feature_day, as_of, periods.MONTH)
    first = facts.first_use.filter(facts.first_use.known_day < as_of)
    user = validity.newest(facts.user, "user_id", before=periods.morning(as_of))
    people = _together(
        days.group_by(_PERSON).agg(
            # A day's first part cannot lie before the window: nothing is known before it happened.
            active_days_28d=(days.is_first & (days.day >= month)).sum(),
            last_used_on=days.day.max(),
        ),
        fired.filter(fired.day >= month).group_by(_PERSON).agg(features_28d=fired.feature.nunique()),
        first.group_by(_PERSON).agg(first_used_on=first.first_day.min()),
        user.semi_join(accounts, "account_id").select(_PERSON).mutate(is_on_record=ibis.literal(value=True)),
    )
    # A first use alone makes nobody a row: it goes back to the beginning.
    people = people.filter(people.user_id.notnull(), people.is_on_record | people.last_used_on.notnull())
    morning = ibis.literal(as_of)
    people = people.mutate(
        active_days_28d=engine.whole(people.active_days_28d),
        features_28d=engine.whole(people.features_28d),
        days_since_first_use=morning.delta(people.first_used_on, unit="day").cast("int64"),
        as_of=morning,
    )
    return catalogue.USER_PERSONA.conform(decisions.decided(people, TABLE, "persona"))


def _known(part: ir.Table, as_of: date, length: int) -> ir.Table:
    """The parts of days that became known in the window."""
    first, last = periods.before(as_of, length)
    return part.filter(part.known_day.between(first, last))


def _together(*figures: ir.Table) -> ir.Table:
    """One row per person and account of any of them, what the others say being NULL.

    Stacked and grouped: a join would read the files of one once more for its keys.
    """
    types = {name: kind for one in figures for name, kind in one.schema().items() if name not in _PERSON}
    stacked = ibis.union(
        *(
            one.select(
                *_PERSON, **{name: one[name] if name in one.columns else ibis.null(types[name]) for name in types}
            )
            for one in figures
        ),
        distinct=False,
    )
    return stacked.group_by(_PERSON).agg(**{name: stacked[name].max() for name in types})


def markdown() -> str:
    """The decision table as the documents print it."""
    return decisions.markdown(TABLE, "persona")
