"""The shape of an account's use over a quarter: growing, flat or declining."""

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods

GROWING, FLAT, DECLINING, UNKNOWN = "growing", "flat", "declining", "unknown"

# Four whole weeks: below that a slope is made of the days of one month's start.
MIN_HISTORY_DAYS = periods.MONTH

# Two-sided 5 % of Student's t with the 11 degrees of freedom that 13 weekly points leave.
TREND_T = 2.2

# The ratio DAU/MAU also falls when a team grows faster than its habits, and it only breaks
# the tie between flat and declining: it must be surer, about 1 % of the same distribution.
STICKINESS_T = 3.1

# A fleet of hundreds of people makes a fall of 2 % significant; nobody would call it one.
MIN_CHANGE = 0.10

# Events come in bursts, several of one person at once, so that their count varies about twice
# as much as independent events would: their t is held to twice the bound.
EVENTS_T = 2 * TREND_T

WEEKS = 13


def curve(snapshots: ir.Table) -> ir.StringValue:
    """growing, flat or declining by the slope tests; unknown below 28 days of history.

    Weekly active people over 13 weeks decide growing and declining; the slope of DAU over MAU
    decides between flat and declining alone, since a team that grows with equal habits has a
    flat DAU/MAU (conflict 1). Where an account's events name no people, its feature events
    take their place; below a quarter of tenure the 28 days of feature events do. An account that
    stopped is declining: silence is news.
    """
    t = snapshots
    quarter = _events(t.uses_slope_90d, t.uses_90d, periods.QUARTER)
    month = _events(t.uses_slope_28d, t.uses_28d, periods.MONTH)
    has_people = t.users_90d.fill_null(0) > 0
    # Below a quarter of tenure no long slope exists; the early warning of 28 days stands in for it.
    trend = ibis.cases(
        (has_people & t.wau_slope_90d.notnull(), _people(t)), (t.uses_slope_90d.notnull(), quarter), else_=month
    )
    stickiness_falls = _beyond(t.dau_mau_slope_90d * WEEKS, t.dau_mau_slope_t_90d, STICKINESS_T, sign=-1)
    return ibis.cases(
        (t.history_days.fill_null(0) < MIN_HISTORY_DAYS, UNKNOWN),
        (t.uses_28d.fill_null(0) == 0, DECLINING),
        (trend > 0, GROWING),
        (trend < 0, DECLINING),
        (stickiness_falls, DECLINING),
        else_=FLAT,
    )


def _people(t: ir.Table) -> ir.IntegerValue:
    return _direction(t.wau_slope_90d * WEEKS, t.wau_slope_t_90d, TREND_T)


def _events(slope: ir.NumericValue, events: ir.NumericValue, days: int) -> ir.IntegerValue:
    change = slope * days
    # A slope over n even days from N independent events has the standard error sqrt(12 / N)
    # of the change it means over all those days.
    t_value = change * (events.fill_null(0).cast("float64") / 12.0).sqrt()
    return _direction(change, t_value, EVENTS_T)


def _direction(change: ir.NumericValue, t_value: ir.NumericValue, bound: float) -> ir.IntegerValue:
    """1, -1 or 0: a change (over the quarter, of the mean) that is sure and matters."""
    rises, falls = _beyond(change, t_value, bound, sign=1), _beyond(change, t_value, bound, sign=-1)
    return engine.whole(rises.cast("int64")) - engine.whole(falls.cast("int64"))


def _beyond(change: ir.NumericValue, t_value: ir.NumericValue, bound: float, *, sign: int) -> ir.BooleanValue:
    """Never NULL. A slope without a t value is a perfect line (no residual to divide by): sure."""
    sure = (t_value * sign >= bound).fill_null(True)  # noqa: FBT003
    return ((change * sign >= MIN_CHANGE) & sure).fill_null(False)  # noqa: FBT003
