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
        ask("POST", TASKS, {"properties": task, "associations": [{"to": {"id": ids[0]["hubspot"]}, "types": [link]}]})
        yield sandbox


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: apt-get install -y chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


def test_a_csm_filters_the_list_opens_a_company_and_completes_its_task(sandbox, browser):
    page = browser.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda problem: complaints.append(str(problem)))
    page.on(
        "request",
        lambda request: complaints.append(request.url) if not request.url.startswith((sandbox.http, "data:")) else None,
    )

    page.goto(f"{sandbox.http}/")
    page.get_by_role("navigation").get_by_role("link", name="HubSpot").click()
    sync_api.expect(page.locator("#companies tbody tr")).to_have_count(3)

    page.get_by_label("Churn tier").select_option("red")
    page.get_by_role("button", name="Filter").click()
    sync_api.expect(page.locator("#companies tbody tr")).to_have_count(1)

    page.get_by_role("link", name="Company red").click()
    sync_api.expect(page.locator("[data-key=usage_churn_tier]")).to_have_text("red")
    page.get_by_label("What came of it?").fill("Training booked")
    page.get_by_role("button", name="Complete").click()

    sync_api.expect(page.locator("article.task .pill")).to_have_text("done")
    sync_api.expect(page.locator("article.task pre")).to_contain_text("Answer: Training booked")
    sync_api.expect(page.get_by_role("button", name="Complete")).to_have_count(0)
    done = requests.get(f"{sandbox.http}/_sandbox/tasks?status=done", timeout=10).json()
    assert [each["subject"] for each in done] == ["Call about falling use"]
    assert complaints == [], "no script error and nothing from outside this machine"


def test_the_log_opens_a_request_and_shows_its_bodies(sandbox, browser):
    page = browser.new_page()
    page.goto(f"{sandbox.http}/log?crm=hubspot")
    entry = page.locator("#log details", has_text="PATCH").first
    entry.locator("summary").click()
    sync_api.expect(entry.locator("pre").first).to_contain_text("usage_churn_tier")
    assert "sandbox-token" not in page.content()
