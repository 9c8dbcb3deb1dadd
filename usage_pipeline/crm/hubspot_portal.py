"""A HubSpot portal over HTTP: the paths of one API version, its listings and its batch reads."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import requests

from usage_pipeline.crm.calling import Caller, Class
from usage_pipeline.crm.hubspot_answers import TokenExpired, verdict
from usage_pipeline.crm.hubspot_auth import Authorization, Refresh
from usage_pipeline.crm.pacing import HubSpotPacer
from usage_pipeline.errors import Rejected, Unavailable

ROWS_PER_BATCH = 100
COMPANY = "companies"
CONTACT = "contacts"
DEAL = "deals"
TASK = "tasks"
# A record that was merged away answers under the id of the one that stayed, and this lists its own.
MERGED = "hs_merged_object_ids"
# Reading after writing is assumed to be consistent, but nobody has promised it: a minute's grace.
GRACE_S = 60.0


class Portal:
    """Requests to one portal, by resource; date versions (`2026-03`) and the older `v3` alike."""

    def __init__(
        self,
        base_url: str,
        credentials: str | Refresh,
        version: str,
        *,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.version = version
        self.is_dated = bool(re.fullmatch(r"\d{4}-\d{2}", version))
        self.pacer = HubSpotPacer(clock)
        self.caller = Caller(base_url, verdict, session=session, sleep=sleep, pacer=self.pacer)
        self._authorization = Authorization(credentials, self.caller, f"/oauth/{version}/token", clock)

    def objects(self, kind: str, rest: str = "") -> str:
        return f"/crm/objects/{self.version}/{kind}{rest}" if self.is_dated else f"/crm/v3/objects/{kind}{rest}"

    def properties(self, kind: str, rest: str = "") -> str:
        return f"/crm/properties/{self.version}/{kind}{rest}" if self.is_dated else f"/crm/v3/properties/{kind}{rest}"

    def property(self, kind: str, name: str) -> str:
        return self.properties(kind, f"/{quote(name, safe='')}")

    def associations(self, start: str, end: str, rest: str) -> str:
        family = f"/crm/associations/{self.version}" if self.is_dated else "/crm/v4/associations"
        return f"{family}/{start}/{end}{rest}"

    def default_association(self, start: str, start_id: str, end: str, end_id: str) -> str:
        family = f"/crm/objects/{self.version}" if self.is_dated else "/crm/v4/objects"
        return f"{family}/{start}/{start_id}/associations/default/{end}/{end_id}"

    def owners(self) -> str:
        return f"/crm/owners/{self.version}" if self.is_dated else "/crm/v3/owners"

    def lists(self, rest: str = "") -> str:
        return f"/crm/lists/{self.version}{rest}" if self.is_dated else f"/crm/v3/lists{rest}"

    def pipelines(self, kind: str) -> str:
        return f"/crm/pipelines/{self.version}/{kind}" if self.is_dated else f"/crm/v3/pipelines/{kind}"

    def account_info(self) -> str:
        return f"/account-info/{self.version}/details" if self.is_dated else "/account-info/v3/details"

    def get(self, path: str, **params: str) -> dict[str, Any]:
        return _content(self._call("GET", path, Class.SAFE, params=params))

    def post(self, path: str, kind: Class, body: object) -> dict[str, Any]:
        return _content(self._call("POST", path, kind, json=body))

    def put(self, path: str, body: object = None) -> dict[str, Any]:
        """A change that may be repeated."""
        return _content(self._call("PUT", path, Class.IDEMPOTENT, json=body))

    def _call(
        self, method: str, path: str, kind: Class, *, json: object = None, params: Mapping[str, str] | None = None
    ) -> requests.Response:
        def send(token: str) -> requests.Response:
            headers = {"Authorization": f"Bearer {token}"}
            return self.caller.call(method, path, kind, json=json, params=params, headers=headers)

        token = self._authorization.token()
        try:
            return send(token)
        except TokenExpired:
            if not self._authorization.can_renew:
                raise
        self._authorization.renew(token)
        return send(self._authorization.token())

    def listing(self, path: str, **params: str) -> list[dict[str, Any]]:
        """The results of a listing that has no pages; `Unavailable` for an answer without any."""
        return _results(path, self.get(path, **params))

    def pages(self, path: str, **params: str) -> Iterator[Any]:
        """Every result of a listing, page by page; `Unavailable` for a page that is none."""
        after: str | None = None
        while True:
            page = self.get(path, **params, **({"after": after} if after else {}))
            yield from _results(path, page)
            after = ((page.get("paging") or {}).get("next") or {}).get("after")
            if not after:
                return

    def read(
        self,
        kind: str,
        ids: Sequence[str],
        properties: Sequence[str],
        *,
        by: str | None = None,
        is_archived: bool = False,
    ) -> list[dict[str, Any]]:
        """Objects by id or by the unique property `by`; those that HubSpot says are gone are missing.

        `is_archived`: the archived ones instead. Errors are those of `_batches`.
        """
        return [
            one
            for asked, there in self._batches(kind, ids, properties, by, is_archived=is_archived)
            for one in there
            if by or str(one["id"]) in asked
        ]

    def heirs(self, kind: str, ids: Sequence[str]) -> dict[str, str]:
        """The id that each of these answers to now: its own, or that of the record it was merged into."""
        return {
            one: str(record["id"])
            for asked, there in self._batches(kind, ids, (), None)
            for record in there
            for one in _ids(record)
            if one in asked
        }

    def _batches(
        self, kind: str, ids: Sequence[str], properties: Sequence[str], by: str | None, *, is_archived: bool = False
    ) -> Iterator[tuple[set[str], list[dict[str, Any]]]]:
        """What was asked and what was there, batch by batch.

        Raises `Unavailable` where an answer keeps silent about one: a success with nothing in it
        says nothing of what is there (CRM_APIS 0.7).
        """
        # HubSpot refuses a batch that names one id twice (CRM_APIS 1.4).
        once = list(dict.fromkeys(ids))
        path = self.objects(kind, "/batch/read") + ("?archived=true" if is_archived else "")
        for start in range(0, len(once), ROWS_PER_BATCH):
            asked = once[start : start + ROWS_PER_BATCH]
            body: dict[str, Any] = {
                "inputs": [{"id": one} for one in asked],
                "properties": [*properties, by or MERGED],
                "propertiesWithHistory": [],
            }
            if by:
                body["idProperty"] = by
            answer = self.post(path, Class.SAFE, body)
            there = answer.get("results") or []
            silent = {_folded(one) for one in asked} - _accounted_for(there, answer.get("errors") or [], by)
            if silent:
                raise no_answer(f"a batch read of {kind}", f"no word of {', '.join(sorted(silent)[:3])}")
            yield set(asked), there


def _accounted_for(there: Sequence[Mapping[str, Any]], errors: Sequence[Mapping[str, Any]], by: str | None) -> set[str]:
    """The ids or keys, in lower case, that an answer shows or says are not there."""
    told = {
        _folded(one)
        for error in errors
        # Any other category says that it could not be read, not that it is not there.
        if error.get("category") in {None, "OBJECT_NOT_FOUND"}
        for one in (error.get("context") or {}).get("ids", [])
    }
    for record in there:
        told |= {_folded((record.get("properties") or {}).get(by))} if by else {_folded(one) for one in _ids(record)}
    return told


def _ids(record: Mapping[str, Any]) -> list[str]:
    """A record's own id, and those of the records that became part of it."""
    merged = (record.get("properties") or {}).get(MERGED) or ""
    return [str(record.get("id")), *(one.strip() for one in merged.split(";") if one.strip())]


def _folded(text: object) -> str:
    # An e-mail address is kept in lower case, whatever was asked for.
    return str(text).strip().lower()


def _results(path: str, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    results = answer.get("results")
    if not isinstance(results, list):
        raise no_answer(f"the listing {path}", "no results")
    return results


def _content(response: requests.Response) -> dict[str, Any]:
    """The object in an answer; what is none says nothing, and is treated like an answer with nothing in it."""
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def no_answer(asked: str, got: str) -> Unavailable:
    """A success that does not say what was asked."""
    return Unavailable(f"HubSpot answered {asked} with {got}", fix="run again; it is nothing that was done")


def mismatch(what: str, has: object, wants: object) -> Rejected:
    """Something else already has the name of one of ours."""
    return Rejected(
        f"{what} exists and is {has}, not {wants}",
        fix=f"rename or delete {what} in the CRM, then run again; it is never changed silently",
    )
