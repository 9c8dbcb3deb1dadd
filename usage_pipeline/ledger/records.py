"""What the CRM last confirmed of many records, as a frame: a million of them within seconds."""

from collections.abc import Sequence
from io import BytesIO

import pandas as pd
import pyarrow as pa
import pyarrow.json as pa_json
from sqlalchemy import Engine, select

from usage_pipeline.ledger import schema

# Read and parsed so many at a time: their JSON takes some 100 MB.
AT_ONCE = 100_000
KEYS = {"crm_id": pa.string(), "account_id": pa.string(), "written_on": pa.date32()}


def of(engine: Engine, instance: str, fields: Sequence[str], kind: str = "company") -> pd.DataFrame:
    """One row per record of the kind: crm_id, account_id (of a contact: the user), written_on and the fields as text."""
    table = schema.record
    wanted = select(table.c.crm_id, table.c.account_id, table.c.written_on, table.c.fields).where(
        table.c.instance == instance, table.c.object == kind
    )
    shape = pa.schema([(name, pa.string()) for name in fields])
    options = pa_json.ParseOptions(explicit_schema=shape, unexpected_field_behavior="ignore")
    parts = [pa.schema([*KEYS.items(), *shape]).empty_table()]
    with engine.connect() as connection:
        rows = connection.execution_options(yield_per=AT_ONCE).execute(wanted)
        for some in rows.partitions():
            *keys, lines = zip(*some, strict=True)
            values = pa_json.read_json(BytesIO("\n".join(lines).encode()), parse_options=options)
            keyed = {name: pa.array(column, kind) for (name, kind), column in zip(KEYS.items(), keys, strict=True)}
            parts.append(pa.table(keyed | {name: values[name] for name in fields}))
    found: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    return found
