import pytest
import requests
from sandbox_builders import COMPANIES, account, company, define, field, key
from sandbox_faults import arm, struck
from sandbox_process import running

ACCOUNT = "/sobjects/Account"


def created(hubspot, times):
    return [hubspot.post(COMPANIES, json={"properties": {"name": "A"}}).status_code for _ in range(times)]


def test_a_fault_skips_the_first_matching_calls_and_strikes_so_often(http, hubspot):
    arm(http, "status", match="POST", after=2, times=2)
    hubspot.get(COMPANIES)
    assert created(hubspot, 6) == [201, 201, 503, 503, 201, 201]


def test_a_fault_without_end_strikes_until_it_is_disarmed(http, hubspot):
    number = arm(http, "status", times=None)
    other = arm(http, "status", crm="salesforce")
    assert created(hubspot, 3) == [503, 503, 503]
    assert http.delete(f"/_sandbox/faults/{number}").json() == {"disarmed": 1}
    assert created(hubspot, 1) == [201]
    assert [each["id"] for each in http.get("/_sandbox/faults").json()["armed"]] == [other]
    assert http.delete(f"/_sandbox/faults/{number}").status_code == 404


def test_a_fault_matches_by_the_route_as_the_counts_spell_it(http, hubspot):
    known = company(hubspot)
    arm(http, "status", match="PATCH /crm/objects/{version}/companies/{id}")
    assert hubspot.patch(f"{COMPANIES}/{known}", json={"properties": {}}).status_code == 503


def test_a_call_that_a_kind_does_not_fit_is_neither_counted_nor_struck(http, hubspot):
    arm(http, "batch_conflict", crm="hubspot")
    assert created(hubspot, 2) == [201, 201]
    inputs = {"inputs": [{"properties": {"name": "A"}}]}
    assert hubspot.post(f"{COMPANIES}/batch/create", json=inputs).status_code == 409


def test_what_is_armed_and_what_has_struck_is_told(http, hubspot):
    number = arm(http, "status", match="POST", times=3, status=502)
    created(hubspot, 2)
    told = http.get("/_sandbox/faults").json()
    (armed,) = told["armed"]
    assert (armed["id"], armed["seen"], armed["struck"], armed["left"]) == (number, {"hubspot": 2}, 2, 1)
    assert [(each["id"], each["kind"], each["status"]) for each in told["struck"]] == [(number, "status", 502)] * 2
    assert [each["id"] for each in http.get("/_sandbox/log").json()] == [each["call"] for each in told["struck"]]


def pattern(http, hubspot, seed, calls=60, **how):
    schedule = {"seed": seed, "rate": 0.2, "kinds": ["drop", "status", "burst_limit", "batch_conflict"]}
    http.post("/_sandbox/faults", json={"schedule": schedule, **how})
    seen = []
    for _ in range(calls):
        try:
            seen.append(hubspot.get(COMPANIES).status_code)
        except ConnectionResetError:
            seen.append(0)
    http.delete("/_sandbox/faults")
    return seen


def test_a_schedule_with_the_same_seed_strikes_the_same_calls_and_another_seed_others(http, hubspot):
    first, again, other = (pattern(http, hubspot, seed) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert 4 <= sum(status != 200 for status in first) <= 22, "about a fifth of sixty"
    assert set(first) >= {0, 200, 429, 503}, "every kind that fits a read comes up"
    assert 409 not in first, "a read has no batch to refuse"


def test_a_schedule_may_begin_late_and_end(http, hubspot):
    seen = pattern(http, hubspot, 7, after=20, times=2)
    assert seen[:20] == [200] * 20
    assert sum(status != 200 for status in seen) == 2


def test_the_calls_of_a_schedule_are_numbered_per_crm(http, hubspot, salesforce):
    """Or else two CRMs written side by side would be struck by chance."""
    alone = pattern(http, hubspot, 7, calls=20)
    http.post("/_sandbox/faults", json={"schedule": {"seed": 7, "rate": 0.2, "kinds": ["status"]}})
    mixed = []
    for _ in range(20):
        mixed.append(hubspot.get(COMPANIES).status_code)
        salesforce.get("/limits")
    assert [status == 200 for status in mixed] == [status == 200 for status in alone]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "nonsense"},
        {"kind": "lock_contention", "crm": "hubspot"},
        {"crm": "pipedrive"},
        {"match": "("},
        {"match": 7},
        {"status": 200},
        {"status": "many"},
        {"times": 0},
        {"times": "often"},
        {"after": -1},
        {"seconds": -1, "kind": "slow_answer"},
        {"sedonds": 3},
        {"schedule": {"rate": 0.1}},
        {"schedule": {"rate": 2, "kinds": ["drop"]}},
        {"schedule": {"kinds": ["nonsense"]}},
        {"schedule": 7},
        {"kind": ["drop"]},
    ],
)
def test_a_fault_that_cannot_work_is_refused_with_the_reason(http, wrong):
    reply = http.post("/_sandbox/faults", json=wrong)
    assert reply.status_code == 400
    assert reply.json()["error"]
    assert http.get("/_sandbox/faults").json()["armed"] == []


def test_an_armed_fault_outlives_a_kill_of_the_sandbox(tmp_path):
    def asked(sandbox):
        headers = {"authorization": "Bearer sandbox-token"}
        return requests.get(sandbox.http + COMPANIES, headers=headers, timeout=10).status_code

    state = tmp_path / "sandbox.sqlite"
    with running(state) as sandbox:
        requests.post(f"{sandbox.http}/_sandbox/faults", json={"kind": "locked", "after": 1}, timeout=10)
        assert asked(sandbox) == 200
        sandbox.kill()
    with running(state) as sandbox:
        assert asked(sandbox) == 423


def test_mending_brings_back_what_faults_took_away(http, hubspot, salesforce):
    key(hubspot)
    define(hubspot, "usage_churn_risk", made_as="number")
    ours = company(hubspot, account_key="a1")
    field(salesforce, "Account.Usage_Churn_Risk__c", "Number")
    theirs = account(salesforce)
    for kind in ("field_deleted", "record_archived"):
        arm(http, kind, times=2)
        hubspot.patch(f"{COMPANIES}/{ours}", json={"properties": {"usage_churn_risk": 1}})
        salesforce.patch(f"{ACCOUNT}/{theirs}", json={"Usage_Churn_Risk__c": 1})
        http.delete("/_sandbox/faults")
    assert len(struck(http)) == 4
    arm(http, "permission_revoked", crm="hubspot")
    assert hubspot.post(COMPANIES, json={"properties": {"name": "A"}}).status_code == 403

    assert http.post("/_sandbox/faults/mend").json()["mended"] >= 5
    wanted = {"properties": {"usage_churn_risk": 2}}
    assert hubspot.patch(f"{COMPANIES}/a1?idProperty=account_key", json=wanted).status_code == 200
    assert salesforce.patch(f"{ACCOUNT}/{theirs}", json={"Usage_Churn_Risk__c": 2}).status_code == 204
    assert http.post("/_sandbox/faults/mend").json() == {"mended": 0}
