import pytest

from usage_pipeline.crm.client import Fate, Record
from usage_pipeline.crm.matching import match


def record(crm_id, *, key=None, domain=None):
    return Record(crm_id, key, domain, f"Company {crm_id}", None, None)


def found(accounts, records, recorded=None, fates=None):
    return {one.account_id: one for one in match(accounts, records, recorded or {}, fates or {})}


def test_the_account_key_beats_a_domain_that_points_elsewhere():
    records = [record("1", key="a"), record("2", domain="a.com")]
    one = found([("a", "a.com")], records)["a"]
    assert (one.record.crm_id, one.matched_by) == ("1", "key")


def test_two_records_with_the_same_key_are_never_guessed_between():
    one = found([("a", "a.com")], [record("1", key="a"), record("2", key="a")], {"a": "1"})["a"]
    assert one.state == "ambiguous"
    assert "1, 2" in one.detail


def test_a_recorded_link_outlives_a_changed_domain():
    one = found([("a", "a.com")], [record("1", domain="renamed.com")], {"a": "1"})["a"]
    assert (one.record.crm_id, one.matched_by) == ("1", "link")


def test_a_recorded_link_is_void_once_the_record_carries_another_accounts_key():
    one = found([("a", "a.com")], [record("1", key="b", domain="a.com")], {"a": "1"})["a"]
    assert one.state == "unmatched"
    assert "belongs to the account b" in one.detail


def test_a_recorded_link_to_a_deleted_record_falls_back_to_the_domain():
    one = found([("a", "a.com")], [record("2", domain="a.com")], {"a": "1"})["a"]
    assert (one.record.crm_id, one.matched_by) == ("2", "domain")


def test_a_domain_matches_only_where_exactly_one_record_has_it():
    records = [record("1", domain="a.com"), record("2", domain="www.a.com"), record("3", domain="b.com")]
    matches = found([("a", "a.com"), ("b", "https://www.b.com/about"), ("c", "c.com"), ("d", None)], records)
    assert {account: one.state for account, one in matches.items()} == {
        "a": "ambiguous",
        "b": "matched",
        "c": "unmatched",
        "d": "unmatched",
    }


def test_a_free_mail_domain_matches_nobody():
    assert found([("a", "gmail.com")], [record("1", domain="gmail.com")])["a"].state == "unmatched"


def test_a_record_that_two_accounts_claim_is_ambiguous_for_both():
    matches = found([("a", "x.com"), ("b", "x.com")], [record("1", domain="x.com")])
    assert {one.state for one in matches.values()} == {"ambiguous"}
    assert "2 accounts claim the record 1" in matches["a"].detail


def test_a_record_merged_into_another_is_followed_by_the_crms_own_word():
    one = found([("a", None)], [record("9")], {"a": "1"}, {"1": Fate("merged", "9")})["a"]
    assert (one.state, one.matched_by, one.record.crm_id) == ("matched", "merge", "9")


def test_a_record_merged_into_another_accounts_is_nobodys_until_a_person_settles_it():
    one = found([("a", None), ("b", None)], [record("9", key="b")], {"a": "1"}, {"1": Fate("merged", "9")})["a"]
    assert (one.state, one.record) == ("merged", None)
    assert "belongs to the account b" in one.detail


def test_two_records_merged_into_one_are_ambiguous_for_both_accounts():
    fates = {"1": Fate("merged", "9"), "2": Fate("merged", "9")}
    matches = found([("a", None), ("b", None)], [record("9")], {"a": "1", "b": "2"}, fates)
    assert {one.state for one in matches.values()} == {"ambiguous"}


@pytest.mark.parametrize("state", ["archived", "deleted", "missing"])
def test_a_record_that_a_person_took_away_is_said_to_be_so(state):
    one = found([("a", "a.com")], [], {"a": "1"}, {"1": Fate(state)})["a"]
    assert (one.state, one.record) == (state, None)
    assert "state forget" in one.detail


def test_a_new_record_with_the_domain_takes_the_place_of_one_that_was_archived():
    one = found([("a", "a.com")], [record("2", domain="a.com")], {"a": "1"}, {"1": Fate("archived")})["a"]
    assert (one.state, one.matched_by, one.record.crm_id) == ("matched", "domain", "2")


def test_a_record_that_is_there_and_was_not_listed_is_not_taken_for_one_that_never_was():
    assert found([("a", None)], [], {"a": "1"})["a"].state == "missing"
