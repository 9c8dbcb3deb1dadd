"""Who is who, rule by rule: each says from when it counts and why, and none changes a past morning."""

from datetime import date

import pytest
from identity_builders import Known, account, at, call, event, merge
from landing_builders import a_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return a_lake(tmp_path_factory.mktemp("identity"))


def test_an_anonymous_browser_becomes_its_persons_and_so_its_accounts(lake):
    known = Known(
        lake,
        events=[event(1, 1, anonymous_id="an")],
        calls=[call("identify", 3, user_id="u1", anonymous_id="an"), call("group", 4, user_id="u1", account_id="a1")],
    )
    assert known.whose() == [("m1", "a1", "u1", 4)]


def test_one_person_on_several_devices_is_one_person(lake):
    known = Known(
        lake,
        users=[{"user_id": "u1", "account_id": "a1", "known_at": at(1)}],
        calls=[call("identify", 1, user_id="u1", anonymous_id=device) for device in ("phone", "laptop")],
        events=[event(1, 2, anonymous_id="phone"), event(2, 2, anonymous_id="laptop")],
    )
    assert known.whose() == [("m1", "a1", "u1", 2), ("m2", "a1", "u1", 2)]


def test_a_user_of_several_accounts_counts_to_the_one_that_each_event_names(lake):
    named = [event(1, 2, user_id="u1", account_id="a1"), event(2, 3, user_id="u1", account_id="a2")]
    known = Known(lake, events=[*named, event(3, 4, user_id="u1")])
    assert known.whose() == [("m1", "a1", "u1", 2), ("m2", "a2", "u1", 3), ("m3", "a2", "u1", 4)]


def test_whoever_moves_to_another_account_counts_there_from_the_day_it_was_known(lake):
    users = [
        {"user_id": "u1", "account_id": name, "known_at": at(day)} for name, day in (("a1", 1), ("a2", 5), ("a1", 8))
    ]
    known = Known(lake, users=users, events=[event(day, day, user_id="u1") for day in (4, 6, 9)])
    assert [(account, day) for _, account, _, day in known.whose()] == [("a1", 4), ("a2", 6), ("a1", 9)]


@pytest.mark.parametrize(("morning", "evening"), [("acme", "zeta"), ("zeta", "acme")])
def test_of_two_moves_that_became_known_together_the_later_one_holds(lake, morning, evening):
    calls = [
        call("group", 4, user_id="u1", account_id=name, ts=at(3, hour)) for name, hour in ((morning, 9), (evening, 15))
    ]
    known = Known(lake, calls=calls, events=[event(day, day, user_id="u1") for day in (2, 4, 5, 9)])
    whose = [(account, day) for _, account, _, day in known.whose()]
    # What waited for a link, and the day itself, may have been counted by the first already.
    assert whose == [(morning, 4), (morning, 4), (evening, 5), (evening, 9)]


def test_of_several_moves_on_one_day_the_last_one_holds_and_a_later_day_goes_on_from_there(lake):
    moves = [("a1", at(4, 9)), ("a2", at(4, 12)), ("a1", at(4, 15)), ("a2", at(4, 18)), ("a3", at(5, 9))]
    calls = [
        call("group", moment.day, user_id="u1", account_id=name, ts=moment) | {"known_at": moment}
        for name, moment in moves[:4]
    ]
    events = [event(day, day, user_id="u1") for day in (4, 5, 6)]
    assert [account for _, account, _, _ in Known(lake, calls=calls, events=events).whose()] == ["a1", "a2", "a2"]
    (name, moment) = moves[4]
    calls.append(call("group", 5, user_id="u1", account_id=name, ts=moment))
    assert [account for _, account, _, _ in Known(lake, calls=calls, events=events).whose()] == ["a1", "a3", "a3"]


