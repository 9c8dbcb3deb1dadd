"""Whatever a client sends, HubSpot refuses it in its own words: never a 5xx, and never half a change."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sandbox_builders import COMPANIES, company
from starlette.testclient import TestClient

from usage_pipeline.sandbox import server

OBJECTS = ("companies", "contacts", "tasks", "notes")
PATHS = (
    *(("POST", f"/crm/objects/2026-03/{kind}") for kind in OBJECTS),
    *(
        ("POST", f"/crm/objects/{version}/companies/batch/{verb}")
        for verb in ("read", "create", "update", "upsert", "archive")
        for version in ("2026-03", "2026-09")
    ),
    ("PATCH", "/crm/objects/2026-03/companies/{company}"),
    ("POST", "/crm/objects/2026-03/companies/search"),
    *(
        ("POST", f"/crm/associations/2026-03/tasks/companies/batch/{verb}")
        for verb in ("create", "read", "archive", "associate/default")
    ),
    ("PUT", "/crm/objects/2026-03/companies/{company}/associations/contacts/1"),
    ("POST", "/crm/properties/2026-03/companies"),
    ("POST", "/crm/properties/2026-03/companies/groups"),
    ("POST", "/crm/properties/2026-03/companies/batch/create"),
    ("POST", "/crm/properties/2026-03/companies/batch/read"),
    ("PATCH", "/crm/properties/2026-03/companies/{property}"),
    ("POST", "/crm/lists/2026-03"),
    ("PUT", "/crm/lists/2026-03/{list}/memberships/add"),
    ("PUT", "/crm/lists/2026-03/{list}/memberships/add-and-remove"),
    ("POST", "/oauth/2026-03/token"),
)
_ROW = {"id": "{company}", "properties": {"name": "A", "rank": "1"}, "objectWriteTraceId": "t"}
_KEYED = {**_ROW, "id": "7", "idProperty": "rank"}
_TYPES = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 280}]
_LINK = {"from": {"id": "{company}"}, "to": {"id": "{contact}"}, "types": _TYPES}
_OPTION = {"label": "A", "value": "a", "displayOrder": 0, "hidden": False}
_DEFINITION = {
    "name": "tier", "label": "Tier", "type": "enumeration", "fieldType": "select", "groupName": "companyinformation",
    "description": "", "options": [_OPTION], "displayOrder": -1, "hasUniqueValue": False, "numberDisplayHint": "formatted",
}  # fmt: skip
_FILTERS = [
    {"propertyName": "rank", "operator": "BETWEEN", "value": "1", "highValue": "2"},
    {"propertyName": "createdate", "operator": "GT", "value": "2026-05-04"},
    {"propertyName": "hs_object_id", "operator": "IN", "values": ["1"]},
]
_SEARCH = {
    "filterGroups": [{"filters": _FILTERS}], "properties": ["name"], "limit": 10, "after": "0",
    "sorts": [{"propertyName": "name", "direction": "DESCENDING"}],
}  # fmt: skip
_OBJECTS, _BETWEEN, _OURS = (
    "/crm/objects/2026-09",
    "/crm/associations/2026-03/companies/contacts/batch",
    "/crm/properties/2026-03",
)
SOUND = (
    ("POST", f"{_OBJECTS}/tasks", {"properties": {"hs_timestamp": "2026-05-04", "hs_task_status": "COMPLETED", "hubspot_owner_id": "1"}}),
    ("POST", f"{_OBJECTS}/contacts", {"properties": {"email": "b@example.com"}, "associations": [{"to": {"id": "{company}"}, "types": [{"associationTypeId": 279}]}]}),
    ("POST", f"{_OBJECTS}/companies/batch/read", {"inputs": [{"id": "7"}], "idProperty": "rank", "properties": ["name"]}),
    ("POST", f"{_OBJECTS}/companies/batch/create", {"inputs": [{"properties": {"name": "A"}, "associations": [{"to": {"id": "{contact}"}, "types": _TYPES}]}]}),
    ("POST", f"{_OBJECTS}/companies/batch/update", {"inputs": [_ROW]}),
    ("POST", f"{_OBJECTS}/companies/batch/upsert", {"inputs": [_KEYED]}),
    ("POST", f"{_OBJECTS}/companies/batch/archive", {"inputs": [{"id": "404"}]}),
    ("POST", f"{_OBJECTS}/companies/search", _SEARCH),
    ("POST", f"{_BETWEEN}/create", {"inputs": [_LINK]}),
    ("POST", f"{_BETWEEN}/archive", {"inputs": [{"from": {"id": "{company}"}, "to": [{"id": "{contact}"}]}]}),
    ("POST", f"{_BETWEEN}/read", {"inputs": [{"id": "{company}", "after": "1"}]}),
    ("PUT", f"{_OBJECTS}/companies/{{company}}/associations/contacts/{{contact}}", _TYPES),
    ("POST", f"{_OURS}/companies", _DEFINITION),
    ("PATCH", f"{_OURS}/companies/rank", _DEFINITION),
    ("POST", f"{_OURS}/companies/batch/create", {"inputs": [_DEFINITION]}),
    ("POST", f"{_OURS}/companies/batch/read", {"inputs": [{"name": "rank"}], "archived": False}),
    ("POST", f"{_OURS}/companies/groups", {"name": "churn", "label": "Churn", "displayOrder": -1}),
    ("POST", "/crm/lists/2026-03", {"name": "New", "objectTypeId": "0-2", "processingType": "MANUAL"}),
    ("PUT", "/crm/lists/2026-03/{list}/memberships/add-and-remove", {"recordIdsToAdd": ["{company}"], "recordIdsToRemove": ["404"]}),
)  # fmt: skip
"""Requests that are in order, of which one part at a time is spoilt."""

WORDS = (
    "inputs", "id", "idProperty", "properties", "objectWriteTraceId", "associations", "to", "from", "types",
    "associationTypeId", "associationCategory", "name", "domain", "email", "hs_timestamp", "hs_task_status", "rank",
    "filterGroups", "filters", "propertyName", "operator", "value", "values", "highValue", "sorts", "limit", "after",
    "label", "type", "fieldType", "groupName", "options", "displayOrder", "hasUniqueValue", "objectTypeId",
    "processingType", "recordIdsToAdd", "recordIdsToRemove",
)  # fmt: skip
TEXTS = (
    "", "0", "-1", "1", "404", "name", "domain", "email", "hs_object_id", "rank", "0-2", "MANUAL", "EQ", "IN", "BETWEEN",
    "CONTAINS_TOKEN", "string", "number", "text", "enumeration", "select", "companyinformation", "ASCENDING", "ada@example.com",
    "99999999999999999999999", "-99999999999999999", "1e999", "2026-05-04", "0001-01-01T00:00:00+14:00", "\u0663", "\x00", "'", '"', "$.a",
)  # fmt: skip

scalars = some.one_of(
    some.none(),
    some.booleans(),
    some.sampled_from(TEXTS),
    some.integers(-(10**25), 10**25),
    some.floats(allow_nan=False, allow_infinity=False),
    some.text(max_size=5),
)
values = some.recursive(
    scalars,
    lambda inner: some.one_of(
        some.lists(inner, max_size=3), some.dictionaries(some.sampled_from(WORDS), inner, max_size=5)
    ),
    max_leaves=14,
)
records = some.fixed_dictionaries(
    {},
    optional={
        "id": some.one_of(some.just("{company}"), scalars, values),
        "idProperty": scalars,
        "properties": some.one_of(some.dictionaries(some.sampled_from(WORDS), scalars, max_size=3), values),
        "objectWriteTraceId": scalars,
        "associations": values,
        "from": values,
        "to": values,
        "types": values,
    },
)
likely = some.one_of(
    values,
    some.dictionaries(some.sampled_from(WORDS), values, max_size=6),
    some.builds(lambda rows: {"inputs": rows}, some.lists(some.one_of(records, values), max_size=3)),
)


def spoilt(request, at, value):
    """A sound request with one part of its body replaced, or left out."""
    method, path, body = request
    body = copy.deepcopy(body)
    places = []

    def walk(node):
        for name in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, name))
            if isinstance(node[name], dict | list):
                walk(node[name])

    walk(body)
    node, name = places[at % len(places)]
    if value is ...:
        del node[name]
    else:
        node[name] = value
    return (method, path), json.dumps(body).encode()


bodies = some.one_of(likely.map(lambda body: json.dumps(body).encode()), some.binary(max_size=20))


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    yield from opened(tmp_path_factory.mktemp("sandbox"))


@pytest.fixture
def untouched(tmp_path):
    """A portal whose company no other test has archived."""
    yield from opened(tmp_path)


def opened(folder):
    """A portal with a company, a property and a list, and nobody counting the calls."""
    app = server.create_app(folder / "sandbox.sqlite")
    hubspot = TestClient(
        app,
        base_url="http://sandbox",
        headers={"authorization": "Bearer sandbox-token", "content-type": "application/json"},
        raise_server_exceptions=False,
    )
    hubspot.post("/_sandbox/settings", json={"hubspot_burst_limit": 10**9, "hubspot_search_per_second": 10**9})
    rank = {"name": "rank", "label": "Rank", "type": "number", "fieldType": "number", "hasUniqueValue": True}
    assert (
        hubspot.post("/crm/properties/2026-03/companies", json={**rank, "groupName": "companyinformation"}).status_code
        == 201
    )
    named = {"name": "Cohort", "objectTypeId": "0-2", "processingType": "MANUAL"}
    hubspot.names = {
        "{company}": company(hubspot),
        "{property}": "rank",
        "{contact}": hubspot.post(
            "/crm/objects/2026-03/contacts", json={"properties": {"email": "a@example.com"}}
        ).json()["id"],
        "{list}": hubspot.post("/crm/lists/2026-03", json=named).json()["list"]["listId"],
    }
    yield hubspot
    app.state.store.close()


def filled(hubspot, text):
    for name, value in hubspot.names.items():
        text = text.replace(name, value) if isinstance(text, str) else text.replace(name.encode(), value.encode())
    return text


def check(hubspot, target, body):
    method, path = target
    reply = hubspot.request(method, filled(hubspot, path), content=filled(hubspot, body))
    assert reply.status_code < 500, (target, body)
    if reply.status_code >= 400:
        assert reply.json()["message"]
    return reply.status_code


FUZZ = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


requests = some.one_of(
    some.tuples(some.sampled_from(PATHS), bodies),
    some.builds(spoilt, some.sampled_from(SOUND), some.integers(0, 40), some.one_of(some.just(...), scalars, values)),
)


@settings(max_examples=250, **FUZZ)
@given(request=requests)
def test_no_body_makes_it_fail(portal, request):
    check(portal, *request)


@pytest.mark.slow
@settings(max_examples=2_000, **FUZZ)
@given(request=requests)
def test_none_of_many_bodies_makes_it_fail(portal, request):
    check(portal, *request)


@pytest.mark.parametrize("request_", SOUND, ids=lambda request: request[1].rpartition("/crm")[2])
def test_the_requests_that_are_spoilt_here_are_in_order(untouched, request_):
    method, path, body = request_
    if "owner" in str(body):
        body = {"properties": {name: value for name, value in body["properties"].items() if "owner" not in name}}
    assert check(untouched, (method, path), json.dumps(body).encode()) in {200, 201, 204, 207, 409}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"properties": {"name": "\\ud800"}}',
        b'{"properties": {"name": NaN}}',
        b'{"properties": {"name": 1e999}}',
        b'{"properties": {"name": {"a": 1}}}',
        b'{"properties": {"name": ' + b"9" * 5_000 + b"}}",
        b'{"properties": []}',
        b'"text"',
    ],
)
def test_a_body_that_says_nothing_sensible_is_a_validation_error_and_makes_nothing(portal, body):
    before = len(portal.get(f"{COMPANIES}?limit=100").json()["results"])
    reply = portal.post(COMPANIES, content=body)
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")
    assert len(portal.get(f"{COMPANIES}?limit=100").json()["results"]) == before


@pytest.mark.parametrize("query", ["limit=0", "limit=%C2%B2", "limit=9999999999999999999", "after=-1", "after=9" * 30])
def test_a_page_that_is_none_is_a_validation_error(portal, query):
    assert portal.get(f"{COMPANIES}?{query}").status_code == 400


@pytest.mark.parametrize("number", ["99999999999999999999999", "%D9%A3", "-1", "a'b"])
def test_an_id_that_no_record_could_have_is_not_found(portal, number):
    for path in (f"{COMPANIES}/{number}", f"/crm/owners/2026-03/{number}", f"/crm/lists/2026-03/{number}"):
        assert portal.get(path).status_code == 404


def test_an_option_without_a_value_is_refused_and_the_property_stays_as_it_was(untouched):
    rank = "/crm/properties/2026-03/companies/rank"
    options = {"type": "enumeration", "fieldType": "select", "options": [{"label": "First"}]}
    reply = untouched.patch(rank, json=options)
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")
    assert untouched.get(rank).json()["type"] == "number"
