"""The tables of what others know, as their files and the company's SQL state them."""

import json
from datetime import date, datetime

import pytest

from usage_pipeline import engine
from usage_pipeline.company import Clock, Company, Events
from usage_pipeline.errors import Rejected
from usage_pipeline.sources import querying, reading

NOW = datetime(2026, 5, 20)


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    return engine.connect(memory_limit="500MB", threads=1, spill=tmp_path_factory.mktemp("spill"))


def company(*, history=False, time_zone="UTC", **selects):
    return Company(
        company="acme",
        clock=Clock(history=history, time_zone=time_zone),
        events=(Events(format="segment"),),
        tables=selects,
    )


def deliver(landing, day, *, history=None, **files):
    folder = landing / day
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content)
    manifest = {"landed_at": f"{day}T02:00:00"} | ({} if history is None else {"history": history})
    (folder / "manifest.json").write_text(json.dumps(manifest))


def read(name, landing, backend, mapping):
    return reading.table(name, landing, mapping, backend, now=NOW).to_pylist()


def test_an_account_is_known_live_from_its_landing_and_in_an_import_from_its_creation(tmp_path, backend):
    deliver(tmp_path, "2026-05-01", accounts="account_id,created_at,colour\n007,2026-04-02,red\n")
    select = "SELECT * FROM accounts"
    (live,) = read("account", tmp_path, backend, company(account=select))
    (past,) = read("account", tmp_path, backend, company(account=select, history=True))
    assert live["account_id"] == "007"
    assert (live["valid_from"], live["known_at"]) == (datetime(2026, 4, 2), datetime(2026, 5, 1, 2))
    assert (past["valid_from"], past["known_at"]) == (datetime(2026, 4, 2), datetime(2026, 4, 2))


def test_a_delivery_that_repeats_adds_nothing_and_one_that_changes_adds_a_version(tmp_path, backend):
    for day, name in (("2026-05-01", "Old"), ("2026-05-02", "Old"), ("2026-05-03", "New"), ("2026-05-04", "Old")):
        deliver(tmp_path, day, accounts=f"account_id,name,created_at\na,{name},2026-01-01\n")
    rows = read("account", tmp_path, backend, company(account="SELECT * FROM accounts"))
    versions = sorted((row["known_at"], row["valid_from"], row["name"]) for row in rows)
    assert versions == [
        (datetime(2026, 5, 1, 2), datetime(2026, 1, 1), "Old"),
        (datetime(2026, 5, 3, 2), datetime(2026, 5, 3, 2), "New"),
        (datetime(2026, 5, 4, 2), datetime(2026, 5, 4, 2), "Old"),
    ]


def test_what_goes_back_to_what_it_was_is_told_again(tmp_path, backend):
    head = "subscription_id,account_id,status,seats,valid_from\n"
    days = (("2026-05-01", 10), ("2026-05-02", 10), ("2026-05-03", 20), ("2026-05-04", 10))
    for day, seats in days:
        deliver(tmp_path, day, subs=f"{head}s,a,active,{seats},2026-01-01\n")
    rows = read("subscription", tmp_path, backend, company(subscription="SELECT * FROM subs"))
    assert sorted((row["known_at"].day, row["seats"]) for row in rows) == [(1, 10), (3, 20), (4, 10)]


def test_two_changes_of_one_day_that_are_delivered_again_add_nothing(tmp_path, backend):
    content = "subscription_id,account_id,status,seats,valid_from\ns,a,active,10,2026-01-01\ns,a,active,20,2026-01-01\n"
    for day in ("2026-05-01", "2026-05-02"):
        deliver(tmp_path, day, subs=content)
    assert len(read("subscription", tmp_path, backend, company(subscription="SELECT * FROM subs"))) == 2


def test_an_import_delivered_again_is_corrected_not_doubled(tmp_path, backend):
    head = "subscription_id,account_id,status,seats,valid_from\n"
    for day, seats in (("2026-05-01", 20), ("2026-05-02", 10)):
        deliver(tmp_path, day, history=True, subs=f"{head}s,a,active,{seats},2026-01-01\n")
    (row,) = read("subscription", tmp_path, backend, company(subscription="SELECT * FROM subs"))
    assert (row["seats"], row["known_at"]) == (10, datetime(2026, 1, 1))


TICKETS = "ticket_id,account_id,opened_at,closed_at\n"


def test_a_ticket_delivered_open_and_later_closed_was_open_until_it_was_told(tmp_path, backend):
    closed = f"{TICKETS}t,a,2026-04-30T10:00:00,2026-05-07T12:00:00\n"
    deliver(tmp_path, "2026-05-01", tickets=f"{TICKETS}t,a,2026-04-30T10:00:00,\n")
    deliver(tmp_path, "2026-05-08", tickets=closed)
    deliver(tmp_path, "2026-05-09", tickets=closed)
    rows = read("ticket", tmp_path, backend, company(ticket="SELECT * FROM tickets"))
    assert sorted((row["known_at"], row["closed_at"]) for row in rows) == [
        (datetime(2026, 5, 1, 2), None),
        (datetime(2026, 5, 8, 2), datetime(2026, 5, 7, 12)),
    ]


