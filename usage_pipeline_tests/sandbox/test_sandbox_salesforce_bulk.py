import csv
import io

import pytest
from sandbox_builders import account, error, field, query

JOBS = "/jobs/ingest"
SETTINGS = "http://sandbox/_sandbox/settings"


def job(salesforce, operation="update", **more):
    made = salesforce.post(JOBS, json={"object": "Account", "operation": operation, "contentType": "CSV", **more})
    assert made.status_code == 200, made.text
    return made.json()["id"]


def upload(salesforce, there, content):
    return salesforce.put(f"{JOBS}/{there}/batches", content=content, headers={"content-type": "text/csv"})


def close(salesforce, there, state="UploadComplete"):
    return salesforce.patch(f"{JOBS}/{there}", json={"state": state})


def state(salesforce, there):
    return salesforce.get(f"{JOBS}/{there}").json()["state"]


def ended(salesforce, there, polls=20):
    for _ in range(polls):
        told = salesforce.get(f"{JOBS}/{there}").json()
        if told["state"] in ("JobComplete", "Failed", "Aborted"):
            return told
    raise AssertionError(f"still {told}")


def run(salesforce, content, operation="update", **more):
    there = job(salesforce, operation, **more)
    assert upload(salesforce, there, content).status_code == 201
    assert close(salesforce, there).status_code == 200
    return there, ended(salesforce, there)


def rows(salesforce, there, file):
    answer = salesforce.get(f"{JOBS}/{there}/{file}")
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


@pytest.fixture
def tier(salesforce):
    return field(salesforce, "Account.Tier__c")


