"""Many rows of fields to Salesforce: Bulk jobs against the sandbox, and what must not be lost in between."""

import pytest
from crm_sandbox import running

from usage_pipeline.crm import salesforce_csv
from usage_pipeline.crm.client import FieldWrite
from usage_pipeline.crm.contract import CONTRACT

ROWS = 230
REASONS = "active users fell\n“seats” are unused, and\nnobody came"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        sandbox.stock(*((f"Company {n}", f"k{n}", f"c{n}.example") for n in range(ROWS)))
        sandbox.client("salesforce").provision(CONTRACT)
        yield sandbox


@pytest.fixture
def slept():
    return []


@pytest.fixture
def crm(sandbox, slept):
    crm = sandbox.client("salesforce", sleep=slept.append)
    yield crm
    sandbox.delete("faults")
    sandbox.post(
        "settings",
        bulk_fate="complete",
        bulk_percent_before_end=50,
        bulk_idle_polls=1,
        salesforce_session_calls=0,
        salesforce_locked={},
    )


@pytest.fixture
def ids(crm):
    return [record.crm_id for record in crm.records("Product_Account_Id__c", CONTRACT)]


def rows(ids, **values):
    values = {"usage_churn_tier": "red", "usage_churn_reasons": REASONS} | values
    return [FieldWrite(f"op-{one}", one, values) for one in ids]


def outcomes(results):
    return {result.outcome for result in results}


def asked(sandbox, since):
    """What was asked of jobs after the log's number `since`, ids left out."""
    calls = sandbox.get("log", since=since, limit=20_000)
    paths = [(each["method"], each["path"]) for each in calls if "/jobs/ingest" in each["path"]]
    return [f"{method} {path.rpartition('/ingest')[2].partition('?')[0].split('/')[-1]}"[:40] for method, path in paths]


def last(sandbox):
    return max((each["id"] for each in sandbox.get("log", limit=20_000)), default=0)


def there(crm, ids, field):
    values = crm.field_values(ids, CONTRACT)
    return {values[one][field] for one in ids}


def test_many_rows_arrive_by_one_job_and_a_value_of_several_lines_stays_one(sandbox, crm, ids):
    before = last(sandbox)
    results = crm.write_fields(rows(ids), CONTRACT)
    assert [result.key for result in results] == [f"op-{one}" for one in ids]
    assert outcomes(results) == {"ok"}
    assert there(crm, ids, "usage_churn_reasons") == {REASONS}
    methods = [one.split()[0] for one in asked(sandbox, before)]
    assert [methods.count(one) for one in ("POST", "PUT", "PATCH", "DELETE")] == [1, 1, 1, 0]


def test_a_row_is_emptied_where_another_of_the_same_job_is_left_alone(crm, ids):
    crm.write_fields(rows(ids), CONTRACT)
    batch = [FieldWrite("op-0", ids[0], {"usage_churn_tier": None})]
    batch += [FieldWrite(f"op-{n}", one, {"usage_cohort": "New"}) for n, one in enumerate(ids[1:], 1)]
    assert outcomes(crm.write_fields(batch, CONTRACT)) == {"ok"}
    values = crm.field_values(ids, CONTRACT)
    assert (values[ids[0]]["usage_churn_tier"], values[ids[0]]["usage_churn_reasons"]) == (None, REASONS)
    assert (values[ids[1]]["usage_churn_tier"], values[ids[1]]["usage_cohort"]) == ("red", "New")


def test_results_are_matched_by_record_and_one_bad_row_fails_alone(crm, ids):
    batch = rows(ids)
    batch[7] = FieldWrite(batch[7].key, ids[7], {"usage_churn_tier": "purple"})
    batch[9] = FieldWrite(batch[9].key, "001Qy0000009999AAA", {"usage_churn_tier": "red"})
    results = {result.key: result for result in crm.write_fields(batch, CONTRACT)}
    bad = {key: result.rejection.cause for key, result in results.items() if result.outcome != "ok"}
    assert bad == {batch[7].key: "schema", batch[9].key: "identity"}
    assert "purple" in results[batch[7].key].rejection.detail
    assert results[batch[8].key].crm_id == ids[8]


def test_two_rows_for_one_record_are_sent_one_after_the_other(crm, ids):
    batch = [*rows(ids), FieldWrite("later", ids[0], {"usage_churn_tier": "green"})]
    assert outcomes(crm.write_fields(batch, CONTRACT)) == {"ok"}
    assert there(crm, ids[:1], "usage_churn_tier") == {"green"}


