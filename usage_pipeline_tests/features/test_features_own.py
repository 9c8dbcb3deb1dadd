"""A company's own metrics: exact, NULL where nothing can be said, and columns like all others."""

import json
import statistics
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import ibis
import pytest
from random_product import COMPANY, OWN, START, Product, facts, product

from usage_pipeline.company import Metric
from usage_pipeline.errors import Rejected
from usage_pipeline.features import catalogue, own, own_figures, snapshot, trends
from usage_pipeline.features.own import Own

AS_OF = date(2026, 5, 4)
WHERE = {"name": "exported"}


def company(**metrics: Metric):
    return COMPANY.model_copy(update={"metrics": metrics})


def metric(kind: str, **more: Any) -> Metric:
    return Metric(**({"kind": kind, "meaning": "Reports exported", "where": WHERE} | more))


def exported(account_id: str, days: int, **more: Any) -> dict[str, Any]:
    at = datetime.combine(AS_OF - timedelta(days=days), datetime.min.time())
    row = {"event_id": f"{account_id}{days}{more}", "content_hash": "", "ts": at, "known_at": at, "name": "exported"}
    return row | {"account_id": account_id, "user_id": "ann", "quantity": Decimal(1), "known_day": at.date()} | more


def customers(*names: str, signed_up: int = 300) -> Product:
    since = datetime.combine(AS_OF - timedelta(days=signed_up), datetime.min.time())
    made = Product([], [], [], [], [], [])
    for name in names:
        said = {"account_id": name, "valid_from": since, "known_at": since}
        made.account.append(said | {"created_at": since, "name": name})
        made.subscription.append(said | {"subscription_id": name, "status": "active", "plan_rank": 0})
    return made


@pytest.fixture
def on_the_morning(backend):
    def rows(made: Product, whose, as_of: date = AS_OF) -> dict[str, dict]:
        [(_, found)] = snapshot.snapshots(facts(made, backend, whose), [as_of], whose, backend)
        return {row["account_id"]: row for row in found.to_pylist()}

    return rows


def test_every_kind_of_metric_is_what_hands_reckon_for_random_customers(on_the_morning):
    as_of, made = START + timedelta(days=120), product(21, accounts=40)
    rows = on_the_morning(made, OWN, as_of)
    known = [row for row in made.event if row["known_day"] < as_of and row["ts"].date() < as_of]
    moved = set()
    for account_id, row in rows.items():
        age = {event["event_id"]: (as_of - event["ts"].date()).days for event in known}
        events = [e for e in known if e["account_id"] == account_id and age[e["event_id"]] <= row["tenure_days"]]

        def within(last: int, first: int = 1, events=events, age=age) -> list[dict]:
            return [event for event in events if first <= age[event["event_id"]] <= last]

        pdf = [_is_pdf(event) for event in within(28)]
        before = [_is_pdf(event) for event in within(56, 29)]
        assert row["pdfs"] == sum(pdf)
        assert row["pdfs_change"] == _changed(sum(pdf), sum(before), row["tenure_days"] >= 56)
        assert row["pages"] == float(sum(_pages(event) for event in within(7)))
        assert row["exporters"] == len({e["user_id"] for e in within(14) if _is_pdf(e) and e["user_id"]})
        assert row["formats"] == len({_said(e)["format"] for e in within(28) if e["properties"]})
        people = len({e["user_id"] for e in within(28) if _is_pdf(e) and e["user_id"]})
        assert row["pdfs_each"] == (sum(pdf) / people if people else None)
        assert row["effort"] == pytest.approx(sum(e["duration_ms"] or 0 for e in within(28)) / 60_000)
        amounts = [float(sum(e["quantity"] for e in within(n, n))) for n in range(28, 0, -1)]
        assert row["drift"] == (pytest.approx(_slope(amounts)) if row["tenure_days"] >= 28 and any(amounts) else None)
        moved |= {name for name in own_columns(OWN) if row[name] is not None}
    assert moved == set(own_columns(OWN))


def own_columns(whose) -> list[str]:
    return [feature.name for feature in catalogue.features(whose)[len(catalogue.FEATURES) :]]


def _said(event: dict) -> dict:
    return json.loads(event["properties"] or "{}")


def _is_pdf(event: dict) -> bool:
    return event["name"] == "exported" and _said(event).get("format") == "pdf"


def _pages(event: dict) -> Decimal:
    try:
        return Decimal(str(_said(event)["size"]["pages"])) if event["properties"] else Decimal(0)
    except InvalidOperation:
        return Decimal(0)


def _changed(now: float, before: float, is_old: bool) -> float | None:
    return now / before - 1 if before and is_old else None


def _slope(series: list[float]) -> float:
    return statistics.linear_regression(range(len(series)), series).slope / statistics.fmean(series)


def test_a_sum_of_decimals_is_exact_whatever_the_order_and_the_days_it_became_known_on(on_the_morning):
    made = customers("acme")
    for number in range(30):
        at = AS_OF - timedelta(days=1 + number % 3)
        made.event.append(exported("acme", 4, event_id=f"e{number}", known_day=at, properties='{"kilos": 0.1}'))
    row = on_the_morning(made, company(kilos=metric("sum", of="property.kilos")))["acme"]
    # Thirty times 0.1 as floats is 2.9999999999999996 or 3.0000000000000013, as the order has it.
    assert row["kilos"] == 3.0


