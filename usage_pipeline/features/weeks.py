"""The facts as parts that add up, as the weekly mornings of a year need them: a week's use is one part.

No window of a morning cuts a week that ends with a morning of the same weekday, but for the day by which 13 weeks
are longer than 90 days; and until a week after its sign-up an account's days count one by one. Accounts and people
are numbered in the order of their ids, so that what is grouped by them again and again are whole numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.company import Roles
from usage_pipeline.features import bits, happenings, parts, sight
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


def whole(facts: Facts, numbers: Numbers, anchor: date) -> dict[str, ir.Table]:
    """The parts of which there are few: since when, and what is stated."""
    week = _Weeks(anchor)
    end = anchor - periods.ONE_DAY
    facts = replace(facts, **{name: parts.known_between(facts, name, None, end) for name in ("first_use", "last_use")})
    last = facts.last_use.mutate(known=week.known(facts.last_use.known_day))
    last = last.group_by("account_id", "known").agg(day=last.last_day.max(), known_day=last.known_day.max())
    last = last.drop("known")
    advances = last.day.max().over(group_by="account_id", order_by="known_day", rows=(None, -1))
    found = {"last_use": _until(last.mutate(before=advances), ["account_id"], lambda day, before: day > before)}
    for name, keys in parts.FIRSTS.items():
        rows = parts.first_use(facts, keys)
        rows = rows.mutate(known=week.known(rows.known_day))
        rows = rows.group_by(*keys, "known").agg(day=rows.first_day.min(), known_day=rows.known_day.max()).drop("known")
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
    return {
        "user_day": week.merged(
            _personal(facts.user_day, numbers),
            ["account_id", "user_id"],
            lambda rows: {
                "days": bits.any_of(bits.first() << rows.within), "earlier": ibis.literal(0, "int64"),
                "uses": engine.whole(rows.uses.sum()),
            },
        ),
        "person_features": week.merged(
            _personal(parts.person_features(facts, numbers.feature), numbers),
            ["account_id", "user_id", "block"],
            lambda rows: {"features": bits.any_of(rows.features)},
        ),
        "feature_day": week.merged(
            _settling(_of_features(parts.feature_day(facts, meanings), numbers), numbers),
            ["account_id", "feature"],
            lambda rows: {
                "events": engine.whole(rows.events.sum()), "is_premium": rows.is_premium.any(),
                "is_latest": _is_latest(rows).any(),
            },
        ),
        "event_day": week.merged(
            _settling(parts.event_day(facts, meanings), numbers),
            ["account_id"],
            lambda rows: happenings.sums(rows, meanings.roles, _is_latest(rows)) | {"is_whole": (rows.day >= rows.settled).all()},
        ),
        "content_day": _numbered(parts.content_day(facts, meanings), numbers),
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


def account_features(use: ir.Table, numbers: Numbers, anchor: date) -> ir.Table:
    """The parts of `account_features` that those of `feature_day` make."""
    used = use.inner_join(numbers.feature.select("features", "block", feature="number"), "feature")
    used = used.mutate(known=_Weeks(anchor).known(used.known_day))
    found = used.group_by("account_id", "block", "day", "known").agg(
        known_day=used.known_day.max(),
        features=bits.any_of(used.features),
        latest=bits.any_of(used.features, used.is_latest),
    )
    return found.drop("known")


def account_days(rows: ir.Table) -> ir.Table:
    """An account's parts of days, so that those known by a morning add up to the square of a day's uses."""
    before = rows.uses.sum().over(group_by=["account_id", "day"], order_by="known_day", rows=(None, -1))
    return rows.mutate(uses_squared=rows.uses * (rows.uses + 2 * engine.whole(before)))


def long_past(events: ir.Table, first: date, roles: Roles) -> ir.Table:
    """The parts of `event_day`, those that lie before every window of the mornings from `first` on as one per account."""
    is_past = (
        events.is_whole
        & (events.day < ibis.date(first - sight.WINDOW * periods.ONE_DAY))
        & (events.known_day < ibis.date(first))
    )
    past = events.filter(is_past)
    one = past.group_by("account_id").agg(
        known_day=past.known_day.max(),
        day=past.day.max(),
        is_whole=ibis.literal(True),  # noqa: FBT003
        **happenings.sums(past, roles),
    )
    return events.filter(~is_past).select(*one.columns).union(one)


def some_time_ago(use: ir.Table, first: date) -> ir.Table:
    """The parts of `user_day`, those of days before the last four weeks of the mornings from `first` on as one per person."""
    end = ibis.date(first - periods.MONTH * periods.ONE_DAY)
    is_past = (use.day < end) & (use.known_day < ibis.date(first))
    past = use.filter(is_past)
    words = past.group_by("account_id", "user_id").agg(
        known_day=past.known_day.max(), **bits.words(past.days, end.delta(past.day, unit="day"), past.earlier)
    )
    one = words.filter((words.near | words.far) != 0).select(
        "account_id",
        "user_id",
        "known_day",
        day=(end - periods.ONE_DAY).cast("date"),
        days="near",
        earlier="far",
        # Nobody asks for the uses of longer ago.
        uses=ibis.literal(0, "int64"),
    )
    return use.filter(~is_past).select(*one.columns).union(one)


@dataclass(frozen=True)
class _Weeks:
    """Weeks that end with mornings of one weekday."""

    anchor: date

    def merged(
        self,
        rows: ir.Table,
        keys: list[str],
        sums: Callable[[ir.Table], dict[str, ir.Value]],
    ) -> ir.Table:
        """The rows of one week that became known in one week as one, those of unsettled days by the day."""
        anchor = ibis.date(self.anchor)
        rows = rows.mutate(back=self.back(rows.day))
        alone = rows.day < rows.settled
        rows = rows.mutate(within=alone.ifelse(0, rows.back % periods.WEEK), known=self.known(rows.known_day))
        rows = rows.mutate(last=(rows.back - rows.within).cast("int32"))
        found = rows.group_by(*keys, "last", "known").agg(known_day=rows.known_day.max(), **sums(rows))
        return found.mutate(day=(anchor - (found.last + 1).as_interval("D")).cast("date")).drop("last", "known")

    def back(self, day: ir.DateValue) -> ir.IntegerValue:
        """How many days the day lies before the last one before the anchor."""
        return ibis.date(self.anchor).delta(day, unit="day") - 1

    def known(self, day: ir.DateValue) -> ir.IntegerValue:
        """The week of the day."""
        # By the remainder: Ibis divides by floating point.
        back = self.back(day)
        return (back - back % periods.WEEK).cast("int32")


def _is_latest(rows: ir.Table) -> ir.BooleanValue:
    """Whether the row lies in the last six days of its part."""
    return rows.within < periods.WEEK - 1


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
