"""A Salesforce organisation over HTTP: login, versions, queries, collections, error bodies."""

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

ROWS_PER_COLLECTION = 200
OLDEST_VERSION = 66.0
# The day's calls are shared with everybody else's integrations: leave them some.
QUOTA_SHARE = 0.95


class Org:
    """Requests to one organisation as the user of its client credentials."""

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        version: str,
        *,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.caller = Caller(base_url, verdict, session=session, sleep=sleep)
        self._credentials = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._asked_version = version
        self._version: str | None = None
        self.user_id = ""
        self.notes: list[str] = []

    def call(self, method: str, path: str, kind: Class, body: object = None, **params: str) -> requests.Response:
        """A request under the data path; a session that ran out is renewed once."""
        if self._version is None:
            self._log_in()
            self._version = self._offered_version()
        place = path if path.startswith("/services/") else f"/services/data/v{self._version}{path}"
        try:
            return self.caller.call(method, place, kind, json=body, params=params)
        except Refused as refused:
            if refused.status != 401:
                raise
        self._log_in()
        return self.caller.call(method, place, kind, json=body, params=params)

    def get(self, path: str, **params: str) -> Any:
        return self.call("GET", path, Class.SAFE, **params).json()

    def query(self, soql: str, *, tooling: bool = False) -> Iterator[dict[str, Any]]:
        """Every row of a query, page by page."""
        page = self.get("/tooling/query" if tooling else "/query", q=soql)
        while True:
            yield from page["records"]
            if page.get("done", True):
                return
            page = self.get(page["nextRecordsUrl"])

    def collection(
        self, method: str, path: str, rows: Sequence[Row], records: Sequence[Mapping[str, Any]]
    ) -> list[RowResult]:
        """One collections call; its answer is in the order of the request."""
        body = {"allOrNone": False, "records": list(records)}
        answer = self.call(method, path, Class.IDEMPOTENT, body).json()
        if not isinstance(answer, list) or len(answer) != len(rows):
            return [unanswered(row) for row in rows]
        return [_row_result(row, said) for row, said in zip(rows, answer, strict=True)]

    def _log_in(self) -> None:
        try:
            answer = self.caller.call("POST", "/services/oauth2/token", Class.SAFE, data=self._credentials).json()
        except Refused as refused:
            raise Rejected(
                f"Salesforce login: {refused.cause}",
                fix="check the client id and secret, and that the app allows the client credentials flow with a run-as user",
            ) from refused
        self.caller.session.headers["Authorization"] = f"Bearer {answer['access_token']}"
        self.caller.base_url = str(answer.get("instance_url") or self.caller.base_url).rstrip("/")
        self.user_id = str(answer.get("id", "")).rpartition("/")[2]

    def _offered_version(self) -> str:
        """The version asked for, or the highest that the organisation offers, from 66.0 on."""
        versions = self.caller.call("GET", "/services/data/", Class.SAFE).json()
        offered = sorted((float(one["version"]) for one in versions), reverse=True)
        if float(self._asked_version) in offered:
            return self._asked_version
        usable = [one for one in offered if one >= OLDEST_VERSION]
        if not usable:
            raise Rejected(
                f"this Salesforce offers no API version from {OLDEST_VERSION} on",
                fix="ask Salesforce when this organisation is upgraded",
            )
        self.notes.append(f"Salesforce offers no API v{self._asked_version}: v{usable[0]} is used")
        return str(usable[0])


