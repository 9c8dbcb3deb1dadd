"""Tasks on their companies: put there, and found there (CRM_APIS 2.5)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.batches import unanswered
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import RowResult, TaskOpening
from usage_pipeline.crm.hubspot_answers import rejection_in
from usage_pipeline.crm.hubspot_portal import COMPANY, DEAL, TASK, Portal, no_answer
from usage_pipeline.crm.rejections import Refused, Rejection

ASSOCIATIONS_PER_READ = 1000
TYPES = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]

_ONE = {COMPANY: "company", DEAL: "deal"}


def hang(portal: Portal, rows: Sequence[TaskOpening], tasks: Mapping[str, CrmId]) -> list[RowResult]:
    """Each row's task on its company; a repeated association makes no second one.

    What the batch leaves without an answer of its own, and a row that is refused standing alone, is
    put there singly: that request has an answer of its own (CRM_APIS 2.6).
    """
    inputs = [{"from": {"id": tasks[row.key]}, "to": {"id": row.company}, "types": TYPES} for row in rows]
    try:
        answer = portal.post(portal.associations(TASK, COMPANY, "/batch/create"), Class.IDEMPOTENT, {"inputs": inputs})
    except Refused as refused:
        if len(rows) > 1 or refused.concerns_all:
            raise
        answer = {}
    hung = {_end(pair, "from") for pair in answer.get("results") or []}
    results = []
    for row in rows:
        task = tasks[row.key]
        rejection = _rejection(answer, task, row.company)
        if task in hung:
            results.append(RowResult(row.key, "ok", task))
        elif rejection:
            results.append(RowResult(row.key, "failed", task, rejection))
        else:
            results.append(_hang_singly(portal, row, task))
    return results


def _hang_singly(portal: Portal, row: TaskOpening, task: CrmId) -> RowResult:
    try:
        answer = portal.put(portal.default_association(TASK, task, COMPANY, row.company))
    except Refused as refused:
        return RowResult(row.key, "failed", task, refused.rejection)
    return RowResult(row.key, "ok", task) if answer.get("results") else unanswered(row)


def tasks_of(portal: Portal, companies: Sequence[CrmId]) -> Iterator[CrmId]:
    """The tasks on these companies, each of them once; `Unavailable` where an answer keeps silent about one.

    A company without tasks is named among the errors. One that the answer leaves out is asked for by
    itself, where the company in the answer shows that it is one.
    """
    path = portal.associations(COMPANY, TASK, "/batch/read")
    given: set[CrmId] = set()
    for start in range(0, len(companies), ASSOCIATIONS_PER_READ):
        asked = companies[start : start + ASSOCIATIONS_PER_READ]
        inputs: list[dict[str, str]] = [{"id": one} for one in asked]
        while inputs:
            answer = portal.post(path, Class.SAFE, {"inputs": inputs})
            rows = answer.get("results") or []
            told = {_end(row, "from") for row in rows} | _named(answer)
            for silent in (one["id"] for one in inputs if one["id"] not in told):
                _make_sure_of_none(portal, silent)
            inputs = []
            for row in rows:
                tasks = {CrmId(str(to["toObjectId"])) for to in row.get("to") or []}
                yield from sorted(tasks - given)
                given |= tasks
                after = ((row.get("paging") or {}).get("next") or {}).get("after")
                if after:
                    inputs.append({"id": _end(row, "from"), "after": after})


def joined(portal: Portal, start: str, end: str, ids: Sequence[str]) -> Iterator[tuple[str, dict[str, set[int]]]]:
    """Of each of these records those of another kind that it is joined with, and by which types of association.

    One that is joined with none is named among the errors; one that the answer leaves out is asked for by itself.
    """
    path = portal.associations(start, end, "/batch/read")
    for first in range(0, len(ids), ASSOCIATIONS_PER_READ):
        asked = ids[first : first + ASSOCIATIONS_PER_READ]
        answer = portal.post(path, Class.SAFE, {"inputs": [{"id": one} for one in asked]})
        rows = answer.get("results") or []
        told = {_end(row, "from") for row in rows} | _named(answer)
        for silent in (one for one in asked if one not in told):
            _make_sure_of_none(portal, silent, start, end)
        for row in rows:
            found: dict[str, set[int]] = {}
            for to in row.get("to") or []:
                types = {int(each["typeId"]) for each in to.get("associationTypes") or [] if each.get("typeId")}
                found.setdefault(str(to["toObjectId"]), set()).update(types)
            yield _end(row, "from"), found


def _named(answer: Mapping[str, Any]) -> set[str]:
    """The companies of which the answer says that they have no tasks, or are gone."""
    return {
        str(one)
        for error in answer.get("errors") or []
        if error.get("category") in {None, "OBJECT_NOT_FOUND"}
        for name in ("fromObjectId", "ids")
        for one in (error.get("context") or {}).get(name, [])
    }


def _make_sure_of_none(portal: Portal, one: str, start: str = COMPANY, end: str = TASK) -> None:
    try:
        answer = portal.get(portal.objects(start, f"/{one}"), associations=end)
    except Refused as refused:
        if refused.status == 404:
            return
        raise
    if str(answer.get("id")) != one or ((answer.get("associations") or {}).get(end) or {}).get("results"):
        raise no_answer("a read of associations", f"no word of the {end} of {_ONE.get(start, start)} {one}")


def _end(pair: Mapping[str, Any], side: str) -> str:
    """One end of an association; batch answers name it `from: {id}` or `fromObjectId`."""
    return str((pair.get(side) or {}).get("id") or pair.get(f"{side}ObjectId"))


def _rejection(answer: Mapping[str, Any], task: str, company: str) -> Rejection | None:
    """Why the batch did not join these two; None where it does not say."""
    for error in answer.get("errors") or []:
        context = error.get("context") or {}
        ends = [*context.get("fromObjectId", []), *context.get("ids", [])], context.get("toObjectId", [])
        if task in map(str, ends[0]) or (not ends[0] and company in map(str, ends[1])):
            return rejection_in(error)
    return None
