import pytest
from sandbox_builders import COMPANIES, TASKS, define, field, query


@pytest.fixture
def scored(http, hubspot, salesforce):
    """Two companies in both CRMs with score fields, the first with a task."""
    companies = [{"name": name, "domain": f"{name}.example", "account_key": name} for name in ("acme", "beta")]
    http.post("/_sandbox/stock", json={"companies": companies})
    define(hubspot, "usage_churn_risk", made_as="number", label="Churn risk")
    define(
        hubspot,
        "usage_churn_tier",
        made_as="enumeration",
        label="Churn tier",
        options=[{"label": each, "value": each} for each in ("red", "green")],
    )
    define(hubspot, "usage_churn_reasons", label="Churn reasons")
    define(hubspot, "favourite_tea", label="Favourite tea")
    ids = [each["id"] for each in hubspot.get(COMPANIES).json()["results"]]
    scores = {
        "usage_churn_risk": 81.5,
        "usage_churn_tier": "red",
        "usage_churn_reasons": "Users fell from 12 to 7\nNo <b>login</b>",
    }
    hubspot.patch(f"{COMPANIES}/{ids[0]}", json={"properties": {**scores, "favourite_tea": "Assam"}})
    hubspot.patch(f"{COMPANIES}/{ids[1]}", json={"properties": {"usage_churn_risk": 9, "usage_churn_tier": "green"}})
    link = {"to": {"id": ids[0]}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]}
    task = {
        "hs_timestamp": "2026-05-04",
        "hs_task_subject": "Call acme",
        "hs_task_body": "<p>Why: quiet</p><p>Do: call</p>",
    }
    hubspot.post(TASKS, json={"properties": task, "associations": [link]})
    field(salesforce, "Account.Usage_Churn_Risk__c", "Number")
    rows = query(salesforce, "SELECT Id FROM Account ORDER BY Name")
    salesforce.patch(f"/sobjects/Account/{rows[0]['Id']}", json={"Usage_Churn_Risk__c": 77})
    return {"hubspot": ids[0], "salesforce": rows[0]["Id"]}


def test_the_start_page_counts_and_links(http, scored):
    page = http.get("/").text
    assert "/companies?crm=salesforce" in page
    assert "Call acme" in page


def test_the_list_shows_the_highest_risk_first_and_filters_by_tier(http, scored):
    page = http.get("/companies?crm=hubspot").text
    assert page.index("acme.example") < page.index("beta.example")
    assert "Churn risk" in page
    filtered = http.get("/companies?crm=hubspot&usage_churn_tier=green").text
    assert "beta.example" in filtered
    assert "acme.example" not in filtered


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_a_company_page_shows_whatever_fields_there_are(http, scored, crm):
    page = http.get(f"/companies/{crm}/{scored[crm]}").text
    assert "acme" in page
    assert {"hubspot": "81.5", "salesforce": "77"}[crm] in page
    assert ("Assam" in page) == (crm == "hubspot")


def test_what_a_crm_holds_cannot_become_markup(http, scored):
    page = http.get(f"/companies/hubspot/{scored['hubspot']}").text
    assert "No &lt;b&gt;login&lt;/b&gt;" in page
    assert "Why: quiet\nDo: call" in page


def test_a_task_is_completed_with_an_answer_on_its_companys_page(http, scored):
    (task,) = http.get("/_sandbox/tasks?status=open").json()
    form = {"status": "done", "answer": "Training booked", "company": scored["hubspot"]}
    reply = http.post(f"/tasks/hubspot/{task['id']}", data=form, follow_redirects=False)
    assert reply.headers["location"] == f"/companies/hubspot/{scored['hubspot']}#task-{task['id']}"
    page = http.get(f"/companies/hubspot/{scored['hubspot']}").text
    assert "Answer: Training booked" in page
    assert "COMPLETED" in page


def test_the_log_page_shows_requests(http, scored):
    page = http.get("/log?crm=salesforce").text
    assert "/services/data/v68.0/tooling/sobjects/CustomField" in page
    assert "/crm/objects" not in page


@pytest.mark.parametrize("path", ["/companies/hubspot/404", "/companies/nothing/1", "/companies?crm=nothing"])
def test_what_is_not_there_is_a_readable_404(http, path):
    reply = http.get(path)
    assert reply.status_code == 404
    assert "Not found" in reply.text


def test_a_path_of_neither_crm_is_no_api_call(http):
    assert http.get("/wp-admin").status_code == 404
    assert http.get("/_sandbox/log").json() == []
