"""Accounts that a person keeps out of scoring and delivery, until a day or for good."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Engine,
    String,
    Table,
    Text,
    create_engine,
    delete,
    func,
    insert,
    or_,
    select,
)

from usage_pipeline.ledger import schema, upgrades

suppression = Table(
    "suppression",
    schema.metadata,
    Column("account_id", String(255), primary_key=True),
    Column("until", Date),
    Column("reason", Text),
    Column("asked_by", String(200), nullable=False),
    Column("at", DateTime, nullable=False),
)


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """The ledger at `url`."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            upgrades.upgrade(connection)
        yield engine
    finally:
        engine.dispose()


def suppress(
    engine: Engine, account: str, *, until: date | None, reason: str | None, asked_by: str, at: datetime
) -> None:
    """Keep the account out, `until` its last day (None: for good); what was said of it before is replaced."""
    with engine.begin() as connection:
        connection.execute(delete(suppression).where(suppression.c.account_id == account))
        connection.execute(
            insert(suppression).values(account_id=account, until=until, reason=reason, asked_by=asked_by, at=at)
        )


def lift(engine: Engine, account: str) -> bool:
    """Let the account in again; False where it was not out."""
    with engine.begin() as connection:
        return bool(connection.execute(delete(suppression).where(suppression.c.account_id == account)).rowcount)


def suppressed(engine: Engine, as_of: date) -> set[str]:
    """The accounts that are out on a morning; not on those before the one that was delivered when it was said.

    Not by the clock: of a simulated company every morning is a past one.
    """
    run = schema.run
    said_on = select(func.max(run.c.as_of)).where(run.c.started_at <= suppression.c.at).scalar_subquery()
    wanted = select(suppression.c.account_id).where(
        or_(suppression.c.until.is_(None), suppression.c.until >= as_of),
        func.coalesce(said_on, as_of) <= as_of,
    )
    with engine.connect() as connection:
        return set(connection.execute(wanted).scalars())


def listed(engine: Engine) -> list[dict[str, Any]]:
    """Every account that is or was out until a day, by account."""
    with engine.connect() as connection:
        return [
            dict(row) for row in connection.execute(select(suppression).order_by(suppression.c.account_id)).mappings()
        ]


def on(url: str, as_of: date) -> set[str]:
    """The accounts that are out on a morning, by the ledger at `url`."""
    with opened(url) as engine:
        return suppressed(engine, as_of)
