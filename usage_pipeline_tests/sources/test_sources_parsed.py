"""A delivery's file that did not change is parsed once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usage_pipeline.sources.parsed import Kept

ROWS = pa.table({"account_id": ["a1", None], "seats": [3, 4]})


def never():
    pytest.fail("parsed again")


def test_what_was_parsed_is_kept_and_not_parsed_again(tmp_path):
    assert Kept(tmp_path, "account").rows(("digest",), lambda: ROWS) == ROWS
    assert Kept(tmp_path, "account").rows(("digest",), never) == ROWS


def test_other_content_is_parsed(tmp_path):
    other = ROWS.slice(1)
    Kept(tmp_path, "account").rows(("digest",), lambda: ROWS)
    assert Kept(tmp_path, "account").rows(("another",), lambda: other) == other


def test_what_no_delivery_needs_any_more_is_deleted(tmp_path):
    Kept(tmp_path, "account").rows(("digest",), lambda: ROWS)
    newer = Kept(tmp_path, "account")
    newer.rows(("another",), lambda: ROWS)
    newer.forget_others()
    assert len(list(tmp_path.rglob("*.parquet"))) == 1


def test_without_a_folder_nothing_is_kept():
    assert Kept(None, "account").rows(("digest",), lambda: ROWS) == ROWS


def test_two_that_parse_the_same_at_once_both_have_it(tmp_path, monkeypatch):
    write, both = pq.write_table, threading.Barrier(2, timeout=20)

    def together(rows, path):
        write(rows, path)
        both.wait()

    monkeypatch.setattr(pq, "write_table", together)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(Kept(tmp_path, "account").rows, ("digest",), lambda: ROWS) for _ in range(2)]
        assert [one.result() for one in asked] == [ROWS, ROWS]
    assert len(list(tmp_path.rglob("*.*"))) == 1
