from datetime import date

import pytest
import requests
from crm_sandbox import running

from usage_pipeline.crm.client import TaskChange, TaskOpening, TaskText
from usage_pipeline.crm.contract import CONTRACT

TEXT = TaskText("Call Acme", "Use fell by 40 %.", "high")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        sandbox.stock()
        sandbox.client("salesforce").provision(CONTRACT)
        yield sandbox


@pytest.fixture
def crm(sandbox):
    yield sandbox.client("salesforce")
    sandbox.delete("faults")
    sandbox.post("settings", salesforce_locked={})


@pytest.fixture
def accounts(sandbox):
    return [each["salesforce"] for each in sandbox.add(*((f"Company {n}", None, None) for n in range(3)))]


def opening(company, play="risk"):
    return TaskOpening(f"{company}-{play}", company, TEXT, date(2026, 5, 8), None)


def test_a_key_that_is_taken_is_our_own_task_and_is_found(sandbox, crm, accounts):
    batch = [opening(company) for company in accounts]
    body = [{"errorCode": "DUPLICATE_VALUE", "message": "duplicate value found: Usage_Task_Key__c"}]
    sandbox.post(
        "faults",
        crm="salesforce",
        match="composite/sobjects/Task",
        kind="status_after_commit",
        status=400,
        body=body,
        times=9,
    )
    results = crm.open_tasks(batch)
    assert [result.outcome for result in results] == ["ok"] * 3
    assert {result.crm_id for result in results} == {
        task["id"] for company in accounts for task in sandbox.tasks("salesforce", company)
    }


def test_a_key_that_is_said_to_be_taken_and_is_not_there_stays_refused(sandbox, crm, accounts):
    body = [{"errorCode": "DUPLICATE_VALUE", "message": "duplicate value found: Usage_Task_Key__c"}]
    sandbox.post("faults", crm="salesforce", match="composite/sobjects/Task", kind="status", status=400, body=body)
    (result,) = crm.open_tasks([opening(accounts[0])])
    assert (result.outcome, result.rejection.cause) == ("failed", "identity")


def test_a_lost_answer_to_an_opening_and_then_a_refusal_is_unknown_and_then_found(sandbox, crm, accounts):
    sandbox.post("faults", crm="salesforce", match="composite/sobjects/Task", kind="drop_after_commit")
    body = [{"errorCode": "JSON_PARSER_ERROR", "message": "Unexpected end"}]
    sandbox.post("faults", crm="salesforce", match="composite/sobjects/Task", status=400, body=body)
    (result,) = crm.open_tasks([opening(accounts[0])])
    assert result.outcome == "unknown"
    assert list(crm.find_tasks([opening(accounts[0])])) == [opening(accounts[0]).key]


def test_tasks_of_one_account_stand_together_and_only_the_locked_ones_are_sent_again(sandbox, crm, accounts):
    batch = [opening(company, play) for play in ("risk", "growth") for company in accounts]
    sandbox.post("settings", salesforce_locked={accounts[1]: 2})
    results = crm.open_tasks(batch)
    assert [result.key for result in results] == [row.key for row in batch]
    assert {result.outcome for result in results} == {"ok"}
    sent = [each["request"] for each in sandbox.get("log", limit=20_000) if "composite/sobjects/Task" in each["path"]][
        -2:
    ]
    places = [sent[0].index(row.key) for row in sorted(batch, key=lambda row: row.company)]
    assert places == sorted(places)
    assert [sent[1].count(company) > 0 for company in accounts] == [False, True, False]
    assert all(len(sandbox.tasks("salesforce", company)) == 2 for company in accounts)


def test_a_change_meets_the_lock_of_its_account_and_passes_when_it_is_gone(sandbox, crm, accounts):
    opened = crm.open_tasks([opening(company) for company in accounts])
    sandbox.post("settings", salesforce_locked={accounts[0]: 1})
    newer = TaskText("Call Acme", "Use fell by 60 %.", "medium")
    results = crm.change_tasks([TaskChange(one.key, one.crm_id, TEXT, newer) for one in opened])
    assert {result.outcome for result in results} == {"ok"}
    assert {state.text for state in crm.task_states([one.crm_id for one in opened]).values()} == {newer}


def test_a_key_field_that_is_hidden_is_a_matter_of_the_schema_and_not_of_the_record(sandbox, crm, accounts):
    crm.provision(CONTRACT)
    soql = "SELECT Id FROM FieldPermissions WHERE Field LIKE '%Usage_Task_Key__c'"
    for permission in list(crm._org.query(soql)):
        crm._org.call("DELETE", f"/sobjects/FieldPermissions/{permission['Id']}", "idempotent")
    results = crm.open_tasks([opening(company) for company in accounts])
    assert {(result.outcome, result.rejection.cause) for result in results} == {("failed", "schema")}
    assert crm.provision(CONTRACT).created
    assert {result.outcome for result in crm.open_tasks([opening(company) for company in accounts])} == {"ok"}


def test_nothing_is_asked_where_no_task_is_meant(crm):
    assert crm.task_states([]) == {}
    assert crm.find_tasks([]) == {}
    assert crm.calls.total == 0


def test_a_task_for_a_record_that_was_merged_away_goes_to_the_account_that_holds_our_key(sandbox, crm):
    gone, heir, other = (
        one["salesforce"] for one in sandbox.add(("Old", "k1", None), ("New", None, None), ("Other", "k2", None))
    )
    merged = requests.post(f"{sandbox.url}/_sandbox/companies/salesforce/{gone}/merge", json={"into": heir}, timeout=10)
    assert merged.json()["id"] == heir
    due = date(2026, 5, 8)
    rows = [
        TaskOpening("usage-merged", gone, TEXT, due, None, account=("Product_Account_Id__c", "k1")),
        TaskOpening("usage-nobodys", gone, TEXT, due, None, account=("Product_Account_Id__c", "k9")),
        TaskOpening("usage-other", other, TEXT, due, None, account=("Product_Account_Id__c", "k2")),
    ]
    results = {result.key: result for result in crm.open_tasks(rows)}
    assert [results[row.key].outcome for row in rows] == ["ok", "failed", "ok"]
    assert results["usage-nobodys"].rejection.cause == "identity"
    assert [task["task_key"] for task in sandbox.tasks("salesforce", heir)] == ["usage-merged"]
