"""The sandbox's pages in a real browser, as a CSM uses them."""

from pathlib import Path

import pytest
import requests
from playwright import sync_api
from sandbox_builders import COMPANIES, PROPERTIES, TASKS
from sandbox_process import running

pytestmark = pytest.mark.slow

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """Three companies with a tier each, the red one with a task."""
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        session = requests.Session()
        session.headers["authorization"] = "Bearer sandbox-token"

        def ask(method, path, body):
            reply = session.request(method, sandbox.http + path, json=body, timeout=10)
            reply.raise_for_status()
            return reply.json()

        tiers = ("red", "yellow", "green")
        ids = ask("POST", "/_sandbox/stock", {"companies": [{"name": f"Company {tier}"} for tier in tiers]})["ids"]
        definition = {"name": "usage_churn_tier", "label": "Churn tier", "type": "enumeration", "fieldType": "select"}
        options = [{"label": tier, "value": tier} for tier in tiers]
        definition |= {"groupName": "companyinformation", "options": options}
        ask("POST", f"{PROPERTIES}/companies", definition)
        for each, tier in zip(ids, tiers, strict=True):
            ask("PATCH", f"{COMPANIES}/{each['hubspot']}", {"properties": {"usage_churn_tier": tier}})
        link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}
        task = {"hs_timestamp": "2026-05-04", "hs_task_subject": "Call about falling use", "hs_task_body": "Why: quiet"}
        for each in ids[:2]:
            ask("POST", TASKS, {"properties": task, "associations": [{"to": {"id": each["hubspot"]}, "types": [link]}]})
        ask("PATCH", f"{COMPANIES}/{ids[1]['hubspot']}", {"properties": {"usage_churn_tier": "green"}})
        ask("PATCH", f"{COMPANIES}/{ids[1]['hubspot']}", {"properties": {"usage_churn_tier": "yellow"}})
        yield sandbox


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: apt-get install -y chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(sandbox, browser):
    """A tab that complains of script errors and of anything from outside this machine."""
    page, complaints = browser.new_page(), []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda problem: complaints.append(str(problem)))
    page.on(
        "request",
        lambda request: complaints.append(request.url) if not request.url.startswith((sandbox.http, "data:")) else None,
    )
    yield page
    page.close()
    assert complaints == []


def test_a_csm_filters_the_list_opens_a_company_and_completes_its_task(sandbox, page):
    page.goto(f"{sandbox.http}/")
    page.get_by_role("navigation").get_by_role("link", name="HubSpot").click()
    sync_api.expect(page.locator("#companies tbody tr")).to_have_count(3)

    page.get_by_label("Churn tier").select_option("red")
    page.get_by_role("button", name="Filter").click()
    sync_api.expect(page.locator("#companies tbody tr")).to_have_count(1)

    page.get_by_role("link", name="Company red").click()
    sync_api.expect(page.locator("[data-key=usage_churn_tier]")).to_have_text("red")
    page.get_by_label("What came of it").fill("Training booked")
    page.get_by_role("button", name="Complete").click()

    sync_api.expect(page.locator("article.task .pill")).to_have_text("done")
    sync_api.expect(page.locator("article.task pre")).to_contain_text("Answer: Training booked")
    sync_api.expect(page.get_by_role("button", name="Complete")).to_have_count(0)
    done = requests.get(f"{sandbox.http}/_sandbox/tasks?status=done", timeout=10).json()
    assert [each["subject"] for each in done] == ["Call about falling use"]


def test_a_csm_searches_a_company_reads_what_changed_and_dismisses_its_task_with_a_reason(sandbox, page):
    page.goto(f"{sandbox.http}/companies?crm=hubspot")
    page.get_by_label("Name or domain").fill("yellow")
    page.get_by_label("Name or domain").press("Enter")
    page.get_by_role("link", name="Company yellow").click()

    row = page.locator("[data-field=usage_churn_tier]")
    row.locator("summary").click()
    sync_api.expect(row.locator("li")).to_have_count(3)
    sync_api.expect(row.locator("li").first).to_contain_text("green → yellow")

    page.get_by_role("button", name="Dismiss").click()
    sync_api.expect(page.get_by_role("alert")).to_contain_text("Say why")
    sync_api.expect(page.get_by_label("What came of it")).to_be_focused()
    page.keyboard.type("They renewed already")
    page.get_by_role("button", name="Dismiss").click()
    sync_api.expect(page.get_by_role("heading", name="Closed tasks")).to_be_visible()
    sync_api.expect(page.locator("article.task pre")).to_contain_text("Answer: They renewed already")


def test_the_limits_page_leads_from_an_armed_fault_to_the_call_that_it_struck(sandbox, page):
    requests.post(f"{sandbox.http}/_sandbox/faults", json={"kind": "locked", "after": 1, "times": 2}, timeout=10)
    headers = {"authorization": "Bearer sandbox-token"}
    seen = [requests.get(f"{sandbox.http}{COMPANIES}", headers=headers, timeout=10).status_code for _ in range(2)]
    assert seen == [200, 423]
    page.goto(f"{sandbox.http}/")
    page.get_by_role("navigation").get_by_role("link", name="Limits").click()
    sync_api.expect(page.locator("#armed tbody tr")).to_contain_text("locked")
    burst = page.get_by_role("meter", name="HubSpot, burst, private app")
    assert int(burst.get_attribute("aria-valuenow")) >= 1
    page.locator("#struck a").first.click()
    sync_api.expect(page.get_by_text("The resource is locked")).to_be_visible()
    page.goto(f"{sandbox.http}/limits")
    page.get_by_role("button", name="Disarm all").click()
    sync_api.expect(page.locator("#armed")).to_have_count(0)


@pytest.mark.parametrize("path", ["/", "/companies?crm=hubspot", "/log", "/limits", "company"])
def test_every_page_fits_a_telephone(sandbox, browser, path):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(f"{sandbox.http}/companies?crm=hubspot" if path == "company" else f"{sandbox.http}{path}")
    if path == "company":
        page.get_by_role("link", name="Company red").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_the_log_opens_a_request_and_shows_its_bodies(sandbox, page):
    page.goto(f"{sandbox.http}/log?crm=hubspot")
    entry = page.locator("#log details", has_text="PATCH").first
    entry.locator("summary").click()
    sync_api.expect(entry.locator("pre").first).to_contain_text("usage_churn_tier")
    assert "sandbox-token" not in page.content()
