import gc
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from usage_pipeline.errors import Rejected
from usage_pipeline.lake import Column, Lake, Table, amending, transactions, upkeep, write_views

VISITS = Table(
    "usage",
    "visit",
    "account and day",
    (Column("account_id", "string", "Account"), Column("visits", "int64", "Visits"), Column("day", "date", "Day")),
    partition="day",
)
ONE_VISIT = pa.table({"account_id": ["a"], "visits": [1], "day": [date(2026, 5, 4)]}, schema=VISITS.schema.to_pyarrow())
MONDAY, TUESDAY = date(2026, 5, 4), date(2026, 5, 5)


def visits(*rows):
    return ibis.memtable(
        [dict(zip(("account_id", "visits", "day"), row, strict=True)) for row in rows], schema=VISITS.schema
    )


def content(lake, span=None):
    rows = lake.backend.to_pyarrow(lake.read(VISITS, span)).to_pylist()
    return sorted((row["account_id"], row["visits"], row["day"]) for row in rows)


def test_a_table_that_was_never_written_reads_as_empty_with_its_columns(lake):
    assert content(lake) == []
    assert lake.read(VISITS).columns == ("account_id", "visits", "day")


def test_replacing_a_day_leaves_the_other_days_alone(lake):
    lake.replace(VISITS, visits(("a", 1, MONDAY), ("a", 2, TUESDAY)), (MONDAY, TUESDAY))
    lake.replace(VISITS, visits(("b", 9, TUESDAY)), (TUESDAY, TUESDAY))
    assert content(lake) == [("a", 1, MONDAY), ("b", 9, TUESDAY)]


def test_replacing_a_day_with_nothing_empties_it(lake):
    lake.replace(VISITS, visits(("a", 1, MONDAY), ("a", 2, TUESDAY)), (MONDAY, TUESDAY))
    lake.replace(VISITS, visits(), (TUESDAY, TUESDAY))
    assert content(lake) == [("a", 1, MONDAY)]


def test_a_span_reads_only_its_days(lake):
    lake.replace(VISITS, visits(("a", 1, MONDAY), ("a", 2, TUESDAY)), (MONDAY, TUESDAY))
    assert content(lake, (TUESDAY, TUESDAY)) == [("a", 2, TUESDAY)]


def test_rows_are_counted_from_the_log(lake):
    assert lake.rows(VISITS) == 0
    lake.replace(VISITS, visits(("a", 1, MONDAY), ("a", 2, TUESDAY)))
    lake.replace(VISITS, visits(), (TUESDAY, TUESDAY))
    assert lake.rows(VISITS) == 1


def test_batches_share_a_commit_and_each_is_appended_once(lake):
    lake.append_batches(VISITS, {"file-1": visits(("a", 1, MONDAY)), "file-2": visits(("b", 2, MONDAY))})
    lake.append_batches(VISITS, {"file-2": visits(("b", 2, MONDAY)), "file-3": visits(("c", 3, MONDAY))})
    assert content(lake) == [("a", 1, MONDAY), ("b", 2, MONDAY), ("c", 3, MONDAY)]
    assert lake.batches(VISITS, ["file-1", "file-4"]) == {"file-1"}


def test_the_same_batch_is_appended_once(lake):
    first = lake.append(VISITS, visits(("a", 1, MONDAY)), batch="file-1")
    again = lake.append(VISITS, visits(("a", 1, MONDAY)), batch="file-1")
    assert first is not None
    assert again is None
    assert content(lake) == [("a", 1, MONDAY)]


def test_a_missing_column_is_named_before_anything_is_written(lake):
    with pytest.raises(Rejected, match="usage/visit lacks the columns visits"):
        lake.replace(VISITS, pa.table({"account_id": ["a"], "day": [MONDAY]}), (MONDAY, MONDAY))
    assert not lake.exists(VISITS)


def test_writers_of_different_days_lose_nothing_side_by_side(tmp_path, lake):
    days = [date(2026, 5, day) for day in range(1, 9)]
    lake.replace(VISITS, visits(), (days[0], days[-1]))

    def write(day):
        own = Lake(lake.root, ibis.duckdb.connect())
        for count in range(5):
            own.replace(VISITS, visits(("a", count, day)), (day, day))

    threads = [threading.Thread(target=write, args=(day,)) for day in days]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert content(lake) == [("a", 4, day) for day in days]


@pytest.fixture
def quicker(monkeypatch):
    """Lets another writer act once, right after this one has looked whether there is a table."""

    def overtaken_by(write):
        look = Lake.opened

        def looked(self, table):
            found = look(self, table)
            monkeypatch.setattr(Lake, "opened", look)
            write()
            return found

        monkeypatch.setattr(Lake, "opened", looked)

    return overtaken_by


def test_two_first_writers_of_different_days_keep_both_days(lake, quicker):
    quicker(lambda: lake.replace(VISITS, visits(("a", 1, MONDAY)), [MONDAY]))
    lake.replace(VISITS, visits(("b", 2, TUESDAY)), [TUESDAY])
    assert content(lake) == [("a", 1, MONDAY), ("b", 2, TUESDAY)]


def test_two_first_writers_of_one_batch_append_it_once(lake, quicker):
    quicker(lambda: lake.append(VISITS, visits(("a", 1, MONDAY)), batch="file-1"))
    assert lake.append(VISITS, visits(("a", 1, MONDAY)), batch="file-1") is None
    assert content(lake) == [("a", 1, MONDAY)]


