"""A company's own metrics as a rollup: events that a filter picks, per account, metric, day and known day.

A sum over the parts of a day is exact, and so is a distinct count: it keeps what it tells
apart, one row each. What of a metric does not concern the rows (its window, its words, what
it is divided by) is left to `features`, so that changing it fills nothing in again.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import and_, or_

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine
from usage_pipeline.company import Metric, Scalar
from usage_pipeline.errors import Rejected
from usage_pipeline.usage import catalogue

# As many as fit well below a gigabyte with all that a metric looks at.
EVENTS_AT_ONCE = 4_000_000
# More than this share of the values that are no numbers is no slip but another type.
UNREADABLE_SHARE = 0.1

# JSON is DuckDB's here; on Spark it is get_json_object.
_text = ibis.udf.scalar.builtin(
    lambda properties, place: None,  # noqa: ARG005
    name="json_extract_string",
    signature=(("string", "string"), "string"),
)
# What a select calls properties may be any text, and one row that is no JSON must not stop the others.
_is_json = ibis.udf.scalar.builtin(lambda properties: None, name="json_valid", signature=(("string",), "boolean"))  # noqa: ARG005
_PROPERTY = "property."
# That of a stated quantity.
_NUMBER = "decimal(18, 6)"


@dataclass(frozen=True)
class Definition:
    """What one metric counts: all that its rows depend on."""

    name: str
    metric: Metric

    @property
    def of(self) -> str:
        return self.metric.of

    @property
    def counts(self) -> str:
        """What it counts, as JSON; a count, and the events of a ratio or a trend, are counted alike."""
        how = "distinct" if self.metric.kind == "distinct" else "sum" if self.of else "count"
        return json.dumps({"how": how, "of": self.of, "where": self.metric.where.model_dump()}, sort_keys=True)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.counts.encode()).hexdigest()[:12]

    @property
    def places(self) -> list[str]:
        """Where among an event's properties it looks."""
        summed = [self.of.removeprefix(_PROPERTY)] if self.of.startswith(_PROPERTY) else []
        return [*self.metric.where.properties, *summed]


def definitions(metrics: Mapping[str, Metric]) -> list[Definition]:
    """What the metrics of a mapping count, in its order."""
    return [Definition(name, metric) for name, metric in metrics.items()]


def looked_at(events: ir.Table, wanted: Sequence[Definition], columns: Sequence[str]) -> ir.Table:
    """Resolved events with `columns` and, of their properties, what the metrics look at, as `property_N`."""
    found = {}
    for number, place in enumerate(_places(wanted)):
        text = _text(events.properties, _path(place))
        # Opening the JSON is what costs: only of events that a metric may want.
        named = [one.metric.where.name for one in wanted if place in one.places]
        names = sorted({name for each in named for name in each})
        is_wanted = _is_json(events.properties)
        found[f"property_{number}"] = ibis.ifelse(
            events.name.isin(names) & is_wanted if all(named) else is_wanted, text, None
        )
    return events.select(*columns, **found)


def metric_day(events: ir.Table, wanted: Sequence[Definition]) -> ir.Table:
    """The rows of METRIC_DAY of the events that `looked_at` gives."""
    if not wanted:
        return catalogue.METRIC_DAY.empty()
    places = _places(wanted)
    rows = ibis.union(*(_of_one(events, one, places) for one in wanted), distinct=False)
    keys = ["account_id", "metric", "definition", "day", "member", "known_day"]
    return catalogue.METRIC_DAY.conform(rows.group_by(keys).agg(value=rows.value.sum().cast("decimal(38, 6)")))


