import base64

import pytest
from sandbox_builders import account, error, query

GRANT = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}


def test_client_credentials_give_a_session_in_the_body_or_as_basic(http):
    reply = http.post("/services/oauth2/token", data=GRANT).json()
    assert reply["access_token"].startswith("00D")
    assert "!" in reply["access_token"]
    assert reply["instance_url"] == "http://sandbox"
    assert "expires_in" not in reply
    basic = base64.b64encode(b"sandbox:sandbox").decode()
    form = {"grant_type": "client_credentials"}
    assert (
        http.post("/services/oauth2/token", data=form, headers={"authorization": f"Basic {basic}"}).status_code == 200
    )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"client_id": "no"}, "invalid_client_id"),
        ({"client_secret": "no"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}, "invalid_grant"),
    ],
)
def test_every_other_way_in_is_refused_by_name(http, wrong, told):
    reply = http.post("/services/oauth2/token", data={**GRANT, **wrong})
    assert (reply.status_code, reply.json()["error"]) == (400, told)


def test_versions_are_listed_without_a_session_and_are_a_switch(http):
    assert [each["version"] for each in http.get("/services/data/").json()] == ["66.0", "67.0", "68.0"]
    http.post("/_sandbox/settings", json={"salesforce_versions": ["66.0"]})
    assert [each["url"] for each in http.get("/services/data").json()] == ["/services/data/v66.0"]


@pytest.mark.parametrize(("version", "status"), [("v30.0", 410), ("v69.0", 404), ("v59.0", 404)])
def test_a_version_that_is_not_offered_is_gone_or_not_found(http, version, status):
    assert http.get(f"/services/data/{version}/limits").status_code == status


def test_an_unknown_or_ended_session_is_told_so(http, salesforce):
    assert salesforce.get("/limits").status_code == 200
    http.post("/_sandbox/sessions/expire")
    reply = salesforce.get("/limits")
    assert reply.status_code == 401
    assert error(reply) == ("INVALID_SESSION_ID", "Session expired or invalid")


def test_every_reply_tells_the_daily_usage_and_nothing_else(salesforce):
    headers = salesforce.get("/limits").headers
    assert headers["sforce-limit-info"] == "api-usage=1/100000"
    assert salesforce.get("/sobjects/Account/404").headers["sforce-limit-info"] == "api-usage=2/100000"
    assert "retry-after" not in headers


def test_beyond_the_daily_limit_nothing_is_done(salesforce):
    salesforce.post("http://sandbox/_sandbox/settings", json={"salesforce_daily_limit": 1})
    salesforce.get("/limits")
    reply = salesforce.post("/sobjects/Account", json={"Name": "A"})
    assert reply.status_code == 403
    assert error(reply) == ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


@pytest.mark.parametrize(
    "path", ["/query/?q=SELECT+Id+FROM+Account", "/QUERY?q=SELECT+Id+FROM+Account", "/sobjects/account/DESCRIBE/"]
)
def test_case_and_a_trailing_slash_make_no_difference(salesforce, path):
    assert salesforce.get(path).status_code == 200


def test_ids_say_their_object_and_are_found_by_fifteen_characters_too(salesforce):
    there = account(salesforce)
    assert there.startswith("001")
    assert len(there) == 18
    assert salesforce.get(f"/sobjects/Account/{there[:15]}").json()["Id"] == there
    assert query(salesforce, f"SELECT Id FROM Account WHERE Id = '{there[:15]}'")[0]["Id"] == there
