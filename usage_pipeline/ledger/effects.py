"""What follows in the ledger from the end of an operation."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from usage_pipeline.crm.client import TaskStatus
from usage_pipeline.crm.rejections import Rejection
from usage_pipeline.ledger import schema
from usage_pipeline.ledger.operations import Operation, Settled


def ensure(connection: Connection, instance: str) -> None:
    table = schema.instance
    there = connection.execute(select(func.count()).select_from(table).where(table.c.instance == instance)).scalar()
    if not there:
        connection.execute(insert(table).values(instance=instance, sequence=0))


def end(connection: Connection, instance: str, settled: Sequence[Settled], at: datetime) -> None:
    """Write down what came of operations, with all that follows from it."""
    for one in settled:
        _record_end(connection, one, at)
        if one.state in {"ok", "left"}:
            _release(connection, instance, one.operation)
            _take_in(connection, instance, one, at)
        elif one.state == "failed" and one.rejection:
            _quarantine(connection, instance, one, one.rejection, at)


def _record_end(connection: Connection, one: Settled, at: datetime) -> None:
    table, why = schema.operation, one.rejection
    connection.execute(
        update(table)
        .where(table.c.operation == one.operation.id)
        .values(
            state=one.state,
            settled_at=at if one.state != "unknown" else None,
            cause=str(why.cause) if why else None,
            detail=why.detail if why else None,
            fix=why.fix if why else None,
        )
    )


def _take_in(connection: Connection, instance: str, one: Settled, at: datetime) -> None:
    operation = one.operation
    match operation.kind:
        case "fields":
            _acknowledge(connection, instance, operation, at)
        case "task_open":
            _open_episode(connection, instance, one)
        case "task_update" if one.state == "ok":
            _change_episode(connection, instance, operation.key, **operation.payload["after"])
        case "task_withdraw" if one.state == "ok":
            values = {"status": TaskStatus.WITHDRAWN.value, "withdrawn_on": operation.as_of}
            _change_episode(connection, instance, operation.key, **values)
        case "task_update":
            _change_episode(connection, instance, operation.key, is_touched=True)
        case "task_withdraw":
            # A person has it in hand, with our note: over for us, unless they still finish it.
            values = {"status": TaskStatus.WITHDRAWN.value, "withdrawn_on": operation.as_of, "is_touched": True}
            _change_episode(connection, instance, operation.key, **values)


def _acknowledge(connection: Connection, instance: str, operation: Operation, at: datetime) -> None:
    table = schema.acknowledged
    connection.execute(
        delete(table).where(
            table.c.instance == instance,
            table.c.object == operation.object,
            table.c.crm_id == operation.crm_id,
            table.c.field.in_(list(operation.payload)),
        )
    )
    connection.execute(
        insert(table),
        [
            {
                "instance": instance,
                "object": operation.object,
                "crm_id": operation.crm_id,
                "field": name,
                "account_id": operation.account_id,
                "value": value,
                "at": at,
            }
            for name, value in operation.payload.items()
        ],
    )


def _open_episode(connection: Connection, instance: str, one: Settled) -> None:
    operation, found = one.operation, one.task
    payload = operation.payload
    connection.execute(
        insert(schema.episode).values(
            instance=instance,
            task_key=operation.key,
            account_id=operation.account_id,
            play=payload["play"],
            episode=payload["episode"],
            task_id=one.crm_id,
            crm_id=operation.crm_id,
            subject=payload["subject"],
            body=payload["body"],
            priority=payload["priority"],
            due_on=date.fromisoformat(str(payload["due_on"])),
            opened_on=operation.as_of,
            status=str(found.status) if found else TaskStatus.OPEN.value,
            closed_at=found.closed_at if found else None,
            is_touched=False,
        )
    )


def _change_episode(connection: Connection, instance: str, task_key: str, **values: Any) -> None:
    table = schema.episode
    connection.execute(update(table).where(table.c.instance == instance, table.c.task_key == task_key).values(**values))


def _release(connection: Connection, instance: str, operation: Operation) -> None:
    table = schema.rejection
    connection.execute(
        delete(table).where(table.c.instance == instance, table.c.kind == operation.kind, table.c.key == operation.key)
    )


def _quarantine(connection: Connection, instance: str, one: Settled, rejection: Rejection, at: datetime) -> None:
    table, operation = schema.rejection, one.operation
    mine = (table.c.instance == instance, table.c.kind == operation.kind, table.c.key == operation.key)
    values = {
        "account_id": operation.account_id,
        "crm_id": operation.crm_id,
        "payload_hash": operation.payload_hash,
        "cause": str(rejection.cause),
        "detail": rejection.detail,
        "fix": rejection.fix,
        "last_at": at,
        "as_of": operation.as_of,
    }
    again = connection.execute(update(table).where(*mine).values(attempts=table.c.attempts + 1, **values))
    if not again.rowcount:
        connection.execute(
            insert(table).values(
                instance=instance, kind=operation.kind, key=operation.key, since=at, attempts=1, **values
            )
        )
