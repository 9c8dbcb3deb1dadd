"""Rows of a database, brought as deliveries: each once, in types that last, late ones too."""

import sqlite3
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa
from fetch_builders import NOW, Elsewhere

from usage_pipeline.errors import Rejected, Unavailable

MORNING = datetime(2026, 5, 4, 6, tzinfo=UTC)
SHAPE = "CREATE TABLE usage (id bigint, account text, updated_at timestamptz NOT NULL)"


@pytest.fixture
def there(postgres, tmp_path):
    """A table of a real PostgreSQL, to be fetched by `updated_at`."""

    class There(Elsewhere):
        def do(self, sql, **values):
            with postgres.begin() as connection:
                connection.execute(sa.text(sql), values)

        def put(self, *rows):
            for number, minutes in rows:
                self.do(
                    "INSERT INTO usage VALUES (:id, 'a-1', :at)", id=number, at=MORNING + timedelta(minutes=minutes)
                )

        def ids(self):
            return [row["id"] for row in self.rows()]

    url = postgres.url.render_as_string(hide_password=False)
    there = There(tmp_path, {"SHOP_SQL": url}, database="SHOP_SQL", table="usage", cursor="updated_at", key="id")
    there.do(SHAPE)
    return there


def test_each_row_comes_once_in_the_order_of_the_cursor(there):
    there.put((3, 30), (1, 10), (2, 20))
    assert there.bring().rows == 3
    there.put((4, 40))
    assert there.bring().rows == 1
    assert there.bring().deliveries == ()
    assert there.ids() == [1, 2, 3, 4]


def test_each_batch_is_a_delivery_of_its_own(there):
    there.put(*((number, number) for number in range(5)))
    brought = there.with_(batch_rows=2).bring()
    assert [(one.name, one.rows) for one in brought.deliveries] == [
        ("usage/000001", 2),
        ("usage/000002", 2),
        ("usage/000003", 1),
    ]
    assert {file.table for each in there.deliveries() for file in each.files} == {"usage"}
    assert there.said[-1] == ("usage", "5 rows")


def test_a_row_that_arrives_late_within_the_overlap_is_not_lost(there):
    there.put((1, 0), (2, 60))
    there.with_(overlap="30m").bring()
    there.put((3, 45))
    assert there.bring().rows == 1
    assert there.ids() == [1, 2, 3]


def test_a_row_that_arrives_later_than_the_overlap_is_not_looked_for(there):
    there.put((1, 0), (2, 60))
    there.with_(overlap="5m").bring()
    there.put((3, 45))
    assert there.bring().rows is None


def test_a_row_of_a_transaction_that_was_open_during_a_fetch_is_not_lost(postgres, there):
    with postgres.connect() as writing:
        writing.execute(sa.text("INSERT INTO usage VALUES (1, 'a-1', :at)"), {"at": MORNING})
        there.put((2, 1))
        there.bring()
        writing.commit()
    there.bring()
    assert there.ids() == [2, 1]


def test_a_longer_overlap_holds_from_the_next_fetch_on(there):
    there.put((1, 0), (2, 60))
    there.with_(overlap="5m").bring()
    there.put((3, 45))
    there.with_(overlap="20m").bring()
    assert there.ids() == [1, 2, 3]


def test_a_row_of_the_very_moment_that_was_read_last_is_not_lost(there):
    there.put((7, 0))
    there.with_(overlap="0m").bring()
    there.put((5, 0))
    there.bring()
    assert there.ids() == [7, 5]


def test_without_a_key_equal_rows_are_kept_apart_by_their_number(postgres, there):
    there.fetch = there.fetch.model_copy(update={"key": ""})
    there.put((1, 0), (1, 0))
    there.bring()
    there.put((1, 0))
    assert there.bring().rows == 1
    assert there.ids() == [1, 1, 1]


def test_a_row_that_was_updated_comes_again(there):
    there.put((1, 0), (2, 1))
    there.bring()
    there.do("UPDATE usage SET account = 'a-2', updated_at = :at WHERE id = 1", at=MORNING + timedelta(minutes=2))
    there.bring()
    assert [(row["id"], row["account"]) for row in there.rows()] == [(1, "a-1"), (2, "a-1"), (1, "a-2")]


def test_a_row_stamped_in_the_future_does_not_hide_those_until_then(there):
    there.put((1, 0), (2, 60 * 24 * 365))
    there.bring()
    there.put((3, 118))
    tomorrow = NOW + timedelta(days=1)
    there.bring(tomorrow)
    assert there.bring(tomorrow).rows is None
    assert there.ids() == [1, 2, 3]


