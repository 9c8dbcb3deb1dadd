"""Refused rows that a rule mends: landed once, counted once, known from when they were mended."""

from datetime import datetime

import pytest
from landing_builders import LANDED, deliver, events, land, rejected, rows, segment, text, track

from usage_pipeline.company import Repair
from usage_pipeline.errors import Rejected
from usage_pipeline.events import catalogue, replay
from usage_pipeline.lake import amending
from usage_pipeline.sources import landing
from usage_pipeline.sources.tombstones import Tombstones

LATER = datetime(2026, 5, 20, 8)
RULE = Repair(name="typo", reason="missing_timestamp", replace={'"timestmp"': '"timestamp"'})


def wrong(number, **more):
    return track(number, timestamp=None, timestmp="2026-05-03T11:00:00Z", **more)


@pytest.fixture
def folder(tmp_path, lake):
    content = text(track(1), wrong(2), wrong(3), "no json", track(4, timestamp="x"))
    deliver(tmp_path / "landing", content)
    land(tmp_path / "landing", lake)
    return tmp_path / "landing"


def run(folder, lake, *rules, really=True, tombstones=None):
    company = segment().model_copy(update={"repair": rules or (RULE,)})
    deliveries = landing.deliveries(folder, now=LANDED)
    return replay.replay(deliveries, company, lake, tombstones or Tombstones(None), now=LATER, really=really)


def accounts(lake):
    return {
        row["file"]: (row["received"], row["accepted"], row["duplicates"], row["rejected"])
        for row in rows(lake, catalogue.BATCH)
    }


def test_mended_rows_become_events(folder, lake):
    (done,) = run(folder, lake)
    assert (done.matched, done.accepted, done.still_refused) == (2, 2, {})
    assert {row["event_id"] for row in events(lake)} == {"m1", "m2", "m3"}
    assert {row["line"] for row in rejected(lake)} == {4, 5}


def test_every_row_is_counted_once(folder, lake):
    run(folder, lake)
    assert accounts(lake) == {
        "day/events.jsonl": (3, 1, 0, 2),
        "day/events.jsonl (replayed by typo)": (2, 2, 0, 0),
    }


def test_replaying_again_does_nothing(folder, lake):
    run(folder, lake)
    before = events(lake), accounts(lake)
    assert run(folder, lake) == []
    assert (events(lake), accounts(lake)) == before


def test_a_dry_run_says_the_same_and_changes_nothing(folder, lake):
    before = events(lake), rejected(lake), accounts(lake)
    told = run(folder, lake, really=False)
    assert (events(lake), rejected(lake), accounts(lake)) == before
    assert told == run(folder, lake)


def test_what_is_mended_is_known_from_then_on(folder, lake):
    run(folder, lake)
    known = {row["event_id"]: row["known_at"] for row in events(lake)}
    assert known["m1"] == LANDED
    assert known["m2"] == LATER


def test_a_mended_copy_of_a_landed_event_is_a_duplicate(tmp_path, folder, lake):
    deliver(tmp_path / "landing", text(track(2, timestamp="2026-05-03T11:00:00Z")), name="resent")
    land(tmp_path / "landing", lake)
    (done,) = run(folder, lake)
    assert (done.accepted, done.duplicates) == (1, 1)


def test_a_row_that_is_still_wrong_stays_where_it_is(folder, lake):
    before = rejected(lake)
    rule = Repair(name="useless", reason="missing_timestamp", replace={"timestmp": "time"})
    (done,) = run(folder, lake, rule)
    assert (done.accepted, done.still_refused) == (0, {"missing_timestamp": 2})
    assert rejected(lake) == before


def test_an_expression_and_a_condition_in_sql(folder, lake):
    rule = Repair(name="when", where="line = 5", sql="""replace(raw, '"x"', '"2026-05-03T12:00:00Z"')""")
    (done,) = run(folder, lake, rule)
    assert (done.matched, done.accepted) == (1, 1)


def test_a_replay_killed_before_the_quarantine_was_told_ends_the_same(folder, lake, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(replay, "_taken_out", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(folder, lake)
    run(folder, lake)
    assert {row["event_id"] for row in events(lake)} == {"m1", "m2", "m3"}
    assert len(events(lake)) == 3
    assert accounts(lake)["day/events.jsonl"] == (3, 1, 0, 2)
    assert accounts(lake)["day/events.jsonl (replayed by typo)"] == (2, 2, 0, 0)


class Killed(BaseException):
    """Not an error that anybody catches."""


@pytest.mark.parametrize("write", ["amend", "remove"])
def test_a_replay_killed_at_either_of_its_last_writes_is_mended_by_the_next(folder, lake, monkeypatch, write):
    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(amending, write, killed)
        with pytest.raises(Killed):
            run(folder, lake)
    run(folder, lake)
    assert {row["line"] for row in rejected(lake)} == {4, 5}
    assert accounts(lake)["day/events.jsonl"] == (3, 1, 0, 2)
    assert run(folder, lake) == []


@pytest.mark.parametrize("write", ["amend", "remove"])
def test_a_replay_loses_nothing_of_a_file_that_lands_beside_it(tmp_path, folder, lake, monkeypatch, write):
    act = getattr(amending, write)

    def overtaken(*given, **named):
        deliver(tmp_path / "landing", text(track(9), "no json"), name="next")
        land(tmp_path / "landing", lake)
        act(*given, **named)

    monkeypatch.setattr(amending, write, overtaken)
    run(folder, lake)
    assert accounts(lake)["next/events.jsonl"] == (2, 1, 0, 1)
    assert {(row["file"], row["line"]) for row in rejected(lake)} == {
        ("day/events.jsonl", 4),
        ("day/events.jsonl", 5),
        ("next/events.jsonl", 2),
    }


def test_a_rule_whose_sql_is_wrong_says_so(folder, lake):
    with pytest.raises(Rejected, match="repair bad"):
        run(folder, lake, Repair(name="bad", where="no_such_column = 1", replace={"a": "b"}))


def test_a_rule_must_say_which_rows_and_what(tmp_path):
    with pytest.raises(ValueError, match="which rows"):
        Repair(name="all", replace={"a": "b"})
    with pytest.raises(ValueError, match="one of them"):
        Repair(name="nothing", reason="bad_json")


def test_the_forgotten_are_not_replayed(tmp_path, folder, lake):
    tombstones = Tombstones(tmp_path)
    tombstones.add(["u1"])
    (done,) = run(folder, lake, tombstones=tombstones)
    assert (done.accepted, done.still_refused) == (0, {"forgotten": 2})


def test_the_quarantine_is_counted_with_samples_and_the_fix(folder, lake):
    first, *others = replay.counts(lake)
    assert (first["reason"], first["rows"], len(first["samples"])) == ("missing_timestamp", 2, 2)
    assert "timestamp" in first["fix"]
    assert len(others) == 2
    assert [one["reason"] for one in replay.counts(lake, "bad_json")] == ["bad_json"]
