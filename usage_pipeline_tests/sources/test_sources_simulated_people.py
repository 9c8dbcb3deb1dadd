from datetime import date

import pytest

from usage_pipeline.sources.simulated import stock, team
from usage_pipeline.sources.simulated.company import Company
from usage_pipeline.sources.simulated.stock import State

DAY = date(2026, 5, 4)


@pytest.fixture(scope="module")
def company():
    made = Company(seed=4, accounts=3000)
    for _ in range(43):
        # Nobody has to be there for the CRM to list accounts.
        made.accounts["intensity"] = 0.0
        made.advance(made.next_day)
    return made


def tasks(n: int, **fields):
    return [
        {"crm": "hubspot", "id": str(i), "status": "open", "subject": "x", "body": "", "account_key": f"acc-{i:06d}",
         "task_key": f"red_churn_risk:acc-{i:06d}:2026-05-04", **fields}
        for i in range(n)
    ]  # fmt: skip


def test_the_crm_is_untidy_in_the_stated_shares(company):
    states = stock.states(company)
    for state, share in (
        (State.MISSING, stock.MISSING),
        (State.DOUBLED, stock.DOUBLED),
        (State.RENAMED, stock.RENAMED),
        (State.WITHOUT_DOMAIN, stock.WITHOUT_DOMAIN),
    ):
        assert states.count(state) / len(states) == pytest.approx(share, rel=0.35)


def test_the_companies_of_the_crm_show_their_faults(company):
    listed = stock.stock(company)["companies"]
    states = stock.states(company)
    keys = [entry["account_key"] for entry in listed]
    assert len(listed) == len(states) - states.count(State.MISSING) + states.count(State.DOUBLED)
    assert keys.count(None) == states.count(State.RENAMED)
    assert sum(entry["domain"] is None for entry in listed) == states.count(State.WITHOUT_DOMAIN)
    assert all(entry["domain"] for entry in listed if entry["account_key"] is None)
    assert len({entry["domain"] for entry in listed if entry["domain"]}) <= len(states)


def test_four_csms_and_two_sellers_own_the_accounts(company):
    body = stock.stock(company)
    assert sorted(owner["role"] for owner in body["owners"]) == ["csm"] * 4 + ["sales"] * 2
    assert {entry["owner_email"] for entry in body["companies"]} == {
        o["email"] for o in body["owners"] if o["role"] == "csm"
    }


def test_only_later_sign_ups_are_entered_later(company):
    assert stock.stock(company, since=company.next_day)["companies"] == []
    assert len(stock.stock(company, since=company.first_day)["companies"]) == len(stock.stock(company)["companies"])


def test_six_in_ten_tasks_are_done_and_one_is_dismissed():
    answers = team.take_up(tasks(2000), DAY, seed=1)
    done = sum(answer.status == "done" for answer in answers)
    assert done / 2000 == pytest.approx(0.60, abs=0.04)
    assert (len(answers) - done) / 2000 == pytest.approx(0.10, abs=0.03)
    assert all(answer.answer for answer in answers)


def test_the_same_week_brings_the_same_answers_and_the_next_week_others():
    assert team.take_up(tasks(50), DAY, seed=1) == team.take_up(tasks(50), DAY, seed=1)
    assert team.take_up(tasks(50), DAY, seed=1) != team.take_up(tasks(50), date(2026, 5, 11), seed=1)


def test_one_task_in_two_crms_meets_the_same_fate():
    hubspot, salesforce = (team.take_up(tasks(80, crm=crm), DAY, seed=1) for crm in ("hubspot", "salesforce"))
    assert [(a.id, a.status) for a in hubspot] == [(a.id, a.status) for a in salesforce]


def test_done_tasks_treat_their_accounts_with_their_play_and_dismissed_ones_nobody():
    answers = team.take_up(tasks(200), DAY, seed=1)
    treated = team.treatments(answers)
    assert set(treated) == {answer.account_id for answer in answers if answer.status == "done"}
    assert set(treated.values()) == {"red_churn_risk"}


def test_a_record_without_the_products_key_is_known_by_its_tasks_key():
    answers = team.take_up(tasks(20, account_key=None), DAY, seed=1)
    assert all(answer.account_id == f"acc-{int(answer.id):06d}" for answer in answers)


def test_closed_tasks_are_left_alone():
    assert team.take_up(tasks(20, status="done"), DAY, seed=1) == []
