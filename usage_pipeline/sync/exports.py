"""The ledger as tables of the lake, so that people can query what was sent."""

import json

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.lake import Table
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync.catalogue import ACKNOWLEDGED, LOG, REJECTION


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


def _of(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    crm = [instance.partition(":")[0] for instance in rows["instance"]]
    return rows.assign(crm=pd.Series(crm, index=rows.index, dtype=object))[list(table.schema.names)]
