"""Accounts that became part of others: what counts to whom from then on, and never before."""

from datetime import datetime

import pyarrow as pa

from usage_pipeline.sources import catalogue, merges


def at(day):
    return datetime(2026, 5, day)


def table(spec, *rows):
    schema = spec.schema.to_pyarrow()
    return pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema)


def merge(account, into, day, known=None):
    return {"account_id": account, "into_id": into, "merged_at": at(day), "known_at": at(known or day)}


def followed(*rows):
    return merges.followed(table(catalogue.ACCOUNT_MERGE, *rows))


def places(found):
    return [(row["account_id"], row["into_id"], row["known_at"].day) for row in found.to_pylist()]


def user(account, day, role="admin", known=None):
    said = {"user_id": "u1", "account_id": account, "role": role}
    return said | {"valid_from": at(day), "known_at": at(known or day)}


def as_of(rows, key, day):
    """The newest row of each key before a morning, as `validity.newest` has it."""
    known = [row for row in rows.to_pylist() if row["known_at"] < at(day) and row["valid_from"] < at(day)]
    known.sort(key=lambda row: (row["valid_from"], row["known_at"]))
    return {row[key]: row for row in known}


def test_who_was_merged_before_follows_a_further_merge():
    found = followed(merge("b", "a", 5), merge("a", "c", 9))
    assert places(found) == [("b", "a", 5), ("a", "c", 9), ("b", "c", 9)]


def test_an_account_that_is_merged_elsewhere_afterwards_counts_there_from_then_on():
    assert places(followed(merge("b", "a", 5), merge("b", "d", 7))) == [("b", "a", 5), ("b", "d", 7)]


def test_an_account_merged_into_itself_stands_alone_again():
    assert places(followed(merge("b", "a", 5), merge("b", "b", 7))) == [("b", "a", 5), ("b", "b", 7)]


def test_two_accounts_merged_into_each_other_end():
    assert places(followed(merge("b", "a", 5), merge("a", "b", 7)))[0] == ("b", "a", 5)


def test_a_merge_learned_later_adds_rows_and_changes_none():
    first, second = followed(merge("b", "a", 5)), followed(merge("b", "a", 5), merge("a", "c", 9))
    assert second.to_pylist()[: first.num_rows] == first.to_pylist()


def test_a_user_counts_to_the_other_account_from_the_merge_on_and_to_their_own_before():
    rows = table(catalogue.USER, user("b", 2))
    found = merges.settled(rows, "user_id", followed(merge("b", "a", 5)))
    assert as_of(found, "user_id", 5)["u1"]["account_id"] == "b"
    assert as_of(found, "user_id", 6)["u1"]["account_id"] == "a"
    assert rows.to_pylist()[0] in found.to_pylist()


def test_a_user_who_left_the_account_before_it_was_merged_does_not_come_along():
    rows = table(catalogue.USER, user("b", 2), user("c", 4))
    found = merges.settled(rows, "user_id", followed(merge("b", "a", 5)))
    assert as_of(found, "user_id", 9)["u1"]["account_id"] == "c"


def test_a_role_that_is_still_stated_of_the_old_account_is_that_of_the_new_one():
    rows = table(catalogue.USER, user("b", 2), user("b", 7, "owner"))
    found = merges.settled(rows, "user_id", followed(merge("b", "a", 5)))
    assert (as_of(found, "user_id", 9)["u1"]["account_id"], as_of(found, "user_id", 9)["u1"]["role"]) == ("a", "owner")
    assert as_of(found, "user_id", 7)["u1"]["role"] == "admin"


def test_a_merge_that_becomes_known_late_counts_from_when_it_was_known():
    found = merges.settled(table(catalogue.USER, user("b", 2)), "user_id", followed(merge("b", "a", 5, known=8)))
    assert as_of(found, "user_id", 8)["u1"]["account_id"] == "b"
    assert as_of(found, "user_id", 9)["u1"]["account_id"] == "a"


def test_what_is_not_of_a_merged_account_is_left_as_it_is():
    rows = table(catalogue.USER, user("z", 2))
    assert merges.settled(rows, "user_id", followed(merge("b", "a", 5))).to_pylist() == rows.to_pylist()


def test_a_ticket_counts_to_whom_its_account_was_part_of_when_it_became_known():
    said = {"account_id": "b", "opened_at": at(2)}
    rows = table(
        catalogue.TICKET, {"ticket_id": "t1", "known_at": at(2)} | said, {"ticket_id": "t2", "known_at": at(6)} | said
    )
    found = merges.counted(rows, followed(merge("b", "a", 5))).to_pylist()
    assert {row["ticket_id"]: row["account_id"] for row in found} == {"t1": "b", "t2": "a"}


def test_a_merged_account_says_so_from_then_on_however_often_it_is_delivered_again():
    said = {"account_id": "b", "name": "Beta", "valid_from": at(1), "known_at": at(1)}
    renamed = said | {"name": "Beta (old)", "valid_from": at(7), "known_at": at(7)}
    read = table(catalogue.ACCOUNT, said, renamed).drop_columns(["merged_into"])
    found = merges.marked(read, followed(merge("b", "a", 5)))
    told = {day: as_of(found, "account_id", day)["b"] for day in (3, 6, 9)}
    assert {day: row["merged_into"] for day, row in told.items()} == {3: None, 6: "a", 9: "a"}
    assert told[9]["name"] == "Beta (old)"


def test_a_merged_account_that_no_file_names_any_more_is_known_to_be_merged():
    none = table(catalogue.ACCOUNT).drop_columns(["merged_into"])
    (row,) = merges.marked(none, followed(merge("b", "a", 5))).to_pylist()
    assert (row["account_id"], row["merged_into"], row["name"]) == ("b", "a", None)
