"""What Salesforce's refusals mean: which wait, which concern a row, which everybody."""

from collections.abc import Mapping
from typing import Any

import requests

from usage_pipeline.crm.calling import Wait
from usage_pipeline.crm.rejections import BudgetSpent, Cause, Refused, Rejection

CAUSES = {
    "UNABLE_TO_LOCK_ROW": Cause.TRANSIENT,
    # Renewed and ended again: no row is to blame.
    "INVALID_SESSION_ID": Cause.TRANSIENT,
    "SERVER_UNAVAILABLE": Cause.TRANSIENT,
    "UNKNOWN_EXCEPTION": Cause.TRANSIENT,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Cause.TRANSIENT,
    # Bulk: the job, not the row, was in a wrong state; the next job begins anew.
    "INVALIDJOB": Cause.TRANSIENT,
    "INVALIDJOBSTATE": Cause.TRANSIENT,
    "ENTITY_IS_DELETED": Cause.IDENTITY,
    "NOT_FOUND": Cause.IDENTITY,
    "MALFORMED_ID": Cause.IDENTITY,
    "INVALID_ID_FIELD": Cause.IDENTITY,
    "INVALID_CROSS_REFERENCE_KEY": Cause.IDENTITY,
    "DUPLICATE_VALUE": Cause.IDENTITY,
    "DUPLICATE_EXTERNAL_ID": Cause.IDENTITY,
    "INVALID_FIELD": Cause.SCHEMA,
    "INVALID_TYPE": Cause.SCHEMA,
    "STRING_TOO_LONG": Cause.SCHEMA,
    "NUMBER_OUTSIDE_VALID_RANGE": Cause.SCHEMA,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Cause.SCHEMA,
    "DUPLICATE_DEVELOPER_NAME": Cause.SCHEMA,
    "JSON_PARSER_ERROR": Cause.SCHEMA,
    # Bulk: a column that the object lacks or hides ends the whole job.
    "InvalidBatch": Cause.SCHEMA,
    "API_DISABLED_FOR_ORG": Cause.PERMISSION,
    "FEATURENOTENABLED": Cause.PERMISSION,
    "INVALID_FIELD_FOR_INSERT_UPDATE": Cause.PERMISSION,
    "REQUEST_LIMIT_EXCEEDED": Cause.BUDGET,
    "EXCEEDEDQUOTA": Cause.BUDGET,
}
LOCKED = "UNABLE_TO_LOCK_ROW"


def rejection(code: str, message: str) -> Rejection:
    """A refusal by its code, typed."""
    cause = CAUSES.get(code)
    if "Provided external ID field" in message:
        # The same NOT_FOUND as for a record, and here it is our key that is gone or hidden.
        cause = Cause.SCHEMA
    if cause is None:
        cause = Cause.PERMISSION if code.startswith(("INSUFFICIENT_ACCESS", "invalid_")) else Cause.BUSINESS_RULE
    return Rejection.of(cause, f"Salesforce: {code}: {message}")


def rejection_in(error: Mapping[str, Any]) -> Rejection:
    """The typed rejection in one error, a request's (`errorCode`) or a row's (`statusCode`)."""
    code = str(error.get("statusCode") or error.get("errorCode") or error.get("error") or "")
    return rejection(code, str(error.get("message") or error.get("error_description") or "without a message"))


def is_lock(rejection: Rejection | None) -> bool:
    """Somebody else was writing to the record or its account: the same row may pass a moment later."""
    return rejection is not None and LOCKED in rejection.detail


def verdict(response: requests.Response) -> Wait | None:
    """What to do about a response. There is no Retry-After, and 403 may mean a limit."""
    status = response.status_code
    if status < 300:
        return None
    error = _first_error(response)
    code = error.get("errorCode")
    if code == "REQUEST_LIMIT_EXCEEDED" and "TotalRequests" in str(error.get("message")):
        raise BudgetSpent("Salesforce: the daily limit of API calls is used up", fix="run the apply again tomorrow")
    if code == "REQUEST_LIMIT_EXCEEDED" or status == 429:
        return Wait(f"Salesforce: {code or status}: too many requests at once")
    if status >= 500:
        return Wait(f"Salesforce: {status} {code or ''}".rstrip(), may_have_happened=True)
    found = rejection_in(error)
    raise Refused(
        found,
        status=status,
        concerns_all=found.cause is Cause.PERMISSION or "No such column" in found.detail or status in {401, 404},
    )


def _first_error(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return {"message": response.text[:200]}
    first = body[0] if isinstance(body, list) and body else body
    return first if isinstance(first, dict) else {"message": str(first)[:200]}
