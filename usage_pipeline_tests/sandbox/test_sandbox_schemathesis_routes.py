"""The sandbox's OpenAPI document is whole, and malformed input to the control API and the pages is refused."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from usage_pipeline.sandbox import openapi
from usage_pipeline.sandbox.hubspot import api as hubspot_api
from usage_pipeline.sandbox.salesforce import api as salesforce_api


@pytest.mark.parametrize(("crm", "api"), [("hubspot", hubspot_api), ("salesforce", salesforce_api)])
def test_the_document_knows_every_route_and_no_other(crm, api):
    served = {(method, "/".join(parts)) for known in api._ROUTES._by_length.values() for method, parts, _ in known}
    assert {(method, path) for method, path, _ in openapi.routes(crm)} == served


def test_every_path_of_the_document_is_served_under_its_own_method(http, hubspot, salesforce):
    for path, operations in http.get("/_sandbox/openapi.json").json()["paths"].items():
        client = salesforce if path.startswith("/services") else hubspot
        for method in operations:
            reply = client.request(method.upper(), f"http://sandbox{path}", content=b"{}")
            assert reply.status_code != 405, (method, path)
            assert "resource not found" not in reply.text


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=12),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WORDS = some.sampled_from(
    ["hubspot", "salesforce", "1", "0", "-1", "x", "é", "99999999999999999999999", "%00", "a%2Fb"]
)
CONTROL = (
    ("POST", "stock"), ("POST", "clock"), ("POST", "settings"), ("POST", "faults"), ("DELETE", "faults/{}"),
    ("GET", "log?since={}"), ("GET", "log?crm={}"), ("GET", "tasks?status={}"), ("GET", "state?crm={}"),
    ("POST", "tasks/hubspot/{}"), ("POST", "tasks/{}/1"), ("PATCH", "companies/hubspot/{}"),
    ("PATCH", "companies/salesforce/{}"), ("PATCH", "companies/{}/1"), ("DELETE", "companies/hubspot/{}"),
    ("POST", "companies/hubspot/{}/merge"), ("POST", "companies/salesforce/{}/merge"), ("PATCH", "owners/{}"),
)  # fmt: skip
KNOWN = {
    "stock": ["owners", "companies", "account_key_property"],
    "clock": ["now"],
    "faults": ["kind", "schedule", "match"],
    "settings": ["hubspot_burst_limit", "reorder_results"],
    "tasks": ["status", "answer"],
    "companies": ["properties", "into"],
    "owners": ["active"],
}
ROWS = {name: some.lists(some.dictionaries(some.sampled_from(["name", "email", "owner_email", "account_key", "industry"]), JSON, max_size=3), max_size=2) for name in ("owners", "companies")}  # fmt: skip
HOW = settings(
    max_examples=12, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@pytest.mark.parametrize(("method", "path"), CONTROL)
def test_the_control_api_refuses_what_makes_no_sense_and_never_breaks(http, method, path):
    (ids,) = http.post("/_sandbox/stock", json={"companies": [{"name": "Acme"}]}).json()["ids"]
    names = KNOWN.get(path.partition("/")[0].partition("?")[0], ["x"])

    @HOW
    @given(
        body=some.dictionaries(some.sampled_from(names), JSON) | some.fixed_dictionaries({}, optional=ROWS) | JSON,
        word=WORDS | some.sampled_from(sorted(ids.values())),
    )
    def ask(body, word):
        reply = http.request(method, f"/_sandbox/{path.format(word)}", content=json.dumps(body))
        assert reply.status_code < 500, (reply.text, body)

    ask()


@pytest.mark.parametrize("body", [b"\xff", b"{", b"[1]", b"7", b'{"a":' * 2_000])
def test_what_is_no_json_object_is_refused(http, body):
    assert http.post("/_sandbox/faults", content=body).status_code == 400


@pytest.mark.parametrize(
    "path", ["/?{}", "/companies?crm={}", "/companies?page={}", "/companies?q={}", "/companies?sort={}", "/companies/hubspot/{}", "/companies/{}/1", "/log/{}", "/log?crm={}", "/limits?{}"]
)  # fmt: skip
def test_a_page_that_cannot_be_is_not_found_and_never_breaks(http, path):
    for word in ("1", "x", "%00", "%ff", "-1", "99999999999999999999999", "%C2%B2", "'%20OR%201"):
        assert http.get(path.format(word)).status_code in (200, 404)


@pytest.mark.parametrize("body", [b"\xff=\xff", b"status=done", b"status=dismissed&answer=x&company=%2F%2Fevil", b""])
def test_a_form_that_cannot_be_is_not_found_and_leads_nowhere_else(http, body):
    reply = http.post("/tasks/hubspot/1", content=body, follow_redirects=False)
    assert reply.status_code in (303, 404)
    assert not reply.headers.get("location", "/").startswith("//")
