"""Clients that nobody here wrote, against a sandbox in its own process."""

import hubspot
import pytest
import requests
import simple_salesforce
from hubspot.crm import companies
from sandbox_builders import PROPERTIES
from sandbox_process import running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        ada = {"email": "ada@example.com", "first_name": "Ada", "last_name": "L", "role": "CSM"}
        stock = {"owners": [ada], "companies": [{"name": "Acme", "domain": "acme.example", "account_key": "a1"}]}
        requests.post(f"{sandbox.http}/_sandbox/stock", json=stock, timeout=10).raise_for_status()
        yield sandbox


@pytest.fixture(scope="module")
def portal(sandbox):
    """The vendor's SDK, which calls the v3 paths."""
    unique = {"name": "workspace_key", "label": "Key", "type": "string", "fieldType": "text", "hasUniqueValue": True}
    risk = {"name": "usage_churn_risk", "label": "Churn risk", "type": "number", "fieldType": "number"}
    for definition in (unique, risk):
        body = {**definition, "groupName": "companyinformation"}
        headers = {"authorization": "Bearer sandbox-token"}
        requests.post(
            f"{sandbox.http}{PROPERTIES}/companies", json=body, headers=headers, timeout=10
        ).raise_for_status()
    return hubspot.HubSpot(access_token="sandbox-token", host=sandbox.http).crm


def test_hubspots_own_client_creates_updates_and_reads_a_score(portal):
    basic = portal.companies.basic_api
    made = basic.create(simple_public_object_input_for_create={"properties": {"name": "Beta"}, "associations": []})
    basic.update(company_id=made.id, simple_public_object_input={"properties": {"usage_churn_risk": "81.5"}})
    seen = basic.get_by_id(company_id=made.id, properties=["name", "usage_churn_risk"])
    assert seen.properties["usage_churn_risk"] == "81.5"
    assert seen.created_at is not None


def test_hubspots_own_client_upserts_a_batch_twice_without_a_double(portal):
    batch = portal.companies.batch_api
    inputs = [
        {"id": each, "idProperty": "workspace_key", "properties": {"name": each}, "objectWriteTraceId": each}
        for each in ("k1", "k2")
    ]
    for is_new in (True, False):
        answer = batch.upsert(batch_input_simple_public_object_batch_input_upsert={"inputs": inputs})
        assert [each.new for each in answer.results] == [is_new, is_new]


def test_hubspots_own_client_raises_what_the_sandbox_refuses(portal):
    with pytest.raises(companies.ApiException) as refused:
        portal.companies.basic_api.create(
            simple_public_object_input_for_create={"properties": {"nonsense": "1"}, "associations": []}
        )
    assert refused.value.status == 400
    assert "PROPERTY_DOESNT_EXIST" in refused.value.body


def test_hubspots_own_client_searches_and_lists_owners(portal):
    filters = [{"propertyName": "product_account_id", "operator": "EQ", "value": "a1"}]
    found = portal.companies.search_api.do_search(
        public_object_search_request={"filterGroups": [{"filters": filters}], "properties": ["name"]}
    )
    assert [each.properties["name"] for each in found.results] == ["Acme"]
    assert portal.owners.owners_api.get_page(email="ada@example.com").results[0].first_name == "Ada"


def test_hubspots_own_client_associates_a_task_through_the_v4_paths(portal):
    there = portal.companies.basic_api.get_page(limit=1).results[0].id
    properties = {"hs_timestamp": "2026-05-04T08:00:00Z", "hs_task_subject": "Call"}
    task = portal.objects.tasks.basic_api.create(
        simple_public_object_input_for_create={"properties": properties, "associations": []}
    )
    portal.associations.v4.basic_api.create_default(
        from_object_type="tasks", from_object_id=task.id, to_object_type="companies", to_object_id=there
    )
    found = portal.associations.v4.batch_api.get_page(
        from_object_type="tasks",
        to_object_type="companies",
        batch_input_public_fetch_associations_batch_request={"inputs": [{"id": task.id}]},
    )
    assert [str(each.to_object_id) for each in found.results[0].to] == [there]


@pytest.fixture(scope="module")
def org(sandbox):
    """simple-salesforce insists on https: a session that trusts the sandbox's certificate."""
    session = requests.Session()
    # A machine's own REQUESTS_CA_BUNDLE would win over the session's choice.
    session.trust_env = False
    session.verify = sandbox.certificate
    form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
    token = session.post(f"{sandbox.https}/services/oauth2/token", data=form, timeout=10).json()
    return simple_salesforce.Salesforce(
        instance_url=token["instance_url"], session_id=token["access_token"], session=session, version="68.0"
    )


def test_simple_salesforce_queries_with_a_parents_field(org):
    found = org.query_all("SELECT Id, Name, Owner.Email FROM Account WHERE Product_Account_Id__c = 'a1'")
    assert found["totalSize"] == 1
    assert found["records"][0]["Owner"]["Email"] == "integration@sandbox.example"


def test_simple_salesforce_upserts_by_external_id(org):
    assert org.Account.upsert("Product_Account_Id__c/a2", {"Name": "Beta"}) == 201
    assert org.Account.upsert("Product_Account_Id__c/a2", {"Name": "Beta Inc"}) == 200
    assert org.Account.get_by_custom_id("Product_Account_Id__c", "a2")["Name"] == "Beta Inc"


def test_simple_salesforce_describes_creates_changes_and_deletes(org):
    assert "Product_Account_Id__c" in {each["name"] for each in org.Account.describe()["fields"]}
    made = org.Task.create({"Subject": "Call", "ActivityDate": "2026-05-04"})
    assert org.Task.update(made["id"], {"Status": "Completed"}) == 204
    assert org.Task.get(made["id"])["IsClosed"] is True
    assert org.Task.delete(made["id"]) == 204
    with pytest.raises(simple_salesforce.exceptions.SalesforceResourceNotFound):
        org.Task.get(made["id"])
    assert org.limits()["DailyApiRequests"]["Max"] == 100_000


def test_simple_salesforce_sees_a_refusal_as_one(org):
    with pytest.raises(simple_salesforce.exceptions.SalesforceMalformedRequest, match="No such column"):
        org.query("SELECT Nope__c FROM Account")
