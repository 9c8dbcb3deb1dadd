"""How much and when an account used the product: recency, frequency, volume, time of use."""

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.features import bits, trends, windows
from usage_pipeline.features.roster import counted
from usage_pipeline.features.sight import KEY, WINDOW, Seen, beside

_MINUTE_MS = 60_000
_USUAL_WEEKS = 12
# 52 whole weeks, so that weekdays meet weekdays.
_YEAR = 364
_HALF_YEAR = 182


def activity(seen: Seen, roster: ir.Table) -> ir.Table:
    """One row per account that was used since its sign-up, in the 91 days before the morning."""
    week = counted(seen.account_week.filter(seen.account_week.age <= WINDOW), roster)
    in_7, in_28 = (windows.trailing(week.age, length) for length in (periods.WEEK, periods.MONTH))
    before_28 = windows.before(week.age)

    def total(name: str, where: ir.BooleanValue) -> ir.IntegerValue:
        return engine.whole(week[name].sum(where=where))

    sums = week.group_by(KEY).agg(
        tenure_days=week.tenure_days.max(),
        **bits.words(week.days, week.age),
        sessions_7d=total("sessions", in_7),
        sessions_28d=total("sessions", in_28),
        sessions_before=total("sessions", before_28),
        uses_7d=total("uses", in_7),
        uses_28d=total("uses", in_28),
        uses_28d_before=total("uses", before_28),
        duration_ms=total("duration_ms", in_28),
        quantity_28d=week.quantity.sum(where=in_28).fill_null(0).cast("float64"),
        quantity_before=week.quantity.sum(where=before_28),
        events_28d=total("events", in_28),
        events_before=total("events", before_28),
        weekend=total("weekend_events", in_28),
        working=total("working_events", in_28),
        working_before=total("working_events", before_28),
        evening=total("evening_events", in_28),
    )
    sums = sums.mutate(**{f"active_days_{n}d": bits.days(sums, 1, n) for n in (7, 28, 90)})
    day = counted(seen.account_day, roster)
    return _rated(beside(sums, _daily(day), _usual_weeks(week), _weekdays(day)))


def _daily(day: ir.Table) -> ir.Table:
    """What no week can say: slopes over days, and what lies in 90 of them."""
    return day.group_by(KEY).agg(
        uses_90d=engine.whole(day.uses.sum(where=windows.trailing(day.age, periods.QUARTER))),
        events_90d=engine.whole(day.events.sum(where=windows.trailing(day.age, periods.QUARTER))),
        **trends.sums("month", day.age, day.uses, periods.MONTH, squared=day.uses_squared),
        **trends.sums("quarter", day.age, day.uses, periods.QUARTER, squared=day.uses_squared),
    )


def recency(seen: Seen, roster: ir.Table) -> ir.Table:
    """One row per account ever used: since when, and when last; and what is dated before the sign-up."""
    first = roster.filter(roster.first_age.notnull())
    first = first.select(
        *KEY,
        # A first event before the sign-up does not count, so the evidence begins with the sign-up.
        history_days=ibis.least(first.first_age, first.tenure_days),
        days_since_last_use=(first.last_age <= first.tenure_days).ifelse(first.last_age, None),
    )
    week = seen.account_week.inner_join(roster.select(*KEY, "tenure_days"), KEY)
    early = week.filter(week.age > week.tenure_days)
    return beside(first, early.group_by(KEY).agg(events_before_signup=engine.whole(early.events.sum())))


def year(seen: Seen, roster: ir.Table) -> ir.Table:
    """Half a year and a year of use, and the same four weeks a year ago, of accounts and a record that old."""
    week = seen.account_week.filter(seen.account_week.age <= _YEAR + periods.MONTH)
    week = week.inner_join(roster.select(*KEY, "tenure_days", "record_age"), KEY)
    week = week.filter(week.age <= week.tenure_days)
    is_old = ibis.least(week.tenure_days, week.record_age) >= _YEAR + periods.MONTH
    number = (week.age - 1) // periods.WEEK
    in_half, in_year = (windows.trailing(week.age, days) for days in (_HALF_YEAR, _YEAR))
    return week.group_by(KEY).agg(
        uses_last_year=engine.whole(week.uses.sum(where=is_old & (week.age > _YEAR))),
        uses_182d=engine.whole(week.uses.sum(where=in_half)),
        uses_364d=engine.whole(week.uses.sum(where=in_year)),
        active_weeks_182d=engine.whole(number.nunique(where=in_half)),
        active_weeks_364d=engine.whole(number.nunique(where=in_year)),
    )


def _usual_weeks(use: ir.Table) -> ir.Table:
    """Feature events of the 12 weeks before the last seven days, as the sums of a weekly series."""
    earlier = use.filter(use.age > periods.WEEK)
    weekly = earlier.mutate(week=(earlier.age - 1) // periods.WEEK)
    weekly = weekly.group_by(*KEY, "week").agg(uses=engine.whole(weekly.uses.sum()))
    return weekly.group_by(KEY).agg(**trends.sums("week", weekly.week, weekly.uses, _USUAL_WEEKS))


def _weekdays(day: ir.Table) -> ir.Table:
    """The weekday that fell most, four of each against the four before."""
    day = day.mutate(weekday=(day.as_of.delta(ibis.date(1970, 1, 1), unit="day") - day.age) % periods.WEEK)
    sums = day.group_by(*KEY, "weekday").agg(
        recent=engine.whole(day.events.sum(where=windows.trailing(day.age, periods.MONTH))),
        earlier=engine.whole(day.events.sum(where=windows.before(day.age))),
    )
    fall = engine.ratio(sums.recent, sums.earlier) - 1.0
    return sums.group_by(KEY).agg(weekday_fall=fall.min())


def _rated(sums: ir.Table) -> ir.Table:
    lived = sums.tenure_days

    def of_events(name: str) -> ir.FloatingValue:
        return engine.ratio(sums[name], sums.events_28d)

    usual = sums.week_y.cast("float64") / float(_USUAL_WEEKS)
    deviation = trends.variance(sums, "week", _USUAL_WEEKS).sqrt()
    return sums.mutate(
        minutes_28d=sums.duration_ms.cast("float64") / float(_MINUTE_MS),
        minutes_per_session_28d=engine.ratio(sums.duration_ms, sums.sessions_28d * _MINUTE_MS),
        uses_change_28d=windows.change(sums.uses_28d, sums.uses_28d_before, lived=lived, days=56),
        sessions_change_28d=windows.change(sums.sessions_28d, sums.sessions_before, lived=lived, days=56),
        uses_slope_28d=windows.only_after(trends.slope(sums, "month", periods.MONTH), lived=lived, days=28),
        uses_slope_90d=windows.only_after(trends.slope(sums, "quarter", periods.QUARTER), lived=lived, days=90),
        uses_vs_usual=windows.only_after(engine.ratio(sums.uses_7d, usual), lived=lived, days=WINDOW),
        uses_deviation_7d=windows.only_after(engine.ratio(sums.uses_7d - usual, deviation), lived=lived, days=WINDOW),
        weekend_share_28d=of_events("weekend"),
        working_share_28d=of_events("working"),
        evening_share_28d=of_events("evening"),
        weekday_fall_28d=windows.only_after(sums.weekday_fall, lived=lived, days=56),
        working_share_change_28d=windows.only_after(
            of_events("working") - engine.ratio(sums.working_before, sums.events_before), lived=lived, days=56
        ),
        quantity_change_28d=windows.change(sums.quantity_28d, sums.quantity_before, lived=lived, days=56),
    )
