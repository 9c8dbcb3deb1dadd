"""Dagster's SQLite event log with one open connection per database, and batches in one transaction.

Dagster opens and closes SQLite for each of about ten statements per event; a back-fill of two
years (seven tables, 700 days) took 85 s for its events alone. See docs/decisions/0001.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy
from dagster._core.events import ASSET_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqlEventLogStorageTable, SqliteEventLogStorage
from sqlalchemy.pool import QueuePool

# What Dagster itself waits for a busy database.
BUSY_TIMEOUT_SECONDS = 60


class PooledEventLog(SqliteEventLogStorage):
    """The same databases in the same places; only the connections are kept."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: dict[str, sqlalchemy.Engine] = {}
        self._known_tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {"base_dir": dg.Field(dg.StringSource, is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "PooledEventLog":
        """Without a folder of its own it lies under DAGSTER_HOME, and without that it is thrown away."""
        home = os.environ.get("DAGSTER_HOME")
        folder = config_value.get("base_dir") or (str(Path(home) / "events") if home else tempfile.mkdtemp())
        return cls(folder, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        with self._db_lock:
            if shard not in self._engines:
                self._engines[shard] = self._open(shard)
            with self._engines[shard].connect() as connection, connection.begin():
                yield connection

    def _open(self, shard: str) -> sqlalchemy.Engine:
        engine = sqlalchemy.create_engine(
            self.conn_string_for_shard(shard),
            poolclass=QueuePool,
            pool_size=1,
            connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        # With a write-ahead log this is safe against a crash of the process; a power cut can
        # cost the last events of a run, never the database.
        sqlalchemy.event.listen(
            engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=NORMAL")
        )
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        return engine

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """The planned and the done partitions of a step, thousands in a back-fill: two transactions for all.

        Dagster sends batches where DAGSTER_EVENT_BATCH_SIZE is set (see `launching`).
        """
        batch = [event for event in events if event.dagster_event_type in ASSET_EVENTS]
        for event in events:
            if event.dagster_event_type not in ASSET_EVENTS:
                self.store_event(event)
        if not batch:
            return
        rows = [self._event_to_row(event) for event in batch]
        for run_id in {event.run_id for event in batch}:
            with self.run_connection(run_id) as connection:
                connection.execute(SqlEventLogStorageTable.insert(), [row for row in rows if row["run_id"] == run_id])
        newest = {
            (event.get_dagster_event().asset_key, event.dagster_event_type): place for place, event in enumerate(batch)
        }
        with self.index_transaction() as connection:
            inserted = SqlEventLogStorageTable.insert().returning(
                SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
            )
            ids = list(connection.execute(inserted, rows).scalars())
            self._store_asset_event_tags(connection, batch, ids)
            # An asset's own row tells its newest event only.
            for place in sorted(newest.values()):
                self._store_asset_event(connection, batch[place], ids[place])

    def has_table(self, table_name: str) -> bool:
        """A table that was there once stays; asked before each event otherwise."""
        if table_name not in self._known_tables and super().has_table(table_name):
            self._known_tables.add(table_name)
        return table_name in self._known_tables

    def dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()
