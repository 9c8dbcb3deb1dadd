"""A HubSpot portal over HTTP: the paths of one API version, its limits and its error bodies."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import requests

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.batches import Row, unanswered
from usage_pipeline.crm.calling import Caller, Class, Wait
from usage_pipeline.crm.client import RowResult
from usage_pipeline.crm.rejections import BudgetSpent, Cause, Refused, Rejection
from usage_pipeline.errors import Rejected

ROWS_PER_BATCH = 100
ASSOCIATIONS_PER_READ = 1000
TASK_TO_COMPANY = 192
COMPANY = "companies"
TASK = "tasks"


class Portal:
    """Requests to one portal, by resource; date versions (`2026-03`) and the older `v3` alike."""

    def __init__(
        self,
        base_url: str,
        token: str,
        version: str,
        *,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.caller = Caller(base_url, verdict, session=session, sleep=sleep)
        self.caller.session.headers["Authorization"] = f"Bearer {token}"
        self.version = version
        self.is_dated = bool(re.fullmatch(r"\d{4}-\d{2}", version))

    def objects(self, kind: str, rest: str = "") -> str:
        return f"/crm/objects/{self.version}/{kind}{rest}" if self.is_dated else f"/crm/v3/objects/{kind}{rest}"

    def properties(self, kind: str, rest: str = "") -> str:
        return f"/crm/properties/{self.version}/{kind}{rest}" if self.is_dated else f"/crm/v3/properties/{kind}{rest}"

    def associations(self, start: str, end: str, rest: str) -> str:
        family = f"/crm/associations/{self.version}" if self.is_dated else "/crm/v4/associations"
        return f"{family}/{start}/{end}{rest}"

    def owners(self) -> str:
        return f"/crm/owners/{self.version}" if self.is_dated else "/crm/v3/owners"

    def account_info(self) -> str:
        return f"/account-info/{self.version}/details" if self.is_dated else "/account-info/v3/details"

    def get(self, path: str, **params: str) -> Any:
        return self.caller.call("GET", path, Class.SAFE, params=params).json()

    def post(self, path: str, kind: Class, body: object) -> Any:
        response = self.caller.call("POST", path, kind, json=body)
        return response.json() if response.content else {}

    def pages(self, path: str, **params: str) -> Iterator[Any]:
        """Every result of a listing, page by page."""
        after: str | None = None
        while True:
            page = self.get(path, **params, **({"after": after} if after else {}))
            yield from page.get("results", [])
            after = page.get("paging", {}).get("next", {}).get("after")
            if not after:
                return

    def read(
        self, kind: str, ids: Sequence[str], properties: Sequence[str], *, by: str | None = None
    ) -> list[dict[str, Any]]:
        """Objects by id or by the unique property `by`; those that are gone are missing."""
        found = []
        for start in range(0, len(ids), ROWS_PER_BATCH):
            body: dict[str, Any] = {
                "inputs": [{"id": one} for one in ids[start : start + ROWS_PER_BATCH]],
                "properties": list(properties),
                "propertiesWithHistory": [],
            }
            if by:
                body["idProperty"] = by
            answer = self.post(self.objects(kind, "/batch/read"), Class.SAFE, body)
            found += answer.get("results", [])
        return found


def results_by_row(
    rows: Sequence[Row],
    answer: Mapping[str, Any],
    *,
    ids: Mapping[str, str] | None = None,
    keys: str | None = None,
) -> list[RowResult]:
    """One result per row from a batch answer, whose rows come in any order.

    A row is recognised by its trace id, else by record id (`ids`: record id to row key), else by
    the property named `keys`; never by position.
    """
    known = {row.key for row in rows}
    ids = ids or {}
    results: dict[str, RowResult] = {}
    for done in answer.get("results") or []:
        names = (done.get("objectWriteTraceId"), ids.get(done.get("id", "")), (done.get("properties") or {}).get(keys))
        key = next((name for name in names if name in known), None)
        if key:
            results[key] = RowResult(key, "ok", CrmId(done["id"]))
    for error in answer.get("errors") or []:
        context = error.get("context") or {}
        named = [*context.get("objectWriteTraceId", []), *(ids.get(one, one) for one in context.get("ids", []))]
        for key in named:
            if key in known:
                results[key] = RowResult(key, "failed", rejection=rejection_in(error))
    return [results.get(row.key) or unanswered(row) for row in rows]


SCHEMA_CODES = re.compile(r"PROPERTY_DOESNT_EXIST|INVALID_(?:LONG|INTEGER|OPTION|DATE|NUMBER)|READ_ONLY_VALUE")
CAUSES = {
    "INVALID_AUTHENTICATION": Cause.PERMISSION,
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


def verdict(response: requests.Response) -> Wait | None:
    """What to do about a response; see CRM facts: the limits differ in their words only."""
    status = response.status_code
    if status < 400:
        return None
    body = _body(response)
    if status == 429:
        return _limit(response, body)
    if status in {423, 477}:
        return Wait(f"HubSpot: {status}", float(response.headers.get("Retry-After", "2")))
    if status >= 500:
        return Wait(f"HubSpot: {status} {body.get('message', '')}".rstrip(), may_have_happened=True)
    rejection = rejection_in(body, status)
    raise Refused(
        rejection,
        status=status,
        concerns_all=rejection.cause is Cause.PERMISSION or "PROPERTY_DOESNT_EXIST" in rejection.detail,
    )


def _limit(response: requests.Response, body: Mapping[str, Any]) -> Wait:
    words = f"{body.get('policyName', '')} {body.get('message', '')}".lower()
    if "daily" in words:
        raise BudgetSpent("HubSpot: the daily limit of API calls is used up", fix="run the apply again tomorrow")
    if "ten_secondly" in words or "secondly" not in words:
        window_ms = float(response.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "10000"))
        return Wait("HubSpot: burst limit", window_ms / 1000)
    return Wait("HubSpot: limit per second", 1.0)


def _body(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return {"message": response.text[:200]}
    return body if isinstance(body, dict) else {"message": str(body)[:200]}


def mismatch(what: str, has: object, wants: object) -> Rejected:
    """Something else already has the name of one of our fields."""
    return Rejected(
        f"{what} exists and is {has}, not {wants}",
        fix=f"rename or delete {what} in the CRM, then run again; it is never changed silently",
    )
