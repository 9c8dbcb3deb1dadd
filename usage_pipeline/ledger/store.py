"""The ledger as a store: a database, SQLite by default, any other by URL.

Everything is durable when a method returns.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from typing import Any, Literal

import pandas as pd
from sqlalchemy import Connection, Engine, Table, create_engine, delete, event, insert, select, update

from usage_pipeline.accounts import AccountId, CrmId
from usage_pipeline.crm.matching import Match
from usage_pipeline.crm.rejections import Cause
from usage_pipeline.ledger import effects, holdouts, leases, links, messages, pending, records, schema, upgrades
from usage_pipeline.ledger.operations import Operation, Settled


class Ledger:
    """All we know of what we told the CRMs."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        if self._engine.dialect.name == "sqlite":
            _prepare_sqlite(self._engine)
        # Writers of SQLite take their turn at the beginning, not in the middle of a transaction.
        self._writing = self._engine.execution_options(writes=True)
        with self._writing.begin() as connection:
            upgrades.upgrade(connection)

    def close(self) -> None:
        self._engine.dispose()

    # -- what is known of an instance ------------------------------------------------------

    def sequence(self, instance: str) -> int:
        """Rises whenever what is known of the instance changes."""
        table = schema.instance
        with self._engine.connect() as connection:
            return connection.execute(select(table.c.sequence).where(table.c.instance == instance)).scalar() or 0

    def last_as_of(self, instance: str) -> date | None:
        """The newest morning that was applied to the instance."""
        table = schema.instance
        with self._engine.connect() as connection:
            return connection.execute(select(table.c.last_as_of).where(table.c.instance == instance)).scalar()

    def last_measures(self, instance: str) -> dict[str, Any] | None:
        """The measures of the newest morning that was applied to the instance; None before the first."""
        table = schema.run
        wanted = (
            select(table.c.measures)
            .where(table.c.instance == instance, table.c.state == "finished", table.c.measures.is_not(None))
            .order_by(table.c.as_of.desc(), table.c.started_at.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            found = connection.execute(wanted).scalar()
        return None if found is None else json.loads(found)

    def records(self, instance: str, fields: Sequence[str], kind: str = "company") -> pd.DataFrame:
        """One row per company that the CRM has confirmed: crm_id, account_id, written_on and the named fields.

        `kind` "contact": one row per contact, with the user as account_id.

        A field that was emptied or never written is missing.
        """
        return records.of(self._engine, instance, fields, kind)

    def episodes(self, instance: str | None = None) -> pd.DataFrame:
        """One row per task of ours, open or not."""
        return self._frame(schema.episode, instance)

    def quarantine(self, instance: str) -> pd.DataFrame:
        """One row per rejection whose cause has not gone away."""
        return self._frame(schema.rejection, instance)

    def log(self) -> pd.DataFrame:
        """One row per operation of every instance."""
        return self._frame(schema.operation, None)

    def table(self, name: Literal["record", "rejection", "link", "run"]) -> pd.DataFrame:
        """A table of the ledger, over all instances."""
        return self._frame(schema.metadata.tables[name], None)

    # -- links -------------------------------------------------------------------------------

    def links(self, instance: str) -> dict[AccountId, CrmId]:
        rows = self._frame(schema.link, instance)
        return {AccountId(a): CrmId(c) for a, c in zip(rows["account_id"], rows["crm_id"], strict=True)}

    def record_links(self, instance: str, matches: Iterable[Match], at: datetime) -> None:
        """Keep which record each matched account is; what is known already is not written again."""
        new = links.new(self.links(instance), matches)
        if new:
            with self._change(instance) as connection:
                links.keep(connection, instance, new, at)

    def forget(self, account: AccountId, instance: str | None) -> int:
        """Forget link, confirmed fields and rejections of an account; gives how many rows were.

        Tasks stay, so that none is opened twice, and hold-outs, so that nobody is drawn twice.
        """
        with self._writing.begin() as connection:
            return links.forget(connection, account, instance)

    # -- hold-out ------------------------------------------------------------------------------

    def assignments(self) -> pd.DataFrame:
        """One row per play, account and episode: the arm it was drawn into."""
        return self._frame(schema.assignment, None)

    def record_assignments(self, assignments: pd.DataFrame) -> None:
        """Store arms that were drawn; one that is there already stays as it was drawn."""
        with self._writing.begin() as connection:
            holdouts.keep(connection, assignments)

    # -- applying -----------------------------------------------------------------------------

    def lease(self, instance: str, run: str, now: Callable[[], datetime]) -> AbstractContextManager[leases.Lease]:
        """The right to write to the instance; one living run at a time."""
        return leases.held(self._writing, instance, run, now)

    def begin(
        self,
        run: str,
        instance: str,
        as_of: date,
        contract_version: str,
        at: datetime,
        *,
        approved_by: str | None = None,
        override: str | None = None,
        measures: Mapping[str, Any] | None = None,
    ) -> None:
        """A run starts; one that was still running there is lost, since this one has its lease."""
        table = schema.run
        with self._writing.begin() as connection:
            connection.execute(
                update(table).where(table.c.instance == instance, table.c.state == "running").values(state="lost")
            )
            connection.execute(
                insert(schema.run).values(
                    run=run,
                    instance=instance,
                    as_of=as_of,
                    contract_version=contract_version,
                    started_at=at,
                    state="running",
                    approved_by=approved_by,
                    override=override,
                    measures=None if measures is None else json.dumps(measures),
                )
            )

    def finish(self, run: str, instance: str, as_of: date, state: str, at: datetime) -> None:
        table = schema.instance
        with self._writing.begin() as connection:
            connection.execute(update(schema.run).where(schema.run.c.run == run).values(finished_at=at, state=state))
            effects.ensure(connection, instance)
            newest = connection.execute(select(table.c.last_as_of).where(table.c.instance == instance)).scalar()
            connection.execute(
                update(table).where(table.c.instance == instance).values(last_as_of=max(as_of, newest or as_of))
            )

    def intend(self, run: str, instance: str, operations: Sequence[Operation], at: datetime) -> None:
        """Write down what is about to be sent."""
        if operations:
            with self._writing.begin() as connection:
                pending.intend(connection, run, instance, operations, at)

    def sending(self, operations: Sequence[Operation], at: datetime) -> None:
        """Write down that these leave now: from here on they may have happened."""
        with self._writing.begin() as connection:
            pending.mark_sent(connection, operations, at)

    def sent_before(self, instance: str, kind: str, keys: Sequence[str]) -> set[str]:
        """Which of these were sent by an earlier operation of the kind, whatever came of it."""
        return pending.sent_before(self._engine, instance, kind, keys)

    def messages(self, instance: str) -> dict[str, messages.Told]:
        """By key, every message that was ever planned for a channel."""
        return messages.of(self._engine, instance)

    def first_morning(self, instance: str) -> date | None:
        """The earliest morning that was delivered to the instance; None before the first delivery."""
        return messages.first_morning(self._engine, instance)

    def unsettled(self, instance: str) -> list[Operation]:
        """Operations without a known end, oldest first."""
        return pending.unsettled(self._engine, instance)

    def settle(self, instance: str, settled: Sequence[Settled], at: datetime) -> None:
        """Write down what came of operations, with all that follows from it, in one transaction."""
        if not settled:
            return
        with self._change(instance) as connection:
            effects.end(connection, instance, settled, at)

    def release(self, instance: str, causes: Iterable[Cause]) -> int:
        """Let go of rejections with these causes, because the causes are gone; how many."""
        table = schema.rejection
        with self._writing.begin() as connection:
            return connection.execute(
                delete(table).where(table.c.instance == instance, table.c.cause.in_([str(cause) for cause in causes]))
            ).rowcount

    def adopt(self, instance: str, known: Sequence[effects.Known], as_of: date, at: datetime) -> None:
        """Take in what the CRM was seen to hold as it is wanted; a record that is new here is of that morning."""
        if not known:
            return
        with self._change(instance) as connection:
            table = schema.record
            there = {
                tuple(row)
                for row in connection.execute(
                    select(table.c.object, table.c.crm_id).where(table.c.instance == instance)
                )
            }
            mornings = {one.record: as_of for one in known if one.record not in there}
            effects.acknowledge(connection, instance, known, mornings, at)

    def release_keys(self, instance: str, keys: Sequence[tuple[str, str]]) -> None:
        """Let go of the rejections of these (kind, key)."""
        with self._writing.begin() as connection:
            effects.release(connection, instance, keys)

    def record_task_states(self, instance: str, changed: Sequence[Mapping[str, Any]]) -> None:
        """Take in what people did with tasks: rows of task_key and the columns that changed."""
        if not changed:
            return
        table = schema.episode
        with self._change(instance) as connection:
            for row in changed:
                values = {name: value for name, value in row.items() if name != "task_key"}
                connection.execute(
                    update(table)
                    .where(table.c.instance == instance, table.c.task_key == row["task_key"])
                    .values(**values)
                )

    # -- inside --------------------------------------------------------------------------------

    @contextmanager
    def _change(self, instance: str) -> Iterator[Connection]:
        """A transaction after which plans made before it are stale."""
        table = schema.instance
        with self._writing.begin() as connection:
            effects.ensure(connection, instance)
            yield connection
            connection.execute(update(table).where(table.c.instance == instance).values(sequence=table.c.sequence + 1))

    def _frame(self, table: Table, instance: str | None) -> pd.DataFrame:
        wanted = select(table).order_by(*table.primary_key.columns)
        if instance is not None:
            wanted = wanted.where(table.c.instance == instance)
        with self._engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(wanted)]
        # object: text, days and moments stay what they are, and a missing one is None
        return pd.DataFrame(rows, columns=list(table.c.keys()), dtype=object)


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        # SQLAlchemy begins transactions itself, below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("busy_timeout = 30000", "journal_mode = WAL", "synchronous = FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
