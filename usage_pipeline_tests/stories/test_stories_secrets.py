"""A whole run whose logins fail, expire and are refused: no secret is in anything that it leaves behind."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
import receiver as receivers
import requests
from channel_builders import SECRET
from crm_sandbox import running
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from deltalake import DeltaTable, write_deltalake
from own_company import ACCOUNTS, MAPPING, run, write_shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
USER = "integration@sandbox.example"
PLAYS = """\
plays:
  enabled: [red_churn_risk, risk_inactive]
  hold_out_share: 0
  channels: {risk_inactive: [webhook, slack]}
"""
# A receiver that refuses and repeats its own address in what it says, leaves without an answer, and fails. The refusal
# comes first: one that follows a failure leaves open whether the message had arrived, and its words are not kept.
ANSWERS = [
    (422, {}, b"Cannot POST /hooks/a-secret-place?token=a-secret-word"),
    receivers.RESET_AFTER,
    (404, {}, b"no /services/T0/B0/another-secret-place"),
    (503, {"Retry-After": "0"}, b""),
]
STRIKES = {
    "hubspot": [
        "bad_gateway",
        "drop_after_commit",
        "expired_session",
        "validation_rule",
        "torn_answer",
        "batch_refused",
    ],
    "salesforce": ["bad_gateway", "drop_after_commit", "expired_session", "validation_rule", "unknown_exception"],
}


def key_and_certificate():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "usage")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, certificate.public_bytes(serialization.Encoding.PEM).decode()


def let_a_play_act(home):
    """Decide what so small a company's model has no skill for: a play that acts on four of its accounts."""
    table = DeltaTable(str(home / "lake" / "plays" / "decision"))
    rows = table.to_pyarrow_table().to_pylist()
    mine = [row for row in rows if row["play"] == "risk_inactive" and row["is_eligible"]][:4]
    for place, row in enumerate(mine, start=1):
        episode = f"{row['account_id']}:risk_inactive:{row['as_of']}"
        words = {"subject": f"Call {row['account_id']}", "body": "Use fell."}
        row.update({"decision": "do", "episode": episode, "order": place, "due_on": row["as_of"]} | words)
    write_deltalake(table, pa.Table.from_pylist(rows, schema=table.to_pyarrow_table().schema), mode="overwrite")


def left_behind(home, said):
    """Every byte of the run: files of the home, and what the terminal showed."""
    yield "the terminal", said.encode()
    for file in home.rglob("*"):
        if file.is_file():
            yield str(file.relative_to(home)), file.read_bytes()


def test_no_secret_is_in_anything_that_a_run_with_faults_leaves_behind(tmp_path):
    key, certificate = key_and_certificate()
    (tmp_path / "integration.pem").write_bytes(key)
    write_shop(tmp_path / "files")
    mapping = tmp_path / "shop.yaml"
    mapping.write_text(MAPPING.replace("stock_sandbox: true\n", PLAYS))
    state, home = tmp_path / "sandbox.sqlite", tmp_path / "home"
    with running(state) as sandbox, receivers.running() as receiver:
        receiver.answers = [*ANSWERS]
        names = [f"shop-{number:02}" for number in range(ACCOUNTS)]
        sandbox.stock(*((name, name, f"{name}.example") for name in names))
        sandbox.post("settings", salesforce_jwt_certificates=[certificate])
        for crm, kinds in STRIKES.items():
            sandbox.post("faults", crm=crm, times=None, schedule={"seed": 5, "rate": 0.08, "kinds": kinds})
        settings = {
            "hubspot_url": sandbox.url,
            "hubspot_client_id": "sandbox",
            "hubspot_client_secret": "sandbox",
            "hubspot_refresh_token": "sandbox-refresh-token",
            "salesforce_url": sandbox.url,
            "salesforce_client_id": "sandbox",
            "salesforce_key_file": tmp_path / "integration.pem",
            "salesforce_username": USER,
            "salesforce_audience": "https://login.salesforce.com",
            "webhook_url": receiver.url,
            "webhook_secret": SECRET,
            "slack_url": f"http://127.0.0.1:{receiver.port}/services/T0/B0/another-secret-place",
        }
        said = run(home, "run", "--mapping", mapping, "--data", tmp_path / "files", "--deliver", **settings).said
        let_a_play_act(home)
        # A login that is refused is told in words, too.
        said += run(home, "apply", **settings | {"hubspot_refresh_token": "a-refresh-token-that-nobody-knows"}).said
        said += run(home, "apply", **settings).said + run(home, "status", "--history", "--json", **settings).said
        said += run(home, "rejections", **settings).said + run(home, "plan", "--json", **settings).said
        said += run(home, "retry", **settings).said + run(home, "status", **settings).said
        struck = requests.get(f"{sandbox.url}/_sandbox/faults", timeout=30).json()["struck"]
    with sqlite3.connect(state) as connection:
        tokens = [row[0] for row in connection.execute("SELECT token FROM token")]
    assert len(struck) >= 3
    assert len(tokens) >= 2
    assert receiver.answers == []
    assert {"play.opened", "operator.alert"} <= {json.loads(one.body).get("type") for one in receiver.taken}
    assert {one.path for one in receiver.taken} >= {"/services/T0/B0/another-secret-place"}
    of_channels = [SECRET.removeprefix("whsec_"), "a-secret-place", "a-secret-word", "another-secret-place"]
    secrets = [
        *tokens,
        *of_channels,
        "sandbox-refresh-token",
        "a-refresh-token-that-nobody-knows",
        *key.decode().split("\n")[1:-2],
    ]
    found = {
        (secret[:12], place)
        for place, content in left_behind(home, said)
        for secret in secrets
        if secret.encode() in content
    }
    assert found == set()
    assert any(b"shop-07" in content for place, content in left_behind(home, said) if "ledger.sqlite" in place)
