"""Back to what a CRM held before some runs, by a plan like any other: shown first, applied through the ledger."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.client import Crm
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.errors import Rejected
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync.breaker import Measures
from usage_pipeline.sync.plan_rows import FieldChange, PersonChange, TaskClosing
from usage_pipeline.sync.plans import SHAPES, Plan


def plan(
    crm: Crm,
    ledger: Ledger,
    run: str,
    present: pd.DataFrame,
    *,
    created_at: datetime,
    contract: Contract = CONTRACT,
) -> Plan:
    """What undoes every run after `run` on this CRM: fields as they were, tasks that those runs opened withdrawn.

    `present` has crm_id and our fields as the CRM has them now. Tasks that were reworded or withdrawn
    since stay as they are, and so do records that were created. `Rejected` where the run is unknown or was another CRM's.
    """
    instance = crm.instance()
    sequence = ledger.sequence(instance.key)
    runs = {row["run"]: row for row in frames.rows(ledger.table("run"))}
    kept = runs.get(run)
    if kept is None or kept["instance"] != instance.key:
        raise Rejected(f"{instance.key} has no run {run}", fix="`usage-pipeline status --history` lists the runs")
    undone = {
        row["run"]
        for row in runs.values()
        if row["instance"] == instance.key and row["started_at"] > kept["started_at"]
    }
    operations = [
        row for row in frames.rows(ledger.log()) if row["run"] in undone and row["state"] == "ok" and row["before"]
    ]
    changes = _changes(operations, present, contract)
    people = _people(operations, crm, contract.of_contacts)
    opened_since = {
        row["key"]
        for row in frames.rows(ledger.log())
        if row["run"] in undone and row["kind"] == "task_open" and row["state"] == "ok"
    }
    closings = [
        TaskClosing(
            row["task_key"],
            row["account_id"],
            row["crm_id"],
            row["task_id"],
            row["subject"],
            row["body"],
            row["priority"],
        )
        for row in frames.rows(ledger.episodes(instance.key))
        if row["task_key"] in opened_since and row["status"] == "open"
    ]
    records = len({change.crm_id for change in changes})
    measures = ledger.last_measures(instance.key)
    newest: date | None = ledger.last_as_of(instance.key)
    return Plan(
        crm=instance.crm,
        instance=instance.key,
        contract_version=contract.fingerprint,
        as_of=newest or created_at.date(),
        ledger_sequence=sequence,
        created_at=created_at,
        compared_with="present",
        creations=(),
        fields=tuple(changes),
        people=tuple(people),
        moves=(),
        new_tasks=(),
        rewordings=(),
        closings=tuple(closings),
        adoptions=(),
        matched=records,
        unmatched=0,
        ambiguous=0,
        strays=(),
        edits_restored=0,
        edits_left=0,
        left_closed=0,
        tasks_later=0,
        held_back=0,
        waiting_in_quarantine=0,
        released=(),
        api_calls=SHAPES[crm.name].calls(records, 0, 0, len(closings)),
        calls_saved=0,
        calls_left=crm.calls_left(),
        measures=Measures(**measures) if measures else Measures(0, 0, 0, {}),
    )


def _changes(operations: list[dict[str, Any]], present: pd.DataFrame, contract: Contract) -> list[FieldChange]:
    """What companies held before the undone runs, where the CRM has something else now."""
    before = _oldest(operations, "fields", "account_id")
    now: Mapping[str, Mapping[str, Any]] = {row["crm_id"]: row for row in frames.rows(present)}
    names = {field.name for field in contract.fields}
    return [
        FieldChange(account, crm_id, name, now[crm_id][name], value)
        for (crm_id, name), (account, value) in sorted(before.items())
        if name in names and crm_id in now and now[crm_id][name] != value
    ]


def _people(operations: list[dict[str, Any]], crm: Crm, contract: Contract) -> list[PersonChange]:
    """The same of contacts, which are read as they are now."""
    before = _oldest(operations, "contact_fields", "key")
    if not before or crm.contacts is None:
        return []
    account = {row["key"]: row["account_id"] for row in operations}
    now = crm.contacts.values(sorted({CrmId(crm_id) for crm_id, _ in before}), contract)
    return [
        PersonChange(account[user], user, crm_id, name, now[CrmId(crm_id)].get(name), value)
        for (crm_id, name), (user, value) in sorted(before.items())
        if CrmId(crm_id) in now and now[CrmId(crm_id)].get(name) != value
    ]


def _oldest(operations: list[dict[str, Any]], kind: str, whose: str) -> dict[tuple[str, str], tuple[str, str | None]]:
    """By record and field: whose it is, and its value before the first of these operations."""
    before: dict[tuple[str, str], tuple[str, str | None]] = {}
    for row in sorted(operations, key=lambda row: row["planned_at"]):
        if row["kind"] == kind:
            for name, value in json.loads(row["before"]).items():
                before.setdefault((row["crm_id"], name), (row[whose], value))
    return before
