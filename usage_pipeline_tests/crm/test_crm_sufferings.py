"""What people suffer from in other tools, one test for each that no other test names (docs/sufferings.md)."""

import json
from dataclasses import replace
from datetime import date

import pytest
from crm_sandbox import running
from hubspot_played import KEY_NOT_UNIQUE, OK, portal

from usage_pipeline.crm.client import NOTE_MARK, FieldWrite, RecordNew, TaskChange, TaskOpening, TaskText
from usage_pipeline.crm.contract import CONTRACT

KEYS = {"hubspot": "product_account_id", "salesforce": "Product_Account_Id__c"}
TEXT = TaskText("Call Acme", "Use fell by 40 %.", "high")
TASK_WRITES = {"hubspot": "tasks/batch/update", "salesforce": "PATCH .*composite/sobjects"}


class Killed(BaseException):
    """Stands for SIGKILL: nobody catches it."""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        sandbox.stock(("Acme", "a1", "acme.example"))
        for name in KEYS:
            sandbox.client(name).provision(CONTRACT)
        yield sandbox


@pytest.fixture(params=list(KEYS))
def name(request):
    return request.param


@pytest.fixture
def slept():
    return []


@pytest.fixture
def crm(sandbox, name, slept):
    yield sandbox.client(name, sleep=slept.append)
    sandbox.delete("faults")
    sandbox.post("settings", bulk_idle_polls=1, partial_success="create_update_upsert")


@pytest.fixture
def ids(sandbox, name):
    return [company[name] for company in sandbox.add(*((f"Company {n}", None, None) for n in range(4)))]


hubspot_alone = pytest.mark.parametrize("name", ["hubspot"], indirect=True)
salesforce_alone = pytest.mark.parametrize("name", ["salesforce"], indirect=True)


def rows(ids, **values):
    return [FieldWrite(f"op-{one}", one, {"usage_cohort": "New"} | values) for one in ids]


def opening(company, key="risk"):
    return TaskOpening(f"usage-{company}-{key}", company, TEXT, date(2026, 5, 8), None)


def outcomes(results):
    return [result.outcome for result in results]


def calls(sandbox, since=0, **where):
    return sandbox.get("log", since=since, limit=20_000, **where)


def last(sandbox):
    return max((one["id"] for one in calls(sandbox)), default=0)


# A person has the task in hand: our note to it.


@pytest.fixture
def in_hand(crm, ids):
    """A task that says something else than we had written, so that withdrawing it is a note."""
    (opened,) = crm.open_tasks([opening(ids[0])])
    before = replace(TEXT, body="What we had written before that person came")
    return TaskChange(opened.key, opened.crm_id, before, None, note="The cause is gone.")


def notes(crm, change):
    return crm.task_states([change.task_id])[change.task_id].text.body.count(NOTE_MARK)


@pytest.mark.parametrize("fault", ["drop_after_commit", "gateway_timeout_after_commit", "torn_answer"])
def test_a_note_whose_answer_was_lost_once_is_there_once(sandbox, crm, name, in_hand, fault):
    sandbox.post("faults", crm=name, match=TASK_WRITES[name], kind=fault)
    assert outcomes(crm.change_tasks([in_hand])) == ["left"]
    assert notes(crm, in_hand) == 1