def test_first_writers_side_by_side_lose_nothing(lake):
    days = [date(2026, 5, day) for day in range(1, 9)]
    ready = threading.Barrier(len(days))

    def write(day):
        own = Lake(lake.root, ibis.duckdb.connect())
        ready.wait()
        own.replace(VISITS, visits(("a", 1, day)), [day])

    threads = [threading.Thread(target=write, args=(day,)) for day in days]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert content(lake) == [("a", 1, day) for day in days]


def test_any_duckdb_client_can_look_through_the_views(tmp_path, lake):
    lake.replace(VISITS, visits(("a", 1, MONDAY)), (MONDAY, MONDAY))
    write_views(lake, [VISITS], tmp_path / "usage.duckdb")
    with duckdb.connect(str(tmp_path / "usage.duckdb"), read_only=True) as client:
        assert client.sql("SELECT account_id, visits FROM usage_visit").fetchall() == [("a", 1)]


def test_the_view_of_a_table_that_gained_a_column_has_it(tmp_path, lake):
    old = replace(VISITS, grows=True)
    wider = replace(old, columns=(*VISITS.columns, Column("seats", "int64", "Seats")))
    lake.replace(old, visits(("a", 1, MONDAY)), [MONDAY])
    lake.replace(wider, visits(("b", 2, TUESDAY)).mutate(seats=ibis.literal(7)), [TUESDAY])
    write_views(lake, [wider], tmp_path / "usage.duckdb")
    with duckdb.connect(str(tmp_path / "usage.duckdb"), read_only=True) as client:
        rows = client.sql("SELECT account_id, seats FROM usage_visit ORDER BY ALL").fetchall()
    assert rows == [("a", None), ("b", 7)]


def test_views_written_side_by_side_leave_one_whole_file(tmp_path, lake):
    lake.replace(VISITS, visits(("a", 1, MONDAY)), [MONDAY])
    (tmp_path / "usage.new").write_text("of another run that is at it")
    write_views(lake, [VISITS], tmp_path / "usage.duckdb")
    assert (tmp_path / "usage.new").exists()
    assert {path.name for path in tmp_path.glob("usage*")} == {"usage.duckdb", "usage.new"}


def test_reading_again_and_again_leaves_nothing_in_the_engine(lake):
    def views():
        return lake.backend.con.execute("SELECT count(*) FROM duckdb_views() WHERE NOT internal").fetchone()[0]

    lake.replace(VISITS, visits(("a", 1, MONDAY)), [MONDAY])
    kept = lake.read(VISITS)
    before = views()
    for _ in range(20):
        lake.read(VISITS)
    gc.collect()
    lake.read(VISITS)
    assert views() <= before + 2
    assert lake.backend.to_pyarrow(kept.visits.sum()).as_py() == 1


def test_the_batches_of_a_long_history_are_told_at_once(lake, monkeypatch):
    names = [f"file-{number}" for number in range(150)]

    def told():
        with monkeypatch.context() as patched:
            patched.setattr(DeltaTable, "transaction_version", lambda *_: pytest.fail("asked one by one"))
            return lake.batches(VISITS, [*names, "file-never"])

    for start in (0, 50, 100):
        lake.append_batches(VISITS, dict.fromkeys(names[start : start + 50], ONE_VISIT))
        assert told() == set(names[: start + 50])
        if start == 50:
            DeltaTable(lake.uri(VISITS)).create_checkpoint()
    # Now all that is left of the log is a checkpoint.
    upkeep.purge(lake, VISITS)
    assert told() == set(names)


def test_where_the_log_is_not_whole_each_batch_is_asked_for(lake):
    names = [f"file-{number}" for number in range(101)]
    lake.append_batches(VISITS, dict.fromkeys(names, ONE_VISIT))
    DeltaTable(lake.uri(VISITS)).create_checkpoint()
    log = Path(lake.uri(VISITS)) / "_delta_log"
    (whole,) = log.glob("*.checkpoint.parquet")
    opened = lake.opened(VISITS)
    (log / "00000000000000000000.json").unlink()
    whole.rename(log / "00000000000000000001.checkpoint.0000000001.0000000001.parquet")
    assert transactions.of_log(lake.uri(VISITS), opened) is None


def test_single_rows_go_or_change_though_another_writes_at_once(lake, monkeypatch):
    lake.append(VISITS, visits(("a", 1, MONDAY), ("b", 2, MONDAY), ("c", 3, TUESDAY)), batch="file-1")
    look, others = Lake.opened, iter(["file-2", "file-3"])

    def looked(self, table):
        found = look(self, table)
        with monkeypatch.context() as patched:
            patched.setattr(Lake, "opened", look)
            if batch := next(others, None):
                lake.append(VISITS, visits((batch, 9, MONDAY)), batch=batch)
        return found

    monkeypatch.setattr(Lake, "opened", looked)
    amending.remove(lake, VISITS, pa.table({"account_id": ["a", "c"], "day": [MONDAY, MONDAY]}))
    amending.amend(lake, VISITS, pa.table({"account_id": ["b"], "visits": [7]}), key="account_id")
    assert content(lake) == [("b", 7, MONDAY), ("c", 3, TUESDAY), ("file-2", 9, MONDAY), ("file-3", 9, MONDAY)]
