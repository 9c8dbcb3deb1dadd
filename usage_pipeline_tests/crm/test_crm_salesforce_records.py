"""Reading, finding and creating accounts in Salesforce, and how many calls are left for it."""

import pytest
from crm_sandbox import running

from usage_pipeline.crm.client import FieldWrite, RecordNew
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.crm.salesforce_org import lists
from usage_pipeline.errors import Unavailable

KEY = "Product_Account_Id__c"
UNIQUE = "Unique_Key__c"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        sandbox.stock(("Acme", "a1", "acme.example"))
        crm = sandbox.client("salesforce")
        crm.provision(CONTRACT)
        metadata = {"label": "Key", "type": "Text", "length": 80, "externalId": True, "unique": True}
        body = {"FullName": f"Account.{UNIQUE}", "Metadata": metadata}
        crm._org.call("POST", "/tooling/sobjects/CustomField", "idempotent", body)
        (found,) = crm._org.query("SELECT Id FROM PermissionSet WHERE Name = 'CRM_Administration'")
        shown = {"ParentId": found["Id"], "SobjectType": "Account", "Field": f"Account.{UNIQUE}"}
        rights = {"PermissionsRead": True, "PermissionsEdit": True}
        crm._org.call("POST", "/sobjects/FieldPermissions", "idempotent", shown | rights)
        yield sandbox


@pytest.fixture
def crm(sandbox):
    yield sandbox.client("salesforce")
    sandbox.delete("faults")
    sandbox.post("settings", salesforce_daily_limit=100_000, salesforce_long_requests=0, salesforce_locked={})


def new(key, name="New", **values):
    return RecordNew(f"op-{key}", key, name, f"{key}.example", values)


def names(crm):
    return sorted(record.name for record in crm.records(KEY, CONTRACT))


def test_creating_is_idempotent_only_where_the_organisation_keeps_the_key_unique(crm):
    assert crm.creating_class(UNIQUE) == "idempotent"
    # The customer's own field is an external id, and two accounts may share it.
    assert crm.creating_class(KEY) == "unsafe"
    assert crm.creating_class("No_Such_Field__c") == "unsafe"


@pytest.mark.parametrize("key", [KEY, UNIQUE])
def test_a_record_is_created_with_key_domain_and_fields_once(crm, key):
    name = f"Created by {key}"
    batch = [new(f"n-{key}", name, usage_churn_tier="red", usage_churn_risk="81.3", usage_cohort=None)]
    (first,) = crm.create_records(batch, key, CONTRACT)
    (second,) = crm.create_records(batch, key, CONTRACT)
    assert (first.outcome, second.outcome) == ("ok", "ok")
    assert first.crm_id == second.crm_id
    (found,) = [record for record in crm.records(key, CONTRACT) if record.name == name]
    assert (found.account_key, found.domain) == (f"n-{key}", f"n-{key}.example".lower())
    assert (found.fields["usage_churn_tier"], found.fields["usage_churn_risk"]) == ("red", "81.3")


def test_a_record_that_somebody_made_meanwhile_keeps_its_name(sandbox, crm):
    (there,) = sandbox.add(("Theirs", "m1", "theirs.example"))
    (result,) = crm.create_records([new("m1", "Ours", usage_churn_tier="red")], KEY, CONTRACT)
    assert (result.outcome, result.crm_id) == ("ok", there["salesforce"])
    (found,) = [record for record in crm.records(KEY, CONTRACT) if record.account_key == "m1"]
    assert (found.name, found.domain, found.fields["usage_churn_tier"]) == ("Theirs", "theirs.example", "red")


def test_a_key_that_two_records_hold_is_a_matter_of_identity(sandbox, crm):
    sandbox.add(("One", "twice", None), ("Two", "twice", None))
    results = crm.create_records([new("twice"), new("once")], KEY, CONTRACT)
    assert [result.outcome for result in results] == ["failed", "ok"]
    assert results[0].rejection.cause == "identity"
    assert len(crm.find_records(["twice"], KEY)["twice"]) == 2


