import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from crm_sandbox import running
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.crm.salesforce_auth import ClientCredentials, JwtBearer
from usage_pipeline.errors import Rejected

USER = "integration@sandbox.example"


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "integration")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    signed = made.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory, key):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        sandbox.stock(("Acme", "a1", "acme.example"))
        sandbox.post("settings", salesforce_jwt_certificates=[certificate(key)])
        yield sandbox


def test_the_assertion_is_what_another_library_reads(key):
    form = JwtBearer("app", "kim@example.com", pem(key), clock=lambda: time.time() - 10).form()
    told = jwt.decode(
        form["assertion"], key.public_key(), algorithms=["RS256"], audience="https://login.salesforce.com"
    )
    assert (told["iss"], told["sub"]) == ("app", "kim@example.com")
    assert 0 < told["exp"] - time.time() <= 180


def test_a_key_logs_in_and_renews_its_session(sandbox, key):
    crm = sandbox.client("salesforce", login=JwtBearer("sandbox", USER, pem(key)))
    assert [record.name for record in crm.records("Product_Account_Id__c", CONTRACT)] == ["Acme"]
    sandbox.post("sessions/expire")
    assert len(crm.owners()) >= 1
    assert crm.find_records(["a1"], "Product_Account_Id__c")


@pytest.mark.parametrize(
    ("login", "told"),
    [
        (lambda key: JwtBearer("other", USER, pem(key)), "invalid_client_id.*\n  Fix: .*certificate of this key"),
        (lambda key: JwtBearer("sandbox", "nobody", pem(key)), "hasn't approved.*\n  Fix: .*pre-authorizes"),
        (
            lambda key: JwtBearer("sandbox", USER, pem(key), audience="https://x"),
            "audience.*\n  Fix: .*test.salesforce",
        ),
        (lambda _: ClientCredentials("sandbox", "wrong"), "invalid_client.*\n  Fix: .*secret"),
    ],
)
def test_a_refused_login_says_what_to_look_at(sandbox, key, login, told):
    with pytest.raises(Rejected, match=told):
        sandbox.client("salesforce", login=login(key)).instance()


@pytest.mark.parametrize("wrong", ["", "-----BEGIN PRIVATE KEY-----\nsecret-part\n-----END PRIVATE KEY-----", "ec"])
def test_a_key_that_cannot_sign_is_named_without_being_quoted(wrong):
    text = pem(ec.generate_private_key(ec.SECP256R1())) if wrong == "ec" else wrong
    with pytest.raises(Rejected) as refused:
        JwtBearer("app", "kim@example.com", text).form()
    assert "RSA" in str(refused.value) or "cannot be read" in str(refused.value)
    assert "secret-part" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_no_secret_is_shown_where_a_login_is_printed(key):
    assert "hush" not in repr(ClientCredentials("app", "hush"))
    assert "PRIVATE" not in repr(JwtBearer("app", "kim@example.com", pem(key)))
