"""Who uses the product: active people, who came and who left, how often, how evenly."""

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.engine.holding import Hold
from usage_pipeline.features import bits, trends, windows
from usage_pipeline.features.roster import counted
from usage_pipeline.features.sight import KEY, WEEKS, WINDOW, Seen, beside

# Three days of use a week.
POWER_DAYS = 12
# DAU/MAU of a week in millionths, so that its sums are whole numbers and equal in every engine.
_FINE = 1_000_000


def people(seen: Seen, roster: ir.Table, hold: Hold = engine.as_is) -> ir.Table:
    """One row per account that named a person in the 16 weeks before the morning."""
    use = counted(seen.user_day, roster)
    person = use.group_by(*KEY, "user_id").agg(
        **bits.words(use.days, use.age, use.earlier),
        uses_28d=engine.whole(use.uses.sum(where=windows.trailing(use.age, periods.MONTH))),
        tenure_days=use.tenure_days.max(),
    )
    # What lies long back is one part, and a sign-up may cut it.
    person = person.mutate(**bits.lived(person, person.tenure_days))
    month = bits.days(person, 1, periods.MONTH)
    before = bits.days(person, periods.MONTH + 1, 2 * periods.MONTH)
    sums = person.group_by(KEY).agg(
        **{f"users_{n}d": _people(bits.days(person, 1, n) > 0) for n in (7, 28, 90)},
        users_28d_before=_people(before > 0),
        lost_users_28d=_people((before > 0) & (month == 0)),
        wau_two_weeks_ago=_people(bits.days(person, 15, 21) > 0),
        power_users_28d=_people(month >= POWER_DAYS),
        days=engine.whole(month.sum()),
        top_person_uses_28d=engine.whole(person.uses_28d.max()),
        **_weekly(person),
    )
    sums = hold("people", sums)
    lived = roster.select(*KEY, "tenure_days")
    return _rated(beside(sums, _series(sums), lived))


def on_record(seen: Seen) -> ir.Table:
    """People that the account is known to have, whether they use the product or not."""
    return seen.user.group_by(KEY).agg(users_on_record=engine.whole(seen.user.count()))


def _people(which: ir.BooleanValue) -> ir.IntegerValue:
    return engine.whole(which.sum())


def ever(seen: Seen, roster: ir.Table) -> ir.Table:
    """One row per account whose people were ever seen: how many, and who is new; one seen before the sign-up is not."""
    first = seen.first_person.inner_join(roster.select(*KEY, "tenure_days"), KEY)
    is_new = (first.age <= periods.MONTH) & (first.age <= first.tenure_days)
    return first.group_by(KEY).agg(new_users_28d=_people(is_new), users_ever=engine.whole(first.count()))


def _weekly(person: ir.Table) -> dict[str, ir.IntegerValue]:
    """Of each of 13 weeks: the people active in it and in the four that end with it, and their days."""
    sums: dict[str, ir.IntegerValue] = {}
    for week in range(WEEKS):
        first, last = week * periods.WEEK + 1, (week + 1) * periods.WEEK
        sums[f"wau_{week}"] = _people(bits.days(person, first, last) > 0)
        sums[f"mau_{week}"] = _people(bits.days(person, first, first + periods.MONTH - 1) > 0)
        sums[f"days_{week}"] = engine.whole(bits.days(person, first, last).sum())
    return sums


def _series(sums: ir.Table) -> ir.Table:
    """Slopes over 13 weeks: weekly active people, and their daily mean over the monthly active ones."""
    rows = sums.cross_join(ibis.range(WEEKS).unnest().name("week").as_table())

    def of_week(name: str) -> ir.IntegerValue:
        return ibis.cases(*((rows.week == week, rows[f"{name}_{week}"]) for week in range(WEEKS)))

    mean_day = of_week("days") * _FINE // (of_week("mau") * periods.WEEK).nullif(0)
    series = rows.select(*KEY, age=rows.week.cast("int64") + 1, wau=of_week("wau"), stickiness=engine.whole(mean_day))
    return series.group_by(KEY).agg(
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
