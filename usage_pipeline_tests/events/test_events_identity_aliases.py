"""Ids that are renamed once and again: whose they are at the end of all that was known by a day."""

from datetime import date

import pytest
from identity_builders import Known, at, call, event
from landing_builders import a_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return a_lake(tmp_path_factory.mktemp("identity"))


def renamed(day, old, new):
    return call("alias", day, user_id=new, previous_id=old)


def test_an_id_renamed_twice_belongs_to_the_last_person_and_its_accounts(lake):
    known = Known(
        lake,
        users=[{"user_id": "u2", "account_id": "acme", "known_at": at(1)}],
        calls=[renamed(2, "u0", "u1"), renamed(3, "u1", "u2")],
        events=[event(1, 1, user_id="u0"), event(2, 4, user_id="u0"), event(3, 4, user_id="u0", account_id="acme")],
    )
    assert known.whose() == [("m1", "acme", "u0", 3), ("m2", "acme", "u2", 4), ("m3", "acme", "u2", 4)]


def test_a_browser_of_an_id_that_is_renamed_later_is_the_new_ids_from_then_on(lake):
    known = Known(
        lake,
        users=[{"user_id": "u2", "account_id": "acme", "known_at": at(1)}],
        calls=[call("identify", 2, user_id="u1", anonymous_id="an"), renamed(3, "u1", "u2")],
        events=[event(1, 1, anonymous_id="an"), event(2, 4, anonymous_id="an")],
    )
    assert known.whose() == [("m1", "acme", "u2", 3), ("m2", "acme", "u2", 4)]
    (evidence,) = [why for name, why in known.links("id", "evidence") if name == "an"]
    told, renaming = (f"call {name} (line 7 of batch 0123456789ab)" for name in ("c2", "c3"))
    assert evidence == f"{told}, renamed by {renaming}; of this person: sources/user"


@pytest.mark.parametrize("order", [(2, 3, 4), (4, 3, 2), (3, 4, 2), (2, 2, 2)])
def test_an_id_renamed_three_times_is_followed_to_the_end_in_whatever_order_it_was_told(lake, order):
    names = ("u0", "u1", "u2", "u3")
    known = Known(
        lake,
        users=[{"user_id": "u3", "account_id": "acme", "known_at": at(1)}],
        calls=[renamed(day, *names[place : place + 2]) for place, day in enumerate(order)],
        events=[event(9, 9, user_id="u0")],
    )
    assert known.whose() == [("m9", "acme", "u3", 9)]


def test_what_is_learned_of_an_id_after_it_was_renamed_names_the_person_it_is_by_then(lake):
    known = Known(
        lake,
        users=[{"user_id": "u2", "account_id": "acme", "known_at": at(1)},
               {"user_id": "u1", "account_id": "other", "known_at": at(5)}],
        calls=[renamed(2, "u0", "u1"), renamed(3, "u1", "u2")],
        events=[event(6, 6, user_id="u0", account_id="acme")],
    )  # fmt: skip
    assert known.whose() == [("m6", "acme", "u2", 6)]


def test_an_id_that_is_renamed_to_another_leads_there_with_all_that_led_to_it(lake):
    known = Known(
        lake,
        users=[{"user_id": name, "account_id": f"of-{name}", "known_at": at(1)} for name in ("u2", "u3")],
        calls=[renamed(2, "u0", "u1"), renamed(3, "u1", "u2"), renamed(5, "u1", "u3")],
        events=[event(day, day, user_id="u0") for day in (4, 6)],
    )
    assert known.whose() == [("m4", "of-u2", "u2", 4), ("m6", "of-u3", "u3", 6)]


def test_ids_renamed_in_a_circle_come_to_an_end(lake):
    known = Known(
        lake,
        users=[{"user_id": "u2", "account_id": "acme", "known_at": at(1)}],
        calls=[renamed(2, "u0", "u1"), renamed(3, "u1", "u2"), renamed(4, "u2", "u0")],
        events=[event(5, 5, user_id="u0"), event(6, 5, user_id="u1")],
    )
    assert [account for _, account, _, _ in known.whose()] == ["acme", "acme"]


@pytest.mark.parametrize("last", range(1, 9))
def test_no_day_is_seen_otherwise_after_an_id_was_renamed_once_more(lake, last):
    facts = {
        "calls": [
            call("identify", 2, user_id="u0", anonymous_id="an"),
            renamed(3, "u0", "u1"),
            renamed(5, "u1", "u2"),
            call("group", 6, user_id="u1", account_id="b"),
            renamed(7, "u1", "u3"),
        ],
        "events": [event(day * 10 + place, day, **ids) for day in range(1, 9) for place, ids in enumerate(
            ({"anonymous_id": "an"}, {"user_id": "u0"}, {"user_id": "u1"}, {"user_id": "u0", "account_id": "a"}))],
        "users": [{"user_id": "u2", "account_id": "a", "known_at": at(4)},
                  {"user_id": "u3", "account_id": "c", "known_at": at(8)}],
    }  # fmt: skip
    whole = Known(lake, **facts).whose()
    then = {name: [row for row in rows if row["known_at"] < at(last + 1)] for name, rows in facts.items()}
    assert Known(lake, **then).whose() == [row for row in whole if date(2026, 5, row[3]) <= date(2026, 5, last)]
