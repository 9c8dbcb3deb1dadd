"""What follows in the ledger from the end of operations: a few statements per batch, not per row."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from usage_pipeline.crm.client import TaskStatus
from usage_pipeline.ledger import schema
from usage_pipeline.ledger.operations import Operation, Settled

# SQLite takes at least 999 parameters in one statement.
IN_ONE_STATEMENT = 500


def ensure(connection: Connection, instance: str) -> None:
    table = schema.instance
    there = connection.execute(select(func.count()).select_from(table).where(table.c.instance == instance)).scalar()
    if not there:
        connection.execute(insert(table).values(instance=instance, sequence=0))


def end(connection: Connection, instance: str, settled: Sequence[Settled], at: datetime) -> None:
    """Write down what came of operations, with all that follows from it."""
    _record_ends(connection, settled, at)
    done = [one for one in settled if one.state in {"ok", "left"}]
    release(connection, instance, [(one.operation.kind, one.operation.key) for one in done])
    written = [one.operation for one in done if one.operation.kind in {"fields", "contact_fields"}]
    mornings = {Known.by(one).record: one.as_of for one in written}
    acknowledge(connection, instance, [Known.by(one) for one in written], mornings, at)
    _link(connection, instance, [one for one in done if one.operation.kind == "record_create"], at)
    _open_episodes(connection, instance, [one for one in done if one.operation.kind == "task_open"])
    for one in done:
        if one.operation.kind in {"task_update", "task_withdraw"}:
            _change_episode(connection, instance, one)
    _quarantine(connection, instance, [one for one in settled if one.state == "failed" and one.rejection], at)


def release(connection: Connection, instance: str, keys: Sequence[tuple[str, str]]) -> None:
    """Let rejections of these (kind, key) go."""
    table = schema.rejection
    if keys:
        gone = delete(table).where(
            table.c.instance == instance, table.c.kind == bindparam("a_kind"), table.c.key == bindparam("a_key")
        )
        connection.execute(gone, [{"a_kind": kind, "a_key": key} for kind, key in keys])


def _record_ends(connection: Connection, settled: Sequence[Settled], at: datetime) -> None:
    table = schema.operation
    names = ("state", "settled_at", "lost_at", "cause", "detail", "fix")
    ends = [
        {
            "an_operation": one.operation.id,
            "new_state": one.state,
            "new_settled_at": at if one.state != "unknown" else None,
            # From here on it is waited until "it is not there" can be believed.
            "new_lost_at": at if one.state == "unknown" else None,
            "new_cause": str(one.rejection.cause) if one.rejection else None,
            "new_detail": one.rejection.detail if one.rejection else None,
            "new_fix": one.rejection.fix if one.rejection else None,
        }
        for one in settled
    ]
    new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    connection.execute(update(table).where(table.c.operation == bindparam("an_operation")).values(new), ends)


@dataclass(frozen=True)
class Known:
    """Fields of a record that the CRM holds, by its own word."""

    account_id: str
    """For a contact, the user."""
    crm_id: str
    fields: Mapping[str, str | None]
    object: str = "company"

    @classmethod
    def by(cls, operation: Operation) -> "Known":
        return cls(operation.key, str(operation.crm_id), operation.payload, operation.object)

    @property
    def record(self) -> tuple[str, str]:
        """Ids of companies and of contacts may be the same numbers."""
        return self.object, self.crm_id


def acknowledge(
    connection: Connection, instance: str, known: Sequence[Known], as_of: Mapping[tuple[str, str], date], at: datetime
) -> None:
    """Keep what the CRM holds.

    `as_of` has the morning that a record was brought to, by `Known.record`; one that it lacks keeps the morning it had.
    """
    for kind in sorted({one.object for one in known}):
        mine = [one for one in known if one.object == kind]
        for start in range(0, len(mine), IN_ONE_STATEMENT):
            _keep(connection, instance, kind, mine[start : start + IN_ONE_STATEMENT], as_of, at)


def _keep(
    connection: Connection,
    instance: str,
    kind: str,
    some: Sequence[Known],
    as_of: Mapping[tuple[str, str], date],
    at: datetime,
) -> None:
    table = schema.record
    mine = (
        table.c.instance == instance,
        table.c.object == kind,
        table.c.crm_id.in_([one.crm_id for one in some]),
    )
    before = {
        row.crm_id: row
        for row in connection.execute(select(table.c.crm_id, table.c.fields, table.c.written_on).where(*mine))
    }
    rows = {}
    for one in some:
        there = before.get(one.crm_id)
        fields = (json.loads(there.fields) if there else {}) | dict(one.fields)
        rows[one.crm_id] = {
            "instance": instance,
            "object": kind,
            "crm_id": one.crm_id,
            "account_id": one.account_id,
            "fields": json.dumps(fields, sort_keys=True),
            "written_on": as_of.get(one.record) or (there.written_on if there else at.date()),
            "at": at,
        }
    connection.execute(delete(table).where(*mine))
    connection.execute(insert(table), list(rows.values()))


def _link(connection: Connection, instance: str, created: Sequence[Settled], at: datetime) -> None:
    """A record that was created is its account's, with the fields that it was created with."""
    table = schema.link
    known = [
        Known(one.operation.account_id, str(one.crm_id), one.operation.payload["fields"])
        for one in created
        if one.crm_id
    ]
    if not known:
        return
    connection.execute(
        delete(table).where(table.c.instance == instance, table.c.account_id == bindparam("an_account")),
        [{"an_account": one.account_id} for one in known],
    )
    rows = [
        {"instance": instance, "account_id": one.account_id, "crm_id": one.crm_id, "matched_by": "key", "at": at}
        for one in known
    ]
    connection.execute(insert(table), rows)
    mornings = {("company", str(one.crm_id)): one.operation.as_of for one in created}
    acknowledge(connection, instance, known, mornings, at)


