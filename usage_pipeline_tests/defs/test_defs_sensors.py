"""Sensors look at the outside world and lose nothing between two ticks."""

import json
from datetime import date, datetime, timedelta

import dagster as dg
import ibis
import pyarrow as pa
import pytest

from usage_pipeline.defs import automation, pending
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.errors import Rejected
from usage_pipeline.home import Home
from usage_pipeline.lake import Lake
from usage_pipeline.settings import Settings
from usage_pipeline.sources import catalogue as sources

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
    days = [date(2026, 5, day) for day in (4, 5, 6)]
    with dg.instance_for_test() as instance:
        assert pending.days(instance, days)[1] == [(days[0], days[-1])]
        for day in days[:2]:
            roll_up(instance, day)
        assert pending.days(instance, days)[1] == [(days[2], days[2])]


@pytest.mark.parametrize("missing", range(len(pending.ROLLUPS)))
def test_a_day_of_which_a_killed_run_made_only_some_rollups_is_pending(missing):
    day = date(2026, 5, 4)
    made = [rollup for place, rollup in enumerate(pending.ROLLUPS) if place != missing]
    with dg.instance_for_test() as instance:
        roll_up(instance, day, made)
        assert pending.days(instance, [day])[1] == [(day, day)]
        roll_up(instance, day)
        assert pending.days(instance, [day])[1] == []


def test_a_day_that_new_events_touched_is_pending_again():
    day = date(2026, 5, 4)
    with dg.instance_for_test() as instance:
        roll_up(instance, day)
        assert pending.days(instance, [day])[1] == []
        touched = dg.AssetMaterialization(pending.EVENTS, metadata={"known_days": [day.isoformat()]})
        instance.report_runless_asset_event(touched)
        assert pending.days(instance, [day])[1] == [(day, day)]


def test_a_day_on_which_a_link_became_known_is_pending_without_any_event_of_it():
    monday, tuesday = date(2026, 5, 4), date(2026, 5, 5)
    with dg.instance_for_test() as instance:
        roll_up(instance, monday)
        linked = dg.AssetMaterialization(pending.LINKS, metadata={"known_days": [tuesday.isoformat()]})
        instance.report_runless_asset_event(linked)
        newest, ranges = pending.days(instance, [monday])
        assert ranges == [(tuesday, tuesday)]
        roll_up(instance, tuesday)
        assert pending.days(instance, [monday]) == (newest, [])


def test_no_day_that_was_rolled_up_is_rolled_up_again_because_its_neighbours_are():
    days = [date(2025, 3, day) for day in range(1, 9)]
    with dg.instance_for_test() as instance:
        for day in days:
            roll_up(instance, day)
        late = dg.AssetMaterialization(pending.EVENTS, metadata={"known_days": ["2025-03-02", "2025-03-07"]})
        instance.report_runless_asset_event(late)
        # Of the others the events are past their time.
        in_lake = [days[1], days[6]]
        assert pending.days(instance, in_lake)[1] == [(days[1], days[1]), (days[6], days[6])]
        assert pending.days(instance, in_lake, kept_since=days[4])[1] == [(days[6], days[6])]


def test_a_back_fill_of_days_whose_events_are_gone_is_refused_before_it_empties_them(place):
    from usage_pipeline.defs import io_manager, usage
    from usage_pipeline.events import catalogue
    from usage_pipeline.lake import upkeep

    lake, gone, kept = place.opened.lake, date(2026, 5, 4), date(2026, 5, 20)
    rows = [{"known_day": day} for day in (gone, kept)]
    lake.replace(catalogue.EVENT, pa.Table.from_pylist(rows, schema=catalogue.EVENT.schema.to_pyarrow()))
    upkeep.drop_partitions(lake, catalogue.EVENT, date(2026, 5, 10))
    resources = {"place": place, "io_manager": io_manager.LakeIO(place=place)}
    with dg.instance_for_test() as instance, pytest.raises(Rejected, match="past their time"):
        dg.materialize([usage.counted_events], partition_key=str(gone), resources=resources, instance=instance)


def test_days_that_links_touched_are_told_even_by_the_run_after_a_killed_one(home, place, monkeypatch):
    from usage_pipeline.defs import events
    from usage_pipeline.events import catalogue

    class Killed(BaseException):
        """Not an error that anybody catches."""

    replace = Lake.replace

    def killed(*_, **__):
        raise Killed

    def told():
        result = dg.materialize([events.identity_link], resources={"place": place}, instance=instance)
        (materialised,) = result.asset_materializations_for_node("identity_link")
        return materialised.metadata["known_days"].value

    land(home, "events-1.jsonl", "a")
    lake = place.opened.lake
    with dg.instance_for_test() as instance:
        dg.materialize([events.landed], resources={"place": place}, instance=instance)
        assert told() == []
        landed = lake.partitions(catalogue.EVENT)
        user = {"user_id": "u", "account_id": "acme", "known_at": datetime(2026, 5, 5, 9)}
        row = dict.fromkeys(sources.USER.schema.names) | user
        lake.replace(sources.USER, ibis.memtable([row], schema=sources.USER.schema))
        monkeypatch.setattr(Lake, "replace", killed)
        with pytest.raises(Killed):
            told()
        monkeypatch.setattr(Lake, "replace", replace)
        days = told()
        assert days == [max(landed[0], date(2026, 5, 5)).isoformat()]
        assert told() == []


def failed(instance, name, key):
    """A run of a sensor that came to nothing."""

    @dg.op
    def breaks():
        raise RuntimeError

    @dg.job(name=name)
    def broken():
        breaks()

    broken.execute_in_process(instance=instance, raise_on_error=False, tags={"dagster/run_key": key})


@pytest.fixture
def later(monkeypatch):
    """Moves the wall clock by some minutes."""
    now = Opened.now

    def by(minutes):
        monkeypatch.setattr(Opened, "now", lambda self: now(self) + timedelta(minutes=minutes))

    return by


def test_an_ingest_that_failed_is_asked_for_again_after_a_while_and_each_time_later(home, place, later):
    land(home, "events-1.jsonl", "a")
    with dg.instance_for_test() as instance:

        def look(cursor=None):
            with dg.build_sensor_context(instance=instance, cursor=cursor, resources={"place": place}) as context:
                return automation.new_files(context)

        first = look()
        keys = [first.run_requests[0].run_key]
        for wait in (2, 4):
            failed(instance, "ingest", keys[-1])
            later(wait - 1)
            assert isinstance(look(first.cursor), dg.SkipReason)
            later(wait + 1)
            keys.append(look(first.cursor).run_requests[0].run_key)
        assert len(set(keys)) == len(keys)


def test_a_roll_up_that_failed_is_asked_for_again_after_a_while(place, later):
    with dg.instance_for_test() as instance:
        touched = dg.AssetMaterialization(pending.EVENTS, metadata={"known_days": ["2026-05-04"]})
        instance.report_runless_asset_event(touched)

        def asked():
            with dg.build_sensor_context(instance=instance, resources={"place": place}) as context:
                return [request.run_key for request in automation.known_days(context).run_requests]

        (key,) = asked()
        failed(instance, "roll_up", key)
        assert asked() == []
        later(3)
        assert asked() == [f"{key}#1"]


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