def test_a_job_is_open_then_complete_and_tells_what_it_did(salesforce, tier):
    there = account(salesforce)
    made = salesforce.post(JOBS, json={"object": "account", "operation": "update", "lineEnding": "LF"}).json()
    assert (made["state"], made["object"], made["contentType"]) == ("Open", "Account", "CSV")
    assert made["contentUrl"] == f"services/data/v68.0/jobs/ingest/{made['id']}/batches"
    upload(salesforce, made["id"], f"Id,{tier}\n{there},red\n")
    assert close(salesforce, made["id"]).json()["state"] == "UploadComplete"
    assert state(salesforce, made["id"]) == "InProgress"
    told = ended(salesforce, made["id"])
    assert (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == ("JobComplete", 1, 0)
    assert "contentUrl" not in told
    assert query(salesforce, f"SELECT {tier} FROM Account")[0][tier] == "red"


def test_a_blank_cell_leaves_a_field_and_na_empties_it(salesforce, tier):
    kept, emptied = (account(salesforce, Website="a.example", **{tier: "red"}) for _ in range(2))
    run(salesforce, f"Id,{tier},Website\n{kept},,b.example\n{emptied},#N/A,\n")
    found = {each["Id"]: each for each in query(salesforce, f"SELECT Id, {tier}, Website FROM Account")}
    assert (found[kept][tier], found[kept]["Website"]) == ("red", "b.example")
    assert (found[emptied][tier], found[emptied]["Website"]) == (None, "a.example")


def test_a_value_of_several_lines_stays_one(salesforce):
    there = account(salesforce)
    words = 'line one\nline "two", and a comma\n\nlast'
    content = io.StringIO(newline="")
    csv.writer(content, lineterminator="\n").writerows([["Id", "Description"], [there, words]])
    made, _ = run(salesforce, content.getvalue())
    assert query(salesforce, "SELECT Description FROM Account")[0]["Description"] == words
    assert rows(salesforce, made, "successfulResults")[0]["Description"] == words


def test_each_row_is_in_one_of_two_files_with_its_reason(salesforce):
    there = account(salesforce)
    made, told = run(salesforce, f"Id,Name\n{there},Beta\n001Qy0000000999AAA,Gamma\n{there[:15]},#N/A\n")
    assert (told["numberRecordsProcessed"], told["numberRecordsFailed"]) == (3, 2)
    (done,) = rows(salesforce, made, "successfulResults")
    assert (done["sf__Id"], done["sf__Created"], done["Name"]) == (there, "false", "Beta")
    errors = {each["Name"]: each["sf__Error"] for each in rows(salesforce, made, "failedResults")}
    assert errors == {
        "Gamma": "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--",
        "#N/A": "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --",
    }
    assert rows(salesforce, made, "unprocessedRecords") == []


def test_results_come_in_no_order(salesforce):
    names = [f"Company {number}" for number in range(40)]
    made, _ = run(salesforce, "Name\n" + "\n".join(names), "insert")
    told = [each["Name"] for each in rows(salesforce, made, "successfulResults")]
    assert sorted(told) == sorted(names)
    assert told != names


def test_an_upsert_creates_and_updates_by_its_key(salesforce):
    field(salesforce, "Account.Key__c", externalId=True, unique=True)
    there = account(salesforce, Key__c="a1")
    made, _ = run(salesforce, "Key__c,Name\na1,Acme Inc\na2,New\n", "upsert", externalIdFieldName="Key__c")
    created = {each["Key__c"]: each["sf__Created"] for each in rows(salesforce, made, "successfulResults")}
    assert created == {"a1": "false", "a2": "true"}
    assert salesforce.get(f"/sobjects/Account/{there}").json()["Name"] == "Acme Inc"


def test_rows_are_deleted_by_their_ids(salesforce):
    there = account(salesforce)
    run(salesforce, f"Id\n{there}\n", "delete")
    assert query(salesforce, "SELECT Id FROM Account") == []


def test_a_column_that_nobody_sees_fails_the_whole_job(salesforce):
    field(salesforce, "Account.Hidden__c", visible=False)
    there = account(salesforce)
    made, told = run(salesforce, f"Id,Hidden__c\n{there},x\n")
    assert (told["state"], told["errorMessage"]) == ("Failed", "InvalidBatch : Field name not found : Hidden__c")
    assert [each["Id"] for each in rows(salesforce, made, "unprocessedrecords")] == [there]


@pytest.mark.parametrize(
    ("spelled"),
    [
        "/jobs/ingest/{}/unprocessedRecords",
        "/JOBS/Ingest/{}/unprocessedrecords/",
        "/jobs/ingest//{}/UnprocessedRecords",
    ],
)
def test_both_spellings_of_a_route_lead_there(salesforce, spelled):
    made, _ = run(salesforce, "Name\nAcme\n", "insert")
    assert salesforce.get(spelled.format(made)).status_code == 200


@pytest.mark.parametrize(("fate", "end"), [("failed", "Failed"), ("aborted", "Aborted")])
def test_a_job_that_ends_badly_leaves_rows_unprocessed(salesforce, fate, end):
    salesforce.post(SETTINGS, json={"bulk_fate": fate, "bulk_percent_before_end": 25})
    made, told = run(salesforce, "Name\nA\nB\nC\nD\n", "insert")
    assert told["state"] == end
    assert [len(rows(salesforce, made, file)) for file in ("successfulResults", "unprocessedrecords")] == [1, 3]
    assert len(query(salesforce, "SELECT Id FROM Account")) == 1


def test_a_stuck_job_stays_in_progress_until_it_is_aborted(salesforce):
    salesforce.post(SETTINGS, json={"bulk_fate": "stuck"})
    made = job(salesforce, "insert")
    upload(salesforce, made, "Name\nA\nB\n")
    close(salesforce, made)
    assert {state(salesforce, made) for _ in range(5)} == {"InProgress"}
    assert close(salesforce, made, "Aborted").json()["state"] == "Aborted"


def test_an_upload_is_processed_a_part_at_each_question(salesforce):
    salesforce.post(SETTINGS, json={"bulk_rows_per_poll": 2})
    made = job(salesforce, "insert")
    upload(salesforce, made, "Name\nA\nB\nC\n")
    close(salesforce, made)
    told = [salesforce.get(f"{JOBS}/{made}").json() for _ in range(3)]
    assert [each["numberRecordsProcessed"] for each in told] == [0, 2, 3]
    assert told[-1]["state"] == "JobComplete"


def test_every_step_in_a_wrong_state_is_refused(salesforce):
    made = job(salesforce, "insert")
    assert error(salesforce.get(f"{JOBS}/{made}/failedResults"))[0] == "INVALIDJOBSTATE"
    assert error(salesforce.delete(f"{JOBS}/{made}"))[0] == "INVALIDJOBSTATE"
    upload(salesforce, made, "Name\nA\n")
    close(salesforce, made)
    assert error(close(salesforce, made)) == ("INVALIDJOBSTATE", "Closing already Closed Job not allowed")
    assert error(upload(salesforce, made, "Name\nB\n"))[0] == "INVALIDJOBSTATE"
    ended(salesforce, made)
    assert error(close(salesforce, made, "Aborted")) == (
        "INVALIDJOBSTATE",
        "Aborting already Completed Job not allowed",
    )
    assert salesforce.delete(f"{JOBS}/{made}").status_code == 204
    assert salesforce.get(f"{JOBS}/{made}").status_code == 404


def test_a_second_upload_makes_a_job_unusable(salesforce):
    made = job(salesforce, "insert")
    assert [upload(salesforce, made, "Name\nA\n").status_code for _ in range(2)] == [201, 201]
    assert error(close(salesforce, made))[0] == "INVALIDJOB"
    assert close(salesforce, made, "Aborted").status_code == 200
    assert query(salesforce, "SELECT Id FROM Account") == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"object": "Nope"}, "INVALIDENTITY"),
        ({"operation": "hardDelete"}, "FEATURENOTENABLED"),
        ({"operation": "query"}, "JSON_PARSER_ERROR"),
        ({"contentType": "JSON"}, "JSON_PARSER_ERROR"),
        ({"operation": "upsert", "externalIdFieldName": "Nope__c"}, "INVALIDJOB"),
        ({"operation": "update", "externalIdFieldName": "Id"}, "INVALIDJOB"),
    ],
)
def test_a_job_that_cannot_be_is_refused_at_once(salesforce, wrong, code):
    refused = salesforce.post(JOBS, json={"object": "Account", "operation": "insert", **wrong})
    assert (refused.status_code, error(refused)[0]) == (400, code)


