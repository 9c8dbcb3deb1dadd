"""What a killed run left of a file goes when the file is read otherwise, or is gone, and stays when it is read again."""

import shutil
from datetime import date

import ibis
import pytest
from landing_builders import LANDED, a_lake, deliver, events, land, rejected, rows, text, track

from usage_pipeline.company import Clock, Company, Events
from usage_pipeline.events import accounting, carried, catalogue, ingest, quality
from usage_pipeline.lake import upkeep
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sources.tombstones import Tombstones


@pytest.fixture
def lake(tmp_path):
    return a_lake(tmp_path)


def company(**how):
    return Company(company="acme", clock=Clock(), events=(Events(format="segment", **how),))


RIGHT, WRONG, NONE = (company(time_formats=written) for written in (["%d/%m/%Y %H:%M:%S"], ["%m/%d/%Y %H:%M:%S"], []))


def killed(monkeypatch, landing, lake, mapping=None):
    """A run that ends when its rows are written and the batch is not yet."""

    def kill(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ingest, "register", kill)
        with pytest.raises(KeyboardInterrupt):
            land(landing, lake, mapping)


def dated(*, users=6):
    calls = [track(n, timestamp=f"03/05/2026 10:00:0{n}", userId=f"u{n}") for n in range(users)]
    return text(*calls, track(7, type="identify", userId="u1", anonymousId="an"), "broken")


def all_rows(lake):
    return {table.key: rows(lake, table) for table in (*accounting.HOLDING, catalogue.BATCH)}


def finding(lake):
    empty = ibis.memtable(catalogue.EVENT.schema.to_pyarrow().empty_table(), schema=catalogue.EVENT.schema)
    accounts = ibis.memtable(sources.ACCOUNT.schema.to_pyarrow().empty_table(), schema=sources.ACCOUNT.schema)
    found = quality.quality(carried.tallied(empty), accounts, lake.read(catalogue.BATCH), lake)
    return next(one for one in found if one.check == "rows_accounted_for")


@pytest.mark.parametrize("before", [(NONE,), (WRONG,), (WRONG, NONE), (RIGHT, WRONG), (RIGHT, NONE, RIGHT, WRONG)])
def test_a_file_half_landed_by_another_mapping_lands_as_if_it_never_had(tmp_path, lake, monkeypatch, before):
    deliver(tmp_path / "in", dated())
    fresh = a_lake(tmp_path / "fresh")
    land(tmp_path / "in", fresh, RIGHT)
    for mapping in before:
        killed(monkeypatch, tmp_path / "in", lake, mapping)
    said = land(tmp_path / "in", lake, RIGHT)
    assert (said.received, said.accepted, said.duplicates, said.rejected) == (8, 7, 0, 1)
    assert all_rows(lake) == all_rows(fresh)
    assert finding(lake).passed


def test_a_half_landed_file_that_is_withdrawn_and_delivered_corrected_counts_once(tmp_path, lake, monkeypatch):
    wrong, right = (text(track(1, messageId=None, context={"groupId": name})) for name in ("wrong", "right"))
    deliver(tmp_path / "in", wrong)
    killed(monkeypatch, tmp_path / "in", lake)
    shutil.rmtree(tmp_path / "in")
    deliver(tmp_path / "in", right)
    land(tmp_path / "in", lake)
    assert [row["account_id"] for row in events(lake)] == ["right"]
    # Its sender brings the first one back after all.
    deliver(tmp_path / "in", wrong, name="again")
    land(tmp_path / "in", lake)
    assert sorted(row["account_id"] for row in events(lake)) == ["right", "wrong"]
    assert finding(lake).passed


def test_a_run_repeated_by_the_same_mapping_takes_nothing_out(tmp_path, lake, monkeypatch):
    deliver(tmp_path / "in", dated())
    killed(monkeypatch, tmp_path / "in", lake, RIGHT)
    before = {table.key: lake.version(table) for table in accounting.HOLDING}
    land(tmp_path / "in", lake, company(time_formats=["%d/%m/%Y %H:%M:%S"]))
    assert {table.key: lake.version(table) for table in accounting.HOLDING} == before
    assert finding(lake).passed


