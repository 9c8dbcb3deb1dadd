"""Deals, owners and contracts kept with what was known when."""

from dataclasses import replace
from datetime import date, datetime

import pandas as pd
import pytest

from usage_pipeline.company import Company, Crm, Events, Terms
from usage_pipeline.crm.client import Instance, Owner
from usage_pipeline.crm.context import Contract, Contracts, Deal, Deals
from usage_pipeline.errors import Rejected
from usage_pipeline.sources import catalogue, crm_context, money

DEAL = Deal(
    "d1", "c1", "Renewal", "Sales", "Offer", is_closed=False, is_won=False, amount="1200.50", currency="EUR",
    closes_on=date(2026, 12, 31), owner_id="o1", created_at=datetime(2026, 1, 1), modified_at=datetime(2026, 5, 1, 9),
)  # fmt: skip
LINKS = pd.DataFrame([{"instance": "hubspot:1", "crm_id": "c1", "account_id": "a1", "state": "matched"}])
FIRST, SECOND = datetime(2026, 5, 2), datetime(2026, 5, 9)

NO_DEALS, NO_CONTRACTS, KIM = Deals(()), Contracts(()), Owner("o1", "kim@example.com", "Kim", is_active=True)


class Played:
    """A CRM whose answers a test states."""

    name = "hubspot"

    def __init__(self, deals=NO_DEALS, contracts=NO_CONTRACTS, owners=(KIM,)):
        self.context = self
        self.asked = []
        self._deals, self._contracts, self._owners = deals, contracts, list(owners)

    def instance(self):
        return Instance("hubspot", "1", is_sandbox=True)

    def owners(self):
        return self._owners

    def deals(self, since, opened=()):
        self.asked.append((since, list(opened)))
        return self._deals

    def contracts(self, terms, since, *, of):  # noqa: ARG002
        return self._contracts


def empty(table):
    return table.schema.to_pyarrow().empty_table()


def read(crm, kept=None, now=FIRST, links=LINKS):
    return crm_context.deals(crm, links, empty(catalogue.DEAL) if kept is None else kept, now)


def test_a_deal_is_its_accounts_with_money_in_minor_units_and_known_from_the_reading_on():
    (row,) = read(Played(Deals((DEAL,)))).to_pylist()
    assert (row["account_id"], row["amount_minor"], row["owner_email"]) == ("a1", 120_050, "kim@example.com")
    assert (row["valid_from"], row["known_at"], row["is_gone"]) == (DEAL.modified_at, FIRST, False)


def test_a_second_reading_that_says_the_same_adds_nothing():
    kept = read(Played(Deals((DEAL,))))
    assert read(Played(Deals((DEAL,))), kept, SECOND).to_pylist() == kept.to_pylist()


def test_a_past_morning_keeps_its_own_stage_and_owner():
    kept = read(Played(Deals((DEAL,))))
    won = replace(DEAL, stage="Won", is_closed=True, is_won=True, owner_id=None, modified_at=datetime(2026, 5, 8))
    before, after = read(Played(Deals((won,))), kept, SECOND).to_pylist()
    assert before == kept.to_pylist()[0]
    assert (after["stage"], after["owner_email"], after["known_at"]) == ("Won", None, SECOND)


def test_the_next_reading_asks_from_a_little_before_the_last_change_and_for_the_open_ones():
    kept = read(Played(Deals((DEAL,))))
    crm = Played()
    read(crm, kept, SECOND)
    assert crm.asked == [(DEAL.modified_at - crm_context.OVERLAP, ["d1"])]


def test_what_was_changed_while_a_long_reading_went_on_is_asked_for_again():
    changed_meanwhile = replace(DEAL, modified_at=datetime(2026, 5, 2, 0, 39))
    crm = Played()
    read(crm, read(Played(Deals((changed_meanwhile,))), now=FIRST), SECOND)
    assert crm.asked == [(FIRST - crm_context.OVERLAP, ["d1"])]


def test_the_first_reading_asks_for_everything():
    crm = Played()
    read(crm)
    assert crm.asked == [(None, [])]


def test_a_deal_that_was_deleted_is_gone_from_then_on():
    kept = read(Played(Deals((DEAL,))))
    assert [row["is_gone"] for row in read(Played(Deals((), frozenset({"d1"}))), kept, SECOND).to_pylist()] == [
        False,
        True,
    ]


def test_a_company_that_is_matched_later_brings_its_deal_along():
    kept = read(Played(Deals((DEAL,))), links=LINKS.assign(state="unmatched"))
    assert kept["account_id"].to_pylist() == [None]
    found = read(Played(), kept, SECOND).to_pylist()
    assert [(row["account_id"], row["known_at"]) for row in found] == [(None, FIRST), ("a1", SECOND)]


def test_a_deal_moved_to_another_company_is_seen_though_it_did_not_change_itself():
    kept = read(Played(Deals((DEAL,))))
    found = read(Played(Deals((), companies={"d1": None})), kept, SECOND).to_pylist()
    assert [row["account_id"] for row in found] == ["a1", None]


def test_what_another_instance_told_is_not_mixed_in():
    others = read(Played(Deals((DEAL,))))
    others = others.set_column(
        others.schema.get_field_index("instance"), "instance", [["hubspot:2"] * others.num_rows]
    ).cast(others.schema)
    assert read(Played(), others, SECOND).num_rows == 0


def test_an_owner_who_leaves_is_a_new_version():
    kept = crm_context.owners(Played(), empty(catalogue.CRM_OWNER), FIRST)
    left = Played(owners=[replace(KIM, is_active=False)])
    found = crm_context.owners(left, kept, SECOND).to_pylist()
    assert [(row["is_active"], row["known_at"]) for row in found] == [(True, FIRST), (False, SECOND)]


def company(**terms):
    return Company(company="acme", events=(Events(format="segment"),), crm=Crm(hubspot_terms=Terms(**terms)))


def contracts(values, **terms):
    said = Contract("c1", "c1", values, "JPY", datetime(2026, 5, 1))
    crm = Played(contracts=Contracts((said,)))
    return crm_context.contracts(crm, LINKS, company(**terms), empty(catalogue.CRM_CONTRACT), FIRST).to_pylist()


def test_terms_are_read_as_what_they_are():
    (row,) = contracts(
        {"renews_on": "2027-01-31", "seats": "40", "arr": "24000", "term_months": "12.0", "auto_renew": "Yes"},
        renews_on="renewal_date",
    )
    assert (row["account_id"], row["renews_on"], row["seats"], row["term_months"]) == ("a1", date(2027, 1, 31), 40, 12)
    assert (row["arr_minor"], row["auto_renew"]) == (24_000, True)


def test_a_field_that_holds_something_else_is_told_and_not_taken_for_nothing():
    with pytest.raises(Rejected, match=r"seats holds 'many'"):
        contracts({"seats": "many"}, seats="seats")


def test_without_a_field_that_holds_terms_nothing_is_asked():
    assert contracts({"seats": "1"}) == []


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("19.99", "EUR", 1999), ("19.995", None, 2000), ("500", "JPY", 500), ("1.234", "KWD", 1234), ("", "EUR", None)],
)
def test_an_amount_has_the_decimals_of_its_currency(amount, currency, minor):
    assert money.minor(amount, currency) == minor