@pytest.mark.parametrize(("key", "outcome"), [(KEY, "unknown"), (UNIQUE, "ok")])
def test_a_lost_answer_to_a_creation_is_unknown_where_it_could_make_two(sandbox, crm, key, outcome):
    sandbox.post("faults", crm="salesforce", match="(POST|PATCH) .*composite", kind="drop_after_commit")
    (result,) = crm.create_records([new(f"lost-{key}", f"Lost by {key}")], key, CONTRACT)
    assert result.outcome == outcome
    assert len(crm.find_records([f"lost-{key}"], key)[f"lost-{key}"]) == 1


def test_records_are_found_by_exactly_their_key(sandbox, crm):
    keys = ["it's", "back\\slash", "plain", "ünï", "a,b"]
    stocked = sandbox.add(*((f"Find {n}", key, None) for n, key in enumerate(keys)))
    found = crm.find_records([*keys, "PLAIN", "absent"], KEY)
    assert found == {key: [ids["salesforce"]] for key, ids in zip(keys, stocked, strict=True)}


def test_a_thousand_long_keys_are_asked_in_addresses_that_are_short_enough(crm):
    keys = [f"{n:04d}-" + "schlüssel" * 8 for n in range(1_000)]
    texts = list(lists(keys))
    assert sum(text.count("','") + 1 for text in texts) == 1_000
    assert max(len(text.encode()) for text in texts) < 16_000
    assert crm.find_records(keys, KEY) == {}


def test_a_whole_read_is_paged_and_an_answer_that_lacks_rows_is_not_believed(sandbox, crm):
    body = {"totalSize": 2, "done": True, "records": []}
    with pytest.raises(Unavailable, match="promised 2 rows and gave 0"):
        list(_answered(crm, body).query("SELECT Id FROM Account"))
    with pytest.raises(Unavailable, match="promised 2 rows and gave 1"):
        list(_answered(crm, body | {"done": False, "records": [{}]}).query("SELECT Id FROM Account"))
    with pytest.raises(Unavailable, match="promised None"):
        list(_answered(crm, {}).query("SELECT Id FROM Account"))
    pages = [
        body | {"done": False, "records": [{"Id": 1}], "nextRecordsUrl": "/services/data/v68.0/query/01g-1"},
        body | {"records": [{"Id": 2}]},
    ]
    assert [row["Id"] for row in _answered(crm, *pages).query("SELECT Id FROM Account")] == [1, 2]


def _answered(crm, *pages):
    """An organisation that gives these pages."""
    left = list(pages)
    crm._org.get = lambda *_, **__: left.pop(0)
    return crm._org


def test_states_that_lack_a_task_which_the_answer_promised_are_no_news(crm):
    crm._org.fields("Task")
    _answered(crm, {"totalSize": 1, "done": True, "records": []})
    with pytest.raises(Unavailable):
        crm.task_states(["00TQy0000000001AAA"])


def test_calls_left_are_told_by_the_newest_answer_and_leave_a_part_to_others(sandbox, crm):
    assert crm.calls_left() is None
    crm.instance()
    first = crm.calls_left()
    crm.owners()
    assert crm.calls_left() == first - 1
    assert first < 95_000


def test_a_day_whose_calls_are_almost_spent_begins_nothing_new(sandbox, crm):
    (company,) = sandbox.add(("Acme", "q1", None))
    crm.instance()
    used = 95_000 - crm.calls_left()
    sandbox.post("settings", salesforce_daily_limit=used + 2)
    crm.owners()
    assert crm.calls_left() == 0
    writes = crm.calls.writes
    (result,) = crm.write_fields([FieldWrite("op", company["salesforce"], {"usage_churn_tier": "red"})], CONTRACT)
    assert (result.outcome, result.rejection.cause) == ("failed", "budget")
    assert crm.calls.writes == writes
    with pytest.raises(Unavailable, match="left to others"):
        crm.records(KEY, CONTRACT)