def test_a_file_that_has_landed_stays_when_the_mapping_changes_and_when_it_is_gone(tmp_path, lake):
    deliver(tmp_path / "in", dated())
    land(tmp_path / "in", lake, WRONG)
    before = all_rows(lake)
    land(tmp_path / "in", lake, RIGHT)
    shutil.rmtree(tmp_path / "in" / "day")
    deliver(tmp_path / "in", text(track(9)), name="other")
    land(tmp_path / "in", lake, RIGHT)
    after = all_rows(lake)
    assert all(row in after[key] for key, found in before.items() for row in found)
    assert len(after[catalogue.EVENT.key]) == len(before[catalogue.EVENT.key]) + 1


def test_the_days_that_lose_events_are_told_before_they_lose_them(tmp_path, lake, monkeypatch):
    deliver(tmp_path / "in", dated(), history=True)
    killed(monkeypatch, tmp_path / "in", lake, WRONG)
    told = []
    said = ingest.ingest(
        tmp_path / "in", RIGHT, lake, now=LANDED, progress=lambda *_: None,
        touching=lambda days: told.append((days, len(events(lake)))),
    )  # fmt: skip
    # 3 May read as 5 March.
    assert told[0] == (frozenset({date(2026, 3, 5)}), 6)
    assert date(2026, 3, 5) in said.known_days
    assert date(2026, 5, 3) in said.known_days


def test_a_person_forgotten_after_a_run_was_killed_is_kept_out_of_what_it_left(tmp_path, lake, monkeypatch):
    deliver(tmp_path / "in", dated())
    killed(monkeypatch, tmp_path / "in", lake, RIGHT)
    tombstones = Tombstones(tmp_path / "home")
    tombstones.add(["u2"])
    ingest.ingest(tmp_path / "in", RIGHT, lake, now=LANDED, progress=lambda *_: None, tombstones=tombstones)
    assert "u2" not in {row["user_id"] for row in events(lake)}
    assert {row["reason"] for row in rejected(lake)} == {"bad_json", "forgotten"}
    assert finding(lake).passed


def test_a_row_that_no_account_has_or_that_is_missing_stops_the_plays(tmp_path, lake):
    deliver(tmp_path / "in", dated())
    land(tmp_path / "in", lake, RIGHT)
    assert finding(lake).passed
    extra = lake.backend.to_pyarrow(lake.read(catalogue.REJECTED))
    lake.append(catalogue.REJECTED, extra, batch="twice")
    assert (finding(lake).passed, finding(lake).value) == (False, 1)
    lake.replace(catalogue.REJECTED, extra.slice(0, 0))
    assert (finding(lake).passed, finding(lake).value) == (False, 1)


def test_rows_of_a_file_that_is_being_landed_and_days_past_their_time_are_no_finding(tmp_path, lake, monkeypatch):
    for name, second in (("old", "2026-03-01T10:00:00Z"), ("new", "2026-05-01T10:00:00Z")):
        calls = (track(name, timestamp="2026-05-01T10:00:00Z"), track(f"{name}2", timestamp=second))
        deliver(tmp_path / "in", text(*calls), name=name, history=True)
    land(tmp_path / "in", lake)
    upkeep.drop_partitions(lake, catalogue.EVENT, date(2026, 4, 1))
    assert lake.rows(catalogue.EVENT) == 3
    assert finding(lake).passed
    deliver(tmp_path / "in", text(track("next")), name="next")
    killed(monkeypatch, tmp_path / "in", lake)
    assert finding(lake).passed
    # A file whose days are all there is looked at all the same.
    twice = lake.backend.to_pyarrow(lake.read(catalogue.EVENT).filter(ibis._["event_id"] == "mnew"))
    lake.append(catalogue.EVENT, twice, batch="twice")
    assert not finding(lake).passed
