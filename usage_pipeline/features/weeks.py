"""The facts as parts that add up, as the weekly mornings of a year need them: a week's use is one part.

No window of a morning cuts a week that ends with a morning of the same weekday, but for the day by which 13 weeks
are longer than 90 days; and until a week after its sign-up an account's days count one by one. Accounts and people
are numbered in the order of their ids, so that what is grouped by them again and again are whole numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.features import bits, parts, sight
from usage_pipeline.features.meanings import Meanings
from usage_pipeline.features.sight import Facts


@dataclass(frozen=True)
class Numbers:
    """Accounts and people by number; of an account's use from the day `settled` on whole weeks are one part."""

    account: ir.Table
    person: ir.Table
    feature: ir.Table


def accounts(facts: Facts) -> ir.Table:
    """One row per account that may be on a roster, numbered."""
    # Tenure counts from the sign-up, or else from the first use: the days of both are cut out.
    stated = facts.account.select("account_id", cut=facts.account.created_at.date())
    used = facts.first_use.group_by("account_id").agg(cut=facts.first_use.known_day.min())
    both = stated.union(used)
    each = both.group_by("account_id").agg(cut=both.cut.max())
    return each.select(
        "account_id",
        number=_number("account_id"),
        settled=(each.cut.fill_null(ibis.date(date.min)) + ibis.interval(days=periods.WEEK)).cast("date"),
    )


def people(facts: Facts, numbered: ir.Table) -> ir.Table:
    """One row per person who used the product, numbered."""
    each = facts.user_day.select("account_id", "user_id").distinct()
    each = each.mutate(person=_number("account_id", "user_id"))
    return each.inner_join(numbered, "account_id")


def _number(*keys: str) -> ir.IntegerValue:
    return ibis.row_number().over(order_by=list(keys)).cast("int32")


def whole(facts: Facts, numbers: Numbers) -> dict[str, ir.Table]:
    """The parts of which there are few: since when, and what is stated."""
    last = facts.last_use.group_by("account_id", "known_day").agg(day=facts.last_use.last_day.max())
    advances = last.day.max().over(group_by="account_id", order_by="known_day", rows=(None, -1))
    found = {"last_use": _until(last.mutate(before=advances), ["account_id"], lambda day, before: day > before)}
    for name, keys in parts.FIRSTS.items():
        rows = parts.first_use(facts, keys)
        rows = rows.group_by(*keys, "known_day").agg(day=rows.first_day.min())
        before = rows.day.min().over(group_by=keys, order_by="known_day", rows=(None, -1))
        found[name] = _until(rows.mutate(before=before), list(keys), lambda day, before: day < before)
    return {name: _numbered(table, numbers) for name, table in (found | parts.of_sources(facts)).items()}


def _until(
    rows: ir.Table, keys: list[str], is_news: Callable[[ir.DateValue, ir.DateValue], ir.BooleanValue]
) -> ir.Table:
    """The rows that tell something new when they become known, with the mornings on which they are the newest."""
    news = rows.filter(rows.before.isnull() | is_news(rows.day, rows.before)).drop("before")
    following = news.known_day.lead().over(group_by=keys, order_by="known_day")
    return news.mutate(since=parts.after(news.known_day), until=parts.after(following)).drop("known_day")


