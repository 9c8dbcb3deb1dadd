"""`init` on what Stripe and Zendesk export: told by their columns, joined by what they hold."""

import own_files
import pytest
from own_files import ACCOUNTS, begin, mapping, org, part

from usage_pipeline.sources import reading

STRIPE = ["id", "Customer ID", "Customer Email", "Plan", "Quantity", "Currency", "Interval", "Amount", "Status",
          "Created (UTC)", "Start Date (UTC)", "Current Period End (UTC)", "Trial End (UTC)", "Ended At (UTC)"]  # fmt: skip
ZENDESK = ["Summation column", "Id", "Requester", "Requester id", "Status", "Priority", "Created at", "Updated at",
           "Organization", "Solved at", "Satisfaction Score"]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "acme files"
    own_files.write_events(folder)
    own_files.write_accounts(folder)
    return folder


def read(table, begun, folder, backend):
    return reading.table(table, folder, mapping(begun), backend, now=own_files.NOW).to_pylist()


def test_stripes_export_is_named_and_nothing_else(tmp_path, folder, backend):
    rows = [
        [f"sub_{n}", org(n), f"it@firm-{n}.example", "pro", 2, "eur", "month", "15.00", "active", "2026-01-05 10:00",
         "2026-01-05 10:00", "2026-06-05 10:00", "", ""]
        for n in range(ACCOUNTS)
    ]  # fmt: skip
    own_files.write(folder / "subscriptions.csv", STRIPE, rows)
    begun = begin(folder, tmp_path)
    assert begun.is_ready
    assert part(begun, "subscription").keys == {
        "format": "stripe",
        "file": '"subscriptions"',
        "account": '"Customer ID"',
    }
    found = read("subscription", begun, folder, backend)
    assert {(row["account_id"], row["status"], row["mrr_minor"]) for row in found} == {
        (org(n), "active", 1_500) for n in range(ACCOUNTS)
    }


def test_zendesks_organizations_are_found_among_the_accounts_names(tmp_path, folder, backend):
    rows = [
        [
            1,
            n,
            "Ada",
            9,
            "Closed",
            "High",
            "2026-02-01 09:00",
            "2026-02-02 09:00",
            f"Firm {n}",
            "2026-02-02 08:00",
            "Good",
        ]
        for n in range(ACCOUNTS)
    ]
    own_files.write(folder / "tickets.csv", ZENDESK, rows)
    begun = begin(folder, tmp_path)
    assert begun.is_ready
    assert part(begun, "ticket").keys["found_in"] == '"accounts.Company Name.ID"'
    found = read("ticket", begun, folder, backend)
    assert {(row["account_id"], row["satisfaction"]) for row in found} == {(org(n), 5) for n in range(ACCOUNTS)}


def test_an_export_whose_customers_nobody_knows_is_a_question(tmp_path, folder):
    row = ["sub_1", "cus_1", "", "pro", 1, "eur", "month", "15.00", "active", "2026-01-05 10:00", "2026-01-05 10:00",
           "2026-06-05 10:00", "", ""]  # fmt: skip
    own_files.write(folder / "subscriptions.csv", STRIPE, [row])
    (question,) = part(begin(folder, tmp_path), "subscription").questions
    assert "found_in" in question
