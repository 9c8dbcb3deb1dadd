"""Wanted against what the CRM holds: the fewest writes that make it say what it should.

Pure: no CRM, no ledger, no clock.
"""

from collections import Counter
from datetime import date, datetime

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.company import Mode
from usage_pipeline.crm import matching
from usage_pipeline.crm.client import Instance
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.sync import breaker, field_changes, task_changes
from usage_pipeline.sync.differences import differences
from usage_pipeline.sync.holding import Held
from usage_pipeline.sync.plan_rows import Creation
from usage_pipeline.sync.plans import Plan, Shape

KINDS = ("record_create", "fields", "task_open", "task_update", "task_withdraw")
"""Operations that are decided here."""


def plan(
    wanted_fields: pd.DataFrame,
    wanted_tasks: pd.DataFrame,
    links: pd.DataFrame,
    confirmed: pd.DataFrame,
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
    calls_left: int | None = None,
    tasks_per_owner: int | None = None,
    account_key: str = "",
    mode: Mode = "update_only",
) -> Plan:
    """The plan for one CRM instance, but for people and lists (`people`, `audiences`).

    `wanted_fields` has a row per account (account_id and the contract's fields as canonical text), `confirmed`
    a row per record that the ledger knows (`Ledger.records`), `present` one per record that the CRM
    has now (crm_id, account_key and the fields): with it, an edit by hand is seen, and a record that
    is gone or has become another account's is left alone. `links` are rows of `sources/crm_link`.
    Unmatched accounts get what `mode` says, and ambiguous ones nothing; both are counted. What waits in
    quarantine is left alone until its content or the morning is another; what was refused for a passing
    reason is planned again. `tasks_per_owner`: at most so many are opened for one owner; the rest waits.
    """
    mine = links[links["instance"] == instance.key]
    states = Counter(mine["state"])
    linked = mine[mine["state"] == "matched"].set_index("account_id")[["crm_id", "owner_id"]]
    moved = _strays(linked["crm_id"], present)
    matched = linked.drop(index=list(moved)) if moved else linked
    gone = mine[mine["state"].isin(matching.GONE)]
    strays = moved | dict(zip(gone["account_id"], gone["detail"], strict=True))
    held = Held(quarantine, as_of)
    creations = [] if mode == "update_only" else _creations(wanted_fields, mine, account_key, held)
    if mode == "create_only":
        records = field_changes.records(
            wanted_fields, matched["crm_id"].head(0), confirmed.head(0), present, contract, as_of
        )
    else:
        records = field_changes.records(wanted_fields, matched["crm_id"], confirmed, present, contract, as_of)
    found = differences(records, contract)
    changes = field_changes.changes(records, found, held)
    tasks = task_changes.changes(wanted_tasks, matched, episodes, held.waits, account_key)
    new, later = task_changes.at_most(tasks.new, tasks_per_owner)
    writes = len({change.crm_id for change in changes})
    return Plan(
        crm=instance.crm,
        instance=instance.key,
        contract_version=contract.fingerprint,
        as_of=as_of,
        ledger_sequence=sequence,
        created_at=created_at,
        compared_with="confirmed" if present is None else "present",
        creations=tuple(creations),
        fields=tuple(changes),
        people=(),
        moves=(),
        new_tasks=tuple(new),
        rewordings=tuple(tasks.rewordings),
        closings=tuple(tasks.closings),
        adoptions=tuple(field_changes.adoptions(records, found)),
        matched=len(matched),
        unmatched=states["unmatched"],
        ambiguous=states["ambiguous"],
        strays=tuple(sorted(strays.items())),
        edits_restored=found.restored,
        edits_left=found.left_edited,
        left_closed=tasks.closed,
        tasks_later=later,
        held_back=found.held_back,
        waiting_in_quarantine=len(held.waiting),
        released=held.obsolete(KINDS),
        api_calls=shape.calls(writes, len(new), len(tasks.rewordings), len(tasks.closings), len(creations)),
        calls_saved=shape.calls(writes + found.held_back, 0, 0, 0) - shape.calls(writes, 0, 0, 0),
        calls_left=calls_left,
        measures=breaker.measures(wanted_fields, contract, matched=len(matched), new_tasks=len(new)),
    )


def _creations(wanted: pd.DataFrame, links: pd.DataFrame, account_key: str, held: Held) -> list[Creation]:
    """A record for each account that never had one; those that lost theirs to a person get none."""
    unmatched = links.loc[links["state"] == "unmatched", ["account_id", "account_name", "domain"]]
    found = []
    for row in frames.rows(wanted.merge(unmatched, on="account_id").sort_values("account_id")):
        account, name, domain = row.pop("account_id"), row.pop("account_name"), row.pop("domain")
        fields = {field: value for field, value in row.items() if value}
        made = Creation(account, account_key, name or domain or account, domain or None, fields)
        if not held.waits("record_create", account, made.payload):
            found.append(made)
    return found


def _strays(linked: pd.Series, present: pd.DataFrame | None) -> dict[str, str]:
    """Accounts whose record is gone since it was matched, or has become another account's; and which of both."""
    if present is None:
        return {}
    key = present.set_index("crm_id")["account_key"].reindex(linked).fillna("").to_numpy(dtype=object)
    is_gone = ~linked.isin(present["crm_id"]).to_numpy()
    has_moved = (key != "") & (key != linked.index.to_numpy(dtype=object))
    return {
        str(account): f"the record {crm_id} is gone since it was matched"
        if gone
        else f"the record {crm_id} belongs to the account {other} since it was matched"
        for account, crm_id, other, gone in zip(
            linked.index[is_gone | has_moved],
            linked[is_gone | has_moved],
            key[is_gone | has_moved],
            is_gone[is_gone | has_moved],
            strict=True,
        )
    }
