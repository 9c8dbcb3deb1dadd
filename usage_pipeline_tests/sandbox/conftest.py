import pytest
from starlette.testclient import TestClient

from usage_pipeline.sandbox import server


@pytest.fixture
def app(tmp_path):
    app = server.create_app(tmp_path / "sandbox.sqlite")
    yield app
    app.state.store.close()


@pytest.fixture
def http(app):
    """The sandbox without credentials."""
    return TestClient(app, base_url="http://sandbox")


@pytest.fixture
def hubspot(app):
    """The sandbox with HubSpot's static token."""
    return TestClient(app, base_url="http://sandbox", headers={"authorization": "Bearer sandbox-token"})


@pytest.fixture
def salesforce(app, http):
    """The sandbox with a Salesforce session, based at the default version."""
    form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
    session = http.post("/services/oauth2/token", data=form).json()["access_token"]
    return TestClient(
        app, base_url="http://sandbox/services/data/v68.0", headers={"authorization": f"Bearer {session}"}
    )
