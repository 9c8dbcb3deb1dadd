"""What the CRMs say: which record is which account's, and what became of our tasks."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.accounts import AccountId
from usage_pipeline.company import Company
from usage_pipeline.crm import matching
from usage_pipeline.crm.client import Crm, Record, TaskState, TaskStatus
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.crm.matching import Match
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.periods import morning
from usage_pipeline.sources.catalogue import CRM_LINK, PAST_ACTION

BY_PEOPLE = (TaskStatus.DONE, TaskStatus.DISMISSED)


def account_key(crm: Crm, company: Company) -> str:
    """Where this CRM keeps the product's account id."""
    return {"hubspot": company.crm.hubspot_account_key, "salesforce": company.crm.salesforce_account_key}[crm.name]


def read(crm: Crm, company: Company, contract: Contract = CONTRACT) -> list[Record]:
    """Every company of one CRM, read once for `links` and `present`."""
    return crm.records(account_key(crm, company), contract)


def links(
    crm: Crm,
    accounts: pd.DataFrame,
    ledger: Ledger,
    company: Company,
    read_at: datetime,
    *,
    records: list[Record] | None = None,
) -> pd.DataFrame:
    """One row per account (columns account_id, name, domain) as this CRM knows it; matches are kept in the ledger."""
    instance = crm.instance()
    ours = {row["account_id"]: row for row in frames.rows(accounts[["account_id", "name", "domain"]])}
    there = read(crm, company) if records is None else records
    recorded = {account: crm_id for account, crm_id in ledger.links(instance.key).items() if account in ours}
    lost = matching.lost(there, recorded)
    found = matching.match(
        [(AccountId(account), row["domain"] or None) for account, row in ours.items()],
        there,
        recorded,
        crm.fates(lost) if lost else {},
    )
    ledger.record_links(instance.key, found, read_at)
    rows = [
        _link(match, instance.crm, instance.key, read_at)
        | {"account_name": ours[match.account_id]["name"], "domain": ours[match.account_id]["domain"]}
        for match in found
    ]
    return pd.DataFrame(rows, columns=list(CRM_LINK.schema.names), dtype=object)


def present(records: list[Record], contract: Contract = CONTRACT) -> pd.DataFrame:
    """What the CRM holds now: one row per record (crm_id, account_key and our fields as text)."""
    names = [field.name for field in contract.fields]
    rows = [(record.crm_id, record.account_key, *(record.fields.get(name) for name in names)) for record in records]
    return pd.DataFrame(rows, columns=["crm_id", "account_key", *names], dtype=object)


def past_actions(ledger: Ledger, clients: Mapping[str, Crm], as_of: date) -> pd.DataFrame:
    """One row per hold-out and per task, as they were just before the morning.

    Asks each CRM for the tasks that nobody had closed when last asked, and keeps the answer.
    """
    for crm in clients.values():
        _take_in(ledger, crm, as_of)
    assignments = [row for row in frames.rows(ledger.assignments()) if row["assigned_on"] < as_of]
    tasks: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for task in frames.rows(ledger.episodes()):
        if task["opened_on"] < as_of:
            tasks.setdefault((task["play"], task["account_id"], task["episode"]), []).append(task)
    rows = []
    for assignment in assignments:
        common = {"as_of": as_of} | {
            name: assignment[name] for name in ("account_id", "play", "episode", "arm", "assigned_on", "held_until")
        }
        own = tasks.get((assignment["play"], assignment["account_id"], assignment["episode"]), [])
        rows += [common | _as_seen(task, as_of) for task in own] or [common]
    frame = pd.DataFrame(rows, columns=list(PAST_ACTION.schema.names), dtype=object)
    return frame.where(frame.notna(), None)


def _as_seen(task: dict[str, Any], as_of: date) -> dict[str, Any]:
    """The task without what happened on the morning or later."""
    seen: dict[str, Any] = {
        "crm": task["instance"].partition(":")[0],
        "task_id": task["task_id"],
        "opened_on": task["opened_on"],
        "status": TaskStatus.OPEN.value,
    }
    closed_at = task["closed_at"]
    if closed_at is not None and closed_at < morning(as_of):
        return seen | {"status": task["status"], "closed_at": closed_at, "answer": task["answer"]}
    if task["withdrawn_on"] is not None and task["withdrawn_on"] < as_of:
        return seen | {"status": TaskStatus.WITHDRAWN.value}
    return seen


def _take_in(ledger: Ledger, crm: Crm, as_of: date) -> None:
    """Keep what people did since we last asked with our tasks of before the morning."""
    instance = crm.instance().key
    waiting = [
        task
        for task in frames.rows(ledger.episodes(instance))
        if task["opened_on"] < as_of
        and (task["status"] == TaskStatus.OPEN or (task["status"] == TaskStatus.WITHDRAWN and task["is_touched"]))
    ]
    if not waiting:
        return
    states = crm.task_states([task["task_id"] for task in waiting])
    # A morning that is made again asks the CRM of today, and must not tell the mornings since then of it.
    seen_at = morning(max(as_of, ledger.last_as_of(instance) or as_of))
    changed = [_what_changed(task, states.get(task["task_id"]), seen_at) for task in waiting]
    ledger.record_task_states(instance, [change for change in changed if change])


def _what_changed(task: dict[str, Any], state: TaskState | None, seen_at: datetime) -> dict[str, Any]:
    key = {"task_key": task["task_key"]}
    if state is None:
        if task["status"] != TaskStatus.OPEN:
            return {}
        # Deleted by a person, who said no in their own way. When, no CRM tells: seen by the next morning.
        return key | {
            "status": TaskStatus.DISMISSED.value,
            "closed_at": seen_at,
            "answer": "deleted in the CRM",
            "is_touched": True,
        }
    if state.status in BY_PEOPLE:
        return key | {
            "status": state.status.value,
            "closed_at": state.closed_at,
            "answer": _answer(task["body"], state.text.body),
            "is_touched": True,
        }
    is_touched = state.is_begun or (state.text.subject, state.text.body) != (
        task["subject"].strip(),
        task["body"].strip(),
    )
    return key | {"is_touched": True} if is_touched and not task["is_touched"] else {}


def _answer(written: str, now: str) -> str | None:
    """What a person added to the text that we wrote."""
    return now.replace(written.strip(), "", 1).strip() or None


def _link(match: Match, crm: str, instance: str, read_at: datetime) -> dict[str, Any]:
    record = match.record
    return {
        "crm": crm,
        "instance": instance,
        "account_id": match.account_id,
        "state": match.state,
        "matched_by": match.matched_by,
        "crm_id": record.crm_id if record else None,
        "crm_name": record.name if record else None,
        "owner_id": record.owner_id if record else None,
        "owner_email": record.owner_email if record else None,
        "detail": match.detail or None,
        "read_at": read_at,
    }
