"""A new or changed metric is filled in for every known day, once, and says so only when it is."""

from datetime import date, datetime

import pyarrow as pa
import pytest
from usage_rows import event

from usage_pipeline.company import Metric
from usage_pipeline.errors import Rejected
from usage_pipeline.events.catalogue import EVENT
from usage_pipeline.usage import catalogue, filling, metrics

DAYS = [date(2026, 5, day) for day in (1, 2, 9)]


def stated(**names: str):
    return metrics.definitions(
        {
            name: Metric(kind="count", where={"name": called}, meaning="Reports exported")
            for name, called in names.items()
        }
    )


@pytest.fixture
def landed(lake):
    """A lake with one export on each of three known days."""
    rows = [
        event(datetime.combine(day, datetime.min.time()).isoformat(), name=name, event_id=f"{day}{name}")
        for day in DAYS
        for name in ("exported", "printed")
    ]
    rows = [row | {"source": "s", "received_assumed": False, "content_hash": row["event_id"]} for row in rows]
    lake.replace(EVENT, pa.Table.from_pylist(rows, schema=EVENT.schema.to_pyarrow()))
    return lake


def filled(lake, wanted) -> list[tuple[date, int, int]]:
    """What a run tells of its progress; nothing where nothing had to be filled in."""
    told: list[tuple[date, int, int]] = []
    if not filling.is_settled(lake, wanted):
        filling.fill_in(lake, wanted, lambda *progress: told.append(progress))
    return told


def counts(lake) -> dict[str, dict[date, int]]:
    found: dict[str, dict[date, int]] = {}
    for row in lake.backend.to_pyarrow(lake.read(catalogue.METRIC_DAY)).to_pylist():
        found.setdefault(row["metric"], {})[row["known_day"]] = int(row["value"])
    return found


def in_force(lake) -> list[str]:
    return sorted(lake.backend.to_pyarrow(lake.read(catalogue.METRIC))["metric"].to_pylist())


def test_a_new_metric_is_filled_in_for_every_known_day_and_only_once(landed):
    wanted = stated(exports="exported")
    assert filled(landed, wanted) == [(DAYS[-1], 1, 1)]
    assert counts(landed) == {"exports": dict.fromkeys(DAYS, 1)}
    assert filled(landed, wanted) == []


def test_a_changed_metric_is_filled_in_again_and_its_old_rows_are_gone(landed):
    filled(landed, stated(exports="exported"))
    [other] = stated(exports="printed")
    assert filled(landed, [other])
    rows = landed.backend.to_pyarrow(landed.read(catalogue.METRIC_DAY))
    assert set(rows["definition"].to_pylist()) == {other.fingerprint}
    assert filled(landed, [other]) == []


def test_a_metric_that_went_and_came_back_is_filled_in_again(landed):
    both = stated(exports="exported", prints="printed")
    filled(landed, both)
    assert filled(landed, stated(exports="exported")) == []
    assert in_force(landed) == ["exports"]
    assert filled(landed, both)


def test_a_company_that_never_had_a_metric_has_no_table_of_them(landed):
    assert filled(landed, []) == []
    assert not landed.exists(catalogue.METRIC)
    assert not landed.exists(catalogue.METRIC_DAY)


def test_a_run_that_was_killed_on_the_way_has_filled_in_nothing(landed, monkeypatch):
    monkeypatch.setattr(metrics, "EVENTS_AT_ONCE", 2)
    wanted = stated(exports="exported")
    filled(landed, stated(exports="printed"))

    def killed(_day: date, number: int, _of: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    assert not filling.is_settled(landed, wanted)
    with pytest.raises(KeyboardInterrupt):
        filling.fill_in(landed, wanted, killed)
    assert in_force(landed) == []
    # Not even what was in force before: some of its days are the other's now.
    assert filled(landed, stated(exports="printed"))[-1][0] == DAYS[-1]
    assert {row for rows in counts(landed).values() for row in rows} == set(DAYS)


def test_a_metric_that_sums_what_is_no_number_is_refused_and_not_in_force(landed):
    day = DAYS[-1]
    row = event(f"{day}T05:00:00", name="exported", properties='{"size": "large"}', source="s", received_assumed=False)
    landed.append(EVENT, pa.Table.from_pylist([row], schema=EVENT.schema.to_pyarrow()), batch="b")
    wanted = metrics.definitions({"sizes": Metric(kind="sum", of="property.size", meaning="Sizes of reports")})
    with pytest.raises(Rejected, match="the metric sizes sums"):
        filled(landed, wanted)
    assert in_force(landed) == []
