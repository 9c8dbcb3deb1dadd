"""Who is asking: a static token, or an OAuth access token made from a refresh token (CRM_APIS 1.2)."""

import secrets
import time
import uuid

from usage_pipeline.sandbox.exchange import Refusal, Reply
from usage_pipeline.sandbox.hubspot import records, refusals
from usage_pipeline.sandbox.hubspot.asked import Asked
from usage_pipeline.sandbox.store import Store

STATIC = "sandbox-token"
CLIENT_ID = CLIENT_SECRET = "sandbox"  # noqa: S105 - the sandbox's credentials are public by design
REFRESH = "sandbox-refresh-token"
LIFETIME = 1_800
"""Seconds of an access token, by the wall clock: a client's sense of it is no simulated one."""

SCOPES = [
    "crm.objects.companies.read", "crm.objects.companies.write", "crm.objects.contacts.read", "crm.objects.contacts.write",
    "crm.schemas.companies.read", "crm.schemas.companies.write", "crm.schemas.contacts.read", "crm.schemas.contacts.write",
    "crm.objects.owners.read", "crm.lists.read", "crm.lists.write", "oauth",
]  # fmt: skip


def kind_of_token(store: Store, authorization: str | None) -> str:
    """`private` for the static token, `oauth` for one made here.

    Raises:
        Refusal: 401 for a missing, unknown or expired one.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise refusals.no_credentials()
    if secrets.compare_digest(token, STATIC):
        return "private"
    row = store.row("SELECT expires FROM token WHERE token = ? AND crm = 'hubspot'", token)
    if row is None:
        raise refusals.bad_credentials()
    if row["expires"] < time.time():
        raise refusals.expired_credentials()
    return "oauth"


def refresh(store: Store, asked: Asked) -> Reply:
    """A new access token for a refresh token."""
    given = asked.call.form()
    if given.get("grant_type") != "refresh_token":
        raise _refused("BAD_GRANT_TYPE", f"missing or unknown grant_type: {given.get('grant_type')}")
    if given.get("client_id") != CLIENT_ID:
        raise _refused("BAD_CLIENT_ID", "missing or unknown client id")
    if given.get("client_secret") != CLIENT_SECRET:
        raise _refused("BAD_CLIENT_SECRET", "missing or unknown client secret")
    if given.get("refresh_token") != REFRESH:
        raise _refused("BAD_REFRESH_TOKEN", "missing or unknown refresh token")
    token = f"sandbox-{secrets.token_urlsafe(24)}"
    now = time.time()
    store.run("DELETE FROM token WHERE expires < ?", now - 24 * 3600)
    store.run("INSERT INTO token VALUES (?, 'hubspot', 'access', ?)", token, now + LIFETIME)
    return Reply(
        200,
        {
            "access_token": token,
            "refresh_token": REFRESH,
            "expires_in": LIFETIME,
            "token_type": "bearer",
            "token_use": "access_token",
            "hub_id": records.portal(store),
            "scopes": SCOPES,
            "user_id": 1,
        },
    )


def _refused(status: str, message: str) -> Refusal:
    return Refusal(Reply(400, {"status": status, "message": message, "correlationId": str(uuid.uuid4())}))
