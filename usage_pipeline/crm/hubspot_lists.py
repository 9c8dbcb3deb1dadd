"""Static lists of companies in HubSpot: a cohort as people use it for filters and campaigns (CRM_APIS 2.7)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.batches import chunks, one_result_each
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import RowResult
from usage_pipeline.crm.hubspot_portal import Portal, mismatch, no_answer
from usage_pipeline.crm.rejections import Cause, OutcomeUnknown, Refused, Rejection

COMPANY_TYPE = "0-2"
MANUAL = "MANUAL"
# The documented page of memberships; changes are taken in far larger numbers, but a refusal concerns them all.
MEMBERS_PER_PAGE, CHANGES_PER_CALL = 250, 1_000


@dataclass(frozen=True)
class _Change:
    key: str
    """The record's id."""
    is_added: bool


class Lists:
    """The lists of one portal; needs the scopes crm.lists.{read,write}."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def find_list(self, name: str) -> str | None:
        """The id of the list with this name; None where there is none."""
        found = self._named(name)
        return str(found["listId"]) if found else None

    def ensure_list(self, name: str) -> str:
        """The id of the static list of companies with this name, created where there is none."""
        found = self._named(name)
        if found is None:
            body = {"name": name, "objectTypeId": COMPANY_TYPE, "processingType": MANUAL}
            try:
                # Nobody promises that a name is given once: after a lost answer the name is looked for.
                found = self._portal.post(self._portal.lists(), Class.UNSAFE, body).get("list")
            except (OutcomeUnknown, Refused):
                found = self._named(name)
                if found is None:
                    raise
        if not found or not found.get("listId"):
            raise no_answer(f"the creation of the list {name}", "no list")
        if found.get("processingType") != MANUAL:
            raise mismatch(f"the list {name}", found.get("processingType"), MANUAL)
        return str(found["listId"])

    def members(self, list_id: str) -> set[CrmId]:
        """The companies on a list."""
        path = self._portal.lists(f"/{list_id}/memberships")
        return {CrmId(str(one["recordId"])) for one in self._portal.pages(path, limit=str(MEMBERS_PER_PAGE))}

    def change_members(self, list_id: str, add: Collection[CrmId], remove: Collection[CrmId]) -> list[RowResult]:
        """One result per company, by its id; a company in both is added."""
        changes = [_Change(one, is_added=True) for one in sorted(set(add))]
        changes += [_Change(one, is_added=False) for one in sorted(set(remove) - set(add))]
        results: list[RowResult] = []
        for some in chunks(changes, CHANGES_PER_CALL):
            results += one_result_each(some, lambda rows: self._change(list_id, rows))
        return results

    def _change(self, list_id: str, rows: Sequence[_Change]) -> list[RowResult]:
        body = {
            "recordIdsToAdd": [row.key for row in rows if row.is_added],
            "recordIdsToRemove": [row.key for row in rows if not row.is_added],
        }
        answer = self._portal.put(self._portal.lists(f"/{list_id}/memberships/add-and-remove"), body)
        # The vendor's pages spell it both ways.
        added = _ids(answer, "recordsIdsAdded") | _ids(answer, "recordIdsAdded")
        removed, missing = _ids(answer, "recordIdsRemoved"), _ids(answer, "recordIdsMissing")
        silent = {row.key for row in rows} - added - removed - missing
        # Those that need no change are passed over, and so would those be that were lost.
        there = self.members(list_id) if silent else set()

        def end(row: _Change) -> RowResult:
            record = CrmId(row.key)
            if row.key in (added if row.is_added else removed):
                return RowResult(row.key, "ok", record)
            if row.key in missing and row.is_added:
                return RowResult(row.key, "failed", record, _gone(record))
            if row.key in missing or (record in there) == row.is_added:
                return RowResult(row.key, "ok", record)
            return RowResult(row.key, "failed", record, _passed_over(record))

        return [end(row) for row in rows]

    def _named(self, name: str) -> dict[str, Any] | None:
        path = self._portal.lists(f"/object-type-id/{COMPANY_TYPE}/name/{quote(name, safe='')}")
        try:
            found: dict[str, Any] | None = self._portal.get(path).get("list")
        except Refused as refused:
            if refused.status != 404:
                raise
            return None
        return found


def _ids(answer: dict[str, Any], name: str) -> set[str]:
    return {str(one) for one in answer.get(name) or []}


def _gone(record: str) -> Rejection:
    return Rejection.of(Cause.IDENTITY, f"HubSpot has no company {record} to put on the list")


def _passed_over(record: str) -> Rejection:
    return Rejection.of(Cause.TRANSIENT, f"HubSpot did not change the membership of the company {record}")
