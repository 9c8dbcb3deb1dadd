"""What the ledger knows of messages: which have arrived or may have, and what each first said."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Engine, func, select

from usage_pipeline.ledger import schema
from usage_pipeline.ledger.operations import Kind

KIND: Kind = "message"
UNSAFE = "unsafe"


@dataclass(frozen=True)
class Told:
    """A message that was planned before, by whichever run."""

    key: str
    account_id: str
    payload: Mapping[str, Any]
    """As it was first planned: a message that is repeated says the same again."""
    is_over: bool
    """It has arrived, or may have and would be read twice: never sent again."""
    is_in_doubt: bool
    """Nobody knows whether it arrived, and it is not sent again: for a person to look at."""


def of(engine: Engine, instance: str) -> dict[str, Told]:
    """By key, every message that was ever planned for the instance."""
    table = schema.operation
    wanted = (
        select(table.c.key, table.c.account_id, table.c.payload, table.c.state, table.c["class"])
        .where(table.c.instance == instance, table.c.kind == KIND)
        .order_by(table.c.planned_at, table.c.operation)
    )
    found: dict[str, Told] = {}
    with engine.connect() as connection:
        for key, account_id, payload, state, how in connection.execute(wanted):
            first = found.get(key)
            is_unsure = how == UNSAFE and state in {"sent", "unknown"}
            arrived = state == "ok" or (first is not None and first.is_over and not first.is_in_doubt)
            is_in_doubt = not arrived and (is_unsure or (first is not None and first.is_in_doubt))
            kept = first.payload if first else json.loads(payload)
            found[key] = Told(key, account_id, kept, arrived or is_in_doubt, is_in_doubt)
    return found


def first_morning(engine: Engine, instance: str) -> date | None:
    """The earliest morning of which messages were delivered there; None before the first delivery."""
    table = schema.run
    with engine.connect() as connection:
        return connection.execute(select(func.min(table.c.as_of)).where(table.c.instance == instance)).scalar()
