"""What `sources.crm` reads: links, and what became of our tasks."""

from datetime import date, datetime

import pytest
from sync_builders import MORNING, NOON, assignment, decision, frame, link
from sync_builders import plan as planned
from sync_fake_crm import FakeCrm

from usage_pipeline.company import Company, Events
from usage_pipeline.crm.client import Record, TaskStatus, TaskText
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sources import crm as crm_source
from usage_pipeline.sources.catalogue import CRM_LINK, PAST_ACTION
from usage_pipeline.sync import applying, wanted

EPISODE = f"a:red_churn_risk:{MORNING}"
KEY = wanted.task_key("a", "red_churn_risk", EPISODE)
TUESDAY = date(2026, 5, 5)
COMPANY = Company(company="test", events=(Events(format="segment"),))


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    yield ledger
    ledger.close()


@pytest.fixture
def crm(ledger):
    """With one task, opened on Monday morning, and one account held out since then."""
    crm = FakeCrm("101")
    drawn = [assignment("a", arm="do", until=None) | {"episode": EPISODE}, assignment("b") | {"episode": "b-held"}]
    ledger.record_assignments(frame(*(row | {"stratum": "all"} for row in drawn)))
    applying.apply(planned(decisions=[decision()], links=frame(link())), crm, ledger, now=lambda: NOON)
    return crm


def past(ledger, crm, as_of):
    found = crm_source.past_actions(ledger, {"hubspot": crm}, as_of)
    assert list(found.columns) == list(PAST_ACTION.schema.names)
    return {row["account_id"]: row for row in found.to_dict("records")}


def test_a_morning_knows_nothing_of_what_began_on_it(ledger, crm):
    assert past(ledger, crm, MORNING) == {}


def test_the_next_morning_sees_the_open_task_and_the_hold_out(ledger, crm):
    seen = past(ledger, crm, TUESDAY)
    assert (seen["a"]["arm"], seen["a"]["status"], seen["a"]["opened_on"], seen["a"]["crm"]) == (
        "do",
        "open",
        MORNING,
        "hubspot",
    )
    assert (seen["b"]["arm"], seen["b"]["status"], seen["b"]["crm"]) == ("hold_out", None, None)


def test_a_result_is_known_from_the_morning_after_it_by_the_crms_clock(ledger, crm):
    closed = datetime(2026, 5, 6, 10)
    crm.people(
        KEY, status=TaskStatus.DONE, closed_at=closed, text=TaskText("Call a", "Use fell.\n\nThey renew.", "high")
    )
    wednesday, thursday = (past(ledger, crm, date(2026, 5, day))["a"] for day in (6, 7))
    assert (wednesday["status"], wednesday["answer"]) == ("open", None)
    assert (thursday["status"], thursday["answer"], thursday["closed_at"]) == ("done", "They renew.", closed)


def test_a_deleted_task_is_a_no_that_the_next_morning_sees(ledger, crm):
    crm.tasks.clear()
    assert past(ledger, crm, TUESDAY)["a"]["status"] == "open"
    assert past(ledger, crm, date(2026, 5, 6))["a"]["status"] == "dismissed"


def test_a_morning_made_again_tells_no_other_that_a_task_was_deleted_since(ledger, crm):
    newest = date(2026, 5, 20)
    ledger.finish("a run", "hubspot:1", newest, "done", datetime(2026, 5, 20, 12))
    crm.tasks.clear()
    assert past(ledger, crm, date(2026, 3, 2)) == {}
    assert past(ledger, crm, TUESDAY)["a"]["status"] == "open"
    assert past(ledger, crm, newest)["a"]["status"] == "open"
    assert past(ledger, crm, date(2026, 5, 21))["a"]["status"] == "dismissed"


def test_a_withdrawn_task_was_open_until_then(ledger, crm):
    made = planned(
        decisions=[decision(decision="not")],
        links=frame(link()),
        episodes=ledger.episodes("hubspot:1").to_dict("records"),
        sequence=ledger.sequence("hubspot:1"),
        as_of=TUESDAY,
    )
    assert applying.apply(made, crm, ledger, now=lambda: NOON).tasks_withdrawn == 1
    assert [past(ledger, crm, day)["a"]["status"] for day in (TUESDAY, date(2026, 5, 6))] == ["open", "withdrawn"]


def test_links_tell_each_account_how_it_was_found_and_are_remembered(ledger):
    crm = FakeCrm()
    accounts = frame(
        {"account_id": "a", "name": "Acme", "domain": "a.com"}, {"account_id": "b", "name": None, "domain": None}
    )

    def links(record):
        found = crm_source.links(crm, accounts, ledger, COMPANY, NOON, records=[record])
        assert list(found.columns) == list(CRM_LINK.schema.names)
        return {
            row["account_id"]: (row["state"], row["matched_by"], row["owner_email"]) for row in found.to_dict("records")
        }

    record = Record("101", None, "a.com", "Acme", "7", "kim@example.com")
    assert links(record) == {"a": ("matched", "domain", "kim@example.com"), "b": ("unmatched", None, None)}
    renamed = Record("101", None, "acme.org", "Acme", "7", "kim@example.com")
    assert links(renamed)["a"] == ("matched", "link", "kim@example.com")
