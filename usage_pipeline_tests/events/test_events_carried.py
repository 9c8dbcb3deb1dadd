"""What is carried along from landing to landing says what all events together say."""

from datetime import timedelta
from itertools import combinations_with_replacement

import pytest
from landing_builders import LANDED, a_lake, deliver, land, text, track

from usage_pipeline.events import carried, catalogue, copies, identity
from usage_pipeline.sources import catalogue as sources


def content(lake, table):
    return sorted(map(repr, lake.backend.to_pyarrow(table).to_pylist()))


def landings(folder):
    yield text(track(1, anonymousId="an"), track(2, userId="u2", properties={"session_id": "s"}), track(1))
    yield text(track(3, context=None, anonymousId="an"), track(2, userId="u2"))
    yield text(track(4, userId="u2", context={"groupId": "a2"}), track(5, timestamp="2026-04-01T10:00:00Z"))


def test_names_and_tallies_brought_up_to_date_landing_by_landing_equal_those_of_all_events(tmp_path):
    lake = a_lake(tmp_path)
    for number, content_ in enumerate(landings(tmp_path)):
        landed_at = LANDED + timedelta(days=number)
        deliver(tmp_path / "in", content_, name=f"day-{number}", landed_at=landed_at)
        land(tmp_path / "in", lake)
        assert (carried.carry_naming(lake), carried.carry_tally(lake)) == (1, 1)
        events, calls = lake.read(catalogue.EVENT), lake.read(catalogue.IDENTITY_CALL)
        days = lake.partitions(catalogue.EVENT)
        counted = copies.counted(events, (days[0], days[-1]))
        assert content(lake, lake.read(catalogue.TALLY)) == content(lake, carried.tallied(counted))
        users = sources.USER.empty()
        assert content(lake, identity.links(calls, lake.read(catalogue.NAMING), users)) == content(
            lake, identity.links(calls, events, users)
        )


@pytest.mark.parametrize("few", [0, 1, 100])
def test_the_same_events_count_whether_few_or_many_have_copies(tmp_path, monkeypatch, few):
    monkeypatch.setattr(copies, "_FEW", few)
    lake = a_lake(tmp_path)
    for number, content_ in enumerate(landings(tmp_path)):
        deliver(tmp_path / "in", content_, name=f"day-{number}", landed_at=LANDED + timedelta(days=20 * number))
    land(tmp_path / "in", lake)
    days = lake.partitions(catalogue.EVENT)
    for first, last in combinations_with_replacement(days, 2):
        of_all = copies.counted(lake.read(catalogue.EVENT), (first, last))
        assert content(lake, copies.landed(lake, (first, last))) == content(lake, of_all)


def test_nothing_new_is_nothing_to_do(tmp_path):
    lake = a_lake(tmp_path)
    deliver(tmp_path / "in", text(track(1), "broken"))
    deliver(tmp_path / "in", text("broken"), name="only-refused")
    land(tmp_path / "in", lake)
    carried.carry_naming(lake), carried.carry_tally(lake)
    versions = lake.version(catalogue.NAMING), lake.version(catalogue.TALLY)
    assert (carried.carry_naming(lake), carried.carry_tally(lake)) == (0, 0)
    assert (lake.version(catalogue.NAMING), lake.version(catalogue.TALLY)) == versions
