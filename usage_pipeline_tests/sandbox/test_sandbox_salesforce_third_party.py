"""simple-salesforce, which nobody here wrote, on the paths that a delivery uses."""

import csv
import io

import pytest
import requests
import simple_salesforce
from sandbox_process import running

pytestmark = pytest.mark.slow

WORDS = "line one\nline “two”, with a comma"


@pytest.fixture(scope="module")
def org(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        companies = [{"name": f"Company {n}", "account_key": f"k{n}"} for n in range(3)]
        requests.post(f"{sandbox.http}/_sandbox/stock", json={"companies": companies}, timeout=10).raise_for_status()
        # Its client asks every wait seconds; without an idle poll it is answered at the second.
        requests.post(f"{sandbox.http}/_sandbox/settings", json={"bulk_idle_polls": 0}, timeout=10).raise_for_status()
        session = requests.Session()
        session.trust_env = False
        session.verify = sandbox.certificate
        form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
        token = session.post(f"{sandbox.https}/services/oauth2/token", data=form, timeout=10).json()
        yield simple_salesforce.Salesforce(
            instance_url=token["instance_url"], session_id=token["access_token"], session=session, version="68.0"
        )


def ids(org):
    found = org.query_all("SELECT Id, Product_Account_Id__c FROM Account WHERE Product_Account_Id__c LIKE 'k%'")
    return {each["Product_Account_Id__c"]: each["Id"] for each in found["records"]}


def test_bulk_updates_are_made_and_told_row_by_row(org):
    there = ids(org)
    rows = [{"Id": there["k0"], "Description": WORDS}, {"Id": "001Qy0000000999AAA", "Description": "nobody"}]
    (told,) = org.bulk2.Account.update(records=rows, wait=0.05)
    assert (told["numberRecordsProcessed"], told["numberRecordsFailed"]) == (2, 1)
    assert org.Account.get(there["k0"])["Description"] == WORDS
    failed = csv.DictReader(io.StringIO(org.bulk2.Account.get_failed_records(told["job_id"]), newline=""))
    assert [each["sf__Error"].partition(":")[0] for each in failed] == ["INVALID_CROSS_REFERENCE_KEY"]
    successful = csv.DictReader(io.StringIO(org.bulk2.Account.get_successful_records(told["job_id"]), newline=""))
    assert [each["Description"] for each in successful] == [WORDS]
    assert "Id" in org.bulk2.Account.get_unprocessed_records(told["job_id"])


def test_bulk_upserts_go_by_an_external_id(org):
    rows = [{"Product_Account_Id__c": "k1", "Phone": "1"}, {"Product_Account_Id__c": "k9", "Name": "New"}]
    (told,) = org.bulk2.Account.upsert(records=rows, external_id_field="Product_Account_Id__c", wait=0.05)
    assert told["numberRecordsFailed"] == 0
    assert set(ids(org)) == {"k0", "k1", "k2", "k9"}
    assert org.Account.get_by_custom_id("Product_Account_Id__c", "k1")["Phone"] == "1"


def test_bulk_inserts_are_split_into_several_jobs(org):
    told = org.bulk2.Contact.insert(records=[{"LastName": f"P{n}"} for n in range(5)], batch_size=2, wait=0.05)
    assert [each["numberRecordsProcessed"] for each in told] == [2, 2, 1]
    assert org.query("SELECT Id FROM Contact")["totalSize"] == 5


def test_collections_answer_in_order(org):
    there = ids(org)
    records = [
        {"attributes": {"type": "Account"}, "Id": there["k2"], "Phone": "2"},
        {"attributes": {"type": "Account"}, "Id": "001Qy0000000999AAA", "Phone": "2"},
    ]
    told = org.restful("composite/sobjects", method="PATCH", json={"allOrNone": False, "records": records})
    assert [each["success"] for each in told] == [True, False]


def test_a_query_is_paged(org):
    found = org.query_all("SELECT Id, Owner.Email FROM Account", headers={"Sforce-Query-Options": "batchSize=200"})
    assert found["totalSize"] == len(found["records"])
