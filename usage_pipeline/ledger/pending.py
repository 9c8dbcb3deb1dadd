"""Operations on their way: written down before they leave, marked as they leave, read again until they have an end."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from usage_pipeline.accounts import AccountId, CrmId
from usage_pipeline.ledger import schema
from usage_pipeline.ledger.operations import OPEN_STATES, Operation


def intend(connection: Connection, run: str, instance: str, operations: Sequence[Operation], at: datetime) -> None:
    """Write down what is about to be sent."""
    connection.execute(
        insert(schema.operation),
        [
            {
                "operation": one.id,
                "run": run,
                "instance": instance,
                "as_of": one.as_of,
                "kind": one.kind,
                "object": one.object,
                "key": one.key,
                "account_id": one.account_id,
                "crm_id": one.crm_id,
                "payload": json.dumps(one.payload, sort_keys=True, default=str),
                "payload_hash": one.payload_hash,
                "before": None if one.before is None else json.dumps(one.before, sort_keys=True),
                "class": one.operation_class,
                "state": "planned",
                "attempts": 0,
                "planned_at": at,
            }
            for one in operations
        ],
    )


def mark_sent(connection: Connection, operations: Sequence[Operation], at: datetime) -> None:
    """These leave now: from here on they may have happened."""
    table = schema.operation
    connection.execute(
        update(table)
        .where(table.c.operation == bindparam("an_operation"))
        .values(state="sent", sent_at=at, attempts=table.c.attempts + 1),
        [{"an_operation": one.id} for one in operations],
    )


def sent_before(engine: Engine, instance: str, kind: str, keys: Sequence[str]) -> set[str]:
    """Which of these keys an operation of the kind was sent for, whatever came of it."""
    table = schema.operation
    wanted = select(table.c.key).where(
        table.c.instance == instance, table.c.kind == kind, table.c.attempts > 0, table.c.key.in_(list(keys))
    )
    with engine.connect() as connection:
        return set(connection.execute(wanted).scalars())


def unsettled(engine: Engine, instance: str) -> list[Operation]:
    """Operations without a known end, oldest first."""
    table = schema.operation
    wanted = (
        select(table)
        .where(table.c.instance == instance, table.c.state.in_(OPEN_STATES))
        .order_by(table.c.planned_at, table.c.operation)
    )
    with engine.connect() as connection:
        return [_operation(row) for row in connection.execute(wanted).mappings()]


def _operation(row: Mapping[Any, Any]) -> Operation:
    return Operation(
        id=row["operation"],
        kind=row["kind"],
        key=row["key"],
        account_id=AccountId(row["account_id"]),
        crm_id=CrmId(row["crm_id"]) if row["crm_id"] else None,
        payload=json.loads(row["payload"]),
        operation_class=row["class"],
        as_of=row["as_of"],
        before=json.loads(row["before"]) if row["before"] else None,
        state=row["state"],
        sent_at=row["sent_at"],
        lost_at=row["lost_at"],
    )
