"""The ledger as tables of the lake, so that people can query what was sent."""

import pandas as pd

from usage_pipeline.lake import Table
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync.catalogue import ACKNOWLEDGED, LOG, REJECTION


def log(ledger: Ledger) -> pd.DataFrame:
    """Rows of `sync/log`, over all CRM instances."""
    return _of(LOG, ledger.log())


def acknowledged(ledger: Ledger) -> pd.DataFrame:
    """Rows of `sync/acknowledged`, over all CRM instances."""
    return _of(ACKNOWLEDGED, ledger.table("acknowledged"))


def rejection(ledger: Ledger) -> pd.DataFrame:
    """Rows of `sync/rejection`, over all CRM instances."""
    return _of(REJECTION, ledger.table("rejection"))


def _of(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    crm = [instance.partition(":")[0] for instance in rows["instance"]]
    return rows.assign(crm=pd.Series(crm, index=rows.index, dtype=object))[list(table.schema.names)]
