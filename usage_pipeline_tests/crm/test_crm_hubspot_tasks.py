"""A task is on its company or it is not there at all."""

from dataclasses import replace
from datetime import date

import pytest
import requests
from crm_sandbox import running
from hubspot_played import KEY_UNIQUE, OK, portal

from usage_pipeline.crm.client import TaskChange, TaskOpening, TaskText
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.errors import Unavailable

TEXT = TaskText("Call", "Use fell by 40 %.", "high")
LIMIT = {"message": "You have reached your daily limit.", "policyName": "DAILY"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        yield sandbox


@pytest.fixture
def fresh(sandbox):
    sandbox.stock()
    return sandbox


def companies(sandbox, *names):
    return [one["hubspot"] for one in sandbox.add(*((name, name, f"{name}.example") for name in names))]


def ready(sandbox, **how):
    crm = sandbox.client("hubspot", **how)
    crm.provision(CONTRACT)
    return crm


def opening(company, key="1"):
    return TaskOpening(f"usage-{company}-{key}", company, TEXT, date(2026, 5, 8), None)


def only(results):
    (result,) = results
    return result


def loose_tasks(sandbox):
    return [task for task in sandbox.tasks("hubspot") if task["company_id"] is None]


@pytest.mark.parametrize("version", ["2026-03", "2026-09", "v3"])
def test_a_task_whose_company_is_gone_is_archived_and_named(fresh, version):
    crm = ready(fresh, version=version)
    good, gone = companies(fresh, "acme", "bolt")
    fresh.delete(f"companies/hubspot/{gone}")
    results = {result.key: result for result in crm.open_tasks([opening(good), opening(gone)])}
    refused = results[opening(gone).key]
    assert results[opening(good).key].outcome == "ok"
    assert (refused.outcome, refused.rejection.cause) == ("failed", "identity")
    assert refused.crm_id
    assert f"task {refused.crm_id} is on no company and was archived" in refused.rejection.detail
    assert len(fresh.tasks("hubspot")) == 1
    assert loose_tasks(fresh) == []


def test_a_task_whose_company_vanished_before_it_was_settled_is_not_left_loose(fresh):
    crm = ready(fresh)
    (company,) = companies(fresh, "acme")
    fresh.post("faults", crm="hubspot", match="batch/upsert", kind="drop_after_commit", times=9)
    assert only(crm.open_tasks([opening(company)])).outcome == "unknown"
    fresh.delete("faults")
    fresh.delete(f"companies/hubspot/{company}")
    assert crm.find_tasks([opening(company)]) == {}
    assert fresh.tasks("hubspot") == []


def upserted(body):
    done = [{"id": f"t-{one['id']}", "objectWriteTraceId": one["objectWriteTraceId"]} for one in body["inputs"]]
    return 200, OK | {"results": done}


def hung(body):
    return 201, OK | {"results": [{"fromObjectId": one["from"]["id"]} for one in body["inputs"]]}


REFUSED = 400, {"category": "VALIDATION_ERROR", "message": "The user may not edit associations"}
SINGLE = 200, OK | {"results": [{"from": {"id": "t"}}]}


def test_an_association_batch_that_is_refused_whole_is_put_singly():
    crm, adapter, _ = portal(KEY_UNIQUE, upserted, REFUSED, SINGLE)
    result = only(crm.open_tasks([opening("9")]))
    assert (result.outcome, result.crm_id) == ("ok", "t-usage-9-1")
    path = "/crm/objects/2026-03/tasks/t-usage-9-1/associations/default/companies/9"
    assert adapter.asked[-1][:2] == ("PUT", path)


def test_one_refused_association_does_not_lose_the_others():
    def strict(body):
        return REFUSED if any(one["to"]["id"] == "3" for one in body["inputs"]) else hung(body)

    archived = 204, None
    crm, adapter, _ = portal(KEY_UNIQUE, upserted, *[strict] * 5, (404, {}), archived)
    results = crm.open_tasks([opening(one) for one in ("1", "2", "3")])
    assert [result.outcome for result in results] == ["ok", "ok", "failed"]
    assert adapter.asked[-1][2] == {"inputs": [{"id": "t-usage-3-1"}]}


def test_an_association_that_nobody_answers_for_is_asked_for_singly():
    crm, adapter, _ = portal(KEY_UNIQUE, upserted, (207, OK | {"results": []}), SINGLE)
    assert only(crm.open_tasks([opening("9")])).outcome == "ok"
    assert adapter.asked[-1][0] == "PUT"


@pytest.mark.parametrize("answers", [[(503, {})] * 6, [(429, LIMIT)], [requests.ReadTimeout("slow")] * 6])
def test_a_task_that_is_not_on_its_company_for_a_passing_reason_has_to_be_looked_at(answers):
    crm, _, _ = portal(KEY_UNIQUE, upserted, *answers)
    result = only(crm.open_tasks([opening("9")]))
    assert (result.outcome, result.crm_id) == ("unknown", "t-usage-9-1")


def test_a_loose_task_that_cannot_be_archived_has_to_be_looked_at():
    named = {"category": "OBJECT_NOT_FOUND", "message": "gone", "context": {"toObjectId": ["9"]}}
    crm, _, _ = portal(KEY_UNIQUE, upserted, (207, OK | {"results": [], "errors": [named]}), *[(503, {})] * 6)
    result = only(crm.open_tasks([opening("9")]))
    assert (result.outcome, result.crm_id) == ("unknown", "t-usage-9-1")
    assert "could not be archived" in result.rejection.detail


def test_a_found_task_whose_company_cannot_be_reached_is_not_said_to_be_missing():
    found = {"id": "5", "properties": {"usage_task_key": "usage-9-1"}}
    crm, _, _ = portal(KEY_UNIQUE, (200, OK | {"results": [found]}), *[(503, {})] * 6)
    with pytest.raises(Unavailable, match="usage-9-1"):
        crm.find_tasks([opening("9")])


def test_a_task_that_a_person_has_begun_is_theirs_even_without_its_company():
    found = {"id": "5", "properties": {"usage_task_key": "usage-9-1", "hs_task_status": "IN_PROGRESS"}}
    named = {"category": "OBJECT_NOT_FOUND", "message": "gone", "context": {"toObjectId": ["9"]}}
    crm, _, _ = portal(KEY_UNIQUE, (200, OK | {"results": [found]}), (207, OK | {"results": [], "errors": [named]}))
    assert list(crm.find_tasks([opening("9")])) == ["usage-9-1"]


def test_a_note_that_is_worded_otherwise_the_next_morning_is_not_added_again(fresh):
    crm = ready(fresh)
    (company,) = companies(fresh, "acme")
    task = only(crm.open_tasks([opening(company)])).crm_id
    theirs = replace(TEXT, body="what we had written before that person came")
    for note in ("Gone on 2026-05-04.", "Gone on 2026-05-05."):
        assert only(crm.change_tasks([TaskChange("k", task, theirs, None, note)])).outcome == "left"
    body = crm.task_states([task])[task].text.body
    assert "Gone on 2026-05-04." in body
    assert "Gone on 2026-05-05." not in body


def test_hubspots_own_unique_property_tells_tasks_apart_where_ours_may_not_be_unique(fresh):
    fresh.post("settings", tasks_unique_property="blocked", hubspot_task_unique_id="unique")
    crm = fresh.client("hubspot")
    assert "hs_unique_id" in crm.provision(CONTRACT).notes[0]
    (company,) = companies(fresh, "acme")
    assert crm.opening_class == "idempotent"
    first, second = (only(crm.open_tasks([opening(company)])) for _ in range(2))
    assert first.crm_id == second.crm_id
    assert list(crm.find_tasks([opening(company), opening(company, "2")])) == [opening(company).key]
    assert len(fresh.tasks("hubspot")) == 1


def test_an_association_that_is_not_seen_at_once_is_found_by_the_next_look(fresh):
    fresh.post("settings", tasks_unique_property="blocked", hubspot_association_lag=1)
    crm = ready(fresh)
    (company,) = companies(fresh, "acme")
    assert only(crm.open_tasks([opening(company)])).outcome == "ok"
    looks = [list(crm.find_tasks([opening(company)])) for _ in range(2)]
    assert looks == [[], [opening(company).key]]


def test_a_create_that_the_network_delivers_twice_leaves_the_older_task_and_is_counted(fresh):
    fresh.post("settings", tasks_unique_property="blocked")
    crm = ready(fresh)
    first, second = (opening(one) for one in companies(fresh, "acme", "bolt"))
    for _ in range(2):
        crm.open_tasks([first])
    older = min(task["id"] for task in fresh.tasks("hubspot"))
    assert crm.find_tasks([first, second])[first.key].task_id == older
    assert [task["id"] for task in fresh.tasks("hubspot")] == [older]
    assert crm.duplicates_archived == 1
    crm.find_tasks([first, second])
    assert crm.duplicates_archived == 1


def test_of_two_tasks_of_one_key_the_one_that_a_person_has_in_hand_stays(fresh):
    fresh.post("settings", tasks_unique_property="blocked")
    crm = ready(fresh)
    first = opening(*companies(fresh, "acme"))
    for _ in range(2):
        crm.open_tasks([first])
    younger = max(task["id"] for task in fresh.tasks("hubspot"))
    fresh.post(f"tasks/hubspot/{younger}", status="done", answer="They renew.")
    assert crm.find_tasks([first])[first.key].task_id == younger
    assert [task["id"] for task in fresh.tasks("hubspot")] == [younger]


def test_a_thousand_tasks_take_twenty_write_calls(fresh):
    crm = ready(fresh)
    (company,) = companies(fresh, "acme")
    assert crm.opening_class == "idempotent"
    before = crm.calls.writes
    for at in range(0, 1_000, 100):
        crm.open_tasks([opening(company, str(at + one)) for one in range(100)])
    assert crm.calls.writes - before == 20
