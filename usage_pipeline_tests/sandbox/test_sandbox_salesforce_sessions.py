import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from sandbox_builders import account, error, query

SETTINGS = "/_sandbox/settings"


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "integration")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def login(http, key, algorithm="RS256", **claims):
    """With PyJWT: an assertion that nobody here wrote."""
    told = {
        "iss": "sandbox",
        "sub": "integration@sandbox.example",
        "aud": "https://login.salesforce.com",
        "exp": int(time.time()) + 120,
    } | claims
    assertion = jwt.encode(told, key, algorithm=algorithm)
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    return http.post("/services/oauth2/token", data=form)


def test_a_registered_key_opens_a_session_without_a_secret(http, key, certificate):
    http.post(SETTINGS, json={"salesforce_jwt_certificates": [certificate]})
    told = login(http, key).json()
    assert set(told) == {"access_token", "instance_url", "id", "token_type", "scope"}
    headers = {"authorization": f"Bearer {told['access_token']}"}
    assert http.get("/services/data/v68.0/limits", headers=headers).status_code == 200
    # The organisation's own address is an audience, too; some clients write exp as a text.
    assert login(http, key, aud="http://sandbox", sub="Integration@Sandbox.example").status_code == 200
    assert login(http, key, exp=f"{time.time() + 180:.0f}").status_code == 200


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"iss": "someone"}, ("invalid_client_id", "client identifier invalid")),
        ({"sub": "nobody@sandbox.example"}, ("invalid_grant", "user hasn't approved this consumer")),
        ({"aud": "https://example.com"}, ("invalid_grant", "audience is invalid")),
        ({"exp": 1}, ("invalid_grant", "expired authorization code")),
        ({"exp": 10**10}, ("invalid_grant", "expired authorization code")),
    ],
)
def test_every_claim_is_checked(http, key, certificate, wrong, told):
    http.post(SETTINGS, json={"salesforce_jwt_certificates": [certificate]})
    refused = login(http, key, **wrong)
    assert refused.status_code == 400
    assert (refused.json()["error"], refused.json()["error_description"]) == told


def test_a_key_without_a_certificate_and_another_algorithm_open_nothing(http, key, certificate):
    assert login(http, key).json()["error_description"] == "invalid assertion"
    http.post(SETTINGS, json={"salesforce_jwt_certificates": [certificate]})
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert login(http, stranger).json()["error_description"] == "invalid assertion"
    assert login(http, key, algorithm="RS512").json()["error_description"] == "invalid assertion"


def test_a_session_ends_after_so_many_calls(salesforce):
    salesforce.post(f"http://sandbox{SETTINGS}", json={"salesforce_session_calls": 2})
    assert [salesforce.get("/limits").status_code for _ in range(4)] == [200, 200, 401, 401]


def test_too_many_long_requests_are_refused_until_some_end(salesforce):
    salesforce.post(f"http://sandbox{SETTINGS}", json={"salesforce_long_requests": 26})
    refused = [salesforce.post("/sobjects/Account", json={"Name": "A"}) for _ in range(2)]
    assert [each.status_code for each in refused] == [403, 403]
    assert error(refused[0])[0] == "REQUEST_LIMIT_EXCEEDED"
    assert "ConcurrentRequests" in error(refused[0])[1]
    assert "sforce-limit-info" in refused[0].headers
    account(salesforce)
    assert len(query(salesforce, "SELECT Id FROM Account")) == 1
