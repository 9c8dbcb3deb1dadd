import pytest
from sandbox_builders import COMPANIES, company, define, key, problems


def batch(hubspot, verb, inputs, version="2026-03", **more):
    return hubspot.post(f"/crm/objects/{version}/companies/batch/{verb}", json={"inputs": inputs, **more})


def named(name, trace=None, **properties):
    return {"properties": {"name": name, **properties}} | ({"objectWriteTraceId": trace} if trace else {})


def test_more_than_a_hundred_inputs_are_refused(hubspot):
    assert batch(hubspot, "create", [named(f"c{at}") for at in range(101)]).status_code == 400
    assert batch(hubspot, "create", [named(f"c{at}") for at in range(100)]).status_code == 201


def test_one_bad_row_fails_alone_where_every_input_has_its_trace_id(hubspot):
    reply = batch(hubspot, "create", [named("good", "t1"), named("bad", "t2", nonsense="1"), named("fine", "t3")])
    body = reply.json()
    assert reply.status_code == 207
    assert {each["objectWriteTraceId"] for each in body["results"]} == {"t1", "t3"}
    assert body["numErrors"] == 1
    assert body["errors"][0]["context"]["objectWriteTraceId"] == ["t2"]
    assert body["errors"][0]["category"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("traces", [(None, None), ("t1", None), ("t1", "t1")])
def test_one_bad_row_fails_the_whole_batch_without_distinct_trace_ids(hubspot, traces):
    reply = batch(hubspot, "create", [named("good", traces[0]), named("bad", traces[1], nonsense="1")])
    assert reply.status_code == 400
    assert hubspot.get(COMPANIES).json()["results"] == []


def test_version_2026_09_says_201_where_a_row_failed(hubspot):
    reply = batch(hubspot, "create", [named("good", "t1"), named("bad", "t2", nonsense="1")], version="2026-09")
    assert reply.status_code == 201
    assert reply.json()["numErrors"] == 1


def test_whether_2026_09_still_says_207_is_a_switch(hubspot):
    hubspot.post("/_sandbox/settings", json={"multi_status": "always"})
    reply = batch(hubspot, "create", [named("good", "t1"), named("bad", "t2", nonsense="1")], version="2026-09")
    assert reply.status_code == 207


def test_results_come_back_in_another_order(hubspot):
    names = [f"c{at}" for at in range(5)]
    results = batch(hubspot, "create", [named(name) for name in names]).json()["results"]
    answered = [each["properties"]["name"] for each in results]
    assert sorted(answered) == names
    assert answered != names


def test_an_id_named_twice_refuses_the_whole_batch_with_the_recorded_words(hubspot):
    there = company(hubspot)
    reply = batch(
        hubspot, "update", [{"id": there, "properties": {"city": "A"}}, {"id": there, "properties": {"city": "B"}}]
    )
    assert reply.status_code == 400
    assert reply.json()["message"] == f"Duplicate IDs found in batch input: [{there}]. IDs must be unique"
    assert reply.json()["context"]["ids"] == [there]


def test_upsert_updates_what_is_there_and_creates_what_is_not(hubspot):
    unique = key(hubspot)
    there = company(hubspot, account_key="a1")
    inputs = [
        {"id": each, "idProperty": unique, "properties": {"city": "Rome"}, "objectWriteTraceId": each}
        for each in ("a1", "a2")
    ]
    reply = batch(hubspot, "upsert", inputs)
    by_trace = {each["objectWriteTraceId"]: each for each in reply.json()["results"]}
    assert reply.status_code == 200
    assert (by_trace["a1"]["id"], by_trace["a1"]["new"]) == (there, False)
    assert by_trace["a2"]["new"] is True
    assert batch(hubspot, "upsert", inputs).json()["results"][0]["new"] is False


def test_a_property_that_is_not_unique_finds_nobody(hubspot):
    reply = batch(hubspot, "upsert", [{"id": "x", "idProperty": "domain", "properties": {}}])
    assert reply.status_code == 400
    assert "Unable to perform update/upsert by non-unique 0-2 property domain in portal ID" in reply.json()["message"]


def test_batch_read_by_key_names_the_missing_in_a_207(hubspot):
    unique = key(hubspot)
    company(hubspot, account_key="a1")
    reply = batch(hubspot, "read", [{"id": "a1"}, {"id": "a2"}], idProperty=unique, properties=["name"])
    assert reply.status_code == 207
    assert [each["properties"][unique] for each in reply.json()["results"]] == ["a1"]
    assert reply.json()["errors"][0]["context"]["ids"] == ["a2"]
    assert reply.json()["errors"][0]["category"] == "OBJECT_NOT_FOUND"


def test_a_unique_value_that_is_taken_is_refused_and_names_its_holder(hubspot):
    key(hubspot)
    holder = company(hubspot, account_key="a1")
    reply = hubspot.post(COMPANIES, json={"properties": {"name": "Twin", "account_key": "a1"}})
    assert reply.status_code == 400
    assert problems(reply)[0]["error"] == "CONFLICTING_UNIQUE_VALUE"
    assert f"{holder} already has that value." in problems(reply)[0]["message"]


def test_a_contact_that_exists_is_a_conflict_that_names_it(hubspot):
    path = "/crm/objects/2026-03/contacts"
    there = hubspot.post(path, json={"properties": {"email": "Ada@Example.com"}}).json()
    assert there["properties"]["email"] == "ada@example.com"
    reply = hubspot.post(path, json={"properties": {"email": "ada@example.com"}})
    assert reply.status_code == 409
    assert reply.json()["category"] == "CONFLICT"
    assert reply.json()["message"] == f"Contact already exists. Existing ID: {there['id']}"


def test_an_archived_record_is_gone_for_batches_and_its_key_is_free_again(hubspot):
    unique = key(hubspot)
    there = company(hubspot, account_key="a1")
    assert hubspot.delete(f"{COMPANIES}/{there}").status_code == 204
    assert hubspot.delete(f"{COMPANIES}/{there}").status_code == 204
    assert batch(hubspot, "read", [{"id": there}]).json()["results"] == []
    again = batch(hubspot, "upsert", [{"id": "a1", "idProperty": unique, "properties": {"name": "New"}}]).json()[
        "results"
    ][0]
    assert again["new"] is True
    assert again["id"] != there


def test_an_update_of_a_missing_record_fails_alone_with_trace_ids(hubspot):
    there = company(hubspot)
    inputs = [
        {"id": each, "properties": {"city": "Rome"}, "objectWriteTraceId": f"t-{each}"} for each in (there, "404")
    ]
    reply = batch(hubspot, "update", inputs)
    assert reply.status_code == 207
    assert reply.json()["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert reply.json()["errors"][0]["context"]["objectWriteTraceId"] == ["t-404"]


@pytest.mark.parametrize(
    ("type_", "value", "code"),
    [
        ("number", "12 apples", "INVALID_LONG"),
        ("number", "1,000", "INVALID_LONG"),
        ("date", "2026-13-01", "INVALID_DATE"),
        ("date", "1777881600001", "INVALID_DATE"),
        ("datetime", "yesterday", "INVALID_LONG"),
        ("enumeration", "Low", "INVALID_OPTION"),
        ("bool", "yes", "INVALID_OPTION"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_inside_the_message(hubspot, type_, value, code):
    options = {"enumeration": ["low"], "bool": ["true", "false"]}.get(type_, [])
    define(hubspot, "field", made_as=type_, options=[{"label": each, "value": each} for each in options])
    reply = hubspot.post(COMPANIES, json={"properties": {"name": "A", "field": value}})
    assert reply.status_code == 400
    assert problems(reply)[0]["error"] == code
    assert problems(reply)[0]["name"] == "field"
    assert problems(reply)[0]["isValid"] is False


def test_an_unknown_and_a_read_only_property_are_named_together(hubspot):
    reply = hubspot.post(COMPANIES, json={"properties": {"name": "A", "foo": "1", "hs_object_id": "7"}})
    assert {(each["name"], each["error"]) for each in problems(reply)} == {
        ("foo", "PROPERTY_DOESNT_EXIST"),
        ("hs_object_id", "READ_ONLY_VALUE"),
    }
    assert 'Property "foo" does not exist' in problems(reply)[0]["message"]


@pytest.mark.parametrize(
    ("type_", "written", "read"),
    [
        ("number", 81.5, "81.5"),
        ("number", 81, "81"),
        ("date", "2026-05-04", "2026-05-04"),
        ("date", 1777852800000, "2026-05-04"),
        ("datetime", 1777881600000, "2026-05-04T08:00:00Z"),
        ("datetime", "2026-05-04T10:00:00+02:00", "2026-05-04T08:00:00Z"),
        ("string", True, "true"),
    ],
)
def test_values_are_strings_whatever_was_sent(hubspot, type_, written, read):
    define(hubspot, "field", made_as=type_)
    there = company(hubspot, field=written)
    assert hubspot.get(f"{COMPANIES}/{there}?properties=field").json()["properties"]["field"] == read


def test_null_leaves_a_value_alone_and_an_empty_string_clears_it(hubspot):
    there = company(hubspot, city="Rome", phone="1")
    hubspot.patch(f"{COMPANIES}/{there}", json={"properties": {"city": None, "phone": ""}})
    kept = hubspot.get(f"{COMPANIES}/{there}?properties=city,phone").json()["properties"]
    assert (kept["city"], kept["phone"]) == ("Rome", None)


def test_a_checkbox_takes_several_values_and_a_leading_semicolon_appends(hubspot):
    define(
        hubspot,
        "many",
        made_as="enumeration",
        field_type="checkbox",
        options=[{"label": each, "value": each} for each in "abc"],
    )
    there = company(hubspot, many="a;b")
    answer = hubspot.patch(f"{COMPANIES}/{there}", json={"properties": {"many": ";c"}}).json()
    assert answer["properties"]["many"] == "a;b;c"


def test_the_website_follows_from_the_domain(hubspot):
    body = hubspot.post(COMPANIES, json={"properties": {"domain": "acme.example"}}).json()
    assert body["properties"]["website"] == "acme.example"
