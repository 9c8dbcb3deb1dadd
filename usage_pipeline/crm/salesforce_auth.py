"""Two ways into a Salesforce organisation without a person: a shared secret, or a key of our own.

Username and password are none of them: the SOAP login that took them ends in Summer '27.
"""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from usage_pipeline.errors import Rejected

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# Salesforce takes an assertion that ends within three minutes; clocks differ by seconds.
ASSERTION_S = 150


class Login(Protocol):
    """What the token endpoint is asked, and what to do where it refuses."""

    @property
    def fix(self) -> str: ...

    def form(self) -> dict[str, str]: ...


@dataclass(frozen=True)
class ClientCredentials:
    """An External Client App's own login, as its run-as user; only at the organisation's My Domain."""

    client_id: str
    client_secret: str = field(repr=False)
    fix: str = "check the client id and secret, and that the app allows the client credentials flow with a run-as user"

    def form(self) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }


@dataclass(frozen=True)
class JwtBearer:
    """A user's login, signed with the key (PEM) whose certificate the External Client App holds."""

    client_id: str
    username: str
    private_key: str = field(repr=False)
    audience: str = "https://login.salesforce.com"
    """https://test.salesforce.com for a vendor sandbox, or the organisation's My Domain."""
    clock: Callable[[], float] = field(default=time.time, repr=False)
    fix: str = (
        "check the client id, the username and the audience (https://test.salesforce.com for a Salesforce sandbox), that the"
        " app holds the certificate of this key, and that its policy pre-authorizes the user"
    )

    def form(self) -> dict[str, str]:
        """Signed anew each time, since an assertion ends within minutes.

        Raises:
            Rejected: where the key is no RSA key in PEM.
        """
        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": self.audience,
            "exp": int(self.clock()) + ASSERTION_S,
        }
        signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
        signature = self._key().sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {"grant_type": JWT_BEARER, "assertion": f"{signed}.{_base64url(signature)}"}

    def _key(self) -> rsa.RSAPrivateKey:
        fix = "give the private key as PEM without a passphrase: openssl genrsa 2048"
        try:
            key = serialization.load_pem_private_key(self.private_key.encode(), password=None)
        except (ValueError, TypeError):
            # Without the cause: it may quote the key.
            raise Rejected("the private key of the Salesforce login cannot be read", fix=fix) from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise Rejected("the private key of the Salesforce login is not an RSA key", fix=fix)
        return key


def _part(told: dict[str, Any]) -> str:
    return _base64url(json.dumps(told, separators=(",", ":")).encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
