"""Companies and contacts: created once, found without search, checked against the contract."""

from dataclasses import replace

import pytest
import requests
from crm_sandbox import running
from hubspot_played import OK, portal

from usage_pipeline.crm.client import FieldWrite, RecordNew
from usage_pipeline.crm.contract import CONTRACT, Contract, Field, Kind
from usage_pipeline.errors import Rejected

KEY = "product_account_id"
PERSONA = Contract((Field("usage_persona", Kind.CHOICE, "Usage persona", "", ("champion", "occasional")),))
HEADERS = {"Authorization": "Bearer sandbox-token"}
VERSIONS = ["2026-03", "2026-09", "v3"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        yield sandbox


@pytest.fixture
def fresh(sandbox):
    sandbox.stock(("Acme", "a1", "acme.example"))
    return sandbox


def define(sandbox, kind, name, **more):
    group = {"companies": "companyinformation", "tasks": "taskinformation"}[kind]
    body = {"name": name, "label": name, "type": "string", "fieldType": "text", "groupName": group} | more
    path = f"{sandbox.url}/crm/properties/2026-03/{kind}"
    assert requests.post(path, json=body, headers=HEADERS, timeout=10).status_code == 201


def archive_property(sandbox, kind, name):
    path = f"{sandbox.url}/crm/properties/2026-03/{kind}/{name}"
    assert requests.delete(path, headers=HEADERS, timeout=10).status_code == 204


def company(key, **values):
    return RecordNew(f"op-{key}", key, f"Company {key}", f"{key}.example", values)


def names(crm, key=KEY):
    return {record.account_key: record.name for record in crm.records(key, CONTRACT)}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_company_is_created_once_by_its_unique_key_and_keeps_the_name_people_gave_it(fresh, version):
    define(fresh, "companies", "workspace_key", hasUniqueValue=True)
    crm = fresh.client("hubspot", version=version)
    crm.provision(CONTRACT)
    assert crm.creating_class("workspace_key") == "idempotent"
    made = crm.create_records([company("w1", usage_cohort="New"), company("w2")], "workspace_key", CONTRACT)
    assert {result.outcome for result in made} == {"ok"}
    fresh_name = {"properties": {"name": "What people call it"}}
    requests.patch(f"{fresh.url}/_sandbox/companies/hubspot/{made[0].crm_id}", json=fresh_name, timeout=10)
    again = crm.create_records([company("w1", usage_cohort="Activated-Power")], "workspace_key", CONTRACT)
    assert [result.crm_id for result in again] == [made[0].crm_id]
    found = crm.find_records(["w1", "w2", "w3"], "workspace_key")
    assert found == {"w1": [made[0].crm_id], "w2": [made[1].crm_id]}
    assert names(crm, "workspace_key")["w1"] == "What people call it"
    assert crm.field_values([made[0].crm_id], CONTRACT)[made[0].crm_id]["usage_cohort"] == "Activated-Power"


def test_without_a_unique_key_companies_are_created_as_unsafe_and_found_by_listing(fresh):
    crm = fresh.client("hubspot")
    crm.provision(CONTRACT)
    assert crm.creating_class(KEY) == "unsafe"
    results = crm.create_records([company("n1", usage_cohort="New"), company("n2")], KEY, CONTRACT)
    assert [result.outcome for result in results] == ["ok", "ok"]
    fresh.post("faults", crm="hubspot", match="batch/create", kind="drop_after_commit")
    assert [result.outcome for result in crm.create_records([company("n3")], KEY, CONTRACT)] == ["unknown"]
    found = crm.find_records(["n1", "n3", "n4"], KEY)
    assert (found["n1"], len(found["n3"]), "n4" in found) == ([results[0].crm_id], 1, False)
    log = [entry["path"] for entry in fresh.get("log", crm="hubspot")]
    assert not any("search" in path for path in log)


def test_a_company_that_is_refused_does_not_lose_the_other(fresh):
    crm = fresh.client("hubspot")
    crm.provision(CONTRACT)
    rows = [company("n1", usage_cohort="Nonsense"), company("n2")]
    results = {result.key: result for result in crm.create_records(rows, KEY, CONTRACT)}
    assert (results["op-n1"].outcome, results["op-n1"].rejection.cause) == ("failed", "schema")
    assert results["op-n2"].outcome == "ok"


def test_two_records_of_one_key_are_both_found(fresh):
    fresh.add(("Twin", "a1", None))
    assert len(fresh.client("hubspot").find_records(["a1"], KEY)["a1"]) == 2


def test_a_key_property_that_does_not_exist_is_a_matter_for_a_person(fresh):
    with pytest.raises(Rejected, match="no property nope"):
        fresh.client("hubspot").creating_class("nope")


def test_created_rows_are_recognised_by_their_key_where_trace_ids_are_not_returned():
    def created(body):
        done = [
            {"id": f"c-{one['properties'][KEY]}", "properties": {KEY: one["properties"][KEY]}} for one in body["inputs"]
        ]
        return 201, OK | {"results": done[::-1]}

    crm, _, _ = portal((200, {"name": KEY}), created)
    results = crm.create_records([company("a"), company("b")], KEY, CONTRACT)
    assert [(result.key, result.crm_id) for result in results] == [("op-a", "c-a"), ("op-b", "c-b")]


def found_by(crm, contract=CONTRACT):
    return {(finding.state, finding.what) for finding in crm.findings(contract)}


def test_findings_name_what_provisioning_would_create_and_change_nothing(fresh):
    crm = fresh.client("hubspot")
    found = crm.findings(CONTRACT)
    assert {finding.state for finding in found} == {"missing"}
    assert {finding.scope for finding in found} == {"crm.schemas.companies.write", "crm.schemas.contacts.write"}
    assert crm.calls.writes == 0
    assert set(crm.provision(CONTRACT).created) == {finding.what for finding in found}
    assert crm.findings(CONTRACT) == []


def test_a_property_that_was_archived_or_made_otherwise_is_found_and_stops_provisioning(fresh):
    crm = fresh.client("hubspot")
    crm.provision(CONTRACT)
    archive_property(fresh, "companies", "usage_health")
    assert found_by(crm) == {("different", "company property usage_health")}
    with pytest.raises(Rejected, match="usage_health exists and is archived"):
        crm.provision(CONTRACT)
    cohort = CONTRACT.field("usage_cohort")
    changed = (
        replace(cohort, options=(*cohort.options, "Grey")),
        replace(CONTRACT.field("usage_scored_at"), kind=Kind.TEXT),
    )
    assert {finding.detail for finding in crm.findings(Contract(changed))} == {
        "without the options Grey",
        "a date, no string",
    }


def test_a_task_key_that_was_archived_is_found(fresh):
    crm = fresh.client("hubspot")
    crm.provision(CONTRACT)
    archive_property(fresh, "tasks", CONTRACT.task_key)
    assert found_by(crm) == {("different", f"task property {CONTRACT.task_key}")}


def test_a_property_that_people_cannot_see_is_found_and_does_not_stop_provisioning(fresh):
    crm = fresh.client("hubspot")
    crm.provision(CONTRACT)
    path = f"{fresh.url}/crm/properties/2026-03/companies/usage_health"
    requests.patch(path, json={"hidden": True}, headers=HEADERS, timeout=10)
    assert found_by(crm) == {("hidden", "company property usage_health")}
    assert "usage_health is hidden" in crm.provision(CONTRACT).notes[0]


@pytest.mark.parametrize("category", ["object_already_exists", "conflict", "bare"])
def test_a_name_taken_in_the_meantime_is_no_error_in_whatever_words(fresh, category):
    fresh.post("settings", hubspot_taken_category=category)
    crm = fresh.client("hubspot")
    # The first creation is done and its answer lost: asked again, the name is taken.
    fresh.post("faults", crm="hubspot", match="POST /crm/properties/.*/companies$", kind="drop_after_commit")
    fresh.post("faults", crm="hubspot", match="POST /crm/properties/.*/groups$", kind="drop_after_commit")
    assert len(crm.provision(CONTRACT).created) == len(CONTRACT.fields) + 2
    assert crm.findings(CONTRACT) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_contacts_are_matched_by_address_and_get_fields_of_their_own(fresh, version):
    made = requests.post(
        f"{fresh.url}/crm/objects/2026-03/contacts",
        json={"properties": {"email": "Ada@Example.com"}},
        headers=HEADERS,
        timeout=10,
    ).json()["id"]
    contacts = fresh.client("hubspot", version=version, has_contacts=True).contacts
    assert {finding.what for finding in contacts.findings(PERSONA)} == {
        "property group usage_pipeline",
        "contact property usage_persona",
    }
    contacts.provision(PERSONA)
    assert contacts.provision(PERSONA).created == ()
    assert contacts.find(["ADA@example.com", "nobody@example.com"], "email") == {"ADA@example.com": [made]}
    (result,) = contacts.write([FieldWrite("op", made, {"usage_persona": "champion"})], PERSONA)
    assert result.outcome == "ok"
    assert contacts.values([made], PERSONA) == {made: {"usage_persona": "champion"}}


def test_the_calls_that_the_day_still_allows_are_told(fresh):
    crm = fresh.client("hubspot")
    assert crm.calls_left() is None
    crm.instance()
    left = crm.calls_left()
    crm.owners()
    assert (crm.calls_left(), crm.rows_at_once(5_000)) == (left - 1, 100)


def test_a_thousand_changed_companies_take_ten_write_calls(fresh):
    ids = [one["hubspot"] for one in fresh.add(*((f"C{n}", f"k{n}", None) for n in range(1_000)))]
    crm = fresh.client("hubspot")
    crm.provision(CONTRACT)
    before = crm.calls.total
    for at in range(0, 1_000, 100):
        rows = [FieldWrite(one, one, {"usage_cohort": "New"}) for one in ids[at : at + 100]]
        assert {result.outcome for result in crm.write_fields(rows, CONTRACT)} == {"ok"}
    assert crm.calls.total - before == 10
