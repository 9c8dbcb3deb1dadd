"""What Stripe, Zendesk and survey tools export is read with nothing but the file's name. All rows are made up."""

import json
from datetime import datetime

import pytest

from usage_pipeline.company import Clock, Company, Events
from usage_pipeline.errors import Rejected
from usage_pipeline.mapping import ready
from usage_pipeline.sources import money, reading

NOW = datetime(2026, 6, 1)
SUBSCRIPTIONS = """id,Customer ID,Customer Description,Customer Email,Plan,Quantity,Currency,Interval,Amount,Status,Created (UTC),Start (UTC),Start Date (UTC),Current Period Start (UTC),Current Period End (UTC),Trial Start (UTC),Trial End (UTC),Application Fee Percent,Coupon,Tax Percent,Canceled At (UTC),Ended At (UTC),Customer Name,account_id (metadata)
sub_1,cus_1,,it@northwind.example,pro,5,eur,month,20.00,active,2026-01-01 10:00,2026-01-01 10:00,2026-01-01 10:00,2026-05-01 10:00,2026-06-01 10:00,2026-01-01 10:00,2026-01-15 10:00,,,,,,Northwind,a-1
sub_2,cus_2,,it@acme.example,team,1,jpy,year,12000,canceled,2025-01-01 10:00,2025-01-01 10:00,2025-01-01 10:00,2025-01-01 10:00,2026-01-01 10:00,,,,,,2025-12-01 09:00,2026-01-01 10:00,Acme,
"""
INVOICES = """id,Customer,Amount Due,Amount Paid,Currency,Date (UTC),Due Date (UTC),Number,Paid,Finalized At (UTC),Paid At (UTC),Subscription,Status,Customer Name
in_1,cus_2,120.50,120.50,eur,2026-03-01 09:00,2026-03-31 09:00,INV-1,true,2026-03-01 10:00,2026-03-20 08:00,sub_2,paid,Acme
in_2,cus_2,99.00,0.00,eur,2026-04-01 09:00,,INV-2,false,2026-04-01 10:00,,sub_2,open,Acme
"""
TICKETS = """Summation column,Id,Requester,Requester id,Requester external id,Requester email,Requester domain,Submitter,Assignee,Group,Subject,Tags,Status,Priority,Via,Ticket type,Created at,Updated at,Assigned at,Organization,Due date,Initially assigned at,Solved at,Resolution time,Satisfaction Score
1,101,Ada,9,,ada@northwind.example,northwind.example,Ada,Kim,Support,Export fails,export,Closed,Urgent,Mail,Incident,2026-05-01 09:00,2026-05-03 10:00,,Northwind,,,2026-05-02 11:00,26,Good
1,102,Bo,8,,bo@acme.example,acme.example,Bo,,Support,How to,,Open,,Web,Question,2026-05-04 09:00,2026-05-04 09:00,,Acme,,,,,Not Offered
"""
ACCOUNTS = "account_id,name,stripe_customer\na-1,Northwind,cus_1\na-2,ACME,cus_2\n"


def company(time_zone="UTC", **tables):
    return Company(
        company="acme",
        clock=Clock(history=True, time_zone=time_zone),
        events=(Events(format="segment"),),
        tables=tables,
    )


@pytest.fixture
def read(tmp_path, backend):
    def one(table, stated, files, **clock):
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        found = reading.read(table, tmp_path, company(**clock, **{table: stated}), backend, now=NOW)
        assert not found.refused, found.refused_because
        return found.rows.to_pylist()

    return one


