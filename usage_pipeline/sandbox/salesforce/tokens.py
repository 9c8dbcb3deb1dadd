"""Sessions: client credentials or a signed assertion in, a session id out (CRM_APIS 3.2)."""

import base64
import hashlib
import hmac
import secrets
import time

from usage_pipeline.sandbox.exchange import Call, Refusal, Reply
from usage_pipeline.sandbox.salesforce import jwt_bearer, refusals
from usage_pipeline.sandbox.store import Store

CLIENT_ID = CLIENT_SECRET = "sandbox"  # noqa: S105 - the sandbox's credentials are public by design
LIFETIME = 24 * 3600
"""Seconds of a session, by the wall clock."""


def mint(store: Store, call: Call) -> Reply:
    given = call.form()
    grant = given.get("grant_type")
    if grant == jwt_bearer.GRANT:
        wrong = jwt_bearer.problem(store, given.get("assertion", ""), client_id=CLIENT_ID, base_url=call.base_url)
        if wrong:
            raise _refused(*wrong)
        session = _session(store, call)
        # The vendor's example of this flow shows neither.
        return Reply(200, {name: value for name, value in session.items() if name not in ("signature", "issued_at")})
    if grant != "client_credentials":
        raise _refused("unsupported_grant_type", "grant type not supported")
    client, secret = _basic(call) or (given.get("client_id"), given.get("client_secret"))
    if client != CLIENT_ID:
        raise _refused("invalid_client_id", "client identifier invalid")
    if secret != CLIENT_SECRET:
        raise _refused("invalid_client", "invalid client credentials")
    return Reply(200, _session(store, call))


def _session(store: Store, call: Call) -> dict[str, str]:
    """A new session of the integration user, as the token endpoint tells it."""
    organisation, user = store.setting("salesforce_organisation"), store.setting("salesforce_user")
    token = f"{organisation[:15]}!{secrets.token_urlsafe(60)}"
    now = time.time()
    store.run("DELETE FROM token WHERE expires < ?", now)
    store.run("INSERT INTO token VALUES (?, 'salesforce', 'session', ?)", token, now + LIFETIME)
    identity, issued = f"{call.base_url}/id/{organisation}/{user}", str(int(now * 1000))
    signature = base64.b64encode(
        hmac.digest(CLIENT_SECRET.encode(), (identity + issued).encode(), hashlib.sha256)
    ).decode()
    return {
        "access_token": token,
        "signature": signature,
        "scope": "api",
        "instance_url": call.base_url,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued,
    }


def _basic(call: Call) -> tuple[str, str] | None:
    scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        raise _refused("invalid_client", "invalid client credentials") from None
    return client, secret


def _refused(error: str, description: str) -> Refusal:
    return Refusal(Reply(400, {"error": error, "error_description": description}))


def check(store: Store, call: Call) -> None:
    """Let a known session pass.

    Raises:
        Refusal: 401 INVALID_SESSION_ID for any other.
    """
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    known = scheme.lower() in ("bearer", "oauth") and store.row(
        "SELECT 1 FROM token WHERE token = ? AND crm = 'salesforce' AND expires > ?", token, time.time()
    )
    if not known:
        raise refusals.session_expired()
    most = store.setting("salesforce_session_calls")
    if most and store.number(f"calls of session {token[-12:]}") > most:
        raise refusals.session_expired()


def userinfo(store: Store, call: Call) -> Reply:
    check(store, call)
    return Reply(
        200,
        {
            "sub": f"{call.base_url}/id/{store.setting('salesforce_organisation')}/{store.setting('salesforce_user')}",
            "user_id": store.setting("salesforce_user"),
            "organization_id": store.setting("salesforce_organisation"),
            "preferred_username": "integration@sandbox.example",
        },
    )
