import threading
from datetime import date

import duckdb
import ibis
import pyarrow as pa
import pytest

from usage_pipeline.errors import Rejected
from usage_pipeline.lake import Column, Lake, Table, write_views

VISITS = Table(
    "usage",
    "visit",
    "account and day",
    (Column("account_id", "string", "Account"), Column("visits", "int64", "Visits"), Column("day", "date", "Day")),
    partition="day",
)
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


def test_any_duckdb_client_can_look_through_the_views(tmp_path, lake):
    lake.replace(VISITS, visits(("a", 1, MONDAY)), (MONDAY, MONDAY))
    write_views(lake, [VISITS], tmp_path / "usage.duckdb")
    with duckdb.connect(str(tmp_path / "usage.duckdb"), read_only=True) as client:
        assert client.sql("SELECT account_id, visits FROM usage_visit").fetchall() == [("a", 1)]
