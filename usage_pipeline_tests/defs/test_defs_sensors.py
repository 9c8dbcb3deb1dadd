"""Sensors look at the outside world and lose nothing between two ticks."""

import json

import dagster as dg
import pytest

from usage_pipeline.defs import automation, pending
from usage_pipeline.defs.place import Place
from usage_pipeline.home import Home
from usage_pipeline.settings import Settings

CALL = '{{"type":"track","messageId":"{id}","event":"Opened","userId":"u","timestamp":"2026-05-04T08:00:00Z"}}\n'


def roll_up(instance, day, rollups=pending.ROLLUPS):
    """What Dagster keeps of a day that was rolled up."""
    for rollup in rollups:
        instance.report_runless_asset_event(dg.AssetMaterialization(rollup, partition=day.isoformat()))


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("USAGE_HOME", str(tmp_path / "home"))
    mapping = tmp_path / "acme.yaml"
    mapping.write_text("company: acme\nevents: [{format: segment, files: 'events*'}]\n")
    opened = Home(Settings())
    opened.claim(mapping, tmp_path / "landing", "test")
    (tmp_path / "landing").mkdir()
    return opened


@pytest.fixture
def place(home):
    from dagster_duckdb import DuckDBResource

    return Place(duckdb=DuckDBResource(database=":memory:"))


def land(home, name, *ids):
    (home.landing() / name).write_text("".join(CALL.format(id=one) for one in ids))


def tick(place, cursor=None):
    with (
        dg.instance_for_test() as instance,
        dg.build_sensor_context(instance=instance, cursor=cursor, resources={"place": place}) as context,
    ):
        return automation.new_files(context)


def test_an_empty_landing_folder_asks_for_nothing(place):
    assert isinstance(tick(place), dg.SkipReason)


def test_two_files_between_two_ticks_are_both_seen(home, place):
    land(home, "events-1.jsonl", "a")
    first = tick(place)
    land(home, "events-2.jsonl", "b")
    land(home, "events-3.jsonl", "c")
    second = tick(place, first.cursor)
    assert len(first.run_requests) == len(second.run_requests) == 1
    assert first.run_requests[0].run_key != second.run_requests[0].run_key
    assert len(json.loads(second.cursor)) == 3
    assert isinstance(tick(place, second.cursor), dg.SkipReason)


def test_the_same_content_under_another_name_is_nothing_new(home, place):
    land(home, "events-1.jsonl", "a")
    first = tick(place)
    land(home, "events-again.jsonl", "a")
    assert isinstance(tick(place, first.cursor), dg.SkipReason)


def test_a_file_that_grew_is_asked_for_again_under_another_key(home, place):
    land(home, "events-1.jsonl", "a")
    first = tick(place)
    land(home, "events-1.jsonl", "a", "b")
    second = tick(place, first.cursor)
    assert second.run_requests[0].run_key != first.run_requests[0].run_key


def test_days_without_rollups_are_pending_until_they_are_rolled_up(tmp_path):
    from datetime import date

    days = [date(2026, 5, day) for day in (4, 5, 6)]
    with dg.instance_for_test() as instance:
        assert pending.days(instance, days)[1] == [(days[0], days[-1])]
        for day in days[:2]:
            roll_up(instance, day)
        assert pending.days(instance, days)[1] == [(days[2], days[2])]


@pytest.mark.parametrize("missing", range(len(pending.ROLLUPS)))
def test_a_day_of_which_a_killed_run_made_only_some_rollups_is_pending(missing):
    from datetime import date

    day = date(2026, 5, 4)
    made = [rollup for place, rollup in enumerate(pending.ROLLUPS) if place != missing]
    with dg.instance_for_test() as instance:
        roll_up(instance, day, made)
        assert pending.days(instance, [day])[1] == [(day, day)]
        roll_up(instance, day)
        assert pending.days(instance, [day])[1] == []


def test_a_day_that_new_events_touched_is_pending_again():
    from datetime import date

    day = date(2026, 5, 4)
    with dg.instance_for_test() as instance:
        roll_up(instance, day)
        assert pending.days(instance, [day])[1] == []
        touched = dg.AssetMaterialization(pending.EVENTS, metadata={"known_days": [day.isoformat()]})
        instance.report_runless_asset_event(touched)
        assert pending.days(instance, [day])[1] == [(day, day)]


def test_days_that_a_killed_ingest_had_landed_and_told_nobody_of_are_told_by_the_next(home, place, monkeypatch):
    from usage_pipeline.defs import events
    from usage_pipeline.events import ingest

    class Killed(BaseException):
        """Not an error that anybody catches."""

    register = ingest.register

    def registered_and_killed(done, lake):
        register(done, lake)
        raise Killed

    def told():
        result = dg.materialize([events.landed], resources={"place": place}, instance=instance)
        (materialised,) = result.asset_materializations_for_node("landed_events")[:1]
        return materialised.metadata["known_days"].value

    land(home, "events-1.jsonl", "a", "b")
    with dg.instance_for_test() as instance:
        monkeypatch.setattr(ingest, "register", registered_and_killed)
        with pytest.raises(Killed):
            told()
        monkeypatch.setattr(ingest, "register", register)
        days = told()
        assert len(days) == 1
        assert home.holding().first_known_day == days[0]
        assert told() == []
