from usage_pipeline.crm.client import Record
from usage_pipeline.crm.matching import match


def record(crm_id, *, key=None, domain=None):
    return Record(crm_id, key, domain, f"Company {crm_id}", None, None)


def found(accounts, records, recorded=None):
    return {one.account_id: one for one in match(accounts, records, recorded or {})}


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