def weekly(facts: Facts, numbers: Numbers, anchor: date, meanings: Meanings) -> dict[str, ir.Table]:
    """The parts that grow with use, of facts from before the morning of `anchor`."""
    week = _Weeks(anchor)

    def is_content(rows: ir.Table) -> ir.BooleanValue:
        return rows.name.isin(meanings.roles.content)

    return {
        "user_day": week.merged(
            _personal(facts.user_day, numbers),
            ["account_id", "user_id"],
            lambda rows: {"days": bits.any_of(bits.first() << rows.within).cast("int16"), "uses": engine.whole(rows.uses.sum())},
        ),
        "person_features": week.merged(
            _personal(parts.person_features(facts, numbers.feature), numbers),
            ["account_id", "user_id", "block"],
            lambda rows: {"features": bits.any_of(rows.features)},
        ),
        "feature_day": week.merged(
            _settling(_of_features(parts.feature_day(facts, meanings), numbers), numbers),
            ["account_id", "feature"],
            lambda rows: {"events": engine.whole(rows.events.sum()), "is_premium": rows.is_premium.any()},
        ),
        "account_features": week.merged(
            _settling(parts.account_features(facts, numbers.feature), numbers),
            ["account_id", "block"],
            lambda rows: {"features": bits.any_of(rows.features)},
            by_day=lambda rows: rows.back % periods.WEEK == periods.WEEK - 1,
        ),
        "event_day": week.merged(
            _settling(parts.event_day(facts, meanings), numbers),
            ["account_id", "name"],
            lambda rows: {
                "events": engine.whole(rows.events.sum()), "first_day": rows.day.min(), "last_day": rows.day.max(),
                "is_whole": ((rows.day >= rows.settled) & ~is_content(rows)).all(),
            },
            # Content is matched with use by the day, and the first day of 13 weeks lies before the last 90.
            by_day=lambda rows: is_content(rows) | (rows.back % periods.WEEK == periods.WEEK - 1),
        ),
        "account_week": week.merged(
            _settling(facts.account_day.drop("active_users"), numbers),
            ["account_id"],
            lambda rows: {
                "days": bits.any_of(bits.first() << rows.within).cast("int16"),
                **{name: rows[name].sum().cast(rows[name].type()) for name in parts.ACCOUNT_SUMS},
            },
        ),
        "account_day": _numbered(
            facts.account_day.select("account_id", "day", "known_day", "events", "uses"), numbers
        ),
        "metric_day": _numbered(parts.metric_day(facts, meanings), numbers),
    }  # fmt: skip


def account_days(rows: ir.Table) -> ir.Table:
    """An account's parts of days, so that those known by a morning add up to the square of a day's uses."""
    before = rows.uses.sum().over(group_by=["account_id", "day"], order_by="known_day", rows=(None, -1))
    return rows.mutate(uses_squared=rows.uses * (rows.uses + 2 * engine.whole(before)))


def long_past(events: ir.Table, first: date) -> ir.Table:
    """The parts of `event_day`, those that lie before every window of the mornings from `first` on as one per account and event."""
    is_past = (
        events.is_whole
        & (events.day < ibis.date(first - sight.WINDOW * periods.ONE_DAY))
        & (events.known_day < ibis.date(first))
    )
    past = events.filter(is_past)
    one = past.group_by("account_id", "name").agg(
        known_day=past.known_day.max(),
        day=past.day.max(),
        events=engine.whole(past.events.sum()),
        first_day=past.first_day.min(),
        last_day=past.last_day.max(),
        is_whole=ibis.literal(True),  # noqa: FBT003
    )
    return events.filter(~is_past).select(*one.columns).union(one)


@dataclass(frozen=True)
class _Weeks:
    """Weeks that end with mornings of one weekday."""

    anchor: date

    def merged(
        self,
        rows: ir.Table,
        keys: list[str],
        sums: Callable[[ir.Table], dict[str, ir.Value]],
        by_day: Callable[[ir.Table], ir.BooleanValue] | None = None,
    ) -> ir.Table:
        """The rows of one week that became known in one week as one, those of unsettled days by the day."""
        anchor = ibis.date(self.anchor)
        rows = rows.mutate(
            back=anchor.delta(rows.day, unit="day") - 1, known=anchor.delta(rows.known_day, unit="day") - 1
        )
        alone = rows.day < rows.settled
        if by_day is not None:
            alone = alone | by_day(rows)
        last = alone.ifelse(rows.back, rows.back // periods.WEEK * periods.WEEK)
        rows = rows.mutate(last=last, within=rows.back - last, known=rows.known // periods.WEEK)
        found = rows.group_by(*keys, "last", "known").agg(known_day=rows.known_day.max(), **sums(rows))
        return found.mutate(day=(anchor - (found.last + 1).as_interval("D")).cast("date")).drop("last", "known")


def _of_features(table: ir.Table, numbers: Numbers) -> ir.Table:
    joined = table.inner_join(numbers.feature.select("feature", "number"), "feature")
    return joined.mutate(feature=joined.number).drop("number")


def _numbered(table: ir.Table, numbers: Numbers) -> ir.Table:
    joined = table.inner_join(numbers.account, "account_id")
    return joined.mutate(account_id=joined.number).drop("number", "settled")


def _settling(table: ir.Table, numbers: Numbers) -> ir.Table:
    joined = table.inner_join(numbers.account, "account_id")
    return joined.mutate(account_id=joined.number).drop("number")


def _personal(table: ir.Table, numbers: Numbers) -> ir.Table:
    joined = table.inner_join(numbers.person, ["account_id", "user_id"])
    return joined.mutate(account_id=joined.number, user_id=joined.person).drop("number", "person")
