"""Which arm each account was drawn into, per play and episode: drawn once, kept for ever."""

from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, insert, select

from usage_pipeline import frames
from usage_pipeline.ledger import schema


def keep(connection: Connection, assignments: pd.DataFrame) -> None:
    """Store arms that were drawn; one that is there already stays as it was drawn."""
    table = schema.assignment
    there = {tuple(row) for row in connection.execute(select(table.c.play, table.c.account_id, table.c.episode))}
    new: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in frames.rows(assignments):
        key = (row["play"], row["account_id"], row["episode"])
        if key not in there:
            new.setdefault(key, {column.name: _plain_date(row.get(column.name)) for column in table.c})
    if new:
        connection.execute(insert(table), list(new.values()))


def _plain_date(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value
