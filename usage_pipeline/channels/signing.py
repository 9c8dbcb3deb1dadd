"""Signatures after the Standard Webhooks specification 1.0.0, symmetric scheme `v1`.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from requests import PreparedRequest
from requests.auth import AuthBase

from usage_pipeline.errors import Rejected

PREFIX = "whsec_"
# Bytes of a key ("Signature scheme").
SHORTEST_KEY, LONGEST_KEY = 24, 64


def keys(secrets: str, setting: str) -> list[bytes]:
    """The keys in a setting, newest first: while a secret is being replaced, both of them sign.

    `Rejected` where one is no secret; its text is not told.
    """
    found = [_key(secret, setting) for secret in secrets.split()]
    if not found:
        raise Rejected(f"{setting} is empty, and webhooks are always signed", fix=_fix(setting))
    return found


def _key(secret: str, setting: str) -> bytes:
    encoded = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise Rejected(f"{setting} holds what is no secret of a webhook", fix=_fix(setting))
    return key


def _fix(setting: str) -> str:
    return f"set {setting} to {PREFIX} and the base64 of {SHORTEST_KEY} to {LONGEST_KEY} random bytes"


def signature(signing_keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The header's value: one signature per key over id, timestamp and body."""
    content = f"{message_id}.{timestamp}.".encode() + body
    made = (hmac.new(key, content, hashlib.sha256).digest() for key in signing_keys)
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in made)


class Signed(AuthBase):
    """Signs each attempt as it leaves: a repeated message keeps its id and gets the moment of its attempt."""

    def __init__(self, signing_keys: Sequence[bytes], now: Callable[[], datetime]) -> None:
        self._keys = signing_keys
        self._now = now

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        timestamp = int(self._now().replace(tzinfo=UTC).timestamp())
        body = request.body or b""
        content = body if isinstance(body, bytes) else body.encode()
        request.headers["Webhook-Timestamp"] = str(timestamp)
        request.headers["Webhook-Signature"] = signature(self._keys, request.headers["Webhook-Id"], timestamp, content)
        return request
