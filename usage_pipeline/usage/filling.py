"""Filling `metric_day` in: once for all known days when the mapping states a new metric, or another one."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine
from usage_pipeline.events import catalogue as events
from usage_pipeline.events import known
from usage_pipeline.lake import Lake, Span
from usage_pipeline.usage import catalogue, metrics, rollups
from usage_pipeline.usage.metrics import Definition


def held(lake: Lake, span: Span, wanted: Sequence[Definition]) -> AbstractContextManager[ir.Table]:
    """The counted events of some known days, with what the rollups need of them, read once into the engine."""
    rows = metrics.looked_at(known.events(lake, span), wanted, rollups.USED)
    return engine.holding(lake.backend, "held_events", rows)


def is_settled(lake: Lake, wanted: Sequence[Definition]) -> bool:
    """Whether metric_day holds every known day of the wanted metrics; if not, nothing in it counts any more.

    What the mapping no longer states is forgotten: should it come back, it misses the days in between.
    """
    kept = lake.read(catalogue.METRIC)
    filled = {(row["metric"], row["definition"]) for row in lake.backend.to_pyarrow(kept).to_pylist()}
    now = {(one.name, one.fingerprint) for one in wanted}
    if filled == now:
        return True
    is_less = now < filled
    names = [one.name for one in wanted]
    still = kept.filter(kept.metric.isin(names)) if is_less and names else catalogue.METRIC.empty()
    lake.replace(catalogue.METRIC, still)
    return is_less


def fill_in(lake: Lake, wanted: Sequence[Definition], tell: Callable[[date, int, int], None]) -> dict[str, int]:
    """Make the rows of every known day, then state so in METRIC; gives the known `days` and the values `unreadable`.

    By one reading of all events, some millions at a time, which makes the rows of metrics that have not changed
    again as they were. `tell` gets the last day filled in, and how many of how many ranges are. `Rejected` where
    what a metric sums is mostly no number.
    """
    days = lake.partitions(events.EVENT)
    ranges = metrics.spans(days, lake.rows(events.EVENT))
    stated, bad = ({one.name: 0 for one in wanted} for _ in range(2))
    for number, span in enumerate(ranges, start=1):
        with held(lake, span, wanted) as found:
            for row in lake.backend.to_pyarrow(metrics.unreadable(found, wanted)).to_pylist():
                stated[row["metric"]] += row["stated"]
                bad[row["metric"]] += row["unreadable"]
            lake.replace(catalogue.METRIC_DAY, metrics.metric_day(found, wanted), span)
        tell(span[1], number, len(ranges))
    for one in wanted:
        metrics.assert_numbers(one, stated=stated[one.name], bad=bad[one.name])
    rows = [
        {
            "metric": one.name,
            "definition": one.fingerprint,
            "counts": one.counts,
            "first_known_day": days[0] if days else None,
            "last_known_day": days[-1] if days else None,
            "unreadable": bad[one.name],
        }
        for one in wanted
    ]
    lake.replace(catalogue.METRIC, ibis.memtable(rows, schema=catalogue.METRIC.schema))
    return {"days": len(days), "unreadable": sum(bad.values())}