def unreadable(events: ir.Table, wanted: Sequence[Definition]) -> ir.Table:
    """One row per metric that sums a property: values `stated`, and how many of them are no `number`."""
    places = _places(wanted)
    tables = []
    for one in wanted:
        if one.metric.kind != "distinct" and one.of.startswith(_PROPERTY):
            text = _property(events, one.of.removeprefix(_PROPERTY), places)
            stated = _picked(events, one, places) & text.notnull()
            counts = events.agg(
                stated=engine.whole(stated.sum()),
                unreadable=engine.whole((stated & text.try_cast(_NUMBER).isnull()).sum()),
            )
            tables.append(counts.mutate(metric=ibis.literal(one.name)))
    schema = {"stated": "int64", "unreadable": "int64", "metric": "string"}
    return ibis.union(*tables, distinct=False) if tables else ibis.memtable([], schema=schema)


def assert_numbers(one: Definition, *, stated: int, bad: int) -> None:
    """`Rejected` where what the metric is to sum is mostly no number."""
    if bad > UNREADABLE_SHARE * stated:
        raise Rejected(
            f"the metric {one.name} sums {one.of}, which is no number in {bad:,} of {stated:,} events that state it",
            fix="name another property in `of`, pick other events in `where`, or count what is told apart "
            "(kind: distinct)",
        )


def spans(days: Sequence[date], events: int) -> list[tuple[date, date]]:
    """The known days in ranges of about EVENTS_AT_ONCE events each."""
    if not days:
        return []
    first, last = min(days), max(days)
    length = (last - first).days + 1
    step = max(1, math.ceil(length / max(1, math.ceil(events / EVENTS_AT_ONCE))))
    starts = [first + timedelta(days=n) for n in range(0, length, step)]
    return [(start, min(last, start + timedelta(days=step - 1))) for start in starts]


def _places(wanted: Sequence[Definition]) -> list[str]:
    return sorted({place for one in wanted for place in one.places})


def _path(place: str) -> str:
    """As a JSON pointer (RFC 6901), in which no key means anything else: DuckDB reads `$."*"` as all keys."""
    if place.startswith("/"):
        return place
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in place.split("."))


def _property(events: ir.Table, place: str, places: Sequence[str]) -> ir.StringValue:
    text: ir.StringValue = events[f"property_{places.index(place)}"]
    return text


def _of_one(events: ir.Table, one: Definition, places: Sequence[str]) -> ir.Table:
    """The picked events of one metric, each with what it adds; one that states nothing to add adds no row."""
    picked = events.filter(_picked(events, one, places))
    member: ir.Value = ibis.null("string")
    value: ir.Value = ibis.literal(1)
    if one.metric.kind == "distinct":
        member = {"user": picked.user_id, "feature": picked.feature}.get(one.of)
        if member is None:
            member = _property(picked, one.of.removeprefix(_PROPERTY), places)
        picked, member = picked.filter(member.notnull()), member.hexdigest("md5")
    elif one.of:
        value = {"quantity": picked.quantity, "duration": picked.duration_ms}.get(one.of)
        if value is None:
            value = _property(picked, one.of.removeprefix(_PROPERTY), places).try_cast(_NUMBER)
        picked = picked.filter(value.notnull())
    return picked.select(
        "account_id",
        "known_day",
        day=picked.ts.date(),
        metric=ibis.literal(one.name),
        definition=ibis.literal(one.fingerprint),
        member=member,
        value=value.cast("decimal(38, 6)"),
    )


def _picked(events: ir.Table, one: Definition, places: Sequence[str]) -> ir.BooleanValue:
    where = one.metric.where
    conditions: list[ir.BooleanValue] = []
    if where.name:
        conditions.append(events.name.isin(where.name))
    if where.feature:
        conditions.append(events.feature.isin(where.feature))
    for place, values in where.properties.items():
        text = _property(events, place, places)
        conditions.append(reduce(or_, (_is(text, value) for value in values)))
    picked = reduce(and_, conditions, ibis.literal(True))  # noqa: FBT003
    return picked.fill_null(False)  # noqa: FBT003


def _is(text: ir.StringValue, value: Scalar) -> ir.BooleanValue:
    """A property against a value of the mapping: 3 is 3.0 and "3"; true is what JSON writes."""
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, int | float):
        return text.try_cast("float64") == float(value)
    return text == value
