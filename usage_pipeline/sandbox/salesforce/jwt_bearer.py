"""The JWT bearer flow: a signed assertion in place of a secret (CRM_APIS 3.2)."""

import base64
import json
import time
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from usage_pipeline.sandbox.store import Store

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LONGEST_S = 300
"""An assertion ends within minutes; the vendor says three, and clocks differ."""

_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com")


def problem(store: Store, assertion: str, *, client_id: str, base_url: str) -> tuple[str, str] | None:
    """Error and description of a refusal; None for an assertion that opens the door."""
    try:
        header, claims, signed, signature = _parts(assertion)
    except ValueError:
        return "invalid_grant", "invalid assertion"
    if claims.get("iss") != client_id:
        return "invalid_client_id", "client identifier invalid"
    if header.get("alg") != "RS256" or not _is_signed(store, signed, signature):
        return "invalid_grant", "invalid assertion"
    if str(claims.get("aud")).rstrip("/") not in (*_HOSTS, base_url):
        return "invalid_grant", "audience is invalid"
    ends = str(claims.get("exp"))
    # Clients write it as a number or as a text of one.
    if not ends.isdecimal() or not time.time() < int(ends) <= time.time() + LONGEST_S:
        return "invalid_grant", "expired authorization code"
    known = store.row(
        "SELECT 1 FROM sf_record WHERE object = 'User' AND NOT deleted AND id = ? "
        "AND lower(json_extract(fields, '$.Username')) = lower(?)",
        store.setting("salesforce_user"),
        str(claims.get("sub")),
    )
    return None if known else ("invalid_grant", "user hasn't approved this consumer")


def _parts(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, what is signed, signature."""
    parts = assertion.split(".")
    if len(parts) != 3:
        raise ValueError("an assertion has three parts")
    decoded = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts]
    header, claims = json.loads(decoded[0]), json.loads(decoded[1])
    if not (isinstance(header, dict) and isinstance(claims, dict)):
        raise ValueError("header and claims are objects")  # noqa: TRY004 - one refusal for all of it
    return header, claims, f"{parts[0]}.{parts[1]}".encode(), decoded[2]


def _is_signed(store: Store, signed: bytes, signature: bytes) -> bool:
    """Whether a registered certificate's key made the signature."""
    for text in store.setting("salesforce_jwt_certificates"):
        key = x509.load_pem_x509_certificate(text.encode()).public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            continue
        try:
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            continue
        return True
    return False