def test_an_import_after_live_deliveries_adds_the_past_and_corrects_nothing_before_it_was_known(tmp_path, backend):
    deliver(tmp_path, "2026-05-01", tickets=f"{TICKETS}t,a,2026-04-30,\nu,a,2026-04-30,\n")
    imported = f"{TICKETS}t,a,2026-04-30,2026-05-02\nu,a,2026-04-30,\nold,a,2026-01-01,\n"
    deliver(tmp_path, "2026-05-08", history=True, tickets=imported)
    rows = read("ticket", tmp_path, backend, company(ticket="SELECT * FROM tickets"))
    assert sorted((row["ticket_id"], row["known_at"], row["closed_at"]) for row in rows) == [
        ("old", datetime(2026, 1, 1), None),
        ("t", datetime(2026, 5, 1, 2), datetime(2026, 5, 2)),
        ("u", datetime(2026, 4, 30), None),
    ]


def test_times_keep_their_offset_and_those_without_one_are_in_the_stated_zone(tmp_path, backend):
    content = "ticket_id,account_id,opened_at\n1,a,2026-04-30T10:00:00+05:00\n2,a,2026-04-30T10:00:00\n"
    deliver(tmp_path, "2026-05-01", tickets=content)
    rows = read("ticket", tmp_path, backend, company(ticket="SELECT * FROM tickets", time_zone="Europe/Berlin"))
    assert {row["ticket_id"]: row["opened_at"].hour for row in rows} == {"1": 5, "2": 8}


def test_a_missing_required_column_is_named_with_its_file_and_the_fix(tmp_path, backend):
    deliver(tmp_path, "2026-05-01", surveys="response_id,account_id,kind,answered_at\n1,a,nps,2026-04-01\n")
    with pytest.raises(Rejected, match=r"(?s)surveys\.csv.*score.*Fix: .*AS \"score\""):
        read("survey", tmp_path, backend, company(survey="SELECT * FROM surveys"))


def test_a_value_of_the_wrong_kind_is_refused_not_lost(tmp_path, backend):
    deliver(tmp_path, "2026-05-01", subs="subscription_id,account_id,status,seats\ns,a,active,many\n")
    with pytest.raises(Rejected, match=r"seats is 'many'"):
        read("subscription", tmp_path, backend, company(subscription="SELECT * FROM subs"))


def test_a_value_that_is_not_whole_is_refused_not_rounded(tmp_path, backend):
    deliver(tmp_path, "2026-05-01", subs="subscription_id,account_id,status,mrr\ns,a,active,49.99\n")
    named = "SELECT subscription_id, account_id, status, {} AS mrr_minor FROM subs"
    with pytest.raises(Rejected, match=r"mrr_minor is '49\.99', which is no whole number"):
        read("subscription", tmp_path, backend, company(subscription=named.format("mrr")))
    (row,) = read("subscription", tmp_path, backend, company(subscription=named.format("mrr * 100")))
    assert row["mrr_minor"] == 4_999


def test_ids_of_twenty_digits_stay_apart_and_numbers_stay_numbers(tmp_path, backend):
    lines = "account_id,name,size\n12345678901234567891,x,1.5\n12345678901234567892,y,2\n"
    deliver(tmp_path, "2026-05-01", accounts=lines)
    select = "SELECT account_id, name, CAST(size * 2 AS BIGINT) AS employees FROM accounts"
    rows = read("account", tmp_path, backend, company(account=select))
    assert [(row["account_id"], row["employees"]) for row in rows] == [
        ("12345678901234567891", 3),
        ("12345678901234567892", 4),
    ]


def test_rows_without_a_key_are_counted_not_taken(tmp_path, backend):
    deliver(tmp_path, "2026-05-01", accounts="account_id,name\na,A\n,Nobody\n")
    found = reading.read("account", tmp_path, company(account="SELECT * FROM accounts"), backend, now=NOW)
    assert (found.rows.num_rows, found.refused) == (1, 1)


def test_a_table_nobody_maps_is_empty_and_one_without_its_file_is_refused(tmp_path, backend):
    deliver(tmp_path, "2026-05-01", accounts="account_id\na\n")
    assert read("survey", tmp_path, backend, company()) == []
    with pytest.raises(Rejected, match=r"surveys\.csv"):
        read("survey", tmp_path, backend, company(survey="SELECT * FROM surveys"))


def test_labels_keep_their_morning(tmp_path, backend):
    deliver(tmp_path, "2026-05-01", labels="account_id,as_of,churned\na,2026-04-06,1\n")
    select = "SELECT account_id, as_of, 'churn' AS outcome, churned = 1 AS happened FROM labels"
    assert read("label", tmp_path, backend, company(label=select)) == [
        {"account_id": "a", "as_of": date(2026, 4, 6), "outcome": "churn", "happened": True}
    ]


@pytest.mark.parametrize(
    "select",
    ["COPY (SELECT 1) TO 'x'", "ATTACH 'x'", "INSTALL httpfs", "SELECT 1; SELECT 2", "SET threads = 9", ""],
)
def test_only_a_single_select_is_run(select):
    with pytest.raises(Rejected, match="SELECT"):
        querying.tables_of(select, "account")


@pytest.mark.parametrize("reach", ["read_csv('{}')", "read_text('{}')", "read_csv('../secret.csv')", "glob('{}')"])
def test_a_select_sees_its_delivery_and_nothing_else(tmp_path, backend, reach):
    secret = tmp_path / "secret.csv"
    secret.write_text("account_id\nhidden\n")
    deliver(tmp_path / "in", "2026-05-01", accounts="account_id\na\n")
    select = f"SELECT 'x' AS account_id FROM accounts, {reach.format(secret)}"
    with pytest.raises(Rejected):
        read("account", tmp_path / "in", backend, company(account=select))