def test_what_the_first_fetch_brings_is_history_and_what_later_ones_bring_is_not(there):
    there.put((1, 0), (2, 1))
    there.with_(batch_rows=1).bring()
    there.put((3, 2))
    there.bring()
    assert [each.history for each in there.numbered()] == [True, True, None]
    assert {each.landed_at for each in there.deliveries()} == {NOW}


def test_an_empty_table_lands_once_so_that_a_select_knows_its_columns(there):
    there.bring()
    assert there.bring().deliveries == ()
    assert (there.rows(), there.schema().names) == ([], ["id", "account", "updated_at"])
    assert there.schema().field("id").type == pa.int64()
    there.put((1, 0))
    there.bring()
    assert there.ids() == [1]


def test_types_are_kept(there):
    there.do("DROP TABLE usage")
    there.do(
        "CREATE TABLE usage (id int, updated_at timestamptz, wall timestamp, day date, price numeric(12, 2), share "
        "float8, is_trial boolean, said jsonb, tags text[], who uuid, raw bytea, none_yet numeric, odd interval)"
    )
    there.do(
        "INSERT INTO usage VALUES (1, '2026-05-04 08:00+02', '2026-05-04 08:00', '2026-05-04', 12.50, 0.1, true, "
        """'{"n": 1.10, "s": "ü"}', '{a,b}', '00000000-0000-0000-0000-000000000001', '\\x00ff', NULL, '1 day')"""
    )
    there.bring()
    (row,) = there.rows()
    assert row == {
        "id": 1,
        "updated_at": datetime(2026, 5, 4, 6, tzinfo=UTC),
        "wall": datetime(2026, 5, 4, 8),
        "day": date(2026, 5, 4),
        "price": Decimal("12.50"),
        "share": 0.1,
        "is_trial": True,
        "said": '{"n": 1.10, "s": "ü"}',
        "tags": '["a", "b"]',
        "who": "00000000-0000-0000-0000-000000000001",
        "raw": b"\x00\xff",
        "none_yet": None,
        "odd": "1 day, 0:00:00",
    }
    types = {name: str(there.schema().field(name).type) for name in ("updated_at", "wall", "price", "none_yet")}
    assert types == {
        "updated_at": "timestamp[us, tz=UTC]",
        "wall": "timestamp[us]",
        "price": "decimal128(38, 2)",
        "none_yet": "decimal128(38, 9)",
    }


def test_a_query_may_join_and_write_colons_and_percents(there):
    there.put((1, 0), (2, 1))
    query = "SELECT id, (updated_at AT TIME ZONE 'UTC')::timestamp AS seen, ':x' AS colon FROM usage WHERE id % 2 = 1 AND '12:30' < '13:00';"
    there.with_(query=query, table="", cursor="seen").bring()
    assert there.rows() == [{"id": 1, "seen": datetime(2026, 5, 4, 6), "colon": ":x"}]


def test_a_wrong_cursor_is_named_with_the_columns_that_are_there(there):
    with pytest.raises(Rejected, match=r"no column changed_at.*it has id, account, updated_at") as refused:
        there.with_(cursor="changed_at").bring()
    assert "as cursor" in refused.value.fix


def test_a_cursor_that_is_empty_in_some_rows_is_refused_because_they_would_never_come(there):
    there.do("ALTER TABLE usage ALTER updated_at DROP NOT NULL")
    there.do("INSERT INTO usage VALUES (1, 'a-1', NULL)")
    with pytest.raises(Rejected, match="updated_at is NULL"):
        there.bring()


def test_a_cursor_by_which_nothing_can_be_new_is_refused(there):
    there.do("ALTER TABLE usage ADD is_trial boolean DEFAULT true")
    there.do("INSERT INTO usage VALUES (1, 'a-1', now())")
    with pytest.raises(Rejected, match="is_trial is bool"):
        there.with_(cursor="is_trial").bring()


def test_another_cursor_under_the_same_name_is_refused(there):
    there.put((1, 0))
    there.bring()
    with pytest.raises(Rejected, match="was read by updated_at and id until now, not by id"):
        there.with_(cursor="id").bring()


def test_a_cursor_that_counts_looks_back_by_numbers(there):
    there.fetch = there.fetch.model_copy(update={"cursor": "id", "key": ""})
    there.put((10, 0), (12, 0))
    there.bring()
    there.put((11, 0), (13, 0))
    there.bring()
    assert there.ids() == [10, 12, 11, 13]
    with pytest.raises(Rejected, match="overlap 5m"):
        there.with_(overlap="5m").bring()


