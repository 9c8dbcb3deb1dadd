"""Wanted against what the CRM holds: the fewest writes that make it say what it should.

Pure: no CRM, no ledger, no clock.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline import frames
from usage_pipeline.crm.client import Instance
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.crm.rejections import PASSING
from usage_pipeline.ledger.operations import hash_of
from usage_pipeline.sync import breaker, task_changes
from usage_pipeline.sync.differences import Differences, Flags, Records, Side, differences
from usage_pipeline.sync.plans import Adoption, FieldChange, Plan, Shape

EPOCH = date(1970, 1, 1)


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
) -> Plan:
    """The plan for one CRM instance.

    `wanted_fields` has a row per account (account_id and the contract's fields as canonical text), `confirmed`
    a row per record that the ledger knows (`Ledger.records`), `present` one per record that the CRM
    has now (crm_id, account_key and the fields): with it, an edit by hand is seen, and a record that
    is gone or has become another account's is left alone. `links` are rows of `sources/crm_link`.
    Unmatched and ambiguous accounts get nothing and are counted. What waits in quarantine is left
    alone until its content or the morning is another; what was refused for a passing reason is
    planned again. `tasks_per_owner`: at most so many are opened for one owner; the rest waits.
    """
    mine = links.loc[links["instance"] == instance.key, ["account_id", "state", "crm_id", "owner_id"]]
    states = Counter(mine["state"])
    linked = mine[mine["state"] == "matched"].set_index("account_id")[["crm_id", "owner_id"]]
    strays = _strays(linked["crm_id"], present)
    matched = linked.drop(index=list(strays)) if strays else linked
    held = _Held(quarantine, as_of)
    records = _records(wanted_fields, matched["crm_id"], confirmed, present, contract, as_of)
    found = differences(records, contract)
    changes = _field_changes(records, found, held)
    tasks = task_changes.changes(wanted_tasks, matched, episodes, held.waits)
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
        fields=tuple(changes),
        new_tasks=tuple(new),
        rewordings=tuple(tasks.rewordings),
        closings=tuple(tasks.closings),
        adoptions=tuple(_adoptions(records, found)),
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
        released=held.obsolete(),
        api_calls=shape.calls(writes, len(new), len(tasks.rewordings), len(tasks.closings)),
        calls_saved=shape.calls(writes + found.held_back, 0, 0, 0) - shape.calls(writes, 0, 0, 0),
        calls_left=calls_left,
        measures=breaker.measures(wanted_fields, contract, matched=len(matched), new_tasks=len(new)),
    )


class _Held:
    """What waits in quarantine and must not be tried again today, and what waits there for nothing."""

    def __init__(self, quarantine: pd.DataFrame, as_of: date) -> None:
        passing = {str(cause) for cause in PASSING}
        rows = frames.rows(quarantine)
        self._all = {(row["kind"], row["key"]) for row in rows}
        self._hash = {
            (row["kind"], row["key"]): row["payload_hash"]
            for row in rows
            if row["cause"] not in passing and row["as_of"] == as_of
        }
        self._asked: set[tuple[str, str]] = set()
        self.waiting: set[tuple[str, str]] = set()

    def waits(self, kind: str, key: str, payload: Mapping[str, Any]) -> bool:
        """Whether this very content was refused this morning."""
        self._asked.add((kind, key))
        if (kind, key) not in self._hash or self._hash[kind, key] != hash_of(payload):
            return False
        self.waiting.add((kind, key))
        return True

    def obsolete(self) -> tuple[tuple[str, str], ...]:
        """Rejections of what nobody wants any more."""
        return tuple(sorted(self._all - self._asked))


def _field_changes(records: Records, found: Differences, held: _Held) -> list[FieldChange]:
    """The changes of the records that are written, account by account, without what waits in quarantine."""
    own: dict[int, list[FieldChange]] = {}
    for name, differs in found.by_field.items():
        rows = np.flatnonzero(differs & found.writes)
        new, old = (side.text(name, rows).to_pylist() for side in (records.wanted, records.now))
        for row, before, after in zip(rows.tolist(), old, new, strict=True):
            change = FieldChange(records.accounts[row], records.crm_ids[row], name, before or None, after or None)
            own.setdefault(row, []).append(change)
    return [
        change
        for row, changes in sorted(own.items())
        if not held.waits("fields", records.accounts[row], {change.field: change.new for change in changes})
        for change in changes
    ]


def _adoptions(records: Records, found: Differences) -> list[Adoption]:
    """What is in the CRM as it is wanted though nobody told the ledger: by a person, a merge, or before our time."""
    own: dict[int, dict[str, str | None]] = {}
    for name, agreed in found.agreed.items():
        rows = np.flatnonzero(agreed)
        for row, value in zip(rows.tolist(), records.wanted.text(name, rows).to_pylist(), strict=True):
            own.setdefault(row, {})[name] = value or None
    return [Adoption(records.accounts[row], records.crm_ids[row], fields) for row, fields in sorted(own.items())]


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


def _among(texts: pd.Series, others: pd.Series) -> Flags:
    """Which of the texts are among the others; pandas' own `isin` takes its text out of Arrow one by one."""
    found = pc.is_in(pa.array(texts, pa.string()), value_set=pa.array(others, pa.string()))
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def _records(
    wanted: pd.DataFrame,
    matched: pd.Series,
    confirmed: pd.DataFrame,
    present: pd.DataFrame | None,
    contract: Contract,
    as_of: date,
) -> Records:
    """What is compared: the matched accounts, and the records of those that are scored no more."""
    crm_ids = wanted["account_id"].map(matched)
    own = pd.DataFrame({"account_id": wanted["account_id"], "crm_id": crm_ids}).dropna(subset="crm_id")
    own = own.sort_values("account_id")
    if contract.leavers == "clear":
        gone = ~_among(confirmed["account_id"], wanted["account_id"]) & ~_among(confirmed["crm_id"], own["crm_id"])
        if present is not None:
            gone &= _among(confirmed["crm_id"], present["crm_id"])
        own = pd.concat([own, confirmed.loc[gone, ["account_id", "crm_id"]]], ignore_index=True)
    known = Side.of(confirmed, "crm_id", own["crm_id"])
    return Records(
        accounts=own["account_id"].to_numpy(dtype=object),
        crm_ids=own["crm_id"].to_numpy(dtype=object),
        age_days=(as_of - EPOCH).days - known.days("written_on"),
        wanted=Side.of(wanted, "account_id", own["account_id"]),
        confirmed=known,
        present=None if present is None else Side.of(present, "crm_id", own["crm_id"]),
    )
