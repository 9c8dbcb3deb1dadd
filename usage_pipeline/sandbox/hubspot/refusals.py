"""HubSpot's error bodies (CRM_APIS 1.2 to 1.4)."""

import json
import uuid
from typing import Any

from usage_pipeline.sandbox.exchange import Refusal, Reply
from usage_pipeline.sandbox.store import Store


def body(message: str, category: str, **more: Any) -> dict[str, Any]:
    """The error shape that all of HubSpot's answers share, whole answers and rows of a batch alike."""
    return {"status": "error", "message": message, "correlationId": str(uuid.uuid4()), "category": category, **more}


def refused(status: int, message: str, category: str, **more: Any) -> Refusal:
    headers = {"X-HubSpot-NotFound": "true"} if status == 404 else {}
    return Refusal(Reply(status, body(message, category, **more), headers))


def invalid(message: str, **more: Any) -> Refusal:
    return refused(400, message, "VALIDATION_ERROR", **more)


def value_not_valid(name: str, message: str, code: str, portal: int) -> dict[str, Any]:
    """What `values_not_valid` says of one property."""
    return {
        "isValid": False,
        "message": message,
        "error": code,
        "name": name,
        "localizedErrorMessage": message,
        "portalId": portal,
    }


def values_not_valid(problems: list[dict[str, Any]]) -> Refusal:
    """Property errors are JSON inside the message string [3P/REC]; the code stands in `errors` too."""
    return invalid(
        f"Property values were not valid: {json.dumps(problems, separators=(',', ':'))}",
        errors=[
            {"message": each["message"], "code": each["error"], "context": {"propertyName": [each["name"]]}}
            for each in problems
        ],
    )


def taken(store: Store, message: str) -> Refusal:
    """409 for a name that exists; clients may rely on the status alone (CRM_APIS 2.3)."""
    category = store.setting("hubspot_taken_category")
    if category == "bare":
        return Refusal(Reply(409, {"status": "error", "message": message, "correlationId": str(uuid.uuid4())}))
    return refused(409, message, category.upper())


def not_found(ids: list[str]) -> Refusal:
    return refused(404, "Object not found.  objectId are usually numeric.", "OBJECT_NOT_FOUND", context={"ids": ids})


def some_not_found(ids: list[str], object_type: str) -> dict[str, Any]:
    """The row error of a batch that names records that do not exist."""
    return body(
        f"Could not get some {object_type.upper()} objects, they may be deleted or not exist. Check that ids are valid.",
        "OBJECT_NOT_FOUND",
        context={"ids": ids},
        errors=[],
        links={},
    )


def unknown_path() -> Refusal:
    return Refusal(Reply(404, {"status": "error", "message": "resource not found"}, {"X-HubSpot-NotFound": "true"}))


def no_credentials() -> Refusal:
    return refused(
        401,
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details "
        "at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        "INVALID_AUTHENTICATION",
    )


def bad_credentials() -> Refusal:
    return refused(
        401,
        "Authentication credentials not found or not valid: the token is unknown or was revoked.",
        "INVALID_AUTHENTICATION",
    )


def expired_credentials() -> Refusal:
    return refused(401, "The OAuth token used to make this call expired.", "EXPIRED_AUTHENTICATION")


def missing_scopes(scopes: list[str]) -> Refusal:
    needed = "One or more of the following scopes are required."
    return refused(
        403,
        "This app hasn't been granted all required scopes to make this call.",
        "MISSING_SCOPES",
        errors=[{"message": needed, "context": {"requiredGranularScopes": scopes}}],
    )


def burst(group: str) -> Refusal:
    return _over("ten_secondly_rolling", group)


def daily(group: str) -> Refusal:
    return _over("daily", group)


def _over(policy: str, group: str) -> Refusal:
    """The recorded 429 of the burst limit: errorType and policyName, no category, no Retry-After."""
    body = {
        "status": "error",
        "message": f"You have reached your {policy} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": str(uuid.uuid4()),
        "policyName": policy.upper(),
        "groupName": group,
    }
    return Refusal(Reply(429, body))


def secondly() -> Refusal:
    """The recorded 429 of search: a category and no policyName."""
    return refused(429, "You have reached your secondly limit.", "RATE_LIMITS")