def test_too_many_requests_at_once_are_waited_for(sandbox, crm):
    sandbox.post("settings", salesforce_long_requests=27)
    assert names(crm)


def test_a_session_that_ends_after_a_lost_answer_does_not_make_the_row_unknown(sandbox, crm):
    (company,) = sandbox.add(("Acme", "s1", None))
    crm.instance()
    sandbox.post("faults", crm="salesforce", match="PATCH .*composite", kind="drop_after_commit")
    body = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
    sandbox.post("faults", crm="salesforce", match="PATCH .*composite", status=401, body=body)
    (result,) = crm.write_fields([FieldWrite("op", company["salesforce"], {"usage_churn_tier": "red"})], CONTRACT)
    assert result.outcome == "ok"


def test_a_session_that_ends_again_and_again_is_no_fault_of_the_row(sandbox, crm):
    (company,) = sandbox.add(("Acme", "e1", None))
    row = FieldWrite("op", company["salesforce"], {"usage_churn_tier": "red"})
    body = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
    for times, end in ((2, ("ok", None)), (3, ("failed", "transient"))):
        sandbox.post("faults", crm="salesforce", match="PATCH .*composite", status=401, body=body, times=times)
        (result,) = crm.write_fields([row], CONTRACT)
        assert (result.outcome, result.rejection and result.rejection.cause) == end


def test_a_lost_answer_and_then_a_refusal_is_unknown_and_not_failed(sandbox, crm):
    (company,) = sandbox.add(("Acme", "u1", None))
    sandbox.post("faults", crm="salesforce", match="PATCH .*composite", kind="drop_after_commit")
    body = [{"errorCode": "JSON_PARSER_ERROR", "message": "Unexpected end"}]
    sandbox.post("faults", crm="salesforce", match="PATCH .*composite", status=400, body=body)
    (result,) = crm.write_fields([FieldWrite("op", company["salesforce"], {"usage_churn_tier": "red"})], CONTRACT)
    assert result.outcome == "unknown"
    assert crm.field_values([company["salesforce"]], CONTRACT)[company["salesforce"]]["usage_churn_tier"] == "red"


def test_a_locked_record_is_tried_again_with_pauses_that_grow_and_the_others_are_not(sandbox):
    slept = []
    crm = sandbox.client("salesforce", sleep=slept.append)
    stocked = [each["salesforce"] for each in sandbox.add(*((f"Lock {n}", None, None) for n in range(3)))]
    sandbox.post("settings", salesforce_locked={stocked[1]: 2})
    batch = [FieldWrite(one, one, {"usage_churn_tier": "red"}) for one in stocked]
    assert {result.outcome for result in crm.write_fields(batch, CONTRACT)} == {"ok"}
    assert len(slept) == 2
    assert 1 <= slept[0] <= 3 <= slept[1] * 1.5
    sent = [
        each["request"] for each in sandbox.get("log", limit=20_000) if each["path"].endswith("/composite/sobjects")
    ]
    assert [request.count('"Id"') for request in sent[-3:]] == [3, 1, 1]
    sandbox.post("settings", salesforce_locked={stocked[1]: 99})
    (result,) = crm.write_fields(batch[1:2], CONTRACT)
    assert (result.outcome, result.rejection.cause) == ("failed", "transient")
    sandbox.post("settings", salesforce_locked={})


@pytest.mark.parametrize("value", ["soon", "inf", "nan"])
def test_a_number_that_is_none_is_refused_for_its_own_row(sandbox, crm, value):
    good, bad = (one["salesforce"] for one in sandbox.add(("Good", None, None), ("Bad", None, None)))
    rows = [
        FieldWrite("good", good, {"usage_churn_risk": "12.5"}),
        FieldWrite("bad", bad, {"usage_churn_risk": value}),
    ]
    results = {result.key: result for result in crm.write_fields(rows, CONTRACT)}
    assert (results["good"].outcome, results["bad"].outcome) == ("ok", "failed")
