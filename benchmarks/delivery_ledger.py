"""A ledger that knows what a CRM has confirmed, written down without a delivery: the benchmark's past."""

import json
from collections.abc import Sequence
from datetime import date, datetime

import pandas as pd
from sqlalchemy import create_engine, insert

from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.ledger import schema
from usage_pipeline.ledger.store import Ledger

AT_ONCE = 20_000


def remember(url: str, instance: str, fields: pd.DataFrame, ids: Sequence[str], on: date) -> None:
    """Every row of `fields` as confirmed by the record beside it."""
    # Its tables are made by whoever opens it.
    Ledger(url).close()
    engine = create_engine(url)
    at = datetime.combine(on, datetime.min.time())
    names = [field.name for field in CONTRACT.fields]
    for start in range(0, len(fields), AT_ONCE):
        some = fields.iloc[start : start + AT_ONCE].astype(object)
        rows = some.where(some.notna(), None).to_dict("records")
        with engine.begin() as connection:
            connection.execute(
                insert(schema.record),
                [
                    {
                        "instance": instance,
                        "object": "company",
                        "crm_id": crm_id,
                        "account_id": row["account_id"],
                        "fields": json.dumps({name: row[name] for name in names}, sort_keys=True),
                        "written_on": on,
                        "at": at,
                    }
                    for crm_id, row in zip(ids[start : start + AT_ONCE], rows, strict=True)
                ],
            )
    engine.dispose()