def _open_episodes(connection: Connection, instance: str, opened: Sequence[Settled]) -> None:
    table = schema.episode
    if not opened:
        return
    key: Any = bindparam("a_key")
    # What is written down twice says the same: a task is one task, whichever apply found it.
    connection.execute(
        delete(table).where(table.c.instance == instance, table.c.task_key == key),
        [{"a_key": one.operation.key} for one in opened],
    )
    connection.execute(insert(table), [_episode(instance, one) for one in opened])


def _episode(instance: str, one: Settled) -> dict[str, Any]:
    operation, found = one.operation, one.task
    payload = operation.payload
    return {
        "instance": instance,
        "task_key": operation.key,
        "account_id": operation.account_id,
        "play": payload["play"],
        "episode": payload["episode"],
        "task_id": one.crm_id,
        "crm_id": operation.crm_id,
        "subject": payload["subject"],
        "body": payload["body"],
        "priority": payload["priority"],
        "due_on": date.fromisoformat(str(payload["due_on"])),
        "opened_on": operation.as_of,
        "status": str(found.status) if found else TaskStatus.OPEN.value,
        "closed_at": found.closed_at if found else None,
        "is_touched": False,
        "withdrawn_on": None,
        "answer": None,
    }


def _change_episode(connection: Connection, instance: str, one: Settled) -> None:
    operation, table = one.operation, schema.episode
    withdrawn = {"status": TaskStatus.WITHDRAWN.value, "withdrawn_on": operation.as_of}
    values: dict[str, Any]
    if operation.kind == "task_update":
        values = dict(operation.payload["after"]) if one.state == "ok" else {"is_touched": True}
    else:
        # Left: a person has it in hand, with our note: over for us, unless they still finish it.
        values = withdrawn if one.state == "ok" else withdrawn | {"is_touched": True}
    connection.execute(
        update(table).where(table.c.instance == instance, table.c.task_key == operation.key).values(**values)
    )


def _quarantine(connection: Connection, instance: str, refused: Sequence[Settled], at: datetime) -> None:
    table = schema.rejection
    if not refused:
        return
    before = {
        (row.kind, row.key): row
        for row in connection.execute(
            select(table.c.kind, table.c.key, table.c.since, table.c.attempts).where(table.c.instance == instance)
        )
    }
    release(connection, instance, [(one.operation.kind, one.operation.key) for one in refused])
    rows = []
    for one in refused:
        operation, known = one.operation, before.get((one.operation.kind, one.operation.key))
        if one.rejection:
            rows.append(
                {
                    "instance": instance,
                    "kind": operation.kind,
                    "key": operation.key,
                    "account_id": operation.account_id,
                    "crm_id": operation.crm_id,
                    "payload_hash": operation.payload_hash,
                    "cause": str(one.rejection.cause),
                    "detail": one.rejection.detail,
                    "fix": one.rejection.fix,
                    "since": known.since if known else at,
                    "last_at": at,
                    "as_of": operation.as_of,
                    "attempts": known.attempts + 1 if known else 1,
                }
            )
    connection.execute(insert(table), rows)
