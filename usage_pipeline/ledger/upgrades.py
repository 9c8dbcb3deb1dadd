"""Bringing a ledger that an older version wrote up to what this one needs; nothing in it is lost."""

import json
from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, MetaData, Table, insert, inspect, select

from usage_pipeline.ledger import schema


def upgrade(connection: Connection) -> None:
    """Tables and columns that are new, and the acknowledged values where they lie now."""
    schema.metadata.create_all(connection)
    found = inspect(connection)
    for table in schema.metadata.sorted_tables:
        there = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                kind = column.type.compile(connection.dialect)
                quote = connection.dialect.identifier_preparer.quote
                connection.exec_driver_sql(f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(column.name)} {kind}")
    if found.has_table("acknowledged"):
        _gather(connection, Table("acknowledged", MetaData(), autoload_with=connection))


def _gather(connection: Connection, acknowledged: Table) -> None:
    """One row per field becomes one per record."""
    records: dict[tuple[str, str, str], dict[str, Any]] = defaultdict(lambda: {"fields": {}})
    for row in connection.execute(select(acknowledged).order_by(acknowledged.c.at)).mappings():
        record = records[row["instance"], row["object"], row["crm_id"]]
        record |= {"account_id": row["account_id"], "at": row["at"], "written_on": row["at"].date()}
        record["fields"][row["field"]] = row["value"]
    if records:
        connection.execute(
            insert(schema.record),
            [
                {"instance": instance, "object": kind, "crm_id": crm_id}
                | record
                | {"fields": json.dumps(record["fields"], sort_keys=True)}
                for (instance, kind, crm_id), record in records.items()
            ],
        )
    acknowledged.drop(connection)
