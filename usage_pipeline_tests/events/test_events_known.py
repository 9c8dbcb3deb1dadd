from datetime import date, datetime, timedelta

import ibis
import pytest
from landing_builders import a_lake, deliver, land, text, track

from usage_pipeline.events import catalogue, known
from usage_pipeline.lake import Lake

MONDAY, TUESDAY = date(2026, 5, 4), date(2026, 5, 5)


def link(lake, day, kind="user"):
    said = {"id": "u1", "id_kind": kind, "account_id": "acme", "known_at": datetime.combine(day, datetime.min.time())}
    rows = [{name: said.get(name) for name in catalogue.IDENTITY_LINK.schema.names}]
    lake.replace(catalogue.IDENTITY_LINK, ibis.memtable(rows, schema=catalogue.IDENTITY_LINK.schema))


def known_on(lake, day):
    return [row["event_id"] for row in lake.backend.to_pyarrow(known.events(lake, (day, day))).to_pylist()]


@pytest.fixture
def lake(tmp_path):
    """An event of Monday that names a person of no known account."""
    lake = a_lake(tmp_path)
    deliver(tmp_path / "in", text(track(context=None)), landed_at=datetime(2026, 5, 4, 12))
    land(tmp_path / "in", lake)
    return lake


def test_an_event_that_waited_is_known_on_the_day_of_its_link(lake):
    link(lake, TUESDAY)
    assert known_on(lake, MONDAY) == []
    assert known_on(lake, TUESDAY) == ["m1"]


@pytest.mark.parametrize("kind", ["user", "account"])
def test_on_a_day_without_a_link_of_an_id_only_near_days_are_read(lake, monkeypatch, kind):
    link(lake, TUESDAY if kind == "account" else MONDAY, kind)
    read, spans = Lake.read, []

    def noted(self, table, span=None):
        if table is catalogue.EVENT:
            spans.append(span)
        return read(self, table, span)

    monkeypatch.setattr(Lake, "read", noted)
    assert known_on(lake, TUESDAY) == []
    assert [first for first, _ in spans if first < MONDAY - timedelta(days=60)] == []
