from datetime import datetime

import ibis

from usage_pipeline.sources import validity

MAY, JUNE, JULY = datetime(2026, 5, 1), datetime(2026, 6, 1), datetime(2026, 7, 1)


def owners(backend, before=None):
    rows = ibis.memtable(
        [
            {"account_id": "a", "owner": "first", "valid_from": MAY, "known_at": MAY},
            {"account_id": "a", "owner": "second", "valid_from": JUNE, "known_at": JULY},
            {"account_id": "b", "owner": "only", "valid_from": MAY, "known_at": JUNE},
        ]
    )
    found = backend.to_pyarrow(validity.newest(rows, "account_id", before)).to_pylist()
    return {row["account_id"]: row["owner"] for row in found}


def test_an_account_with_changes_is_still_one_account(backend):
    assert owners(backend) == {"a": "second", "b": "only"}


def test_a_past_moment_sees_what_was_known_then(backend):
    assert owners(backend, JULY) == {"a": "first", "b": "only"}
    assert owners(backend, JUNE) == {"a": "first"}


def test_of_two_rows_from_one_instant_the_same_one_is_taken_in_whatever_order_they_lie(backend):
    alike = [
        {"account_id": "a", "owner": name, "seats": seats, "valid_from": MAY, "known_at": MAY}
        for name, seats in (("kim", 5), ("sam", None), ("kim", 7), (None, 9))
    ]
    for rows in (alike, alike[::-1], alike[2:] + alike[:2]):
        (row,) = backend.to_pyarrow(validity.newest(ibis.memtable(rows), "account_id")).to_pylist()
        assert (row["owner"], row["seats"]) == ("sam", None)