@pytest.mark.parametrize(
    "step", ["POST .*ingest$", "PUT .*batches", "PATCH .*ingest/", "GET .*ingest/", "GET .*Results"]
)
@pytest.mark.parametrize("fault", ["drop_after_commit", "drop", "status_after_commit", "status"])
def test_an_answer_lost_at_any_step_loses_no_row_and_makes_no_second_job(sandbox, crm, ids, step, fault):
    tier = {"drop": "red", "status": "yellow"}.get(fault, "green")
    before = last(sandbox)
    sandbox.post("faults", crm="salesforce", match=step, kind=fault, **({"status": 503} if "status" in fault else {}))
    assert outcomes(crm.write_fields(rows(ids, usage_churn_tier=tier), CONTRACT)) == {"ok"}
    assert there(crm, ids, "usage_churn_tier") == {tier}
    if fault.endswith("commit"):
        assert asked(sandbox, before).count("PUT batches") == 1


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_a_session_that_ends_in_the_middle_goes_on_with_the_same_job(sandbox, crm, ids, calls):
    crm.instance()
    sandbox.post("settings", salesforce_session_calls=calls, bulk_idle_polls=4)
    before = last(sandbox)
    assert outcomes(crm.write_fields(rows(ids), CONTRACT)) == {"ok"}
    sandbox.post("settings", salesforce_session_calls=0)
    made = {each["path"] for each in sandbox.get("log", since=before, limit=20_000) if "/batches" in each["path"]}
    assert len(made) == 1
    assert there(crm, ids, "usage_churn_tier") == {"red"}


@pytest.mark.parametrize("fate", ["failed", "aborted"])
def test_a_job_that_ends_badly_tells_each_row_its_own_end(sandbox, crm, ids, fate):
    sandbox.post("settings", bulk_fate=fate)
    results = crm.write_fields(rows(ids, usage_churn_tier="yellow"), CONTRACT)
    done = [result for result in results if result.outcome == "ok"]
    waiting = [result for result in results if result.outcome == "failed"]
    assert len(done) == len(waiting) == ROWS // 2
    assert {result.rejection.cause for result in waiting} == {"transient"}
    assert there(crm, [result.crm_id for result in done], "usage_churn_tier") == {"yellow"}


def test_a_job_that_fails_by_a_hidden_column_is_a_matter_of_schema(sandbox, crm, ids):
    foreign = CONTRACT.fields[0].__class__("usage_not_there", CONTRACT.fields[0].kind, "Not there", "")
    contract = CONTRACT.__class__((*CONTRACT.fields, foreign))
    results = crm.write_fields([FieldWrite(one, one, {"usage_not_there": "1"}) for one in ids], contract)
    assert {(result.outcome, result.rejection.cause) for result in results} == {("failed", "schema")}
    assert "Usage_Not_There__c" in results[0].rejection.detail


def test_a_stuck_job_is_aborted_and_its_rows_are_unknown(sandbox, crm, ids, slept):
    sandbox.post("settings", bulk_fate="stuck")
    results = crm.write_fields(rows(ids), CONTRACT)
    assert outcomes(results) == {"unknown"}
    assert sum(slept) >= 3_600
    assert sorted(slept) == slept
    assert slept[-1] == 30.0
    states = [job["state"] for job in crm._bulk._jobs.ours()]
    assert "InProgress" not in states


def test_an_upload_that_never_arrived_is_sent_by_one_more_job(sandbox, crm, ids):
    sandbox.post("faults", crm="salesforce", match="PUT .*batches", kind="drop")
    assert outcomes(crm.write_fields(rows(ids, usage_churn_tier="yellow"), CONTRACT)) == {"ok"}
    sandbox.post("faults", crm="salesforce", match="PUT .*batches", kind="drop", times=9)
    results = crm.write_fields(rows(ids, usage_churn_tier="red"), CONTRACT)
    assert {(result.outcome, result.rejection.cause) for result in results} == {("failed", "transient")}
    assert there(crm, ids, "usage_churn_tier") == {"yellow"}


@pytest.mark.parametrize("step", ["PATCH .*ingest/", "successfulResults"])
def test_what_nobody_can_tell_is_unknown_and_never_failed(sandbox, crm, ids, step):
    crm._bulk._jobs._stuck_after_s = 10
    sandbox.post("faults", crm="salesforce", match=f"{step}|GET .*ingest/", kind="drop_after_commit", times=500)
    assert outcomes(crm.write_fields(rows(ids), CONTRACT)) == {"unknown"}


def test_a_day_that_is_spent_in_the_middle_leaves_rows_unknown_and_the_rest_unsent(sandbox, crm, ids):
    body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
    sandbox.post("faults", crm="salesforce", match="GET .*ingest/750", status=403, body=body, times=9)
    results = crm.write_fields(rows(ids), CONTRACT)
    assert {(result.outcome, result.rejection.cause) for result in results} == {("unknown", "budget")}


def test_locked_rows_alone_are_sent_again(sandbox, crm, ids, slept):
    sandbox.post("settings", salesforce_locked={ids[3]: 2, ids[4]: 1})
    assert outcomes(crm.write_fields(rows(ids, usage_churn_tier="green"), CONTRACT)) == {"ok"}
    sent = [each for each in sandbox.get("log", limit=20_000) if each["path"].endswith("/composite/sobjects")]
    assert sent[-1]["request"].count('"Id"') == 1
    assert there(crm, ids, "usage_churn_tier") == {"green"}