def test_a_browser_that_two_people_used_on_one_day_is_the_later_ones_from_then_on(lake):
    known = Known(
        lake,
        users=[{"user_id": name, "account_id": f"of-{name}", "known_at": at(1)} for name in ("u1", "u2")],
        calls=[
            call("identify", 4, user_id=name, anonymous_id="an", ts=at(3, hour))
            for name, hour in (("u2", 9), ("u1", 15))
        ],
        events=[event(day, day, anonymous_id="an") for day in (4, 5)],
    )
    assert known.whose() == [("m4", "of-u2", "u2", 4), ("m5", "of-u1", "u1", 5)]


def test_an_alias_makes_two_ids_one_person_from_then_on(lake):
    known = Known(
        lake,
        users=[{"user_id": "u1", "account_id": "a1", "known_at": at(1)}],
        calls=[call("alias", 3, user_id="u1", previous_id="old")],
        events=[event(1, 2, user_id="old", account_id="a1"), event(2, 4, user_id="old", account_id="a1"),
                event(3, 1, user_id="old")],
    )  # fmt: skip
    assert known.whose() == [("m1", "a1", "old", 2), ("m2", "a1", "u1", 4), ("m3", "a1", "old", 2)]


def test_a_domain_tells_the_account_only_where_nothing_else_does(lake):
    known = Known(
        lake,
        accounts=[account("a1", "Acme.example", 1)],
        users=[{"user_id": "u2", "account_id": "a2", "email": "jo@acme.example", "known_at": at(1)}],
        calls=[
            call("identify", 2, user_id="u1", traits='{"plan": "x", "email": "Ada@ACME.example"}'),
            call("identify", 2, user_id="u2", traits='{"email": "jo@acme.example"}'),
        ],
        events=[event(1, 3, user_id="u1"), event(2, 3, user_id="u2")],
    )
    assert known.whose() == [("m1", "a1", "u1", 3), ("m2", "a2", "u2", 3)]
    assert known.links("id", "because") == [("u1", "company domain"), ("u2", "users table")]


@pytest.mark.parametrize("email", ["ada@gmail.com", "ada@yahoo.co.uk", "ada@other.example", "acme.example"])
def test_a_free_mail_host_and_an_unknown_domain_tell_nothing(lake, email):
    host = email.rpartition("@")[2]
    accounts = [account("a1", host if host in {"gmail.com", "yahoo.co.uk"} else "acme.example", 1)]
    known = Known(lake, accounts=accounts, users=[{"user_id": "u1", "email": email, "known_at": at(1)}])
    assert known.links("id") == []


def test_a_domain_of_two_accounts_tells_nothing(lake):
    known = Known(
        lake,
        accounts=[account("a1", "acme.example", 1), account("a2", "acme.example", 1)],
        users=[{"user_id": "u1", "email": "ada@acme.example", "known_at": at(2)}],
    )
    assert known.links("id") == []


def test_an_account_that_gets_the_same_domain_later_changes_no_past_morning(lake):
    given = {
        "users": [{"user_id": "u1", "email": "ada@acme.example", "known_at": at(2)}],
        "events": [event(1, 3, user_id="u1")],
    }
    before = Known(lake, accounts=[account("a1", "acme.example", 1)], **given)
    after = Known(lake, accounts=[account("a1", "acme.example", 1), account("a2", "acme.example", 6)], **given)
    assert before.whose() == after.whose() == [("m1", "a1", "u1", 3)]


def test_a_better_identification_counts_from_its_day_and_leaves_what_the_domain_said_before(lake):
    given = {
        "accounts": [account("a1", "acme.example", 1)],
        "events": [event(1, 3, user_id="u1"), event(2, 7, user_id="u1")],
    }
    address = call("identify", 2, user_id="u1", traits='{"email":"ada@acme.example"}')
    before = Known(lake, calls=[address], **given)
    after = Known(lake, calls=[address, call("group", 5, user_id="u1", account_id="a9")], **given)
    assert before.whose()[0] == after.whose()[0] == ("m1", "a1", "u1", 3)
    assert after.whose()[1] == ("m2", "a9", "u1", 7)


