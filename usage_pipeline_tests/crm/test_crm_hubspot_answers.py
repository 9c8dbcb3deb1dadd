"""Answers that HubSpot gives now and then, played by an adapter instead of a server."""

from datetime import date

import pytest
import requests
from hubspot_played import KEY_NOT_UNIQUE, OK, portal
from urllib3.exceptions import MaxRetryError, NewConnectionError

from usage_pipeline.crm.client import FieldWrite, TaskOpening, TaskText
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.errors import Unavailable


def rows(*ids):
    return [FieldWrite(f"op-{one}", one, {"usage_cohort": "New"}) for one in ids]


def outcomes(results):
    return {result.key: result.outcome for result in results}


def written(body, *, without=()):
    return [{"id": one["id"], "properties": {}} for one in body["inputs"] if one["id"] not in without]


def test_results_in_another_order_still_find_their_rows():
    def reversed_answer(body):
        return 200, OK | {"results": written(body)[::-1]}

    crm, _, _ = portal(reversed_answer)
    results = crm.write_fields(rows("1", "2", "3"), CONTRACT)
    assert [(result.key, result.crm_id) for result in results] == [("op-1", "1"), ("op-2", "2"), ("op-3", "3")]


@pytest.mark.parametrize("status", [200, 207])
def test_one_refused_row_does_not_lose_the_others_whatever_the_status(status):
    def partial(body):
        error = {
            "message": 'Property values were not valid: [{"error":"INVALID_OPTION"}]',
            "category": "VALIDATION_ERROR",
            "context": {"objectWriteTraceId": ["op-2"]},
        }
        return status, OK | {"results": written(body, without={"2"}), "numErrors": 1, "errors": [error]}

    crm, _, _ = portal(partial)
    results = crm.write_fields(rows("1", "2", "3"), CONTRACT)
    assert outcomes(results) == {"op-1": "ok", "op-2": "failed", "op-3": "ok"}
    assert results[1].rejection.cause == "schema"


def test_a_success_that_mentions_no_row_is_no_success():
    crm, _, _ = portal((200, OK | {"results": []}))
    assert outcomes(crm.write_fields(rows("1"), CONTRACT)) == {"op-1": "unknown"}


def test_a_batch_refused_whole_is_halved_until_the_guilty_row_stands_alone():
    def strict(body):
        if any(one["id"] == "3" for one in body["inputs"]):
            return 400, {"status": "error", "message": "A rule of yours says no", "category": "VALIDATION_ERROR"}
        return 200, OK | {"results": written(body)}

    crm, _, _ = portal(*[strict] * 20)
    results = crm.write_fields(rows("1", "2", "3", "4"), CONTRACT)
    assert outcomes(results) == {"op-1": "ok", "op-2": "ok", "op-3": "failed", "op-4": "ok"}
    assert results[2].rejection.cause == "business_rule"


def test_a_missing_scope_is_asked_about_once_and_not_row_by_row():
    body = {
        "message": "This app hasn't been granted all required scopes",
        "category": "MISSING_SCOPES",
        "errors": [{"context": {"requiredGranularScopes": ["crm.objects.companies.write"]}}],
    }
    crm, adapter, _ = portal((403, body))
    results = crm.write_fields(rows("1", "2"), CONTRACT)
    assert {result.rejection.cause for result in results} == {"permission"}
    assert "crm.objects.companies.write" in results[0].rejection.detail
    assert len(adapter.asked) == 1


def test_a_burst_limit_waits_for_the_end_of_its_window():
    limit = {"message": "You have reached your ten_secondly_rolling limit.", "policyName": "TEN_SECONDLY_ROLLING"}
    crm, _, slept = portal((429, limit), lambda body: (200, OK | {"results": written(body)}))
    assert outcomes(crm.write_fields(rows("1"), CONTRACT)) == {"op-1": "ok"}
    assert len(slept) == 1
    assert 10 <= slept[0] < 11


def test_the_daily_limit_stops_at_once_and_keeps_the_rows():
    crm, adapter, slept = portal((429, {"message": "You have reached your daily limit.", "policyName": "DAILY"}))
    results = crm.write_fields(rows("1", "2"), CONTRACT)
    assert {result.rejection.cause for result in results} == {"budget"}
    assert (len(adapter.asked), slept) == (1, [])


