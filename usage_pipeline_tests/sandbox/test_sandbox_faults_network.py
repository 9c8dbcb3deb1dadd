"""One proof for each kind of fault that any network can have, in front of both CRMs."""

import json
import time

import pytest
import requests
from sandbox_builders import COMPANIES
from sandbox_faults import arm, log, proves, struck
from sandbox_process import running


@pytest.fixture(params=["hubspot", "salesforce"])
def crm(request, hubspot, salesforce):
    """(create a company, count companies) of one CRM."""
    if request.param == "hubspot":

        def count():
            return len(hubspot.get(COMPANIES).json()["results"])

        return request.param, lambda: hubspot.post(COMPANIES, json={"properties": {"name": "A"}}), count

    def count():
        return salesforce.get("/query", params={"q": "SELECT count() FROM Account"}).json()["totalSize"]

    return request.param, lambda: salesforce.post("/sobjects/Account", json={"Name": "A"}), count


@proves("hubspot", "status", "bad_gateway", "gateway_timeout")
@proves("salesforce", "status", "bad_gateway", "gateway_timeout")
@pytest.mark.parametrize(("kind", "status"), [("status", 503), ("bad_gateway", 502), ("gateway_timeout", 504)])
def test_an_answer_in_place_of_the_real_one_leaves_nothing_done(http, crm, kind, status):
    name, create, count = crm
    arm(http, kind, crm=name)
    assert create().status_code == status
    assert count() == 0
    assert create().status_code == 201


@proves("hubspot", "status_after_commit", "gateway_timeout_after_commit")
@proves("salesforce", "status_after_commit", "gateway_timeout_after_commit")
@pytest.mark.parametrize(("kind", "status"), [("status_after_commit", 503), ("gateway_timeout_after_commit", 504)])
def test_a_request_is_carried_out_and_called_a_failure(http, crm, kind, status):
    name, create, count = crm
    arm(http, kind, crm=name)
    assert create().status_code == status
    assert count() == 1


@proves("hubspot", "drop", "drop_after_commit")
@proves("salesforce", "drop", "drop_after_commit")
@pytest.mark.parametrize(("kind", "made"), [("drop", 0), ("drop_after_commit", 1)])
def test_a_connection_is_reset_before_or_after_the_commit(http, crm, kind, made):
    name, create, count = crm
    arm(http, kind, crm=name)
    with pytest.raises(ConnectionResetError):
        create()
    assert log(http)[-1]["status"] == 0
    assert count() == made


@proves("hubspot", "slow_answer")
@proves("salesforce", "slow_answer")
def test_an_answer_comes_late_and_the_request_is_carried_out(http, crm):
    name, create, count = crm
    arm(http, "slow_answer", crm=name, seconds=0.2)
    started = time.perf_counter()
    assert create().status_code == 201
    assert time.perf_counter() - started >= 0.2
    assert log(http)[-1]["ms"] >= 200
    assert count() == 1


@proves("hubspot", "torn_answer")
@proves("salesforce", "torn_answer")
def test_half_of_an_answer_arrives_and_the_request_is_carried_out(http, crm):
    name, create, count = crm
    arm(http, "torn_answer", crm=name)
    answer = create()
    assert answer.status_code == 201
    assert "json" in answer.headers["content-type"]
    assert answer.text
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert count() == 1


@proves("hubspot", "duplicate_delivery")
@proves("salesforce", "duplicate_delivery")
@pytest.mark.parametrize("which", ["first", "second"])
def test_a_request_delivered_twice_is_carried_out_twice_and_answered_once(http, crm, which):
    name, create, count = crm
    arm(http, "duplicate_delivery", crm=name, answer=which)
    answered = create().json()["id"]
    assert count() == 2
    assert struck(http)[0]["detail"] == "answered 201 first"
    assert [each["status"] for each in log(http)].count(201) == 1, "for the client it was one call"
    later = create().json()["id"]
    # Ids are numbered; Salesforce's last three letters check the case of the others.
    distance = int(later) - int(answered) if name == "hubspot" else ord(later[14]) - ord(answered[14])
    assert distance == {"first": 2, "second": 1}[which]


def test_a_client_that_waits_less_than_the_answer_takes_is_left_in_doubt_and_others_are_served(tmp_path):
    headers = {"authorization": "Bearer sandbox-token"}
    with running(tmp_path / "sandbox.sqlite") as sandbox:
        fault = {"kind": "slow_answer", "match": "POST", "seconds": 30}
        requests.post(f"{sandbox.http}/_sandbox/faults", json=fault, timeout=10)
        with pytest.raises(requests.ReadTimeout):
            requests.post(
                sandbox.http + COMPANIES, json={"properties": {"name": "A"}}, headers=headers, timeout=(5, 0.3)
            )
        assert len(requests.get(sandbox.http + COMPANIES, headers=headers, timeout=5).json()["results"]) == 1


def test_a_torn_answer_ends_cleanly_so_that_only_its_content_tells(tmp_path):
    headers = {"authorization": "Bearer sandbox-token"}
    with running(tmp_path / "sandbox.sqlite") as sandbox, requests.Session() as session:
        requests.post(f"{sandbox.http}/_sandbox/faults", json={"kind": "torn_answer"}, timeout=10)
        torn = session.get(sandbox.http + COMPANIES, headers=headers, timeout=5)
        assert int(torn.headers["content-length"]) == len(torn.content) > 0
        with pytest.raises(requests.JSONDecodeError):
            torn.json()
        assert session.get(sandbox.http + COMPANIES, headers=headers, timeout=5).json() == {"results": []}
