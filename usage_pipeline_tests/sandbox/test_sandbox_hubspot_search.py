import pytest
from sandbox_builders import COMPANIES, company, define


def found(hubspot, *filters, **more):
    body = {
        "filterGroups": [
            {"filters": [dict(zip(("propertyName", "operator", "value"), each, strict=True)) for each in filters]}
        ]
    }
    return hubspot.post(f"{COMPANIES}/search", json={**body, **more}).json()


@pytest.fixture(autouse=True)
def unhurried(hubspot):
    hubspot.post("/_sandbox/settings", json={"hubspot_search_per_second": 1_000})


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([("score", "GTE", "9")], {"nine", "ten"}),
        ([("score", "LT", "10")], {"nine"}),
        ([("name", "EQ", "NINE")], {"nine"}),
        ([("score", "HAS_PROPERTY", "")], {"nine", "ten"}),
        ([("score", "NOT_HAS_PROPERTY", "")], {"none"}),
        ([("score", "NEQ", "9")], {"ten", "none"}),
        ([("name", "CONTAINS_TOKEN", "n*")], {"nine", "none", "ten"}),
        ([("score", "GT", "1"), ("name", "EQ", "ten")], {"ten"}),
    ],
)
def test_filters_compare_numbers_as_numbers_and_text_in_any_case(hubspot, filters, names):
    define(hubspot, "score", made_as="number")
    company(hubspot, name="nine", score=9)
    company(hubspot, name="ten", score=10)
    company(hubspot, name="none")
    assert {each["properties"]["name"] for each in found(hubspot, *filters)["results"]} == names


def test_what_changed_since_is_found_in_order(hubspot):
    hubspot.post("/_sandbox/clock", json={"now": "2026-05-04T08:00:00Z"})
    first, second = company(hubspot, name="a"), company(hubspot, name="b")
    hubspot.post("/_sandbox/clock", json={"now": "2026-05-05T08:00:00Z"})
    hubspot.patch(f"{COMPANIES}/{first}", json={"properties": {"city": "Rome"}})
    since = ("hs_lastmodifieddate", "GTE", "2026-05-05T00:00:00Z")
    assert [each["id"] for each in found(hubspot, since)["results"]] == [first]
    sorts = [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}]
    assert [each["id"] for each in found(hubspot, sorts=sorts)["results"]] == [second, first]


def test_search_lags_behind_writes_when_it_is_told_to(hubspot):
    hubspot.post("/_sandbox/clock", json={"now": "2026-05-04T08:00:00Z"})
    old, gone = company(hubspot, name="old"), company(hubspot, name="gone")
    hubspot.post("/_sandbox/settings", json={"search_lag_seconds": 30})
    company(hubspot, name="new")
    hubspot.patch(f"{COMPANIES}/{old}", json={"properties": {"name": "renamed"}})
    hubspot.delete(f"{COMPANIES}/{gone}")
    assert found(hubspot, ("name", "EQ", "new"))["total"] == 0, "no hit right after a create"
    assert found(hubspot, ("name", "EQ", "old"))["total"] == 1, "a stale value after an update"
    archived = found(hubspot, ("name", "EQ", "gone"))
    assert (archived["total"], archived["results"]) == (1, []), "counted, but not shown, after an archive"
    hubspot.post("/_sandbox/clock", json={"now": "2026-05-04T08:00:31Z"})
    assert found(hubspot, ("name", "EQ", "new"))["total"] == 1
    assert found(hubspot, ("name", "EQ", "renamed"))["total"] == 1
    assert found(hubspot, ("name", "EQ", "gone"))["total"] == 0


@pytest.mark.parametrize(
    "body", [{"limit": 201}, {"after": "9999", "limit": 100}, {"filterGroups": [{}] * 6}, {"sorts": ["a", "b"]}]
)
def test_searches_beyond_the_limits_are_refused(hubspot, body):
    assert hubspot.post(f"{COMPANIES}/search", json=body).status_code == 400


def test_pages_of_a_search_follow_each_other(hubspot):
    ids = [company(hubspot) for _ in range(3)]
    first = found(hubspot, limit=2)
    assert first["total"] == 3
    second = found(hubspot, limit=2, after=first["paging"]["next"]["after"])
    assert [each["id"] for each in first["results"] + second["results"]] == ids