def test_an_update_by_id_is_sent_again_after_a_lost_answer():
    crm, adapter, _ = portal(
        requests.ConnectionError("reset"), (503, {}), lambda body: (200, OK | {"results": written(body)})
    )
    assert outcomes(crm.write_fields(rows("1"), CONTRACT)) == {"op-1": "ok"}
    assert len(adapter.asked) == 3


def task(key="usage-1"):
    return TaskOpening(key, "9", TaskText("Call", "Why & how", "high"), date(2026, 5, 8), "7")


def test_without_a_unique_key_a_lost_answer_to_a_create_is_never_sent_again():
    crm, adapter, _ = portal(KEY_NOT_UNIQUE, requests.ReadTimeout("slow"))
    assert outcomes(crm.open_tasks([task()])) == {"usage-1": "unknown"}
    assert len(adapter.asked) == 2


def test_without_a_unique_key_a_create_that_never_left_is_sent_again():
    refused = requests.ConnectionError(MaxRetryError(None, "/", NewConnectionError(None, "refused")))
    created = (201, OK | {"results": [{"id": "5", "properties": {"usage_task_key": "usage-1"}}]})
    crm, _, _ = portal(KEY_NOT_UNIQUE, refused, created)
    assert outcomes(crm.open_tasks([task()])) == {"usage-1": "ok"}


def test_a_cleared_field_is_sent_as_an_empty_text_since_null_would_be_ignored():
    crm, adapter, _ = portal(lambda body: (200, OK | {"results": written(body)}))
    crm.write_fields([FieldWrite("op", "1", {"usage_churn_risk": None})], CONTRACT)
    assert adapter.asked[0][2]["inputs"][0]["properties"] == {"usage_churn_risk": ""}


def test_a_read_that_keeps_failing_says_where_and_what_to_do():
    crm, _, _ = portal(*[(502, {})] * 6)
    with pytest.raises(Unavailable, match="can be reached"):
        crm.instance()


@pytest.mark.parametrize(
    ("version", "path"),
    [("v3", "/crm/v3/objects/companies/batch/update"), ("2026-09", "/crm/objects/2026-09/companies/batch/update")],
)
def test_both_families_of_paths_are_spoken(version, path):
    crm, adapter, _ = portal(lambda body: (200, OK | {"results": written(body)}), version=version)
    crm.write_fields(rows("1"), CONTRACT)
    assert adapter.asked[0][:2] == ("POST", path)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Sat, 21 Nov 2026 08:00:30 GMT", "Date": "Sat, 21 Nov 2026 08:00:00 GMT"}, 30),
        ({"Retry-After": "Sat, 21 Nov 2026 09:00:00 GMT", "Date": "Sat, 21 Nov 2026 08:00:00 GMT"}, 60),
        ({"Retry-After": "Sat, 21 Nov 2026 08:00:30 GMT"}, 2),
        ({"Retry-After": "soon"}, 2),
        ({}, 2),
    ],
)
def test_how_long_to_wait_may_be_said_in_seconds_or_as_a_date(headers, seconds):
    crm, _, slept = portal((477, {}, headers), lambda body: (200, OK | {"results": written(body)}))
    assert outcomes(crm.write_fields(rows("1"), CONTRACT)) == {"op-1": "ok"}
    assert seconds <= slept[0] < seconds + 1


def test_the_next_call_waits_until_the_window_that_its_answers_told_of_has_room():
    now = [0.0]
    told = {"X-HubSpot-RateLimit-Max": "2", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}

    def answered(body):
        return 200, OK | {"results": written(body)}, told | {"X-HubSpot-RateLimit-Remaining": "1"}

    crm, _, slept = portal(answered, answered, clock=lambda: now[0])
    crm.write_fields(rows("1"), CONTRACT)
    now[0] = 4.0
    crm.write_fields(rows("2"), CONTRACT)
    # One of two stays free for others, so the second call waits for the first one's end, and a little longer.
    assert slept == [pytest.approx(6.1)]