def test_nothing_is_written_to_the_database(there):
    there.do("CREATE FUNCTION sneak() RETURNS int LANGUAGE sql AS 'DELETE FROM usage; SELECT 1'")
    there.put((1, 0))
    with pytest.raises(Rejected, match="read-only transaction"):
        there.with_(table="", query="SELECT *, sneak() FROM usage").bring()


def test_a_dry_run_counts_what_would_come_and_writes_nothing(there):
    there.put((1, 0), (2, 60))
    assert there.waiting().rows == 2
    assert list(there.landing.iterdir()) == []
    there.bring()
    there.put((3, 59))
    assert (there.waiting().rows, there.waiting().since) == (1, "2026-05-04 07:00:00+00:00")


def test_a_small_table_without_a_cursor_comes_when_its_content_changed(there):
    there.fetch = there.fetch.model_copy(update={"cursor": "", "key": "", "batch_rows": 2})
    there.put((1, 0), (2, 1), (3, 2))
    assert there.bring().rows == 3
    # An update moves a row to the end of PostgreSQL's table: another order is no other content.
    there.do("UPDATE usage SET account = 'a-1' WHERE id = 1")
    assert there.bring().deliveries == ()
    there.do("DELETE FROM usage WHERE id = 2")
    assert there.bring().rows == 2
    assert [len(each.files) for each in there.deliveries()] == [1, 1]


def test_batches_of_a_whole_table_share_the_widest_type(tmp_path):
    file = tmp_path / "shop.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE t (a, b)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(1, None), (1.5, "x"), ("two", None)])
    there = Elsewhere(tmp_path, {"SHOP_SQL": f"sqlite:///{file}"}, database="SHOP_SQL", table="t", batch_rows=1)
    there.bring()
    assert sorted(there.rows(), key=str) == [{"a": "1", "b": None}, {"a": "1.5", "b": "x"}, {"a": "two", "b": None}]


def test_a_duckdb_file_is_read_while_nobody_writes_it(tmp_path):
    file = tmp_path / "shop.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute(
            "CREATE TABLE usage AS SELECT i AS id, TIMESTAMPTZ '2026-05-04 06:00:00+00' + i * INTERVAL 1 MINUTE AS at, "
            "CAST(i AS DECIMAL(9, 3)) AS price, CAST(NULL AS INTEGER) AS nothing FROM range(5) t(i)"
        )
    there = Elsewhere(tmp_path, {"D": f"duckdb:///{file}"}, database="D", table="usage", cursor="at", batch_rows=2)
    assert there.bring().rows == 5
    with duckdb.connect(file) as connection:
        connection.execute("INSERT INTO usage VALUES (9, '2026-05-04 06:03:30+00', 1, 1)")
    there.bring()
    assert [row["id"] for row in there.rows()] == [0, 1, 2, 3, 4, 9]
    assert [str(each.type) for each in there.schema()] == [
        "int64",
        "timestamp[us, tz=UTC]",
        "decimal128(38, 3)",
        "int64",
    ]


def test_a_connection_that_breaks_loses_nothing_that_has_landed(postgres, there):
    there.put((1, 1), (2, 2), (3, 3))
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "

    def cut(*_):
        there.do(f"{others} pg_backend_pid()")

    there.told = cut
    with pytest.raises(Unavailable, match="broke off"):
        there.with_(batch_rows=1).bring()
    there.told = None
    assert there.ids() == [1]
    there.bring()
    assert there.ids() == [1, 2, 3]


def test_a_database_that_does_not_answer_is_to_be_tried_again(there):
    there.variables["SHOP_SQL"] = "postgresql://usage:a-secret-word@127.0.0.1:1/shop"
    with pytest.raises(Unavailable, match=r"no connection to postgresql at 127\.0\.0\.1") as away:
        there.bring()
    assert "a-secret-word" not in str(away.value)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://usage:a-secret-word@{host}/postgres", "authentication failed"),
        ("postgresql//usage:a-secret-word@{host}/postgres", "cannot be opened"),
        ("postgresql+nothing://usage:a-secret-word@{host}/postgres", "cannot be opened"),
        ("sqlite:////nowhere/a-secret-word.sqlite", "there is no file"),
        ("", "SHOP_SQL, which is not set"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_without_its_password(postgres, there, address, said):
    there.variables["SHOP_SQL"] = address.format(host=f"127.0.0.1:{postgres.url.port}")
    with pytest.raises(Rejected, match=said) as refused:
        there.bring()
    assert "SHOP_SQL" in str(refused.value)
    assert "a-secret-word" not in str(refused.value) or "sqlite" in address
    assert refused.value.__cause__ is None


def test_a_table_that_is_not_there_is_named(there):
    with pytest.raises(Rejected, match=r'usagee cannot be read.*"usagee" does not exist'):
        there.with_(table="usagee").bring()