def test_all_jobs_are_listed_with_their_states(salesforce):
    first, second = job(salesforce), job(salesforce, "insert")
    close(salesforce, first, "Aborted")
    told = salesforce.get(JOBS, params={"jobType": "V2Ingest"}).json()
    assert told["done"] is True
    assert [(each["id"], each["state"]) for each in told["records"]] == [(first, "Aborted"), (second, "Open")]


def test_other_delimiters_and_line_ends_are_taken_and_given(salesforce):
    made, _ = run(salesforce, "Name;Phone\r\nA;1\r\n", "insert", columnDelimiter="SEMICOLON", lineEnding="CRLF")
    answer = salesforce.get(f"{JOBS}/{made}/successfulResults").text
    assert answer.startswith('"sf__Id";"sf__Created";"Name";"Phone"\r\n')


def test_a_locked_record_refuses_as_often_as_it_is_told(salesforce):
    there = account(salesforce)
    salesforce.post(SETTINGS, json={"salesforce_locked": {there: 2}})
    rows = [{"attributes": {"type": "Account"}, "Id": there, "Phone": "1"}]
    told = [salesforce.patch("/composite/sobjects", json={"records": rows}).json()[0] for _ in range(2)]
    assert [each["errors"][0]["statusCode"] if each["errors"] else "ok" for each in told] == ["UNABLE_TO_LOCK_ROW"] * 2
    assert salesforce.patch(f"/sobjects/Account/{there}", json={"Phone": "1"}).status_code == 204


def test_a_task_meets_the_lock_of_its_account(salesforce):
    there = account(salesforce)
    task = salesforce.post("/sobjects/Task", json={"Subject": "Call", "WhatId": there}).json()["id"]
    salesforce.post(SETTINGS, json={"salesforce_locked": {there: 1}})
    locked = salesforce.patch(f"/sobjects/Task/{task}", json={"Subject": "Write"})
    assert error(locked)[0] == "UNABLE_TO_LOCK_ROW"
    assert salesforce.patch(f"/sobjects/Task/{task}", json={"Subject": "Write"}).status_code == 204