def quoted(text: str) -> str:
    """A SOQL text."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def listed(texts: Sequence[str]) -> str:
    """A SOQL list; an address may have 16,000 characters, so give it a few hundred at most."""
    return "(" + ",".join(quoted(text) for text in texts) + ")"


CAUSES = {
    "UNABLE_TO_LOCK_ROW": Cause.TRANSIENT,
    "SERVER_UNAVAILABLE": Cause.TRANSIENT,
    "UNKNOWN_EXCEPTION": Cause.TRANSIENT,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Cause.TRANSIENT,
    "ENTITY_IS_DELETED": Cause.IDENTITY,
    "NOT_FOUND": Cause.IDENTITY,
    "MALFORMED_ID": Cause.IDENTITY,
    "INVALID_ID_FIELD": Cause.IDENTITY,
    "INVALID_CROSS_REFERENCE_KEY": Cause.IDENTITY,
    "DUPLICATE_VALUE": Cause.IDENTITY,
    "INVALID_FIELD": Cause.SCHEMA,
    "INVALID_TYPE": Cause.SCHEMA,
    "STRING_TOO_LONG": Cause.SCHEMA,
    "NUMBER_OUTSIDE_VALID_RANGE": Cause.SCHEMA,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Cause.SCHEMA,
    "DUPLICATE_DEVELOPER_NAME": Cause.SCHEMA,
    "JSON_PARSER_ERROR": Cause.SCHEMA,
    "INVALID_SESSION_ID": Cause.PERMISSION,
    "API_DISABLED_FOR_ORG": Cause.PERMISSION,
    "INVALID_FIELD_FOR_INSERT_UPDATE": Cause.PERMISSION,
}


def rejection_in(error: Mapping[str, Any]) -> Rejection:
    """The typed rejection in one error, a request's (`errorCode`) or a row's (`statusCode`)."""
    code = str(error.get("statusCode") or error.get("errorCode") or error.get("error") or "")
    cause = CAUSES.get(code)
    if cause is None:
        cause = Cause.PERMISSION if code.startswith(("INSUFFICIENT_ACCESS", "invalid_")) else Cause.BUSINESS_RULE
    message = error.get("message") or error.get("error_description") or "without a message"
    return Rejection.of(cause, f"Salesforce: {code}: {message}")


def _row_result(row: Row, said: Mapping[str, Any]) -> RowResult:
    if said.get("success"):
        return RowResult(row.key, "ok", CrmId(said["id"]))
    errors = said.get("errors") or []
    return RowResult(row.key, "failed", rejection=rejection_in(errors[0])) if errors else unanswered(row)


def verdict(response: requests.Response) -> Wait | None:
    """What to do about a response. There is no Retry-After, and 403 may mean a limit."""
    status = response.status_code
    error = _first_error(response)
    code = error.get("errorCode")
    if status < 300:
        _guard_quota(response)
        return None
    if code == "REQUEST_LIMIT_EXCEEDED" and "TotalRequests" in str(error.get("message")):
        raise BudgetSpent("Salesforce: the daily limit of API calls is used up", fix="run the apply again tomorrow")
    if code == "REQUEST_LIMIT_EXCEEDED" or status == 429:
        return Wait(f"Salesforce: {code or status}: too many requests at once")
    if status >= 500:
        return Wait(f"Salesforce: {status} {code or ''}".rstrip(), may_have_happened=True)
    rejection = rejection_in(error)
    raise Refused(
        rejection,
        status=status,
        concerns_all=rejection.cause is Cause.PERMISSION or "No such column" in rejection.detail or status == 404,
    )


def _first_error(response: requests.Response) -> dict[str, Any]:
    if response.status_code < 300:
        return {}
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return {"message": response.text[:200]}
    first = body[0] if isinstance(body, list) and body else body
    return first if isinstance(first, dict) else {"message": str(first)[:200]}


def _guard_quota(response: requests.Response) -> None:
    usage = response.headers.get("Sforce-Limit-Info", "").partition("api-usage=")[2].partition(";")[0]
    used, _, allowed = usage.partition("/")
    is_write = response.request.method in {"POST", "PATCH", "PUT", "DELETE"}
    # What was just written is done: only reads stop here, so that no result is lost.
    if not is_write and used.isdigit() and allowed.isdigit() and int(used) > QUOTA_SHARE * int(allowed):
        raise BudgetSpent(
            f"Salesforce: {used} of {allowed} daily API calls are used",
            fix="run the apply again when the day's calls are renewed",
        )