def test_stripes_subscriptions_become_what_each_was_from_when_on(read):
    rows = read("subscription", {"format": "stripe"}, {"subscriptions.csv": SUBSCRIPTIONS})
    told = {(row["subscription_id"], row["status"]): row for row in rows if row["valid_from"] < NOW}
    assert {key: row["valid_from"] for key, row in told.items()} == {
        ("sub_1", "trial"): datetime(2026, 1, 1, 10),
        ("sub_1", "active"): datetime(2026, 1, 15, 10),
        ("sub_2", "active"): datetime(2025, 1, 1, 10),
        ("sub_2", "cancelled"): datetime(2026, 1, 1, 10),
    }
    monthly = told["sub_1", "active"]
    assert (monthly["account_id"], monthly["mrr_minor"], monthly["currency"]) == ("a-1", 2_000, "EUR")
    assert (monthly["seats"], monthly["term_months"]) == (5, 1)
    yearly = told["sub_2", "active"]
    assert (yearly["account_id"], yearly["mrr_minor"], yearly["term_months"]) == ("cus_2", 1_000, 12)


def test_when_a_term_ends_is_known_from_the_delivery_and_by_no_morning_before_it(read):
    rows = read("subscription", {"format": "stripe"}, {"subscriptions.csv": SUBSCRIPTIONS})
    past, now = [[row for row in rows if (row["known_at"] < NOW) is early] for early in (True, False)]
    assert len(past) == 4
    assert {(row["renews_on"], row["auto_renew"]) for row in past} == {(None, None)}
    assert [(row["subscription_id"], row["status"], str(row["renews_on"]), row["auto_renew"]) for row in now] == [
        ("sub_1", "active", "2026-06-01", True)
    ]


def test_a_subscription_that_is_paid_again_is_active_again(read, tmp_path):
    states = (("2026-02-01", "active", 5), ("2026-03-02", "unpaid", 5), ("2026-04-01", "active", 7))
    for day, state, seats in states:
        (tmp_path / day).mkdir()
        (tmp_path / day / "manifest.json").write_text(json.dumps({"landed_at": day, "history": False}))
        (tmp_path / day / "subscriptions.csv").write_text(
            SUBSCRIPTIONS.replace(",active,", f",{state},").replace("pro,5", f"pro,{seats}")
        )
    rows = read("subscription", {"format": "stripe"}, {})
    told = sorted(
        (row["known_at"], row["valid_from"], row["status"], row["seats"])
        for row in rows
        if row["subscription_id"] == "sub_1"
    )
    first, second, third = (datetime.fromisoformat(day) for day, *_ in states)
    assert told == [
        (first, datetime(2026, 1, 1, 10), "trial", 5),
        (first, datetime(2026, 1, 15, 10), "active", 5),
        (first, first, "active", 5),
        (second, second, "cancelled", 5),
        (third, third, "active", 7),
    ]


def test_a_price_per_seat_counts_as_often_as_there_are_seats(read):
    rows = read("subscription", {"format": "stripe", "per_seat": True}, {"subscriptions.csv": SUBSCRIPTIONS})
    assert {row["mrr_minor"] for row in rows if row["subscription_id"] == "sub_1"} == {10_000}


def test_a_column_that_says_utc_is_utc_whatever_the_mappings_zone(read):
    files = {"subscriptions.csv": SUBSCRIPTIONS}
    rows = read("subscription", {"format": "stripe"}, files, time_zone="America/New_York")
    assert {row["valid_from"].hour for row in rows if row["valid_from"] < NOW} == {10}


def test_stripes_customers_are_found_in_the_file_that_knows_them(read):
    files = {"billing.csv": SUBSCRIPTIONS, "accounts.csv": ACCOUNTS}
    stated = {"format": "stripe", "file": "billing", "account": "Customer ID", "found_in": "accounts.stripe_customer"}
    assert {row["account_id"] for row in read("subscription", stated, files)} == {"a-1", "a-2"}


def test_stripes_invoices_are_open_until_they_are_paid(read):
    rows = read("invoice", {"format": "stripe"}, {"invoices.csv": INVOICES})
    assert [(row["invoice_id"], row["status"], row["paid_minor"], row["valid_from"]) for row in rows] == [
        ("in_1", "open", 0, datetime(2026, 3, 1, 10)),
        ("in_1", "paid", 12_050, datetime(2026, 3, 20, 8)),
        ("in_2", "open", 0, datetime(2026, 4, 1, 10)),
    ]


