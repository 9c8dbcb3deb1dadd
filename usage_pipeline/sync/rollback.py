"""Back to what a CRM held before some runs, by a plan like any other: shown first, applied through the ledger."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.crm.client import Crm
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.errors import Rejected
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync.breaker import Measures
from usage_pipeline.sync.plans import SHAPES, FieldChange, Plan, TaskClosing


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
    since stay as they are. `Rejected` where the run is unknown or was another CRM's.
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
        fields=tuple(changes),
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
    """The oldest value before the undone runs, per record and field, where the CRM has another one now."""
    before: dict[tuple[str, str], tuple[str, str | None]] = {}
    for row in sorted(operations, key=lambda row: row["planned_at"]):
        for name, value in json.loads(row["before"]).items():
            before.setdefault((row["crm_id"], name), (row["account_id"], value))
    now: Mapping[str, Mapping[str, Any]] = {row["crm_id"]: row for row in frames.rows(present)}
    names = {field.name for field in contract.fields}
    return [
        FieldChange(account, crm_id, name, now[crm_id][name], value)
        for (crm_id, name), (account, value) in sorted(before.items())
        if name in names and crm_id in now and now[crm_id][name] != value
    ]
