"""What provisioning would create in Salesforce, what it creates, and what only a person can mend."""

from dataclasses import replace

import pytest
from crm_sandbox import running

from usage_pipeline.crm.contract import CONTRACT, Field, Kind
from usage_pipeline.errors import Rejected


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        yield sandbox


@pytest.fixture
def crm(sandbox):
    sandbox.stock()
    yield sandbox.client("salesforce")
    sandbox.delete("faults")


def whats(findings):
    return [finding.what for finding in findings]


def ask(crm, method, path, body=None):
    return crm._org.call(method, path, "idempotent", body)


def permission(crm, name):
    (found,) = crm._org.query(f"SELECT Id FROM FieldPermissions WHERE Field = '{name}'")
    return found["Id"]


def test_findings_are_exactly_what_provisioning_then_creates(sandbox, crm):
    found = crm.findings(CONTRACT)
    assert crm.calls.writes == 0
    assert {finding.state for finding in found} == {"missing"}
    assert crm.provision(CONTRACT).created == tuple(whats(found))
    assert crm.findings(CONTRACT) == []
    # Each field, its permission, the key of the tasks, the set and its assignment; each says what it needs.
    assert len(found) == 2 * (len(CONTRACT.fields) + 1) + 2
    assert {finding.scope for finding in found} == {
        "Customize Application",
        "Manage Profiles and Permission Sets",
        "Assign Permission Sets",
    }


def test_a_permission_that_was_revoked_or_narrowed_is_found_and_given_back(crm):
    crm.provision(CONTRACT)
    ask(crm, "DELETE", f"/sobjects/FieldPermissions/{permission(crm, 'Account.Usage_Cohort__c')}")
    narrowed = permission(crm, "Account.Usage_Health__c")
    ask(crm, "PATCH", f"/sobjects/FieldPermissions/{narrowed}", {"PermissionsEdit": False})
    found = crm.findings(CONTRACT)
    assert whats(found) == ["permission Account.Usage_Cohort__c", "permission Account.Usage_Health__c"] or whats(
        found
    ) == ["permission Account.Usage_Health__c", "permission Account.Usage_Cohort__c"]
    assert "reading only" in next(finding.detail for finding in found if "Health" in finding.what)
    crm.provision(CONTRACT)
    assert crm.findings(CONTRACT) == []


def test_an_assignment_that_was_taken_away_is_found_and_given_back(crm):
    crm.provision(CONTRACT)
    (found,) = crm._org.query("SELECT Id FROM PermissionSetAssignment WHERE PermissionSet.Name = 'Usage_Pipeline'")
    ask(crm, "DELETE", f"/sobjects/PermissionSetAssignment/{found['Id']}")
    assert whats(crm.findings(CONTRACT)) == ["assignment of Usage_Pipeline to the integration user"]
    crm.provision(CONTRACT)
    assert crm.findings(CONTRACT) == []


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (Field("usage_churn_risk", Kind.DATE, "Theirs", ""), "a date, not a double"),
        (Field("usage_cohort", Kind.CHOICE, "Theirs", "", ("New",)), "without the values"),
        (Field("usage_model_version", Kind.TEXT, "Theirs", "", length=40), "40 characters, shorter than 255"),
    ],
)
def test_a_field_that_will_not_do_is_different_and_nothing_is_created_beside_it(crm, theirs, told):
    crm.provision(replace(CONTRACT, fields=(theirs,)))
    (different,) = [finding for finding in crm.findings(CONTRACT) if finding.state == "different"]
    assert told in different.detail
    assert different.what == f"field Account.{theirs.salesforce}"
    writes = crm.calls.writes
    with pytest.raises(Rejected, match=rf"{theirs.salesforce}.*{told}.*\n  Fix: rename or delete"):
        crm.provision(CONTRACT)
    assert crm.calls.writes == writes


def test_a_number_that_would_be_rounded_is_different(crm):
    metadata = {"label": "Theirs", "type": "Number", "precision": 18, "scale": 0}
    ask(crm, "POST", "/tooling/sobjects/CustomField", {"FullName": "Account.Usage_Health__c", "Metadata": metadata})
    # Nobody sees it yet: only with its permission is it found to be too narrow.
    with pytest.raises(Rejected, match="18 digits with 0 decimals"):
        crm.provision(CONTRACT)


def test_a_task_key_that_is_not_unique_is_different(crm):
    metadata = {"label": "Theirs", "type": "Text", "length": 80, "externalId": True, "unique": False}
    ask(crm, "POST", "/tooling/sobjects/CustomField", {"FullName": "Activity.Usage_Task_Key__c", "Metadata": metadata})
    with pytest.raises(Rejected, match="not a unique external id"):
        crm.provision(CONTRACT)


@pytest.mark.parametrize("fault", ["drop_after_commit", "drop"])
@pytest.mark.parametrize("step", ["CustomField", "PermissionSet$", "FieldPermissions", "PermissionSetAssignment"])
def test_a_lost_answer_while_creating_is_no_matter(sandbox, crm, fault, step):
    sandbox.post("faults", crm="salesforce", match=f"POST .*{step}", kind=fault)
    crm.provision(CONTRACT)
    assert crm.findings(CONTRACT) == []