def test_a_ratio_with_nothing_below_is_null_and_not_zero(on_the_morning):
    made = customers("anonymous", "named")
    made.event.extend([exported("anonymous", 3, user_id=None), exported("named", 3)])
    whose = company(people=metric("distinct", of="user"), each=metric("ratio", over="people"))
    rows = on_the_morning(made, whose)
    assert (rows["anonymous"]["people"], rows["anonymous"]["each"]) == (0.0, None)
    assert (rows["anonymous"]["each_change"], rows["anonymous"]["each_percentile"]) == (None, None)
    # Whose ratio is unknown is nobody's neighbour either.
    assert (rows["named"]["each"], rows["named"]["each_percentile"]) == (1.0, 1.0)


def test_an_account_without_such_events_has_zero_and_one_that_stopped_fell_by_all(on_the_morning):
    made = customers("quiet", "stopped", "young")
    made.event.extend([exported("stopped", 40), exported("stopped", 41)])
    rows = on_the_morning(made, company(exports=metric("count")))
    assert (rows["quiet"]["exports"], rows["quiet"]["exports_change"]) == (0.0, None)
    assert (rows["stopped"]["exports"], rows["stopped"]["exports_change"]) == (0.0, -1.0)


def test_a_thing_seen_on_two_days_and_known_on_two_is_one(on_the_morning):
    made = customers("acme")
    for days in (3, 5):
        made.event.append(exported("acme", days, properties='{"format": "pdf"}'))
    made.event.append(exported("acme", 5, known_day=AS_OF - timedelta(days=1), properties='{"format": "pdf"}'))
    row = on_the_morning(made, company(formats=metric("distinct", of="property.format")))["acme"]
    assert row["formats"] == 1.0


def test_a_metric_takes_no_name_that_a_snapshot_has(on_the_morning):
    for name in ("users_28d", "account_id", "definitions"):
        with pytest.raises(Rejected, match=f"makes a column {name}"):
            catalogue.features(company(**{name: metric("count")}))
    with pytest.raises(Rejected, match="makes a column exports_change"):
        catalogue.features(company(exports=metric("count"), exports_change=metric("count")))


def test_a_company_without_metrics_has_the_shipped_columns_and_no_other():
    assert catalogue.features(COMPANY) == catalogue.FEATURES
    assert catalogue.of_company(catalogue.ACCOUNT_SNAPSHOT, COMPANY) == catalogue.ACCOUNT_SNAPSHOT


def test_every_column_of_an_own_metric_is_made_with_its_type(backend):
    rows = snapshot.snapshot(facts(product(3), backend, OWN), AS_OF, OWN)
    table = catalogue.of_company(catalogue.ACCOUNT_SNAPSHOT, OWN)
    assert rows.schema() == table.schema
    assert [column.name for column in table.columns][-len(own_columns(OWN)) - 1 : -1] == own_columns(OWN)


def test_words_and_window_of_a_metric_change_nothing_that_is_counted():
    [one] = own.metrics(company(exports=metric("count")))
    [other] = own.metrics(company(exports=metric("count", window_days=7, meaning="Otherwise said")))
    [changed] = own.metrics(company(exports=metric("count", where={"name": "printed"})))
    assert one.definition == other.definition != changed.definition


@pytest.mark.parametrize("per_day", [1_000, 50_000])
def test_the_slope_of_large_numbers_is_that_of_small_ones_and_needs_no_larger_integers(backend, per_day):
    days = 90
    # In millionths, rising by one a day: each sum is well within an int64, their products are not.
    series = {age: (per_day + days - age) * 1_000_000 for age in range(1, days + 1)}
    sums = ibis.memtable({"made_y": [sum(series.values())], "made_y_age": [sum(age * y for age, y in series.items())]})
    (slope,) = backend.to_pyarrow(sums.select(slope=trends.slope(sums, "made", days)))["slope"].to_pylist()
    assert slope == pytest.approx(days * 1_000_000 / sum(series.values()))


@pytest.mark.parametrize("per_day", [1_000, 50_000_000_000])
def test_a_trend_of_bytes_a_day_is_reckoned(backend, per_day):
    days = 90
    metric = Own("sent", "d", "trend", days, "", False, "Bytes sent", "bytes", "sent")
    key = {"as_of": date(2026, 5, 1), "account_id": "acme"}
    said = {"metric": "sent", "definition": "d", "member": None}
    rows = [key | said | {"value": Decimal(per_day * (1 + (age <= 45))), "age": age} for age in range(1, days + 1)]
    types = {"as_of": "date", "account_id": "string"}
    described = {"metric": "string", "definition": "string", "member": "string", "value": "decimal(38, 6)"}

    class Seen:
        metric_day = ibis.memtable(rows, schema=types | described | {"age": "int64"})

    roster = ibis.memtable([key | {"tenure_days": 400}], schema=types | {"tenure_days": "int64"})
    (row,) = backend.to_pyarrow(own_figures.figures(Seen, roster, [metric])).to_pylist()
    # It doubles in the middle: the same slope whatever the unit.
    assert row["sent"] == pytest.approx(0.01111, rel=1e-3)
