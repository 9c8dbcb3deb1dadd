"""Absence is believed only where HubSpot says it."""

from datetime import date

import pytest
from hubspot_played import KEY_NOT_UNIQUE, KEY_UNIQUE, OK, portal

from usage_pipeline.crm.client import TaskOpening, TaskText
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.errors import Unavailable

GONE = {"category": "OBJECT_NOT_FOUND", "message": "Could not get some"}


def record(number, **properties):
    return {"id": number, "properties": properties}


def opening(key="usage-1", company="9"):
    return TaskOpening(key, company, TaskText("Call", "Why", "high"), date(2026, 5, 8), None)


@pytest.mark.parametrize("status", [200, 207])
def test_a_success_with_nothing_in_it_does_not_make_a_record_gone(status):
    crm, _, _ = portal((status, OK | {"results": []}))
    with pytest.raises(Unavailable, match="no word of 1"):
        crm.field_values(["1"], CONTRACT)


def test_a_record_that_the_answer_leaves_out_is_not_gone():
    crm, _, _ = portal((200, OK | {"results": [record("1")]}))
    with pytest.raises(Unavailable, match="no word of 2"):
        crm.field_values(["1", "2"], CONTRACT)


def test_a_record_that_the_answer_says_is_not_there_is_gone():
    errors = [GONE | {"context": {"ids": ["2"]}}]
    crm, _, _ = portal((207, OK | {"results": [record("1")], "numErrors": 1, "errors": errors}))
    assert list(crm.field_values(["1", "2"], CONTRACT)) == ["1"]


def test_a_record_that_could_not_be_read_is_not_gone():
    errors = [{"category": "INTERNAL_ERROR", "message": "oops", "context": {"ids": ["2"]}}]
    crm, _, _ = portal((207, OK | {"results": [record("1")], "numErrors": 1, "errors": errors}))
    with pytest.raises(Unavailable, match="no word of 2"):
        crm.field_values(["1", "2"], CONTRACT)


def test_a_merged_record_answers_under_another_id_and_is_gone_under_its_own():
    merged = record("7", hs_merged_object_ids="1;3", usage_cohort="New")
    crm, _, _ = portal((200, OK | {"results": [merged, record("2")]}))
    assert list(crm.field_values(["1", "2"], CONTRACT)) == ["2"]


def test_a_task_that_hangs_on_two_companies_is_asked_for_once():
    both = [{"from": {"id": one}, "to": [{"toObjectId": 5}]} for one in ("8", "9")]
    found = record("5", usage_task_key="usage-1")
    crm, adapter, _ = portal(KEY_NOT_UNIQUE, (200, OK | {"results": both}), (200, OK | {"results": [found]}))
    assert list(crm.find_tasks([opening("usage-1", "8"), opening("usage-2", "9")])) == ["usage-1"]
    assert adapter.asked[-1][2]["inputs"] == [{"id": "5"}]


def test_an_id_that_is_asked_for_twice_is_sent_once():
    crm, adapter, _ = portal((200, OK | {"results": [record("1")]}))
    assert list(crm.field_values(["1", "1"], CONTRACT)) == ["1"]
    assert adapter.asked[0][2]["inputs"] == [{"id": "1"}]


def test_a_company_that_the_answer_names_as_without_tasks_has_none():
    named = [GONE | {"context": {"fromObjectId": ["9"]}}]
    crm, adapter, _ = portal(KEY_NOT_UNIQUE, (207, OK | {"results": [], "numErrors": 1, "errors": named}))
    assert crm.find_tasks([opening()]) == {}
    assert len(adapter.asked) == 2


def test_a_company_that_the_answer_leaves_out_is_asked_for_by_itself():
    nothing = 200, OK | {"results": []}
    crm, adapter, _ = portal(KEY_NOT_UNIQUE, nothing, (200, record("9")))
    assert crm.find_tasks([opening()]) == {}
    assert adapter.asked[-1][:2] == ("GET", "/crm/objects/2026-03/companies/9?associations=tasks")


def test_a_company_that_is_gone_has_no_tasks():
    crm, _, _ = portal(KEY_NOT_UNIQUE, (200, OK | {"results": []}), (404, GONE))
    assert crm.find_tasks([opening()]) == {}


@pytest.mark.parametrize(
    "alone", [{"id": "9", "associations": {"tasks": {"results": [{"id": "5"}]}}}, {"status": "COMPLETE"}]
)
def test_a_task_is_not_missing_because_an_answer_left_its_company_out(alone):
    crm, _, _ = portal(KEY_NOT_UNIQUE, (200, OK | {"results": []}), (200, alone))
    with pytest.raises(Unavailable, match="company 9"):
        crm.find_tasks([opening()])


def test_a_company_with_more_tasks_than_a_page_has_them_all_read():
    first = {"from": {"id": "9"}, "to": [{"toObjectId": 4}], "paging": {"next": {"after": "x"}}}
    second = {"from": {"id": "9"}, "to": [{"toObjectId": 5}]}
    tasks = [record("4"), record("5", usage_task_key="usage-1")]
    crm, adapter, _ = portal(
        KEY_NOT_UNIQUE, *((200, OK | {"results": [one]}) for one in (first, second)), (200, OK | {"results": tasks})
    )
    assert list(crm.find_tasks([opening()])) == ["usage-1"]
    assert adapter.asked[2][2]["inputs"] == [{"id": "9", "after": "x"}]


def test_a_listing_without_results_is_no_empty_portal():
    crm, _, _ = portal((200, {"results": []}), (200, {}))
    with pytest.raises(Unavailable, match="no results"):
        crm.records("product_account_id", CONTRACT)


def test_a_key_that_is_not_found_by_an_answer_that_keeps_silent_is_not_free():
    crm, _, _ = portal(KEY_UNIQUE, (200, OK | {"results": []}))
    with pytest.raises(Unavailable, match="no word of usage-1"):
        crm.find_tasks([opening()])
