"""The field changes of a plan: records whose fields are compared, and what follows for each."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.crm.contract import Contract
from usage_pipeline.ledger.effects import Known
from usage_pipeline.sync.differences import Differences, Flags, Records, Side
from usage_pipeline.sync.holding import Held
from usage_pipeline.sync.plan_rows import FieldChange

EPOCH = date(1970, 1, 1)


def records(
    wanted: pd.DataFrame,
    matched: pd.Series,
    confirmed: pd.DataFrame,
    present: pd.DataFrame | None,
    contract: Contract,
    as_of: date,
) -> Records:
    """What is compared: the matched accounts, and the records of those that are scored no more.

    `matched` has the record id of each account; `wanted`, `confirmed` and `present` are those of `planning.plan`.
    """
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


def changes(records: Records, found: Differences, held: Held, kind: str = "fields") -> list[FieldChange]:
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
        for row, mine in sorted(own.items())
        if not held.waits(kind, records.accounts[row], {change.field: change.new for change in mine})
        for change in mine
    ]


def adoptions(records: Records, found: Differences, kind: str = "company") -> list[Known]:
    """What is in the CRM as it is wanted though nobody told the ledger: by a person, a merge, or before our time."""
    own: dict[int, dict[str, str | None]] = {}
    for name, agreed in found.agreed.items():
        rows = np.flatnonzero(agreed)
        for row, value in zip(rows.tolist(), records.wanted.text(name, rows).to_pylist(), strict=True):
            own.setdefault(row, {})[name] = value or None
    return [Known(records.accounts[row], records.crm_ids[row], fields, kind) for row, fields in sorted(own.items())]


def _among(texts: pd.Series, others: pd.Series) -> Flags:
    """Which of the texts are among the others; pandas' own `isin` takes its text out of Arrow one by one."""
    found = pc.is_in(pa.array(texts, pa.string()), value_set=pa.array(others, pa.string()))
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)
