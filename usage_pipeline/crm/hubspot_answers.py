"""What HubSpot's answers mean: results by row, typed rejections, and which failures pass (CRM_APIS 1.3, 1.4)."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import requests

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.batches import Row, unanswered
from usage_pipeline.crm.calling import Wait
from usage_pipeline.crm.client import RowResult
from usage_pipeline.crm.rejections import BudgetSpent, Cause, Refused, Rejection

# Of calls; burst is that of ten seconds.
Limit = Literal["day", "burst", "second"]
# "Locked" asks for two seconds at least.
SHORTEST_PAUSE_S = 2.0
# A portal that is being moved may ask for hours; an apply waits a minute at a time, and then gives up.
LONGEST_PAUSE_S = 60.0


def results_by_row(
    rows: Sequence[Row],
    answer: Mapping[str, Any],
    *,
    ids: Mapping[str, str] | None = None,
    by: str = "",
    values: Mapping[str, str] | None = None,
) -> list[RowResult]:
    """One result per row from a batch answer, whose rows come in any order.

    A row is recognised by its trace id, else by record id (`ids`: record id to row key), else by
    its value of the property `by` (`values`: value to row key); never by position.
    """
    known = {row.key for row in rows}
    ids, values = ids or {}, values or {}
    results: dict[str, RowResult] = {}
    for done in answer.get("results") or []:
        value = (done.get("properties") or {}).get(by)
        names = (done.get("objectWriteTraceId"), ids.get(str(done.get("id"))), values.get(value or ""))
        key = next((name for name in names if name in known), None)
        if key:
            results[key] = RowResult(key, "ok", CrmId(str(done["id"])))
    for error in answer.get("errors") or []:
        context = error.get("context") or {}
        named = [
            *context.get("objectWriteTraceId", []),
            *(ids.get(one) or values.get(one) or one for one in context.get("ids", [])),
        ]
        for key in named:
            if key in known:
                results[key] = RowResult(key, "failed", rejection=rejection_in(error))
    return [results.get(row.key) or unanswered(row) for row in rows]


SCHEMA_CODES = re.compile(r"PROPERTY_DOESNT_EXIST|INVALID_(?:LONG|INTEGER|OPTION|DATE|NUMBER)|READ_ONLY_VALUE")
CAUSES = {
    "INVALID_AUTHENTICATION": Cause.PERMISSION,
    "EXPIRED_AUTHENTICATION": Cause.PERMISSION,
    "MISSING_SCOPES": Cause.PERMISSION,
    "BANNED": Cause.PERMISSION,
    "OBJECT_NOT_FOUND": Cause.IDENTITY,
    "CONFLICT": Cause.IDENTITY,
    "OBJECT_ALREADY_EXISTS": Cause.SCHEMA,
    "RATE_LIMITS": Cause.TRANSIENT,
}


def rejection_in(error: Mapping[str, Any], status: int | None = None) -> Rejection:
    """The typed rejection in an error body, of which every part is optional."""
    message = str(error.get("message") or f"HTTP {status}, without a message")
    scopes = [
        scope
        for inner in error.get("errors") or []
        for scope in (inner.get("context") or {}).get("requiredGranularScopes", [])
    ]
    if scopes:
        message += f" ({', '.join(scopes)})"
    cause = CAUSES.get(str(error.get("category")))
    if SCHEMA_CODES.search(message):
        cause = Cause.SCHEMA
    elif cause is None:
        cause = {401: Cause.PERMISSION, 403: Cause.PERMISSION, 404: Cause.IDENTITY}.get(
            status or 0, Cause.BUSINESS_RULE
        )
    return Rejection.of(cause, f"HubSpot: {message}")


class TokenExpired(Refused):
    """The access token's time was over: a new one may be had."""


def verdict(response: requests.Response) -> Wait | None:
    """What to do about a response; the limits differ in their words only."""
    status = response.status_code
    if status < 400:
        return None
    body = _body(response)
    if status == 429:
        return _limit(response, body)
    if status in {423, 477}:
        return Wait(f"HubSpot: {status}", _retry_after_s(response))
    if status >= 500:
        return Wait(f"HubSpot: {status} {body.get('message', '')}".rstrip(), may_have_happened=True)
    rejection = rejection_in(body, status)
    if status == 401 and (body.get("category") == "EXPIRED_AUTHENTICATION" or "expired" in rejection.detail):
        raise TokenExpired(rejection, status=status, concerns_all=True)
    raise Refused(
        rejection,
        status=status,
        concerns_all=rejection.cause is Cause.PERMISSION or "PROPERTY_DOESNT_EXIST" in rejection.detail,
    )


def limit_met(response: requests.Response) -> Limit:
    """Which limit a 429 is about."""
    return _limit_in(_body(response))


def limit_lasts_s(response: requests.Response) -> float:
    """Seconds for which a 429 closes the door to all calls of its kind; 0 for the day's, whose end is far away."""
    name = limit_met(response)
    if name == "burst":
        window_ms = response.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")
        return int(window_ms) / 1000 if window_ms.isdecimal() else 10.0
    return 1.0 if name == "second" else 0.0


def _limit(response: requests.Response, body: Mapping[str, Any]) -> Wait:
    name = _limit_in(body)
    if name == "day":
        raise BudgetSpent("HubSpot: the daily limit of API calls is used up", fix="run the apply again tomorrow")
    words = "HubSpot: burst limit" if name == "burst" else "HubSpot: limit per second"
    return Wait(words, limit_lasts_s(response))


def _limit_in(body: Mapping[str, Any]) -> Limit:
    words = f"{body.get('policyName', '')} {body.get('message', '')}".lower()
    if "daily" in words:
        return "day"
    return "burst" if "ten_secondly" in words or "secondly" not in words else "second"


def _retry_after_s(response: requests.Response) -> float:
    """Seconds, or the time until a date, counted from the answer's own `Date` (RFC 9110, section 10.2.3)."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        seconds = float(asked)
    else:
        until, now = _date(asked), _date(response.headers.get("Date", ""))
        seconds = (until - now).total_seconds() if until and now else 0.0
    return min(max(seconds, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def _body(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return {"message": response.text[:200]}
    return body if isinstance(body, dict) else {"message": str(body)[:200]}
