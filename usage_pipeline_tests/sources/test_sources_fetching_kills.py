"""A fetch that is killed at any point and run again has brought everything once."""

import fcntl
import shutil
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fetch_builders import Elsewhere

from usage_pipeline.errors import Unavailable

# Each of these is one change on the disk; a process ends before or after it, never in between.
STEPS = ("mkdir", "rename", "replace", "write_text", "unlink")


class Killed(BaseException):
    """What nobody catches."""


class Life:
    """Lets a process live through so many changes on the disk."""

    def __init__(self, monkeypatch):
        self.left = None
        for name in STEPS:
            monkeypatch.setattr(Path, name, self.counted(getattr(Path, name)))
        monkeypatch.setattr(pq, "write_table", self.counted(pq.write_table))

    def counted(self, step):
        def stepped(*given, **named):
            if self.left is not None:
                if self.left == 0:
                    raise Killed
                self.left -= 1
            return step(*given, **named)

        return stepped


def database(folder, rows):
    file = folder / "shop.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS usage (id INTEGER PRIMARY KEY, n)")
        connection.executemany("INSERT INTO usage VALUES (?, ?)", rows)
    return {"SHOP_SQL": f"sqlite:///{file}"}


def by_cursor(folder):
    variables = database(folder, [(number, number) for number in range(5)])
    return Elsewhere(folder, variables, database="SHOP_SQL", table="usage", cursor="id", batch_rows=2)


def whole(folder):
    variables = database(folder, [(number, number) for number in range(5)])
    return Elsewhere(folder, variables, database="SHOP_SQL", table="usage", batch_rows=2)


def objects(folder):
    for number in range(5):
        place = folder / "there" / f"{number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": [number], "n": [number]}), place / f"{number}.parquet")
    return Elsewhere(folder, {}, url=f"file://{folder}/there/**/*.parquet")


@pytest.mark.parametrize("source", [by_cursor, whole, objects])
def test_a_fetch_killed_at_any_change_on_the_disk_brings_everything_once(source, tmp_path, monkeypatch):
    there = source(tmp_path)
    life = Life(monkeypatch)
    kills = 0
    while True:
        shutil.rmtree(there.landing)
        shutil.rmtree(there.state, ignore_errors=True)
        there.landing.mkdir()
        life.left = kills
        try:
            there.bring()
            break
        except Killed:
            kills += 1
        life.left = None
        there.bring()
        assert sorted(row["id"] for row in there.rows()) == [0, 1, 2, 3, 4], f"killed before change {kills}"
        assert there.bring().deliveries == ()
        assert not [place for place in (there.landing / "usage").iterdir() if place.name.startswith(".0")]
    assert kills > 10


def test_a_fetch_killed_between_delivery_and_memory_brings_nothing_twice(tmp_path):
    there = by_cursor(tmp_path)
    there.bring()
    before = there.files()
    # The deliveries are whole, and the memory's file knows of none of them.
    shutil.rmtree(there.state)
    assert there.bring().deliveries == ()
    assert there.files() == before


def test_deliveries_that_were_cleared_away_do_not_come_again(tmp_path):
    there = by_cursor(tmp_path)
    there.bring()
    shutil.rmtree(there.landing / "usage")
    assert there.bring().deliveries == ()


def test_two_fetches_at_a_time_do_not_bring_the_same_twice(tmp_path):
    there = by_cursor(tmp_path)
    there.landing.joinpath("usage").mkdir()
    with (there.landing / "usage" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="another fetch of usage is under way"):
            there.bring()
    assert there.bring().rows == 5


def test_a_first_fetch_that_was_killed_goes_on_as_history(tmp_path, monkeypatch):
    there = by_cursor(tmp_path)
    life = Life(monkeypatch)
    life.left = 12
    with pytest.raises(Killed):
        there.bring()
    life.left = None
    assert there.deliveries()
    there.bring(datetime(2026, 5, 4) + timedelta(days=30))
    assert {each.history for each in there.deliveries()} == {True}
    database(tmp_path, [(7, 7)])
    there.bring()
    assert there.numbered()[-1].history is None
