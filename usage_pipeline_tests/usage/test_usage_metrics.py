"""Own metrics as a rollup: which events a filter picks, what they add, and what is no number."""

from datetime import date
from decimal import Decimal

import ibis
import pytest
from usage_rows import event, events

from usage_pipeline.company import Metric
from usage_pipeline.errors import Rejected
from usage_pipeline.usage import metrics, rollups


def metric(kind: str = "count", **more) -> Metric:
    return Metric(kind=kind, meaning="Reports exported", **more)


def export(hour: int, properties: str | None = None, **more) -> dict:
    return event(f"2026-05-01T{hour:02}:00:00", name="exported", feature="reports", properties=properties, **more)


@pytest.fixture
def rolled_up(backend):
    def rows(*happened: dict, **stated: Metric) -> dict[str, list[tuple]]:
        wanted = metrics.definitions(stated)
        found = backend.to_pyarrow(
            metrics.metric_day(metrics.looked_at(events(*happened), wanted, rollups.USED), wanted)
        )
        said: dict[str, list[tuple]] = {}
        for row in sorted(found.to_pylist(), key=repr):
            said.setdefault(row["metric"], []).append((row["account_id"], row["day"], row["known_day"], row["value"]))
        return said

    return rows


def test_a_filter_picks_by_name_feature_and_properties_all_at_once(rolled_up):
    said = rolled_up(
        export(1, '{"format": "pdf", "size": {"pages": 3}}'),
        export(2, '{"format": "csv", "size": {"pages": 3}}'),
        export(3, '{"format": "pdf", "size": {"pages": "3.0"}}', account_id="other"),
        export(4, None),
        event("2026-05-01T05:00:00", name="printed", properties='{"format": "pdf", "size": {"pages": 3}}'),
        all_of_it=metric(),
        pdfs=metric(where={"name": "exported", "properties": {"format": "pdf"}}),
        either=metric(where={"name": ["exported", "printed"], "properties": {"format": ["pdf", "csv"]}}),
        three=metric(where={"feature": "reports", "properties": {"size.pages": 3}}),
        pointed=metric(where={"properties": {"/size/pages": 3}}),
    )
    counts = {name: {row[0]: int(row[3]) for row in rows} for name, rows in said.items()}
    assert counts == {
        "all_of_it": {"acme": 4, "other": 1},
        "pdfs": {"acme": 1, "other": 1},
        "either": {"acme": 3, "other": 1},
        "three": {"acme": 2, "other": 1},
        "pointed": {"acme": 3, "other": 1},
    }


def test_a_key_with_a_quote_or_a_dollar_is_a_key_and_nothing_else(rolled_up):
    said = rolled_up(
        export(1, r'{"a\"b": "x", "$": "x"}'),
        quoted=metric(where={"properties": {'a"b': "x"}}),
        dollar=metric(where={"properties": {"$": "x"}}),
        absent=metric(where={"properties": {"*": "x"}}),
    )
    assert sorted(said) == ["dollar", "quoted"]


def test_true_and_numbers_are_what_json_writes(rolled_up):
    said = rolled_up(
        export(1, '{"beta": true, "n": 1}'),
        export(2, '{"beta": "no", "n": "one"}'),
        beta=metric(where={"properties": {"beta": True}}),
        one=metric(where={"properties": {"n": 1}}),
    )
    assert {name: [int(row[3]) for row in rows] for name, rows in said.items()} == {"beta": [1], "one": [1]}


def test_a_day_has_a_part_for_each_day_on_which_it_became_known(rolled_up):
    said = rolled_up(export(1), export(2, known="2026-05-04T00:00:00"), exports=metric())
    assert said["exports"] == [
        ("acme", date(2026, 5, 1), date(2026, 5, 1), Decimal(1)),
        ("acme", date(2026, 5, 1), date(2026, 5, 4), Decimal(1)),
    ]


def test_a_distinct_count_keeps_one_row_for_each_thing_and_no_name_of_it(backend):
    wanted = metrics.definitions({"people": metric("distinct", of="user")})
    happened = events(export(1), export(2), export(3, user_id="bob"), export(4, user_id=None))
    rows = backend.to_pyarrow(metrics.metric_day(metrics.looked_at(happened, wanted, rollups.USED), wanted)).to_pylist()
    assert sorted(int(row["value"]) for row in rows) == [1, 2]
    assert not {"ann", "bob"} & {row["member"] for row in rows}


def test_a_row_whose_properties_are_no_json_stops_no_other(rolled_up):
    said = rolled_up(export(1, "{broken"), export(2, '{"kilos": 1.5}'), kilos=metric("sum", of="property.kilos"))
    assert [row[3] for row in said["kilos"]] == [Decimal("1.5")]


def test_what_is_no_number_is_left_out_and_counted(backend):
    wanted = metrics.definitions({"kilos": metric("sum", of="property.kilos"), "exports": metric()})
    happened = events(export(1, '{"kilos": "many"}'), export(2, '{"kilos": "2"}'), export(3, "{}"))
    held = metrics.looked_at(happened, wanted, rollups.USED)
    assert backend.to_pyarrow(metrics.unreadable(held, wanted)).to_pylist() == [
        {"stated": 2, "unreadable": 1, "metric": "kilos"}
    ]
    one = wanted[0]
    metrics.assert_numbers(one, stated=100, bad=10)
    with pytest.raises(Rejected, match="which is no number in 11 of 100 events"):
        metrics.assert_numbers(one, stated=100, bad=11)


def test_properties_are_opened_only_of_events_that_a_metric_may_want(backend):
    wanted = metrics.definitions({"pdfs": metric(where={"name": "exported", "properties": {"format": "pdf"}})})
    happened = events(export(1, '{"format": "pdf"}'), event("2026-05-01T02:00:00", properties='{"format": "pdf"}'))
    held = metrics.looked_at(happened, wanted, rollups.USED)
    assert backend.to_pyarrow(held.order_by("ts").property_0).to_pylist() == ["pdf", None]
    assert set(metrics.looked_at(happened, [], rollups.USED).columns) == set(rollups.USED)


def test_the_past_is_filled_in_by_ranges_of_so_many_events():
    days = [date(2026, 1, 1), date(2026, 1, 10)]
    assert metrics.spans(days, 1000) == [(days[0], days[1])]
    ranges = metrics.spans(days, 3 * metrics.EVENTS_AT_ONCE)
    assert [(first.day, last.day) for first, last in ranges] == [(1, 4), (5, 8), (9, 10)]
    assert metrics.spans([], 0) == []


def test_no_metric_makes_an_empty_table(backend):
    assert backend.to_pyarrow(metrics.metric_day(ibis.memtable({"a": [1]}), [])).num_rows == 0