def test_a_note_whose_answer_never_came_is_not_appended_by_the_next_apply(sandbox, crm, name, in_hand):
    sandbox.post("faults", crm=name, match=TASK_WRITES[name], kind="drop_after_commit", times=99)
    assert outcomes(crm.change_tasks([in_hand])) == ["unknown"]
    sandbox.delete("faults")
    assert outcomes(sandbox.client(name).change_tasks([in_hand])) == ["left"]
    assert notes(crm, in_hand) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_apply_killed_at_its_note_and_run_again_leaves_one_note(sandbox, crm, name, in_hand, when):
    killed = sandbox.client(name)
    session = (killed._portal if name == "hubspot" else killed._org).caller.session
    send = session.request

    def request(method, url, **how):
        is_it = "batch/update" in url or "composite/sobjects" in url
        if is_it and when == "before":
            raise Killed
        answer = send(method, url, **how)
        if is_it:
            raise Killed
        return answer

    session.request = request
    with pytest.raises(Killed):
        killed.change_tasks([in_hand])
    assert notes(crm, in_hand) == (1 if when == "after" else 0)
    # The note of a later morning is worded otherwise, and is the same note.
    assert outcomes(crm.change_tasks([replace(in_hand, note="The cause is gone since Tuesday.")])) == ["left"]
    assert notes(crm, in_hand) == 1


# Duplicates.


@pytest.mark.parametrize("status", [500, 502, 503, 504, 524])
def test_a_create_that_ended_in_a_server_error_is_not_sent_again(status):
    crm, adapter, _ = portal(KEY_NOT_UNIQUE, (status, {}))
    assert outcomes(crm.open_tasks([opening("9")])) == ["unknown"]
    assert adapter.answers == []
    assert [path for method, path, _ in adapter.asked if method == "POST"] == [
        "/crm/objects/2026-03/tasks/batch/create"
    ]


@hubspot_alone
@pytest.mark.parametrize("limit", ["burst_limit", "burst_limit_bare", "secondly_limit", "locked", "migration"])
def test_a_post_that_meets_a_limit_is_sent_again_and_does_its_work_once(sandbox, crm, name, slept, limit):
    key, since = KEYS[name], last(sandbox)
    sandbox.post("faults", crm=name, match="batch/create", kind=limit, times=2)
    new = RecordNew("op", f"limit-{limit}", f"Limit {limit}", None, {})
    assert crm.creating_class(key) == "unsafe"
    assert outcomes(crm.create_records([new], key, CONTRACT)) == ["ok"]
    assert len([one for one in calls(sandbox, since) if one["path"].endswith("batch/create")]) == 3
    assert len(slept) >= 2
    assert len(crm.find_records([new.account_key], key)[new.account_key]) == 1


@hubspot_alone
def test_search_decides_nothing_and_is_never_asked(sandbox, crm, name, ids):
    sandbox.post("settings", search_lag_seconds=30)
    since = last(sandbox)
    new = RecordNew("op", "searched", "Searched", None, {})
    crm.create_records([new], KEYS[name], CONTRACT)
    found = crm.find_records(["searched"], KEYS[name])
    assert len(found["searched"]) == 1
    assert outcomes(crm.open_tasks([opening(ids[0])])) == outcomes(crm.open_tasks([opening(ids[0])])) == ["ok"]
    assert len(sandbox.tasks(name, ids[0])) == 1
    sandbox.post("settings", search_lag_seconds=0)
    assert [one["path"] for one in calls(sandbox, since) if one["path"].endswith("/search")] == []


# What an answer says.


@hubspot_alone
def test_a_207_is_neither_a_success_nor_a_failure_but_each_row_by_itself(sandbox, crm, ids):
    since = last(sandbox)
    batch = rows(ids)
    batch[2] = FieldWrite("bad", ids[2], {"usage_cohort": "Nonsense"})
    assert outcomes(crm.write_fields(batch, CONTRACT)) == ["ok", "ok", "failed", "ok"]
    (answered,) = [one["status"] for one in calls(sandbox, since) if "batch/update" in one["path"]]
    assert answered == 207


@hubspot_alone
@pytest.mark.parametrize("kind", ["silent_nothing", "silent_done"])
def test_a_success_with_neither_results_nor_errors_is_looked_at_and_not_believed(sandbox, crm, name, ids, kind):
    sandbox.post("faults", crm=name, match="batch/update", kind=kind)
    assert outcomes(crm.write_fields(rows(ids), CONTRACT)) == ["unknown"] * 4
    there = crm.field_values(ids, CONTRACT)
    assert {there[one]["usage_cohort"] for one in ids} == ({"New"} if kind == "silent_done" else {None})


