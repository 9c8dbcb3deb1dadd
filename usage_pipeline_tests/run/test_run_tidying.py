"""Tidying: small files become few, what is past its time goes, and every row that is kept stays."""

from datetime import date, datetime

import pytest
from forget_home import ANN, call, everything, land, opened, rows, write

from usage_pipeline.defs import place as places
from usage_pipeline.defs import tidying
from usage_pipeline.events import catalogue as events
from usage_pipeline.lake import transactions, upkeep
from usage_pipeline.usage import catalogue as usage


@pytest.fixture
def home(tmp_path, monkeypatch):
    write(tmp_path / "home", everything())
    for number in range(3):
        write(tmp_path / "home", [call(500 + number, ANN, day=1)], name=f"100{number}")
    place = opened(tmp_path / "home", monkeypatch)
    land(place)
    monkeypatch.setattr(places.Opened, "now", lambda _: datetime(2026, 6, 1))
    yield place
    place.ledger.close()


def tidy(place, *, really=True):
    return tidying.tidy(place, really=really, progress=lambda _: None)


def test_small_files_of_a_day_become_one(home):
    extra = home.lake.backend.to_pyarrow(home.lake.read(events.EVENT)).slice(0, 1)
    home.lake.append(events.EVENT, extra.cast(events.EVENT.schema.to_pyarrow()), batch="one more file")
    before, files = rows(home.lake, events.EVENT), len(home.lake.files(events.EVENT))
    done = tidy(home)
    assert done.put_together["events/event"] == (2, 1)
    assert len(home.lake.files(events.EVENT)) == files - 1
    assert rows(home.lake, events.EVENT) == before
    assert tidy(home).put_together == {}


def test_days_that_still_get_rows_are_left(home, monkeypatch):
    extra = home.lake.backend.to_pyarrow(home.lake.read(events.EVENT)).slice(0, 1)
    home.lake.append(events.EVENT, extra.cast(events.EVENT.schema.to_pyarrow()), batch="one more file")
    monkeypatch.setenv("USAGE_COMPACT_AFTER_DAYS", "100")
    assert "events/event" not in tidy(home).put_together


def test_events_past_their_time_go_and_their_rollups_stay(home, monkeypatch):
    monkeypatch.setenv("USAGE_KEEP_EVENTS_DAYS", "28")
    before = rows(home.lake, usage.ACCOUNT_DAY)
    told = tidy(home, really=False)
    assert told.days_dropped["events/event"] == 3
    assert len(home.lake.partitions(events.EVENT)) == 6
    assert tidy(home).days_dropped == told.days_dropped
    assert home.lake.partitions(events.EVENT)[0] == datetime(2026, 5, 4).date()
    assert rows(home.lake, usage.ACCOUNT_DAY) == before
    assert land(home).batches == 0


def test_days_whose_events_are_gone_are_not_rolled_up_again(home, monkeypatch):
    monkeypatch.setenv("USAGE_KEEP_EVENTS_DAYS", "28")
    assert upkeep.kept_since(home.lake, events.EVENT) is None
    tidy(home)
    assert upkeep.kept_since(home.lake, events.EVENT) == date(2026, 5, 4)
    monkeypatch.setenv("USAGE_KEEP_EVENTS_DAYS", "40")
    tidy(home)
    assert upkeep.kept_since(home.lake, events.EVENT) == date(2026, 5, 4)


def test_landed_files_past_their_time_go_but_for_those_of_tables(home, monkeypatch):
    monkeypatch.setenv("USAGE_KEEP_LANDED_DAYS", "14")
    assert len(tidy(home).landed_files) == 4
    left = {path.name for path in home.home.landing().rglob("*") if path.is_file()}
    assert left == {"accounts.csv", "users.csv", "manifest.json"}


def test_old_versions_go_after_their_time(home, monkeypatch):
    table = usage.ACCOUNT_DAY
    held = rows(home.lake, table)
    home.lake.replace(table, home.lake.backend.to_pyarrow(home.lake.read(table)))
    assert upkeep.vacuum(home.lake, table, keep_hours=1) == 0
    assert upkeep.vacuum(home.lake, table, keep_hours=0) > 0
    assert rows(home.lake, table) == held


def test_the_log_of_a_purged_table_still_knows_its_batches(home):
    told = transactions.of_log(home.lake.uri(events.EVENT), home.lake.opened(events.EVENT))
    assert {name.partition("/")[0] for name in told} == {row["batch"] for row in rows(home.lake, events.BATCH)}
    upkeep.purge(home.lake, events.EVENT)
    assert home.lake.batches(events.EVENT, told) == told
