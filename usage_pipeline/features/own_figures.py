"""The figures of a company's own metrics on a morning, from what `usage/metric_day` knows by then."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine
from usage_pipeline.features import trends, windows
from usage_pipeline.features.own import Own
from usage_pipeline.features.roster import counted
from usage_pipeline.features.sight import KEY, Seen, beside

_MINUTE_MS = 60_000.0
# The smallest step of a value, so that a trend is reckoned in whole numbers.
_FINE = 1_000_000


def figures(seen: Seen, roster: ir.Table, several: Sequence[Own]) -> ir.Table:
    """One row per account of the roster with the figure of each metric, and its change."""
    by_name = {metric.name: metric for metric in several}
    day = counted(seen.metric_day, roster)
    # A ratio's lower part is another metric over this one's window.
    asked = dict.fromkeys((name, metric.days) for metric in several for name in (metric.name, metric.over) if name)
    rows = roster.select(*KEY, "tenure_days")
    rows = beside(rows, _sums(day, asked, by_name), _distincts(day, asked, by_name), _slopes(day, several))
    filled = [_column(name, days, when) for name, days in asked for when in ("now", "before")]
    rows = rows.mutate(**{name: _figure(rows, name) for name in filled if name in rows.columns})
    return rows.select(*KEY, **_said(rows, several, by_name))


def _column(name: str, days: int, when: str) -> str:
    return f"{name}/{days}/{when}"


def _figure(rows: ir.Table, name: str) -> ir.FloatingValue:
    """Nothing happened: 0. The decimal is exact until here."""
    return rows[name].cast("float64").fill_null(0.0)


def _parts(age: ir.IntegerValue, days: int) -> dict[str, ir.BooleanValue]:
    return {"now": windows.trailing(age, days), "before": windows.before(age, days)}


def _sums(day: ir.Table, asked: dict[tuple[str, int], None], by_name: dict[str, Own]) -> ir.Table:
    """What is counted or summed, per account, in each window and in the one before."""
    sums = {
        _column(name, days, when): day.value.sum(where=(day.metric == name) & within)
        for name, days in asked
        if by_name[name].kind not in ("distinct", "trend")
        for when, within in _parts(day.age, days).items()
    }
    return day.group_by(KEY).agg(metrics=engine.whole(day.count()), **sums).drop("metrics")


def _distincts(day: ir.Table, asked: dict[tuple[str, int], None], by_name: dict[str, Own]) -> ir.Table:
    """What is told apart: a thing seen on several days, or known on several, is one."""
    wanted = [(name, days) for name, days in asked if by_name[name].kind == "distinct"]
    things = day.filter(day.member.notnull())
    seen = {
        _column(name, days, when): ((things.metric == name) & within).any()
        for name, days in wanted
        for when, within in _parts(things.age, days).items()
    }
    things = things.group_by(*KEY, "metric", "member").agg(days=engine.whole(things.count()), **seen)
    counts = {name: engine.whole(things[name].sum()) for name in seen}
    return things.group_by(KEY).agg(days=engine.whole(things.count()), **counts).drop("days")


def _slopes(day: ir.Table, several: Sequence[Own]) -> ir.Table:
    """The sums that a trend is made of; the parts of a day add up in them."""
    y = (day.value * _FINE).cast("int64")
    sums: dict[str, ir.Value] = {}
    for metric in several:
        if metric.kind == "trend":
            within = (day.metric == metric.name) & windows.trailing(day.age, metric.days)
            sums[f"{metric.name}_y"] = _exact_sum(y, within)
            sums[f"{metric.name}_y_age"] = _exact_sum(y * day.age, within)
    return day.group_by(KEY).agg(parts=engine.whole(day.count()), **sums).drop("parts")


def _exact_sum(y: ir.IntegerValue, within: ir.BooleanValue) -> ir.FloatingValue:
    """Rounded once, at the end: bytes a day, in millionths and times their age, are too large a sum for an int64."""
    return y.cast("decimal(38, 0)").sum(where=within).cast("float64").fill_null(0.0)


def _said(rows: ir.Table, several: Sequence[Own], by_name: dict[str, Own]) -> dict[str, ir.Value]:
    said: dict[str, ir.Value] = {}
    for metric in several:
        if metric.kind == "trend":
            slope = trends.slope(rows, metric.name, metric.days)
            said[metric.name] = windows.only_after(slope, lived=rows.tenure_days, days=metric.days)
            continue
        now, before = (_value(rows, metric, when, by_name) for when in ("now", "before"))
        said[metric.name] = now
        said[f"{metric.name}_change"] = windows.change(now, before, lived=rows.tenure_days, days=2 * metric.days)
    return said


def _value(rows: ir.Table, metric: Own, when: str, by_name: dict[str, Own]) -> ir.NumericValue:
    def figure(name: str) -> ir.FloatingValue:
        found: ir.FloatingValue = rows[_column(name, metric.days, when)]
        return found / ibis.literal(_MINUTE_MS) if by_name[name].is_duration else found

    return engine.ratio(figure(metric.name), figure(metric.over)) if metric.over else figure(metric.name)
