"""The facts as parts that add up, as one morning needs them: rows as they lie in the lake."""

from dataclasses import replace
from datetime import date

import ibis
import ibis.expr.types as ir

from usage_pipeline import periods
from usage_pipeline.features import bits, happenings
from usage_pipeline.features.meanings import Meanings
from usage_pipeline.features.sight import Facts, Parts

# Bits of one whole number, its sign left out.
_BLOCK = 62
ACCOUNT_SUMS = (
    *("events", "uses", "sessions", "duration_ms", "quantity"),
    *("working_events", "evening_events", "weekend_events"),
)
FIRSTS = {
    "first_account": ("account_id",),
    "first_person": ("account_id", "user_id"),
    "first_feature": ("account_id", "feature"),
}
"""Of what the first day of use is asked for."""


def parts(facts: Facts, as_of: date, meanings: Meanings) -> Parts:
    """The parts that the morning of `as_of` sees."""
    known = replace(
        facts, **{name: known_between(facts, name, None, as_of - periods.ONE_DAY) for name in ("account_day", *_USES)}
    )
    day = known.account_day
    # The parts of a day that became known on different days become one day again.
    account_day = day.group_by("account_id", "day").agg(
        known_day=day.known_day.max(),
        **{name: day[name].sum().cast(day[name].type()) for name in ACCOUNT_SUMS},
    )
    last = known.last_use
    firsts = {
        name: (rows := first_use(known, keys)).group_by(*keys).agg(day=rows.first_day.min(), since=rows.known_day.max())
        for name, keys in FIRSTS.items()
    }
    return Parts(
        user_day=facts.user_day.select(
            "account_id", "user_id", "day", "known_day", "uses", days=bits.first(), earlier=ibis.literal(0, "int64")
        ),
        feature_day=feature_day(facts, meanings),
        account_features=account_features(facts, numbered_features(facts.feature_day)),
        person_features=person_features(facts, numbered_features(facts.user_feature_day)),
        event_day=event_day(facts, meanings).mutate(is_whole=ibis.literal(False)),  # noqa: FBT003
        content_day=content_day(facts, meanings),
        account_day=account_day.select(
            "account_id", "day", "known_day", "events", "uses", uses_squared=account_day.uses * account_day.uses
        ),
        account_week=account_day.mutate(days=bits.first()),
        last_use=_for_good(last.group_by("account_id").agg(day=last.last_day.max(), since=last.known_day.max())),
        metric_day=metric_day(facts, meanings),
        **{name: _for_good(rows) for name, rows in firsts.items()},
        **of_sources(facts),
    )


_USES = ("first_use", "last_use")


def known_between(facts: Facts, name: str, first: date | None, last: date) -> ir.Table:
    """The rows of a table of usage that became known on these days."""
    table: ir.Table = getattr(facts, name)
    known = table.filter(table.known_day <= last)
    return known if first is None else known.filter(known.known_day >= first)


def feature_day(facts: Facts, meanings: Meanings) -> ir.Table:
    """What each account used of which feature."""
    day = facts.feature_day
    is_premium = day.feature.isin(meanings.premium_features)
    return day.select("account_id", "feature", "day", "known_day", "events", is_premium=is_premium)


def numbered_features(day: ir.Table) -> ir.Table:
    """The features named there, numbered in the order of their names, and each as a bit of one of several words."""
    names = day.select("feature").distinct().filter(ibis._.feature.notnull())
    names = names.mutate(number=ibis.row_number().over(order_by="feature").cast("int32"))
    return names.mutate(block=(names.number // _BLOCK).cast("int16"), features=bits.first() << (names.number % _BLOCK))


def account_features(facts: Facts, features: ir.Table) -> ir.Table:
    """What each account used of which feature, the feature as a bit."""
    used = facts.feature_day.inner_join(features, "feature")
    return used.select("account_id", "block", "features", "day", "known_day", latest="features")


def person_features(facts: Facts, features: ir.Table) -> ir.Table:
    """What each person used of which feature, the feature as a bit."""
    day = facts.user_feature_day.filter(facts.user_feature_day.user_id.notnull())
    return day.inner_join(features, "feature").select("account_id", "user_id", "block", "features", "day", "known_day")


def event_day(facts: Facts, meanings: Meanings) -> ir.Table:
    """The events that play a role, by the role."""
    day = facts.event_day
    day = day.filter(day.name.isin(sorted(happenings.named(meanings.roles))))
    return day.select("account_id", "day", "known_day", **happenings.figures(day, meanings.roles))


def content_day(facts: Facts, meanings: Meanings) -> ir.Table:
    """The views of content that tells of interest."""
    day = facts.event_day
    return day.filter(day.name.isin(meanings.roles.content)).select("account_id", "day", "known_day", "events")


def metric_day(facts: Facts, meanings: Meanings) -> ir.Table:
    """What the company's own metrics count today."""
    day = facts.metric_day
    wanted = sorted({metric.definition for metric in meanings.metrics})
    return day.filter(day.definition.isin(wanted)) if wanted else day.filter(ibis.literal(False))  # noqa: FBT003


def first_use(facts: Facts, keys: tuple[str, ...]) -> ir.Table:
    """The first days of use of what the keys name."""
    named = [facts.first_use[key].notnull() for key in keys if key != "account_id"]
    return facts.first_use.filter(named) if named else facts.first_use


def of_sources(facts: Facts) -> dict[str, ir.Table]:
    """What is stated about accounts, with the mornings on which it is so."""
    return {
        "account": _current(facts.account, "account_id"),
        "user": _current(facts.user.select("user_id", "account_id", "valid_from", "known_at"), "user_id"),
        "subscription": _ranked(facts.subscription, "subscription_id").drop("known_at"),
        # Of what is told again the morning sees what was told last before it.
        "ticket": _current(facts.ticket.mutate(valid_from=facts.ticket.known_at), "ticket_id"),
        "survey": _current(facts.survey.mutate(valid_from=facts.survey.known_at), "response_id"),
    }


def _for_good(rows: ir.Table) -> ir.Table:
    """Rows known on the day `since`, which nothing takes the place of."""
    return rows.mutate(since=after(rows.since), until=ibis.null("date"))


def _current(table: ir.Table, key: str) -> ir.Table:
    """Each row with the mornings on which it is so: of those known by then, the last to become valid."""
    ranked = _ranked(table, key)
    newer = ranked.since.min().over(group_by=key, order_by="order", rows=(None, -1))
    return ranked.mutate(until=newer).drop("order", "valid_from", "known_at")


def _ranked(table: ir.Table, key: str) -> ir.Table:
    """Each row with the first morning that knows of it (`since`), and its place from the newest (`order`).

    Without valid_from, valid since it was known.
    """
    dated = table.mutate(valid_from=table.valid_from.fill_null(table.known_at))
    # Two versions from one instant, known at one instant: any fixed order will do, if it is the same in every run.
    rest = [dated[name] for name in table.columns if name not in {"valid_from", "known_at"}]
    newest = [dated.valid_from.desc(), dated.known_at.desc(), *(column.desc() for column in rest)]
    seen = ibis.ifelse(dated.known_at > dated.valid_from, dated.known_at, dated.valid_from)
    return dated.mutate(since=after(seen.date()), order=ibis.row_number().over(group_by=key, order_by=newest)).filter(
        dated.known_at.notnull()
    )


def after(day: ir.DateValue) -> ir.DateValue:
    """The first morning that sees what became known on the day."""
    return (day + ibis.interval(days=1)).cast("date")
