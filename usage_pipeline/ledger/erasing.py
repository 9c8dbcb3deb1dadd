"""A person taken out of the ledger: what was to be written to their contact, and every text that names them.

Operations and tasks stay as rows, so that counts and hold-outs do; what they said of the person goes.
That somebody was forgotten is kept, with who asked and what was found, and nothing of the person.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Engine,
    String,
    Table,
    Text,
    create_engine,
    delete,
    func,
    insert,
    select,
    update,
)

from usage_pipeline.ledger import schema, upgrades
from usage_pipeline.ledger.operations import OPEN_STATES, hash_of

# That somebody was forgotten: who asked, when, what was found (counts as JSON).
erasure = Table(
    "erasure",
    schema.metadata,
    Column("erasure", String(40), primary_key=True),
    Column("asked_by", String(200), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("reason", Text),
    Column("found", Text, nullable=False),
)

CONTACT = "contact"
CONTACT_FIELDS = "contact_fields"
TEXTS: Mapping[str, tuple[str, ...]] = {
    "operation": ("payload", "before", "detail", "fix"),
    "episode": ("subject", "body", "answer"),
    "rejection": ("detail", "fix"),
    "record": ("fields",),
    "run": ("override", "measures"),
}
"""The texts that may name a person, by table."""


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """The ledger at `url`, told to write zeros over what it deletes; afterwards nothing is left in its files."""
    engine = create_engine(url)
    is_sqlite = engine.dialect.name == "sqlite"
    try:
        with engine.begin() as connection:
            upgrades.upgrade(connection)
        yield engine
        if is_sqlite:
            compacted(engine)
    finally:
        engine.dispose()


def compacted(engine: Engine) -> None:
    """Leave nothing of what was deleted in the files of an SQLite database.

    In WAL mode the old pages stay in the log until it is truncated, and in free pages until they are vacuumed.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 30000")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def counts(engine: Engine, ids: Collection[str], is_named_in: Callable[[str], bool]) -> dict[str, int]:
    """What the ledger holds of the person: operations and records of their contact, and texts that name them."""
    with engine.connect() as connection:
        found = {"operations": len(_own_operations(connection, ids))}
        for table, key in ((schema.record, "account_id"), (schema.rejection, "key")):
            own = select(func.count()).select_from(table).where(*_own(table, key, ids))
            found[f"{table.name}s"] = connection.execute(own).scalar() or 0
        found["texts"] = sum(1 for _ in _naming(connection, is_named_in))
    return found


def erase(
    engine: Engine, ids: Collection[str], scrub: Callable[[str], str], is_named_in: Callable[[str], bool]
) -> None:
    """Take the person out, in one transaction."""
    with engine.begin() as connection:
        connection.execute(delete(schema.record).where(*_own(schema.record, "account_id", ids)))
        connection.execute(delete(schema.rejection).where(*_own(schema.rejection, "key", ids)))
        table = schema.operation
        for operation, state in _own_operations(connection, ids):
            values = {"key": f"forgotten-{operation}", "payload": "{}", "payload_hash": hash_of({}), "before": None}
            # What was about to be written must not be; what the contact held is gone with it.
            values |= {"state": "left"} if state in OPEN_STATES else {}
            connection.execute(
                update(table).where(table.c.operation == operation).values(**values, detail=None, fix=None, crm_id=None)
            )
        for name, key, texts in list(_naming(connection, is_named_in)):
            target = schema.metadata.tables[name]
            connection.execute(
                update(target)
                .where(*(target.c[column] == value for column, value in key.items()))
                .values({column: scrub(text) for column, text in texts.items()})
            )


def record(
    engine: Engine, erasure_id: str, *, asked_by: str, at: datetime, reason: str | None, found: Mapping[str, Any]
) -> None:
    """Keep that somebody was forgotten."""
    row = {"erasure": erasure_id, "asked_by": asked_by, "at": at, "reason": reason, "found": json.dumps(found)}
    with engine.begin() as connection:
        connection.execute(insert(erasure).values(**row))


def history(engine: Engine) -> list[dict[str, Any]]:
    """Who was asked to be forgotten by whom and when, oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(select(erasure).order_by(erasure.c.at)).mappings()
        return [dict(row) | {"found": json.loads(row["found"])} for row in rows]


def contacts(engine: Engine, instance: str, ids: Collection[str]) -> list[str]:
    """The contacts of the person that were written to."""
    table = schema.record
    with engine.connect() as connection:
        wanted = select(table.c.crm_id).where(*_own(table, "account_id", ids), table.c.instance == instance)
        return sorted(connection.execute(wanted).scalars())


def _own(table: Table, key: str, ids: Collection[str]) -> list[Any]:
    kind = table.c.object == CONTACT if "object" in table.c else table.c.kind == CONTACT_FIELDS
    return [kind, table.c[key].in_(sorted(ids))]


def _own_operations(connection: Connection, ids: Collection[str]) -> list[tuple[str, str]]:
    table = schema.operation
    wanted = select(table.c.operation, table.c.state).where(
        table.c.kind == CONTACT_FIELDS, table.c.key.in_(sorted(ids))
    )
    return [(row.operation, row.state) for row in connection.execute(wanted)]


def _naming(
    connection: Connection, is_named_in: Callable[[str], bool]
) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """Table, key and texts of the rows that name the person."""
    for name, columns in TEXTS.items():
        table = schema.metadata.tables[name]
        keys = [column.name for column in table.primary_key]
        rows = connection.execution_options(yield_per=10_000).execute(
            select(*(table.c[column] for column in (*keys, *columns)))
        )
        for row in rows.mappings():
            texts = {column: row[column] for column in columns if row[column] and is_named_in(row[column])}
            if texts:
                yield name, {key: row[key] for key in keys}, texts