def test_what_a_browser_said_itself_goes_before_the_domain_of_its_person(lake):
    known = Known(
        lake,
        accounts=[account("a1", "acme.example", 1)],
        calls=[
            call("group", 1, anonymous_id="an", account_id="a2"),
            call("identify", 2, user_id="u1", anonymous_id="an", traits='{"email":"ada@acme.example"}'),
        ],
        events=[event(1, 4, user_id="u1", anonymous_id="an")],
    )
    assert known.whose() == [("m1", "a2", "u1", 4)]


def test_a_merged_accounts_events_and_users_count_to_the_other_from_then_on(lake):
    users = [{"user_id": "u1", "account_id": "b", "known_at": at(1)}]
    events = [event(1, 3, account_id="b"), event(2, 6, account_id="b"), event(3, 6, user_id="u1")]
    known = Known(lake, users=users, events=events, merges=[merge("b", "a", 5)])
    assert [(account, day) for _, account, _, day in known.whose()] == [("b", 3), ("a", 6), ("a", 6)]


def test_a_merge_changes_no_morning_before_it(lake):
    given = {"events": [event(1, 3, account_id="b"), event(2, 4, account_id="b")]}
    assert Known(lake, **given).whose() == Known(lake, merges=[merge("b", "a", 5)], **given).whose()


def test_an_event_found_late_to_be_of_a_merged_account_counts_to_the_other(lake):
    known = Known(
        lake,
        events=[event(1, 1, user_id="u1")],
        calls=[call("group", 7, user_id="u1", account_id="b")],
        merges=[merge("b", "a", 5)],
    )
    assert known.whose() == [("m1", "a", "u1", 7)]


def test_every_link_says_which_rule_gave_it_and_what_says_so(lake):
    known = Known(
        lake,
        accounts=[account("a1", "acme.example", 1)],
        users=[
            {"user_id": "u2", "account_id": "a1", "known_at": at(1)},
            {"user_id": "u3", "email": "eve@acme.example", "known_at": at(2)},
        ],
        calls=[call("group", 4, user_id="u1", account_id="a1"), call("identify", 4, user_id="u2", anonymous_id="an")],
        events=[event(1, 3, user_id="u4", account_id="a1")],
        merges=[merge("b", "a1", 5)],
    )
    assert known.links("id", "because", "evidence") == [
        ("b", "account merge", "sources/account_merge"),
        ("an", "identify", "call c4 (line 7 of batch 0123456789ab); of this person: sources/user"),
        ("u1", "group", "call c4 (line 7 of batch 0123456789ab)"),
        ("u2", "users table", "sources/user"),
        ("u3", "company domain", "domain acme.example of sources/account; address: sources/user"),
        ("u4", "event", "events/naming"),
    ]


@pytest.mark.parametrize("last", range(1, 9))
def test_what_became_known_by_a_day_is_the_same_whatever_is_learned_after_it(lake, last):
    """A world that learns a little every day: no day is seen otherwise afterwards."""
    facts = {
        "calls": [
            call("identify", 2, user_id="u1", anonymous_id="an", traits='{"email":"ada@acme.example"}'),
            call("group", 4, user_id="u1", account_id="a2"),
            call("alias", 6, user_id="u1", previous_id="u2"),
        ],
        "events": [event(day, day, **ids) for day, ids in enumerate(
            ({"anonymous_id": "an"}, {"user_id": "u1"}, {"user_id": "u2"}, {"account_id": "b", "user_id": "u2"},
             {"anonymous_id": "an", "user_id": "u1"}, {"account_id": "b"}, {"user_id": "u2"}, {"user_id": "u1"}), 1)],
        "users": [{"user_id": "u2", "account_id": "b", "known_at": at(3)}],
        "accounts": [account("a1", "acme.example", 1), account("a3", "acme.example", 5)],
        "merges": [merge("b", "a2", 7)],
    }  # fmt: skip
    whole = Known(lake, **facts).whose()
    then = {name: [row for row in rows if row["known_at"] < at(last + 1)] for name, rows in facts.items()}
    assert Known(lake, **then).whose() == [row for row in whole if date(2026, 5, row[3]) <= date(2026, 5, last)]