@salesforce_alone
def test_an_answer_with_fewer_results_than_rows_is_believed_of_none(crm, ids, monkeypatch):
    crm.write_fields(rows(ids[:1]), CONTRACT)
    send = crm._org.call

    def shortened(method, path, *more, **how):
        answer = send(method, path, *more, **how)
        if path == "/composite/sobjects":
            monkeypatch.setattr(answer, "_content", json.dumps(answer.json()[1:]).encode())
        return answer

    monkeypatch.setattr(crm._org, "call", shortened)
    assert outcomes(crm.write_fields(rows(ids), CONTRACT)) == ["unknown"] * 4


def test_each_of_several_conflicts_is_told_though_the_portal_names_only_the_first():
    taken = {"k1": "11", "k3": "13"}

    def strict(body):
        keys = [one["properties"]["product_account_id"] for one in body["inputs"]]
        first = next((key for key in keys if key in taken), None)
        if first:
            return 409, {"category": "CONFLICT", "message": f"Company already exists. Existing ID: {taken[first]}"}
        return 201, OK | {"results": [{"id": f"9{one[1]}", "properties": {"product_account_id": one}} for one in keys]}

    not_unique = 200, {"name": "product_account_id", "hasUniqueValue": False}
    crm, adapter, _ = portal(not_unique, *[strict] * 20)
    batch = [RecordNew(f"op-{n}", f"k{n}", f"Company {n}", None, {}) for n in range(1, 5)]
    results = {result.key: result for result in crm.create_records(batch, "product_account_id", CONTRACT)}
    assert [results[row.key].outcome for row in batch] == ["failed", "ok", "failed", "ok"]
    assert [results[f"op-{n}"].rejection.detail[-2:] for n in (1, 3)] == ["11", "13"]
    assert len(adapter.asked) < 1 + 2 * len(batch)


@hubspot_alone
def test_two_rows_of_one_record_in_a_batch_cost_nobody_their_row(sandbox, crm, ids):
    batch = [*rows(ids), FieldWrite("later", ids[0], {"usage_cohort": "Risk-Inactive"})]
    assert outcomes(crm.write_fields(batch, CONTRACT)) == ["ok"] * 5
    there = crm.field_values(ids, CONTRACT)
    assert [there[one]["usage_cohort"] for one in ids] == ["Risk-Inactive", "New", "New", "New"]


def test_one_field_that_is_refused_is_named_and_none_is_dropped_in_silence(crm, ids):
    stranger = replace(CONTRACT.field("usage_cohort"), name="usage_stranger")
    contract = replace(CONTRACT, fields=(*CONTRACT.fields, stranger))
    results = crm.write_fields(rows(ids, usage_stranger="New"), contract)
    assert {(result.outcome, result.rejection.cause) for result in results} == {("failed", "schema")}
    assert "usage_stranger" in results[0].rejection.detail.lower()
    # Nothing went without the field, as if that were what was asked.
    assert {values["usage_cohort"] for values in crm.field_values(ids, CONTRACT).values()} == {None}


# Values.


SPELLINGS = {
    "usage_churn_risk": ("81.30", "81.3"),
    "usage_health": ("50.0", "50"),
    "usage_churn_reasons": (" fell;\r\n“quoted”, and more ", "fell;\n“quoted”, and more"),
    "usage_scored_at": ("2026-05-04T00:00:00Z", "2026-05-04"),
    "usage_churn_tier": ("red", "red"),
}


def test_a_value_reads_back_as_it_is_compared_whatever_the_crm_makes_of_it(crm, ids):
    wanted = {name: CONTRACT.field(name).canonical(said) for name, (said, _) in SPELLINGS.items()}
    assert wanted == {name: spelled for name, (_, spelled) in SPELLINGS.items()}
    assert outcomes(crm.write_fields([FieldWrite("op", ids[0], wanted)], CONTRACT)) == ["ok"]
    there = crm.field_values(ids[:1], CONTRACT)[ids[0]]
    assert {name: there[name] for name in wanted} == wanted


