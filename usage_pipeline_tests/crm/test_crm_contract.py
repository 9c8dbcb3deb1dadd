"""What both CRMs must do alike, against the sandbox."""

from dataclasses import replace
from datetime import date, datetime

import pytest
import requests
from crm_sandbox import OWNER, running

from usage_pipeline.crm.client import Fate, FieldWrite, TaskChange, TaskOpening, TaskStatus, TaskText
from usage_pipeline.crm.contract import CONTRACT, Contract, Field, Kind
from usage_pipeline.errors import Rejected, Unavailable

KEYS = {"hubspot": "product_account_id", "salesforce": "Product_Account_Id__c"}
TEXT = TaskText("Call <Acme> & co", "Use fell by 40 %.\nSimilar accounts grew.", "high")
VALUES = {
    "usage_churn_risk": "81.3",
    "usage_churn_tier": "red",
    "usage_churn_reasons": "active users fell\n“seats” are unused",
    "usage_scored_at": "2026-05-04",
    "usage_model_version": "churn_90d v3",
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """Provisioned once; every test adds companies of its own."""
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        sandbox.stock()
        for name in KEYS:
            sandbox.client(name).provision(CONTRACT)
        yield sandbox


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """One more, that a test empties for itself."""
    with running(tmp_path_factory.mktemp("other") / "sandbox.sqlite") as sandbox:
        yield sandbox


@pytest.fixture
def fresh(other):
    """One company in portals that we have never seen."""
    other.stock(("Acme", "a1", "acme.example"))
    return other


@pytest.fixture(params=list(KEYS))
def name(request):
    return request.param


@pytest.fixture
def ids(sandbox, name):
    """Three companies: one with key and domain, one with a domain alone, one with neither."""
    stocked = sandbox.add(("Acme", "a1", "acme.example"), ("Bolt", None, "bolt.example"), ("Crux", None, None))
    return [company[name] for company in stocked]


@pytest.fixture
def crm(sandbox, name):
    return sandbox.client(name)


def opening(company, key="1", **more):
    return TaskOpening(f"usage-{company}-{key}", company, TEXT, date(2026, 5, 8), **{"owner_id": None} | more)


def only(results):
    (result,) = results
    return result


def test_the_instance_is_stable_and_known_as_no_live_one(sandbox, crm, name):
    assert crm.instance().key.startswith(f"{name}:")
    assert crm.instance().is_sandbox
    assert sandbox.client(name).instance() == crm.instance()


def test_every_record_is_read_with_key_domain_owner_and_our_fields(crm, ids, name):
    records = {record.crm_id: record for record in crm.records(KEYS[name], CONTRACT)}
    acme, bolt, crux = (records[one] for one in ids)
    assert (acme.account_key, acme.domain, acme.name, acme.owner_email) == (
        "a1",
        "acme.example",
        "Acme",
        OWNER["email"],
    )
    assert (bolt.account_key, bolt.domain) == (None, "bolt.example")
    assert (crux.account_key, crux.domain) == (None, None)
    assert acme.fields == dict.fromkeys(field.name for field in CONTRACT.fields)


def test_a_portal_that_was_never_provisioned_can_be_read_and_has_none_of_our_fields(fresh, name):
    record = fresh.client(name).records("no_such_key__c", CONTRACT)[0]
    assert record.account_key is None
    assert not any(record.fields.values())


def test_provisioning_creates_what_is_missing_and_the_second_time_nothing(fresh, name):
    first = fresh.client(name).provision(CONTRACT).created
    assert len([one for one in first if "field" in one or "property" in one]) > len(CONTRACT.fields)
    again = fresh.client(name)
    assert again.provision(CONTRACT).created == ()
    # Logging in is a post, too, and counts as reading.
    assert again.calls.writes == 0


def test_a_field_of_another_type_under_our_name_is_an_error_with_its_fix(fresh, name):
    squatter = Field("usage_churn_risk", Kind.DATE, "Somebody's", "")
    fresh.client(name).provision(replace(CONTRACT, fields=(squatter,)))
    with pytest.raises(Rejected, match=r"(?i)usage_churn_risk.*\n  Fix: rename or delete"):
        fresh.client(name).provision(CONTRACT)


def test_fields_come_back_as_they_were_written_and_can_be_emptied(crm, ids):
    assert only(crm.write_fields([FieldWrite("op1", ids[0], VALUES)], CONTRACT)).outcome == "ok"
    there = crm.field_values(ids, CONTRACT)
    assert {field: there[ids[0]][field] for field in VALUES} == VALUES
    assert not any(there[ids[1]].values())
    crm.write_fields([FieldWrite("op2", ids[0], dict.fromkeys(VALUES))], CONTRACT)
    assert not any(crm.field_values(ids[:1], CONTRACT)[ids[0]].values())


def test_one_refused_row_does_not_lose_the_others(crm, ids):
    rows = [FieldWrite(f"op{n}", one, {"usage_cohort": "New"}) for n, one in enumerate(ids)]
    rows[1] = FieldWrite("op1", ids[1], {"usage_cohort": "Nonsense"})
    results = {result.key: result for result in crm.write_fields(rows, CONTRACT)}
    assert [results[row.key].outcome for row in rows] == ["ok", "failed", "ok"]
    assert results["op1"].rejection.cause == "schema"
    assert crm.field_values(ids[:1], CONTRACT)[ids[0]]["usage_cohort"] == "New"


def test_a_batch_that_is_refused_whole_still_loses_only_its_bad_row(sandbox, crm, ids, name):
    sandbox.post("settings", partial_success="create")
    rows = [FieldWrite(f"op{n}", one, {"usage_cohort": "New"}) for n, one in enumerate(ids)]
    rows[1] = FieldWrite("op1", ids[1], {"usage_cohort": "Nonsense"})
    results = {result.key: result for result in crm.write_fields(rows, CONTRACT)}
    sandbox.post("settings", partial_success="create_update_upsert")
    assert [results[row.key].outcome for row in rows] == ["ok", "failed", "ok"]


def test_a_deleted_record_is_a_matter_of_identity_and_creates_nothing(sandbox, crm, ids, name):
    before = len(crm.records(KEYS[name], CONTRACT))
    sandbox.delete(f"companies/{name}/{ids[1]}")
    rows = [FieldWrite(f"op{n}", one, {"usage_cohort": "New"}) for n, one in enumerate(ids)]
    results = {result.key: result for result in crm.write_fields(rows, CONTRACT)}
    assert [results[row.key].outcome for row in rows] == ["ok", "failed", "ok"]
    assert results["op1"].rejection.cause == "identity"
    assert ids[1] not in crm.field_values(ids, CONTRACT)
    assert len(crm.records(KEYS[name], CONTRACT)) == before - 1


def test_the_crm_itself_says_what_became_of_a_record_that_is_not_listed(sandbox, crm, ids, name):
    more = [company[name] for company in sandbox.add(("Dual", None, None), ("Echo", None, None))]
    once = requests.post(
        f"{sandbox.url}/_sandbox/companies/{name}/{ids[1]}/merge", json={"into": ids[0]}, timeout=10
    ).json()["id"]
    heir = requests.post(f"{sandbox.url}/_sandbox/companies/{name}/{once}/merge", json={"into": ids[2]}, timeout=10)
    sandbox.delete(f"companies/{name}/{more[0]}")
    nowhere = {"hubspot": "999999999", "salesforce": "001000000000999AAA"}[name]
    fates = crm.fates([ids[1], more[0], more[1], nowhere])
    assert fates[ids[1]] == Fate("merged", heir.json()["id"])
    assert fates[more[0]].state == {"hubspot": "archived", "salesforce": "deleted"}[name]
    assert fates[nowhere].state == "missing"
    assert more[1] not in fates


@pytest.mark.parametrize("fault", ["drop_after_commit", "status_after_commit", "drop"])
def test_a_lost_answer_to_an_update_is_asked_for_again(sandbox, crm, ids, name, fault):
    sandbox.post("faults", crm=name, match="batch/update|composite", kind=fault, status=503)
    assert only(crm.write_fields([FieldWrite("op", ids[0], VALUES)], CONTRACT)).outcome == "ok"


def test_a_task_lands_on_the_company_with_owner_due_date_and_words(sandbox, crm, ids, name):
    owner = next(owner for owner in crm.owners() if owner.email == OWNER["email"])
    result = only(crm.open_tasks([opening(ids[0], owner_id=owner.id)]))
    assert result.outcome == "ok"
    task = only(sandbox.tasks(name, ids[0]))
    assert (task["id"], task["company_id"], task["owner_email"]) == (result.crm_id, ids[0], OWNER["email"])
    assert task["due"].startswith("2026-05-08")
    state = crm.task_states([result.crm_id])[result.crm_id]
    assert (state.text, state.status, state.key, state.is_begun) == (TEXT, TaskStatus.OPEN, opening(ids[0]).key, False)


def test_opening_the_same_task_twice_makes_one(sandbox, crm, ids, name):
    first, second = (only(crm.open_tasks([opening(ids[0])])) for _ in range(2))
    assert first.crm_id == second.crm_id
    assert len(sandbox.tasks(name, ids[0])) == 1


def test_a_task_that_was_made_without_its_answer_is_found_by_its_key(sandbox, crm, ids, name):
    sandbox.post("faults", crm=name, match="batch/upsert|composite/sobjects/Task", kind="drop_after_commit", times=9)
    assert only(crm.open_tasks([opening(ids[0])])).outcome == "unknown"
    sandbox.delete("faults")
    found = crm.find_tasks([opening(ids[0]), opening(ids[1])])
    assert list(found) == [opening(ids[0]).key]
    assert len(sandbox.tasks(name, ids[0])) == 1


def changed(crm, task_id, after, before=TEXT):
    return only(crm.change_tasks([TaskChange("usage-1", task_id, before, after, note="The cause is gone.")]))


def test_an_untouched_task_is_reworded_and_withdrawn(sandbox, crm, ids, name):
    task_id = only(crm.open_tasks([opening(ids[0])])).crm_id
    newer = replace(TEXT, body="Use fell by 60 %.", priority="medium")
    assert changed(crm, task_id, newer).outcome == "ok"
    assert crm.task_states([task_id])[task_id].text == newer
    assert changed(crm, task_id, None, before=newer).outcome == "ok"
    state = crm.task_states([task_id]).get(task_id)
    assert state is None or state.status is TaskStatus.WITHDRAWN
    # Asked again, it is still withdrawn and nothing more is written.
    writes = crm.calls.writes
    assert changed(crm, task_id, None, before=newer).outcome == "ok"
    assert crm.calls.writes == writes


def test_a_task_that_a_person_wrote_in_keeps_their_words_and_gets_a_note_once(sandbox, crm, ids, name):
    task_id = only(crm.open_tasks([opening(ids[0])])).crm_id
    before = replace(TEXT, body="What we had written before that person came")
    assert changed(crm, task_id, replace(TEXT, body="ours again"), before=before).outcome == "left"
    assert changed(crm, task_id, None, before=before).outcome == "left"
    assert changed(crm, task_id, None, before=before).outcome == "left"
    state = crm.task_states([task_id])[task_id]
    assert state.status is TaskStatus.OPEN
    assert state.text.body.startswith(TEXT.body)
    assert state.text.body.count("The cause is gone.") == 1


@pytest.mark.parametrize(("did", "status"), [("done", TaskStatus.DONE), ("dismissed", TaskStatus.DISMISSED)])
def test_what_a_person_did_is_read_with_the_crms_own_time_and_never_undone(sandbox, crm, ids, name, did, status):
    task_id = only(crm.open_tasks([opening(ids[0])])).crm_id
    sandbox.post("clock", now="2026-05-06T09:30:00Z")
    sandbox.post(f"tasks/{name}/{task_id}", status=did, answer="They renew.")
    sandbox.post("clock", now=None)
    state = crm.task_states([task_id])[task_id]
    assert state.status is status
    assert state.closed_at.replace(microsecond=0) == datetime(2026, 5, 6, 9, 30)
    assert "They renew." in state.text.body
    assert changed(crm, task_id, None).outcome == "left"
    assert crm.task_states([task_id])[task_id].status is status


def test_more_companies_than_a_page_are_all_read(other, name):
    other.stock(*((f"Company {n}", f"k{n}", f"c{n}.example") for n in range(230)))
    records = other.client(name).records(KEYS[name], CONTRACT)
    assert {record.account_key for record in records} == {f"k{n}" for n in range(230)}


def test_a_crm_that_is_away_says_so(sandbox, crm, ids, name):
    sandbox.post("faults", crm=name, kind="status", status=503, times=99)
    with pytest.raises(Unavailable):
        crm.field_values(ids, CONTRACT)
    sandbox.delete("faults")


def test_our_field_names_are_spelled_for_both():
    assert CONTRACT.field("usage_churn_risk").salesforce == "Usage_Churn_Risk__c"
    assert CONTRACT.task_key_salesforce == "Usage_Task_Key__c"
    assert CONTRACT.fingerprint != Contract(CONTRACT.fields[:-1]).fingerprint


def test_where_a_portal_blocks_unique_task_properties_a_lost_task_is_found_on_its_company(other):
    company = other.stock(("Acme", "a1", "acme.example"))[0]["hubspot"]
    other.post("settings", tasks_unique_property="blocked")
    crm = other.client("hubspot")
    assert crm.provision(CONTRACT).notes
    assert (crm.opening_class, crm.settle_after_s) == ("unsafe", 60.0)
    other.post("faults", crm="hubspot", match="batch/create", kind="drop_after_commit")
    assert only(crm.open_tasks([opening(company)])).outcome == "unknown"
    assert list(crm.find_tasks([opening(company), opening(company, "2")])) == [opening(company).key]
    assert len(other.tasks("hubspot", company)) == 1
    other.post("settings", tasks_unique_property="allowed")


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_older_and_newer_hubspot_versions_do_the_same(sandbox, version):
    company = sandbox.add(("Acme", "a1", "acme.example"))[0]["hubspot"]
    crm = sandbox.client("hubspot", version=version)
    assert crm.provision(CONTRACT).created == ()
    rows = [FieldWrite("op1", company, VALUES), FieldWrite("op2", "1", VALUES)]
    assert [result.outcome for result in crm.write_fields(rows, CONTRACT)] == ["ok", "failed"]
    task_id = only(crm.open_tasks([opening(company)])).crm_id
    assert list(crm.find_tasks([opening(company)])) == [opening(company).key]
    assert changed(crm, task_id, replace(TEXT, priority="low")).outcome == "ok"
    assert len(sandbox.tasks("hubspot", company)) == 1


def test_a_session_that_ran_out_is_renewed_once(sandbox):
    company = sandbox.add(("Acme", "a1", "acme.example"))[0]["salesforce"]
    crm = sandbox.client("salesforce")
    crm.instance()
    sandbox.post("sessions/expire")
    assert only(crm.write_fields([FieldWrite("op", company, VALUES)], CONTRACT)).outcome == "ok"


def test_an_organisation_without_the_newest_version_is_spoken_to_in_its_own(sandbox):
    assert "v68.0 is used" in sandbox.client("salesforce", version="99.0").provision(CONTRACT).notes[0]