def test_an_invoice_given_up_without_a_day_is_so_from_the_delivery(read):
    files = {"invoices.csv": INVOICES.replace("sub_2,open", "sub_2,uncollectible")}
    rows = read("invoice", {"format": "stripe"}, files)
    assert [(row["status"], row["known_at"]) for row in rows if row["invoice_id"] == "in_2"] == [
        ("open", datetime(2026, 4, 1, 10)),
        ("uncollectible", NOW),
    ]


def test_zendesks_tickets_of_organizations_found_by_name(read):
    files = {"tickets.csv": TICKETS, "accounts.csv": ACCOUNTS}
    rows = read("ticket", {"format": "zendesk", "found_in": "accounts.name"}, files)
    assert [(row["ticket_id"], row["account_id"], row["priority"], row["satisfaction"]) for row in rows] == [
        ("101", "a-1", "urgent", 5),
        ("102", "a-2", None, None),
    ]
    assert [row["closed_at"] for row in rows] == [datetime(2026, 5, 2, 11), None]


def test_zendesks_json_export_is_read_as_its_csv_is(read):
    line = (
        '{"id": 7, "created_at": "2026-05-01T09:00:00Z", "updated_at": "2026-05-02T11:00:00Z", "status": "closed", '
        '"priority": "high", "organization_id": 55, "satisfaction_rating": {"score": "bad"}}\n'
    )
    (row,) = read("ticket", {"format": "zendesk"}, {"tickets.jsonl": line})
    assert (row["ticket_id"], row["account_id"], row["satisfaction"], row["closed_at"]) == (
        "7", "55", 1, datetime(2026, 5, 2, 11),
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Response ID,Score,Comment,Person Email,Company ID,Responded at\nr1,9,fine,ada@x.example,a-1,2026-05-03 12:00:00\n",
        "id,score,comment,email,account_id,created_at\nr1,9,,ada@x.example,a-1,1777809600\n",
    ],
)
def test_a_survey_of_nps_is_read_by_the_names_that_such_exports_have(read, text):
    (row,) = read("survey", {"format": "nps"}, {"nps.csv": text})
    assert (row["response_id"], row["account_id"], row["user_id"], row["kind"]) == ("r1", "a-1", "ada@x.example", "nps")
    assert (row["score"], row["answered_at"]) == (9, datetime(2026, 5, 3, 12))


def test_an_answer_without_a_score_is_left_out_and_counted_and_the_others_are_read(tmp_path, backend):
    (tmp_path / "nps.csv").write_text("Response ID,Company,Score,Date\n1,acme,9,2026-01-01\n2,acme,,2026-01-02\n")
    found = reading.read("survey", tmp_path, company(survey={"format": "nps"}), backend, now=NOW)
    assert (found.rows["response_id"].to_pylist(), found.refused) == (["1"], 1)


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD", "ISK", "MGA", "CLP"])
def test_an_amount_is_as_many_minor_units_in_billing_as_in_a_crm(read, currency):
    text = INVOICES.replace(",eur,", f",{currency.lower()},").replace("120.50", "121.00")
    rows = read("invoice", {"format": "stripe"}, {"invoices.csv": text})
    assert rows[0]["amount_minor"] == money.minor("121.00", currency)


def test_a_file_that_is_no_such_export_is_told_and_not_read_as_nothing(read):
    with pytest.raises(Rejected, match="no export of Stripe's subscriptions"):
        read("subscription", {"format": "stripe"}, {"subscriptions.csv": "number,plan\n1,pro\n"})


def test_a_format_that_a_table_has_not_is_told_with_those_there_are():
    with pytest.raises(ValueError, match=r"ticket: \{format: zendesk\}"):
        company(ticket={"format": "stripe"})


def test_each_export_is_told_by_columns_that_only_it_has():
    found = [ready.recognised(set(text.partition("\n")[0].split(","))) for text in (SUBSCRIPTIONS, INVOICES, TICKETS)]
    assert found == [("subscription", "stripe"), ("invoice", "stripe"), ("ticket", "zendesk")]
    assert ready.recognised({"id", "plan", "status"}) is None