@hubspot_alone
def test_an_option_whose_label_people_have_changed_is_written_and_read_by_its_value(crm, name, ids):
    tier = crm._portal.get(crm._portal.property("companies", "usage_churn_tier"))
    options = [one | {"label": f"Stage {one['value'].upper()}"} for one in tier["options"]]
    crm._portal._call(
        "PATCH", crm._portal.property("companies", "usage_churn_tier"), "idempotent", json={"options": options}
    )
    assert crm.provision(CONTRACT).created == ()
    assert outcomes(crm.write_fields(rows(ids[:1], usage_churn_tier="red"), CONTRACT)) == ["ok"]
    assert crm.field_values(ids[:1], CONTRACT)[ids[0]]["usage_churn_tier"] == "red"


# Bulk.


@salesforce_alone
def test_of_several_jobs_the_one_that_fails_loses_its_own_rows_alone_and_names_them(sandbox, crm, name):
    companies = sandbox.add(*((f"Bulk {n}", None, None) for n in range(230)))
    ids = [company[name] for company in companies]
    crm._bulk._largest_upload = 4_000
    sandbox.post("faults", crm=name, kind="bulk_failed", after=1)
    results = crm.write_fields(rows(ids), CONTRACT)
    there = crm.field_values(ids, CONTRACT)
    assert {result.key for result in results} == {row.key for row in rows(ids)}
    ok = {result.crm_id for result in results if result.outcome == "ok"}
    assert ok == {one for one in ids if there[one]["usage_cohort"] == "New"}
    lost = [result for result in results if result.outcome != "ok"]
    assert 0 < len(lost) < len(ids) / 2
    assert {(result.outcome, result.rejection.cause) for result in lost} == {("failed", "transient")}


@salesforce_alone
def test_a_job_that_takes_a_quarter_of_an_hour_is_waited_for(sandbox, crm, name, slept):
    ids = [company[name] for company in sandbox.add(*((f"Slow {n}", None, None) for n in range(210)))]
    sandbox.post("settings", bulk_idle_polls=35)
    assert set(outcomes(crm.write_fields(rows(ids), CONTRACT))) == {"ok"}
    assert sum(slept) > 15 * 60


# Permissions and quota.


@salesforce_alone
def test_our_fields_are_granted_by_our_own_permission_set_and_to_the_integration_user_alone(sandbox, crm):
    soql = "SELECT Field, ParentId FROM FieldPermissions"
    (ours,) = crm._org.query(f"SELECT Id FROM PermissionSet WHERE Name = '{CONTRACT.permission_set}'")
    grants = [one for one in crm._org.query(soql) if ".Usage_" in one["Field"]]
    assert {one["ParentId"] for one in grants} == {ours["Id"]}
    assigned = crm._org.query(f"SELECT AssigneeId FROM PermissionSetAssignment WHERE PermissionSetId = '{ours['Id']}'")
    assert [one["AssigneeId"] for one in assigned] == [crm._org.user_id]


def test_a_day_whose_calls_are_used_up_is_not_asked_again_and_the_rows_are_kept(sandbox, crm, name, ids, slept):
    match = {"hubspot": "batch/update", "salesforce": "composite/sobjects"}[name]
    crm.write_fields(rows(ids[:1]), CONTRACT)
    sandbox.post("faults", crm=name, match=match, kind="quota_exhausted")
    since = last(sandbox)
    results = crm.write_fields(rows(ids), CONTRACT)
    assert {(result.outcome, result.rejection.cause) for result in results} == {("failed", "budget")}
    assert len([one for one in calls(sandbox, since) if one["method"] != "GET"]) == 1
    assert slept == []
