"""Wanted against acknowledged: the fewest writes that make the CRM say what it should.

Pure: no CRM, no ledger, no clock.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.crm.client import Instance
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.crm.rejections import PASSING
from usage_pipeline.ledger.operations import hash_of
from usage_pipeline.sync.plans import FieldChange, Plan, Shape, TaskClosing, TaskNew, TaskRewording


def plan(
    wanted_fields: pd.DataFrame,
    wanted_tasks: pd.DataFrame,
    links: pd.DataFrame,
    acknowledged: pd.DataFrame,
    episodes: pd.DataFrame,
    quarantine: pd.DataFrame,
    *,
    instance: Instance,
    as_of: date,
    sequence: int,
    created_at: datetime,
    shape: Shape,
    contract: Contract = CONTRACT,
    present: pd.DataFrame | None = None,
) -> Plan:
    """The plan for one CRM instance.

    `links` are rows of `sources/crm_link` of this CRM; `acknowledged`, `episodes`, `quarantine` and
    `sequence` are the ledger's for this instance; `present` (crm_id, field, value) is what the CRM
    says now: with it, an edit by hand is seen and put right. Unmatched and ambiguous accounts get
    nothing and are counted. What waits in quarantine is left alone until its content or the morning
    is another; what was refused for a passing reason is planned again.
    """
    matched = {
        row["account_id"]: row
        for row in frames.rows(links)
        if row["crm"] == instance.crm and row["instance"] == instance.key and row["state"] == "matched"
    }
    states = [row["state"] for row in frames.rows(links) if row["instance"] == instance.key]
    held = _Held(quarantine, as_of)
    changes, edits = _field_changes(wanted_fields, matched, acknowledged, present, contract, held)
    new, rewordings, closings, closed = _task_changes(wanted_tasks, matched, episodes, held)
    return Plan(
        crm=instance.crm,
        instance=instance.key,
        contract_version=contract.version,
        as_of=as_of,
        ledger_sequence=sequence,
        created_at=created_at,
        compared_with="acknowledged" if present is None else "present",
        fields=tuple(changes),
        new_tasks=tuple(new),
        rewordings=tuple(rewordings),
        closings=tuple(closings),
        matched=len(matched),
        unmatched=states.count("unmatched"),
        ambiguous=states.count("ambiguous"),
        edits_restored=edits,
        left_closed=closed,
        waiting_in_quarantine=held.count,
        api_calls=cost(changes, new, rewordings, closings, shape),
    )


def cost(
    changes: Sequence[FieldChange],
    new: Sequence[TaskNew],
    rewordings: Sequence[TaskRewording],
    closings: Sequence[TaskClosing],
    shape: Shape,
) -> int:
    """Calls that the writes will cost where nothing fails."""

    def calls(count: int) -> int:
        return math.ceil(count / shape.rows_per_call)

    records = len({change.crm_id for change in changes})
    # A task is read before it is changed.
    return (
        calls(records) + shape.calls_per_opening * calls(len(new)) + 2 * (calls(len(rewordings)) + calls(len(closings)))
    )


class _Held:
    """What waits in quarantine and must not be tried again today."""

    def __init__(self, quarantine: pd.DataFrame, as_of: date) -> None:
        passing = {str(cause) for cause in PASSING}
        self._hash = {
            (row["kind"], row["key"]): row["payload_hash"]
            for row in frames.rows(quarantine)
            if row["cause"] not in passing and row["as_of"] == as_of
        }
        self.count = 0

    def waits(self, kind: str, key: str, payload: Mapping[str, Any]) -> bool:
        waits = self._hash.get((kind, key)) == hash_of(payload)
        self.count += waits
        return waits


def _field_changes(
    wanted: pd.DataFrame,
    matched: Mapping[str, Mapping[str, Any]],
    acknowledged: pd.DataFrame,
    present: pd.DataFrame | None,
    contract: Contract,
    held: _Held,
) -> tuple[list[FieldChange], int]:
    confirmed = {
        (row["crm_id"], row["field"]): row["value"] for row in frames.rows(acknowledged) if row["object"] == "company"
    }
    now = (
        confirmed if present is None else {(row["crm_id"], row["field"]): row["value"] for row in frames.rows(present)}
    )
    by_account: dict[str, list[FieldChange]] = {}
    edits = 0
    for row in frames.rows(wanted):
        account, name = row["account_id"], row["field"]
        if account not in matched:
            continue
        place = (matched[account]["crm_id"], name)
        new = contract.field(name).canonical(row["value"])
        old = now.get(place)
        if old == new:
            continue
        edits += present is not None and place in confirmed and confirmed[place] == new
        by_account.setdefault(account, []).append(FieldChange(account, place[0], name, old, new))
    changes = [
        change
        for account, own in sorted(by_account.items())
        if not held.waits("fields", account, {change.field: change.new for change in own})
        for change in own
    ]
    return changes, edits


def _task_changes(
    wanted: pd.DataFrame, matched: Mapping[str, Mapping[str, Any]], episodes: pd.DataFrame, held: _Held
) -> tuple[list[TaskNew], list[TaskRewording], list[TaskClosing], int]:
    known = {row["task_key"]: row for row in frames.rows(episodes)}
    asked = {row["task_key"]: row for row in frames.rows(wanted)}
    new, rewordings, closed = [], [], 0
    for key, row in sorted(asked.items()):
        if row["state"] != "wanted" or row["account_id"] not in matched:
            continue
        there = known.get(key)
        if there is None:
            task = _new_task(row, matched[row["account_id"]])
            if not held.waits("task_open", key, task.payload):
                new.append(task)
        elif there["status"] != "open":
            # Closed by a person, or withdrawn by us: an episode is opened once.
            closed += 1
        elif not there["is_touched"] and _text(row) != _text(there):
            rewording = TaskRewording(
                key, row["account_id"], there["crm_id"], there["task_id"], *_text(there), *_text(row)
            )
            if not held.waits("task_update", key, rewording.payload):
                rewordings.append(rewording)
    closings = [
        TaskClosing(key, row["account_id"], row["crm_id"], row["task_id"], *_text(row))
        for key, row in sorted(known.items())
        if row["status"] == "open" and key not in asked
    ]
    return new, rewordings, [one for one in closings if not held.waits("task_withdraw", one.key, one.payload)], closed


def _new_task(row: Mapping[str, Any], link: Mapping[str, Any]) -> TaskNew:
    return TaskNew(
        key=row["task_key"],
        account_id=row["account_id"],
        crm_id=link["crm_id"],
        play=row["play"],
        episode=row["episode"],
        subject=row["subject"],
        body=row["body"],
        priority=row["priority"],
        due_on=row["due_on"],
        owner_id=link["owner_id"],
    )


def _text(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """What a task says; its due date is a promise and stays."""
    return str(row["subject"]).strip(), str(row["body"]).strip(), str(row["priority"])