def test_a_job_that_a_crash_left_running_is_waited_for_before_anything_newer_is_written(sandbox, crm, ids, slept):
    killed = sandbox.client("salesforce")
    job = killed._bulk._begin(next(salesforce_csv.uploads(rows(ids, usage_churn_tier="red"), CONTRACT))[1])
    batch = rows(ids[:1], usage_churn_tier="green")
    assert outcomes(crm.write_fields(batch, CONTRACT)) == {"ok"}
    assert slept
    assert killed._bulk._jobs.state(job)["state"] == "JobComplete"
    assert there(crm, ids[:1], "usage_churn_tier") == {"green"}


def test_a_job_that_a_crash_left_stuck_is_given_up_before_anything_newer_is_written(sandbox, crm, ids):
    sandbox.post("settings", bulk_fate="stuck")
    killed = sandbox.client("salesforce")
    job = killed._bulk._begin(next(salesforce_csv.uploads(rows(ids, usage_churn_tier="red"), CONTRACT))[1])
    sandbox.post("settings", bulk_fate="complete", bulk_percent_before_end=0)
    for _ in range(3):
        killed._bulk._jobs.state(job)
    assert outcomes(crm.write_fields(rows(ids[:1], usage_churn_tier="green"), CONTRACT)) == {"ok"}
    assert killed._bulk._jobs.state(job)["state"] == "Aborted"


def test_a_job_whose_end_nobody_saw_is_waited_for_by_the_same_client(sandbox, crm, ids):
    crm._bulk._jobs._stuck_after_s = 10
    sandbox.post("faults", crm="salesforce", match="GET .*ingest/750", kind="drop", times=60)
    assert outcomes(crm.write_fields(rows(ids, usage_churn_tier="red"), CONTRACT)) == {"unknown"}
    sandbox.delete("faults")
    assert outcomes(crm.write_fields(rows(ids[:3], usage_churn_tier="green"), CONTRACT)) == {"ok"}
    assert there(crm, ids[:3], "usage_churn_tier") == {"green"}
    assert there(crm, ids[3:], "usage_churn_tier") == {"red"}


def test_an_upload_that_the_network_delivers_twice_is_sent_by_one_more_job(sandbox, crm, ids):
    sandbox.post("faults", crm="salesforce", match="PUT .*batches", kind="duplicate_delivery")
    assert outcomes(crm.write_fields(rows(ids, usage_churn_tier="yellow"), CONTRACT)) == {"ok"}
    assert there(crm, ids, "usage_churn_tier") == {"yellow"}


def test_rows_that_no_result_file_holds_are_unknown(sandbox, crm, ids):
    sandbox.post("faults", crm="salesforce", match="successfulResults", kind="torn_answer")
    results = crm.write_fields(rows(ids, usage_churn_tier="red"), CONTRACT)
    assert outcomes(results) == {"ok", "unknown"}
    assert len([result for result in results if result.outcome == "ok"]) in range(ROWS // 2 - 5, ROWS // 2 + 5)


@pytest.mark.slow
def test_a_hundred_thousand_rows_take_at_most_eight_calls_besides_polls(tmp_path):
    with running(tmp_path / "sandbox.sqlite") as sandbox:
        sandbox.stock()
        ids = []
        for start in range(0, 100_000, 5_000):
            companies = [{"name": f"C{n}", "only": "salesforce"} for n in range(start, start + 5_000)]
            ids += [made["salesforce"] for made in sandbox.post("stock", companies=companies)["ids"]]
        crm = sandbox.client("salesforce")
        crm.provision(CONTRACT)
        before = last(sandbox)
        assert outcomes(crm.write_fields(rows(ids), CONTRACT)) == {"ok"}
        calls = [each["path"].partition("?")[0] for each in sandbox.get("log", since=before, limit=20_000)]
        polls = [path for path in calls if path.rpartition("/")[2].startswith("750")]
        # The closing goes to the same address as a poll.
        assert len(calls) - (len(polls) - 1) <= 8
        assert there(crm, ids[::1_000], "usage_churn_reasons") == {REASONS}


def test_how_many_rows_go_at_once_depends_on_how_many_wait(crm):
    assert [crm.rows_at_once(waiting) for waiting in (1, 2_000, 2_001, 250_000)] == [200, 200, 2_001, 100_000]


def test_files_are_split_below_the_size_that_salesforce_takes():
    batch = rows([f"001Qy{n:010d}AAA" for n in range(100)])
    files = list(salesforce_csv.uploads(batch, CONTRACT, largest=2_000))
    assert all(len(content) <= 2_000 for _, content in files)
    assert [row for inside, _ in files for row in inside] == batch
    read = [row["Id"] for _, content in files for row in salesforce_csv.result_rows(content)]
    assert read == [row.crm_id for row in batch]


def test_several_files_are_several_jobs(sandbox, crm, ids):
    crm._bulk._largest_upload = 10_000
    before = last(sandbox)
    assert outcomes(crm.write_fields(rows(ids), CONTRACT)) == {"ok"}
    assert asked(sandbox, before).count("PUT batches") > 1


def test_a_result_file_that_breaks_off_gives_only_its_whole_rows():
    content = b'"sf__Id","sf__Error","Id"\n"","NOT_FOUND:gone:--","1"\n"","UNABLE_TO_LO'
    assert [row["Id"] for row in salesforce_csv.result_rows(content)] == ["1"]
