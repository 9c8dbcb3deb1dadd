"""Who uses the product: active people, who came and who left, how often, how evenly."""

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.features import trends, windows
from usage_pipeline.features.roster import counted
from usage_pipeline.features.sight import WEEKS, WINDOW, Seen

# Three days of use a week.
POWER_DAYS = 12
# DAU/MAU of a week in millionths, so that its sums are whole numbers and equal in every engine.
_FINE = 1_000_000


def people(seen: Seen, roster: ir.Table) -> ir.Table:
    """One row per account that named a person in the 16 weeks before the morning."""
    day = counted(seen.user_day, roster)
    in_28 = windows.trailing(day.age, periods.MONTH)
    # One row per person; the smallest age answers every trailing window at once.
    person = day.group_by("account_id", "tenure_days", "user_id").agg(
        age=day.age.min(),
        before=windows.before(day.age).any(),
        two_weeks_ago=day.age.between(15, 21).any(),
        days_28d=engine.whole(day.is_first.sum(where=in_28)),
        uses_28d=engine.whole(day.uses.sum(where=in_28)),
    )
    sums = person.group_by("account_id", "tenure_days").agg(
        users_7d=_people(person.age <= 7),
        users_28d=_people(person.age <= 28),
        users_90d=_people(person.age <= 90),
        users_28d_before=_people(person.before),
        lost_users_28d=_people(person.before & (person.age > periods.MONTH)),
        wau_two_weeks_ago=_people(person.two_weeks_ago),
        power_users_28d=_people(person.days_28d >= POWER_DAYS),
        days=engine.whole(person.days_28d.sum()),
        top_person_uses_28d=engine.whole(person.uses_28d.max()),
    )
    sums = sums.left_join(_weeks(day), "account_id").drop("account_id_right")
    sums = sums.left_join(_newcomers(seen, roster), "account_id").drop("account_id_right")
    return _rated(sums)


def on_record(seen: Seen) -> ir.Table:
    """People that the account is known to have, whether they use the product or not."""
    return seen.user.group_by("account_id").agg(users_on_record=engine.whole(seen.user.count()))


def _people(which: ir.BooleanValue) -> ir.IntegerValue:
    return engine.whole(which.sum())


def _newcomers(seen: Seen, roster: ir.Table) -> ir.Table:
    """People whose first day lies in the last 28; one seen before the sign-up is not new."""
    first = seen.first_use.filter(seen.first_use.user_id.notnull())
    first = first.group_by("account_id", "user_id").agg(age=first.first_age.max())
    new = counted(first, roster).filter(ibis._.age <= periods.MONTH)
    return new.group_by("account_id").agg(new_users_28d=engine.whole(new.count()))


def _weeks(day: ir.Table) -> ir.Table:
    """Slopes over 13 weeks: weekly active people, and their daily mean over the monthly active ones."""
    weekly = day.mutate(week=(day.age - 1) // periods.WEEK)
    weekly = weekly.group_by("account_id", "user_id", "week").agg(days=engine.whole(weekly.is_first.sum()))
    # A person's weeks as the bits of one number, so that any run of weeks is one mask and nobody counts twice.
    bits = weekly.group_by("account_id", "user_id").agg(weeks=engine.whole((ibis.literal(1) << weekly.week).sum()))
    week = ibis.range(WEEKS).unnest().name("week").as_table().mutate(week=ibis._.week.cast("int64"))
    of_week = bits.cross_join(week)
    month = (of_week.weeks // (ibis.literal(1) << of_week.week)) & 0b1111
    active = of_week.group_by("account_id", "week").agg(
        wau=_people((month & 1) > 0),
        mau=_people(month > 0),
    )
    days = weekly.group_by("account_id", "week").agg(days=engine.whole(weekly.days.sum()))
    series = active.left_join(days, ["account_id", "week"]).drop("account_id_right", "week_right")
    mean_day = series.days.fill_null(0) * _FINE // (series.mau * periods.WEEK).nullif(0)
    series = series.mutate(age=series.week + 1, stickiness=mean_day.fill_null(0).cast("int64"))
    return series.group_by("account_id").agg(
        **trends.sums("wau", series.age, series.wau, WEEKS),
        **trends.sums("stickiness", series.age, series.stickiness, WEEKS),
    )


def _rated(sums: ir.Table) -> ir.Table:
    lived = sums.tenure_days
    # A young account's mean is over the days it has lived.
    month = ibis.least(lived, periods.MONTH)
    return sums.mutate(
        dau_mau_28d=engine.ratio(sums.days, month * sums.users_28d),
        users_change_28d=windows.change(sums.users_28d, sums.users_28d_before, lived=lived, days=56),
        wau_change_2w=windows.change(sums.users_7d, sums.wau_two_weeks_ago, lived=lived, days=21),
        wau_slope_90d=windows.only_after(trends.slope(sums, "wau", WEEKS), lived=lived, days=WINDOW),
        wau_slope_t_90d=windows.only_after(trends.t_value(sums, "wau", WEEKS), lived=lived, days=WINDOW),
        dau_mau_slope_90d=windows.only_after(trends.slope(sums, "stickiness", WEEKS), lived=lived, days=WINDOW),
        dau_mau_slope_t_90d=windows.only_after(trends.t_value(sums, "stickiness", WEEKS), lived=lived, days=WINDOW),
    )
