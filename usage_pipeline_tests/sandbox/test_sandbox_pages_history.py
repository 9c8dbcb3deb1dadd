import re

import pytest
from sandbox_builders import COMPANIES, TASKS, company, define, field
from sandbox_faults import arm, log

from usage_pipeline.sandbox import history

NONE = "\N{EN DASH}"


def told(page):
    """The text of a page without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


@pytest.fixture
def followed(http, hubspot, salesforce):
    """A company in both CRMs, whose score rose twice by API and was then edited by its owner in HubSpot."""
    http.post("/_sandbox/clock", json={"now": "2026-05-04T08:00:00Z"})
    owner = {"email": "ada@example.com", "first_name": "Ada"}
    companies = [{"name": "Acme", "account_key": "a1", "owner_email": "ada@example.com"}]
    ids = http.post("/_sandbox/stock", json={"owners": [owner], "companies": companies}).json()["ids"][0]
    define(hubspot, "usage_churn_risk", made_as="number", label="Churn risk")
    field(salesforce, "Account.Usage_Churn_Risk__c", "Number", label="Churn risk")
    for score in (40, 81):
        hubspot.patch(f"{COMPANIES}/{ids['hubspot']}", json={"properties": {"usage_churn_risk": score}})
        salesforce.patch(f"/sobjects/Account/{ids['salesforce']}", json={"Usage_Churn_Risk__c": score})
    for crm, name in (("hubspot", "usage_churn_risk"), ("salesforce", "Usage_Churn_Risk__c")):
        http.patch(f"/_sandbox/companies/{crm}/{ids[crm]}", json={"properties": {name: 12}})
    return ids


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_a_field_shows_when_it_changed_from_what_to_what_and_by_whom(http, followed, crm):
    page = told(http.get(f"/companies/{crm}/{followed[crm]}").text)
    assert "2026-05-04 08:00 by ada@example.com" in page
    steps = re.findall(r"2026-05-04 08:00 (\S+) → (\S+) (\S+)", page)
    assert steps == [("81", "12", "ada@example.com"), ("40", "81", "API"), (NONE, "40", "API")]


def test_writing_what_is_there_already_is_no_change(http, hubspot, app):
    known = company(hubspot, city="Rome")
    hubspot.patch(f"{COMPANIES}/{known}", json={"properties": {"city": "Rome"}})
    assert history.of(app.state.store, "hubspot", known) == {}
    hubspot.patch(f"{COMPANIES}/{known}", json={"properties": {"city": ""}})
    ((name, (change,)),) = history.of(app.state.store, "hubspot", known).items()
    assert (name, change.before, change.after) == ("city", "Rome", None)


def test_what_a_refused_request_wrote_leaves_no_history(http, hubspot, app):
    known = company(hubspot)
    rows = [{"id": known, "properties": {"city": "Rome"}}, {"id": "404", "properties": {"city": "Rome"}}]
    assert hubspot.post(f"{COMPANIES}/batch/update", json={"inputs": rows}).status_code == 400
    assert app.state.store.rows("SELECT * FROM history") == []


@pytest.fixture
def task(http, hubspot):
    """(company, task) with the task open."""
    known = company(hubspot)
    link = {"to": {"id": known}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]}
    properties = {"hs_timestamp": "2026-05-04", "hs_task_subject": "Call Acme"}
    return known, hubspot.post(TASKS, json={"properties": properties, "associations": [link]}).json()["id"]


def test_a_dismissal_without_a_reason_is_asked_for_one_and_changes_nothing(http, task):
    known, number = task
    form = {"status": "dismissed", "answer": "  ", "company": known}
    page = http.post(f"/tasks/hubspot/{number}", data=form).text
    assert "Say why before you dismiss it" in page
    assert http.get("/_sandbox/tasks?status=open").json()[0]["id"] == number
    http.post(f"/tasks/hubspot/{number}", data={**form, "answer": "They renewed already"})
    page = told(http.get(f"/companies/hubspot/{known}").text)
    assert page.index("No task is open.") < page.index("Closed tasks") < page.index("They renewed already")


def test_a_call_has_a_page_with_its_bodies_and_its_fault(http, hubspot):
    known = company(hubspot, name="<i>Acme</i>")
    arm(http, "record_archived")
    hubspot.patch(f"{COMPANIES}/{known}", json={"properties": {"city": "Rome"}})
    entry = log(http)[-1]
    page = http.get(f"/log/{entry['id']}").text
    assert "&#34;city&#34;: &#34;Rome&#34;" in page
    assert f"companies {known}" in told(page)
    assert "record archived" in told(page)
    assert "&lt;i&gt;Acme&lt;/i&gt;" in http.get(f"/log/{log(http)[0]['id']}").text
    assert http.get("/log?struck=true").text.count('href="/log/') == 1


@pytest.mark.parametrize("path", ["/log/404", "/log/99999999999999999999999", "/log?crm=nothing"])
def test_a_call_that_is_not_kept_is_a_readable_404(http, path):
    reply = http.get(path)
    assert reply.status_code == 404
    assert "Not found" in reply.text


def test_the_limits_page_shows_what_is_used_armed_and_struck_and_disarms(http, hubspot):
    http.post("/_sandbox/settings", json={"hubspot_burst_limit": 4})
    arm(http, "locked", match="POST")
    arm(http, "drop_after_commit", times=None, crm="salesforce")
    schedule = {"seed": 7, "rate": 0.25, "kinds": ["migration"]}
    http.post("/_sandbox/faults", json={"schedule": schedule, "match": "nothing"})
    hubspot.post(COMPANIES, json={})
    page = told(http.get("/limits").text)
    assert "burst, private app (10 s) 0 of 4" in page
    assert "drop after commit Salesforce every call 0 without end" in page
    assert "seed 7, 25 % of calls migration" in page
    assert "locked POST /crm/objects/2026-03/companies" in page
    http.post("/faults/disarm")
    assert "None." in told(http.get("/limits").text)


@pytest.mark.parametrize("path", ["/", "/companies", "/log", "/limits"])
def test_every_page_names_its_language_its_title_and_nothing_from_outside(http, path):
    page = http.get(path).text
    assert '<html lang="en">' in page
    assert re.search(r"<title>[^<]+</title>", page)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
