"""A Salesforce organisation over HTTP: sessions, versions, queries, collections."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote_plus

import requests

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.batches import Row, unanswered
from usage_pipeline.crm.calling import Caller, Class
from usage_pipeline.crm.client import RowResult
from usage_pipeline.crm.rejections import OutcomeUnknown, Refused
from usage_pipeline.crm.salesforce_auth import Login
from usage_pipeline.crm.salesforce_errors import rejection_in, verdict
from usage_pipeline.crm.salesforce_quota import Quota
from usage_pipeline.errors import Rejected, Unavailable

ROWS_PER_COLLECTION = 200
OLDEST_VERSION = 66.0
# A second time where an administrator ends sessions at the wrong moment.
RENEWALS = 2
# A query is part of the address, which may have about 16,000 characters.
LISTED_CHARACTERS = 12_000

Text = TypeVar("Text", bound=str)


class Org:
    """Requests to one organisation as the user of a login."""

    def __init__(
        self,
        base_url: str,
        login: Login,
        version: str,
        *,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.quota = Quota()
        self.caller = Caller(base_url, verdict, session=session, sleep=sleep, pacer=self.quota)
        self._login = login
        self._asked_version = version
        self._version: str | None = None
        self._described: dict[str, dict[str, dict[str, Any]]] = {}
        # Handed over with each call: a session of requests belongs to one thread.
        self._authorization: dict[str, str] = {}
        self.user_id = ""
        self.notes: list[str] = []

    def call(
        self,
        method: str,
        path: str,
        kind: Class,
        body: object = None,
        *,
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        is_new: bool = True,
    ) -> requests.Response:
        """A request under the data path; a session that ran out is renewed.

        `is_new`: nothing is lost where the day's calls are spent and it is not sent. Not so in the
        middle of a job, whose end somebody has to read.
        """
        if self._version is None:
            self._log_in()
            self._version = self._offered_version()
        if is_new:
            self.quota.guard()
        place = path if path.startswith("/services/") else f"/services/data/v{self._version}{path}"

        def send() -> requests.Response:
            named = {**self._authorization, **(headers or {})}
            return self.caller.call(method, place, kind, json=body, params=params, data=data, headers=named)

        for _ in range(RENEWALS):
            try:
                return send()
            except (Refused, OutcomeUnknown) as problem:
                if not _is_over(problem, kind):
                    raise
            self._log_in()
        return send()

    def get(self, path: str, **params: str) -> Any:
        return self.call("GET", path, Class.SAFE, params=params).json()

    def query(self, soql: str, *, tooling: bool = False, with_deleted: bool = False) -> Iterator[dict[str, Any]]:
        """Every row of a query, page by page; `with_deleted`: what lies in the recycle bin, too.

        Raises:
            Unavailable: where the answers hold other than the promised number of rows. Who is missing
                from a read is taken for deleted, so half an answer must not pass for a whole one.
        """
        page = self.get("/tooling/query" if tooling else "/queryAll" if with_deleted else "/query", q=soql)
        seen, promised = 0, page.get("totalSize") if isinstance(page, dict) else None
        while isinstance(page, dict) and isinstance(page.get("records"), list):
            seen += len(page["records"])
            yield from page["records"]
            if page.get("done") is not False:
                if promised == seen:
                    return
                break
            if not page.get("nextRecordsUrl"):
                break
            page = self.get(page["nextRecordsUrl"])
        raise Unavailable(
            f"Salesforce: a query promised {promised} rows and gave {seen}", fix="run again: the answer was not whole"
        )

    def fields(self, sobject: str) -> dict[str, dict[str, Any]]:
        """The described fields of an object that our user sees, by name; asked once per client."""
        if sobject not in self._described:
            found = self.get(f"/sobjects/{sobject}/describe")["fields"]
            self._described[sobject] = {field["name"]: field for field in found}
        return self._described[sobject]

    def forget_fields(self) -> None:
        """Fields or permissions have changed."""
        self._described.clear()

    def collection(
        self,
        method: str,
        path: str,
        rows: Sequence[Row],
        records: Sequence[Mapping[str, Any]],
        kind: Class = Class.IDEMPOTENT,
    ) -> list[RowResult]:
        """One collections call; its answer is in the order of the request."""
        body = {"allOrNone": False, "records": list(records)}
        answer = self.call(method, path, kind, body).json()
        if not isinstance(answer, list) or len(answer) != len(rows):
            return [unanswered(row) for row in rows]
        return [_row_result(row, said) for row, said in zip(rows, answer, strict=True)]

    def _log_in(self) -> None:
        try:
            answer = self.caller.call("POST", "/services/oauth2/token", Class.SAFE, data=self._login.form()).json()
        except Refused as refused:
            raise Rejected(f"Salesforce login: {refused.cause}", fix=self._login.fix) from refused
        self._authorization = {"Authorization": f"Bearer {answer['access_token']}"}
        self.caller.base_url = str(answer.get("instance_url") or self.caller.base_url).rstrip("/")
        self.user_id = str(answer.get("id", "")).rpartition("/")[2]

    def _offered_version(self) -> str:
        """The version asked for, or the highest that the organisation offers, from 66.0 on."""
        versions = self.caller.call("GET", "/services/data/", Class.SAFE, headers=self._authorization).json()
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


def _is_over(problem: Refused | OutcomeUnknown, kind: Class) -> bool:
    """The session had ended, and asking again in a new one changes nothing that was done before."""
    if isinstance(problem, Refused):
        return problem.status == 401
    # An answer was lost, and then the session ended before the repetition.
    cause = problem.__cause__
    return kind is not Class.UNSAFE and isinstance(cause, Refused) and cause.status == 401


def quoted(text: str) -> str:
    """A SOQL text."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def lists(texts: Sequence[Text], most: int = ROWS_PER_COLLECTION) -> Iterator[str]:
    """SOQL lists that hold all of these, each short enough to be part of an address."""
    some: list[str] = []
    characters = 0
    for text in texts:
        one = quoted(text)
        width = len(quote_plus(one)) + 3
        if some and (len(some) >= most or characters + width > LISTED_CHARACTERS):
            yield f"({','.join(some)})"
            some, characters = [], 0
        some.append(one)
        characters += width
    if some:
        yield f"({','.join(some)})"


def _row_result(row: Row, said: Mapping[str, Any]) -> RowResult:
    if said.get("success"):
        return RowResult(row.key, "ok", CrmId(said["id"]))
    errors = said.get("errors") or []
    return RowResult(row.key, "failed", rejection=rejection_in(errors[0])) if errors else unanswered(row)
