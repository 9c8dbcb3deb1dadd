"""The small parts of a fetch: secrets in texts, and types of columns."""

import traceback
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pytest

from usage_pipeline.company import Fetch
from usage_pipeline.errors import Rejected
from usage_pipeline.sources import secrets, sql_columns, sql_connect, sql_cursor


def of(*values, stated=None):
    (column,) = sql_columns.table(["a"], [stated], [(value,) for value in values]).columns
    return column.combine_chunks()


def test_a_secret_is_struck_however_it_is_written():
    hidden = secrets.Hidden(["pa55/word@db", "pa55/word@db-and-more", ""])
    assert hidden.struck("pa55/word@db-and-more pa55%2Fword%40db pa55/word@db") == "*** *** ***"


def test_what_is_too_short_for_a_secret_leaves_the_text_as_it_was():
    assert secrets.Hidden(["a"]).struck("a bucket") == "a bucket"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:p@ss:a-secret-word@db.example/shop",
        "postgresql://me:a-secret-word@db.example:port/shop",
        "postgresql://me:p@a-secret-word@db.example/shop",
        "postgresql://me:p@ss/a-secret-word@db.example/shop",
        "a-secret-word",
    ],
)
def test_no_part_of_a_password_is_told_when_an_address_cannot_be_read(address):
    with (
        pytest.raises(Rejected, match=r"(?s)what SHOP_SQL holds cannot be opened.*%40 %3A %2F") as refused,
        sql_connect.connected(Fetch(name="shop", database="SHOP_SQL", table="usage"), {"SHOP_SQL": address}),
    ):
        pass
    assert "a-secret-word" not in "".join(traceback.format_exception(refused.value, chain=True))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((1, None), pa.int64()),
        ((1, 2.5), pa.float64()),
        ((True,), pa.bool_()),
        ((None,), pa.string()),
        ((1, "x"), pa.string()),
        ((2**70, 1), pa.decimal128(38, 0)),
        ((Decimal("1.5"), Decimal("2.25")), pa.decimal128(38, 2)),
        ((Decimal("1E+5"),), pa.decimal128(38, 0)),
        ((Decimal("NaN"),), pa.string()),
        ((Decimal("1e40"),), pa.string()),
        ((datetime(2026, 5, 4),), pa.timestamp("us")),
        ((datetime(2026, 5, 4, tzinfo=UTC),), pa.timestamp("us", tz="UTC")),
        ((timedelta(hours=1),), pa.string()),
    ],
)
def test_a_column_without_a_stated_type_has_that_of_its_values(values, kind):
    assert of(*values).type == kind
    assert len(of(*values)) == len(values)


def test_moments_are_utc_whatever_zone_they_are_given_in():
    east = datetime(2026, 5, 4, 8, tzinfo=timezone(timedelta(hours=2)))
    assert of(east).to_pylist() == [datetime(2026, 5, 4, 6, tzinfo=UTC)]


def test_a_row_has_one_name_in_whatever_zone_its_moment_is_given():
    east = datetime(2026, 5, 4, 8, tzinfo=timezone(timedelta(hours=2)))
    assert sql_cursor.digest([east, 1]) == sql_cursor.digest([datetime(2026, 5, 4, 6, tzinfo=UTC), 1])
    assert sql_cursor.digest(["1"]) != sql_cursor.digest([1])
    assert sql_cursor.digest([None]) != sql_cursor.digest(["None"])


def test_a_cursor_of_days_is_read_again_from_its_last_day():
    position = sql_cursor.after(sql_cursor.Position(), datetime(2026, 5, 3).date(), "", datetime(2026, 5, 4), "usage")
    assert position.start == datetime(2026, 5, 3).date()
    longer = sql_cursor.after(position, datetime(2026, 5, 3).date(), "36h", datetime(2026, 5, 4), "usage")
    assert longer.start == datetime(2026, 5, 1).date()
