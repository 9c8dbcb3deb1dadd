"""Schemathesis asks everything that the sandbox's OpenAPI document describes, well and badly: never a 5xx."""

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from sandbox_process import running

from usage_pipeline.sandbox import openapi

pytestmark = pytest.mark.slow

# It would make up credentials too, and hide everything behind a 401.
schema = schemathesis.openapi.from_dict({**openapi.document(), "security": []})


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """Its address, and the token of each family of paths."""
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:

        def tell(path, **what):
            reply = requests.post(f"{sandbox.http}{path}", timeout=10, **what)
            reply.raise_for_status()
            return reply.json()

        limits = ("hubspot_burst_limit", "hubspot_daily_limit", "hubspot_search_per_second", "salesforce_daily_limit")
        tell("/_sandbox/settings", json=dict.fromkeys(limits, 10**9))
        tell("/_sandbox/stock", json={"companies": [{"name": "Acme", "account_key": "a1", "domain": "acme.example"}]})
        form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
        session = tell("/services/oauth2/token", data=form)["access_token"]
        yield sandbox.http, {"crm": "sandbox-token", "account-info": "sandbox-token", "services": session}


@schema.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_is_answered_or_refused_and_never_breaks_the_server(case, sandbox):
    address, tokens = sandbox
    token = tokens[case.operation.path.split("/")[1]]
    answer = case.call(base_url=address, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code < 500, answer.text
    assert answer.status_code not in (401, 429), "it was let in, so the request was really looked at"
