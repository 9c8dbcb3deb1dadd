"""The ledger and what the CRMs held, as tables of the lake, so that people can query them."""

import json
from datetime import date, datetime
from typing import Any

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.lake import Table
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync.alerts import OF_ALERTS
from usage_pipeline.sync.catalogue import ACKNOWLEDGED, ALERT, LOG, REJECTION, SNAPSHOT


def log(ledger: Ledger) -> pd.DataFrame:
    """Rows of `sync/log`, over all CRM instances."""
    return _of(LOG, ledger.log())


def acknowledged(ledger: Ledger) -> pd.DataFrame:
    """Rows of `sync/acknowledged`, over all CRM instances."""
    records = ledger.table("record")
    rows = [
        row | {"field": name, "value": value}
        for row in frames.rows(records)
        for name, value in sorted(json.loads(row["fields"]).items())
    ]
    return _of(ACKNOWLEDGED, pd.DataFrame(rows, columns=[*records.columns, "field", "value"], dtype=object))


def rejection(ledger: Ledger) -> pd.DataFrame:
    """Rows of `sync/rejection`, over all CRM instances."""
    return _of(REJECTION, ledger.table("rejection"))


def alert(ledger: Ledger) -> pd.DataFrame:
    """Rows of `sync/alert`, newest first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    told: dict[tuple[str, str], list[str]] = {}
    operations = ledger.log()
    mine = operations[operations["instance"].astype(str).str.startswith(OF_ALERTS)]
    for row in sorted(frames.rows(mine), key=lambda row: row["planned_at"]):
        said = json.loads(row["payload"])
        key = said["play"], said["episode"]
        names = {"title": said["subject"], "words": said["body"], "as_of": row["as_of"], "raised_at": row["planned_at"]}
        found.setdefault(key, {"kind": key[0], "about": key[1], **names})
        if row["state"] == "ok" and said["channel"] != "kept":
            told.setdefault(key, []).append(said["channel"])
    rows = [row | {"told_in": ",".join(sorted(told.get(key, [])))} for key, row in found.items()]
    return pd.DataFrame(rows[::-1], columns=list(ALERT.schema.names), dtype=object)


def snapshot(present: pd.DataFrame, instance: str, as_of: date, read_at: datetime) -> pd.DataFrame:
    """Rows of `sync/snapshot` of one CRM instance; `present` has crm_id, account_key and our fields."""
    fields = present.drop(columns=["crm_id", "account_key"])
    names = list(fields.columns)
    values = [
        json.dumps({name: value for name, value in zip(names, row, strict=True) if value}, ensure_ascii=False)
        for row in fields.where(fields.notna(), None).itertuples(index=False, name=None)
    ]
    rows = present[["crm_id", "account_key"]].assign(
        as_of=as_of,
        instance=instance,
        crm=instance.partition(":")[0],
        fields=pd.Series(values, index=present.index, dtype=object),
        read_at=read_at,
    )
    return rows[list(SNAPSHOT.schema.names)]


def _of(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    crm = [instance.partition(":")[0] for instance in rows["instance"]]
    return rows.assign(crm=pd.Series(crm, index=rows.index, dtype=object))[list(table.schema.names)]
