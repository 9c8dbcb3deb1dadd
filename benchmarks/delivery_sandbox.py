"""The sandbox as a process, with a certificate for the vendors' own names, and what is asked of it behind their backs."""

import contextlib
import datetime
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from usage_pipeline.crm.client import Crm
from usage_pipeline.crm.hubspot import HubSpot
from usage_pipeline.crm.salesforce import Salesforce
from usage_pipeline.crm.salesforce_auth import ClientCredentials

ROOT = Path(__file__).parents[1]
HUBSPOT_HOST, MY_DOMAIN = "api.hubapi.com", "benchmark.my"
SALESFORCE_HOST = f"{MY_DOMAIN}.salesforce.com"
TOKEN = "sandbox-token"  # noqa: S105 - the sandbox's published one
CLIENT = "sandbox"
OWNER = {"email": "kim@example.com", "first_name": "Kim", "last_name": "Ode", "role": "CSM"}
# A request of the control API with so many companies takes about a second.
AT_ONCE = 5_000


@dataclass(frozen=True)
class Sandbox:
    """One that runs, for as long as the block that started it."""

    url: str
    tls_port: int
    certificate: Path

    def post(self, path: str, **body: Any) -> Any:
        return self._ask("POST", path, json=body)

    def get(self, path: str, **query: str) -> Any:
        return self._ask("GET", path, params=query)

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        answer = requests.request(method, f"{self.url}/_sandbox/{path}", timeout=300, **how)
        answer.raise_for_status()
        return answer.json()

    def count_anew(self) -> None:
        self._ask("DELETE", "calls")

    def fill(self, count: int, crms: Sequence[str]) -> dict[str, list[str]]:
        """Companies acc-0000000 and on, of one owner; their ids per CRM, in order."""
        found: dict[str, list[str]] = {crm: [] for crm in crms}
        for start in range(0, count, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, count))
            rows = [
                {"name": f"Company {number}", "account_key": account(number), "owner_email": OWNER["email"]}
                | ({"only": crms[0]} if len(crms) == 1 else {})
                for number in numbers
            ]
            for made in self.post("stock", owners=[OWNER], companies=rows)["ids"]:
                for crm in crms:
                    found[crm].append(made[crm])
        return found

    def client(self, crm: str) -> Crm:
        if crm == "hubspot":
            return HubSpot(self.url, TOKEN)
        return Salesforce(self.url, ClientCredentials(CLIENT, CLIENT))


def account(number: int) -> str:
    return f"acc-{number:07d}"


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Sandbox]:
    """A sandbox on free ports of loopback, its state in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    _certify(folder)
    program = [sys.executable, "-m", "usage_pipeline.sandbox", "--port", "0", "--tls-port", "0"]
    state = ["--state", str(folder / "sandbox.sqlite")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*program, *state], stdout=subprocess.PIPE, text=True, env=environment) as process:  # noqa: S603
        try:
            plain, secure = (process.stdout.readline().split() for _ in range(2))
            yield Sandbox(plain[1], int(secure[2].rpartition(":")[2]), Path(secure[4]))
        finally:
            process.send_signal(signal.SIGTERM)


def _certify(folder: Path) -> None:
    """The pair that the sandbox finds beside its state and takes for its own, naming the vendors' hosts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "usage-pipeline benchmark")])
    names = [x509.DNSName(host) for host in (HUBSPOT_HOST, SALESFORCE_HOST)]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    own = folder / "sandbox-key.pem"
    own.touch(mode=0o600)
    own.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (folder / "sandbox-certificate.pem").write_bytes(certificate.public_bytes(encoding))
