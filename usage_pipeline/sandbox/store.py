"""The one SQLite file behind both CRMs: tables, settings, clock and numbering.

A request is one transaction (`request`), a row of a batch one savepoint
(`attempt`), so a killed sandbox comes back with whole requests only.
"""

import json
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY, crm TEXT NOT NULL, kind TEXT NOT NULL, expires REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS armed (
    id INTEGER PRIMARY KEY, fault TEXT NOT NULL, remaining INTEGER NOT NULL, seen TEXT NOT NULL, struck INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS undo (id INTEGER PRIMARY KEY, place TEXT NOT NULL, kept TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS api_call (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, crm TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    status INTEGER NOT NULL, ms REAL NOT NULL, request TEXT NOT NULL, response TEXT NOT NULL,
    fault INTEGER, kind TEXT, detail TEXT
);
CREATE INDEX IF NOT EXISTS api_call_struck ON api_call (id) WHERE kind IS NOT NULL;
CREATE TABLE IF NOT EXISTS called (
    crm TEXT NOT NULL, method TEXT NOT NULL, route TEXT NOT NULL, purpose TEXT NOT NULL,
    calls INTEGER NOT NULL, refused INTEGER NOT NULL, unanswered INTEGER NOT NULL,
    PRIMARY KEY (crm, method, route)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY, crm TEXT NOT NULL, record TEXT NOT NULL, at INTEGER NOT NULL, by TEXT, before TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS history_record ON history (record, id);

CREATE TABLE IF NOT EXISTS hs_object (
    id INTEGER PRIMARY KEY, type TEXT NOT NULL, properties TEXT NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, archived INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS hs_object_modified ON hs_object (type, archived, modified);
CREATE INDEX IF NOT EXISTS hs_object_list ON hs_object (type, archived, id);
CREATE TABLE IF NOT EXISTS hs_unique (
    type TEXT NOT NULL, property TEXT NOT NULL, value TEXT NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (type, property, value)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS hs_unique_object ON hs_unique (id);
CREATE TABLE IF NOT EXISTS hs_unindexed (
    id INTEGER PRIMARY KEY, type TEXT NOT NULL, properties TEXT, created INTEGER, modified INTEGER, until INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS hs_property (
    type TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL, archived INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (type, name)
);
CREATE TABLE IF NOT EXISTS hs_group (
    type TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL, PRIMARY KEY (type, name)
);
CREATE TABLE IF NOT EXISTS hs_association (
    from_id INTEGER NOT NULL, to_type TEXT NOT NULL, to_id INTEGER NOT NULL, type_id INTEGER NOT NULL,
    PRIMARY KEY (from_id, to_type, to_id, type_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hs_merged (id INTEGER PRIMARY KEY, into_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS hs_owner (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, email TEXT NOT NULL, first_name TEXT NOT NULL,
    last_name TEXT NOT NULL, created INTEGER NOT NULL, archived INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS sf_record (
    id TEXT PRIMARY KEY, object TEXT NOT NULL, fields TEXT NOT NULL, created INTEGER NOT NULL, created_by TEXT NOT NULL,
    modified INTEGER NOT NULL, modified_by TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS sf_record_modified ON sf_record (object, deleted, modified);
CREATE TABLE IF NOT EXISTS sf_key (
    object TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (object, field, value, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sf_key_record ON sf_key (id);
CREATE TABLE IF NOT EXISTS sf_field (
    id TEXT PRIMARY KEY, object TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, metadata TEXT NOT NULL,
    UNIQUE (object, name)
);
CREATE TABLE IF NOT EXISTS sf_cursor (locator TEXT PRIMARY KEY, query TEXT NOT NULL, ids TEXT NOT NULL);

-- What a company's fields were before each write, whoever wrote; what changed is worked out when somebody looks,
-- since a batch of a hundred has no time for it. The newest 200,000 steps are kept.
CREATE TRIGGER IF NOT EXISTS hs_history AFTER UPDATE OF properties ON hs_object
WHEN NEW.type = 'companies' AND NEW.properties <> OLD.properties BEGIN
    INSERT INTO history (crm, record, at, by, before) VALUES (
        'hubspot', NEW.id, NEW.modified, json_extract(NEW.properties, '$.hs_updated_by_user_id'), OLD.properties
    );
END;
CREATE TRIGGER IF NOT EXISTS sf_history AFTER UPDATE OF fields ON sf_record
WHEN NEW.object = 'Account' AND NEW.fields <> OLD.fields BEGIN
    INSERT INTO history (crm, record, at, by, before) VALUES (
        'salesforce', NEW.id, NEW.modified, NEW.modified_by, OLD.fields
    );
END;
CREATE TRIGGER IF NOT EXISTS history_end AFTER INSERT ON history WHEN NEW.id % 1000 = 0 BEGIN
    DELETE FROM history WHERE id <= NEW.id - 200000;
END;
"""

DEFAULTS: dict[str, Any] = {
    # HubSpot Professional, per app (CRM_APIS 1.3)
    "hubspot_burst_limit": 190,
    "hubspot_oauth_burst_limit": 110,
    "hubspot_daily_limit": 650_000,
    "hubspot_search_per_second": 5,
    # what is not known about HubSpot, so a switch
    "tasks_unique_property": "allowed",
    "search_lag_seconds": 0,
    "multi_status": "by_version",
    "partial_success": "create_update_upsert",
    "reorder_results": True,
    "hubspot_missing_scopes": [],
    # Enterprise edition without extra licences
    "salesforce_daily_limit": 100_000,
    "salesforce_versions": ["66.0", "67.0", "68.0"],
    "collections_unknown_field": "row",
    # what becomes of Bulk jobs: complete, failed, aborted or stuck (InProgress for ever)
    "bulk_fate": "complete",
    # how the customer named the account key in each CRM; `stock` may change it
    "hubspot_account_key": "product_account_id",
    "salesforce_account_key": "Product_Account_Id__c",
}
"""What `POST /_sandbox/settings` may change, with what holds until then."""


class Store:
    """Both CRMs' state; one process, one connection, one writer at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        # Autocommit: transactions are begun by hand, since one request is one of them.
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2)
        self.db.row_factory = sqlite3.Row
        try:
            # Exclusive: a second sandbox on the same file would answer from stale caches.
            self.db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self.db.execute("PRAGMA journal_mode=WAL")
            # A commit survives a killed process; only a power cut may lose the last ones.
            self.db.execute("PRAGMA synchronous=NORMAL")
            self.db.executescript(SCHEMA)
        except sqlite3.OperationalError as problem:
            self.db.close()
            message = f"{path} cannot be opened ({problem}). If another sandbox uses it, stop that one or name another --state."
            raise RuntimeError(message) from problem
        self.guard = threading.RLock()
        self.cache: dict[Any, Any] = {}
        """Definitions read from the file, dropped whenever one changes or a request is undone."""
        self._now = 0
        self.calls: deque[float] = deque()
        """When Salesforce was called in the last day, by the wall clock; forgotten at a restart."""

    def close(self) -> None:
        self.db.close()

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self.db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.db.execute(sql, values).fetchone()
        return found

    def run(self, sql: str, *values: Any) -> int:
        """Execute a statement and say how many rows it touched."""
        return self.db.execute(sql, values).rowcount

    @contextmanager
    def request(self) -> Iterator[None]:
        """One transaction, one tick of the clock; undone as a whole when it fails."""
        with self.guard:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                self._tick()
                yield
            except BaseException:
                self.db.execute("ROLLBACK")
                self.cache.clear()
                raise
            self.db.execute("COMMIT")

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of a request that may fail alone."""
        self.db.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK TO attempt")
            self.db.execute("RELEASE attempt")
            self.cache.clear()
            raise
        self.db.execute("RELEASE attempt")

    def number(self, name: str, first: int = 1) -> int:
        """The next number of a series, never given twice."""
        row = self.row(
            "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            name,
            first,
        )
        assert row is not None  # noqa: S101 - an upsert with RETURNING always answers
        return int(row[0])

    def setting(self, name: str) -> Any:
        found = self.cache.get(("setting", name))
        if found is None:
            row = self.row("SELECT value FROM setting WHERE name = ?", name)
            found = json.loads(row[0]) if row else DEFAULTS.get(name)
            self.cache["setting", name] = found
        return found

    def set(self, name: str, value: Any) -> None:
        self.run("INSERT OR REPLACE INTO setting VALUES (?, ?)", name, json.dumps(value))
        self.cache["setting", name] = value

    def now(self) -> int:
        """The sandbox's clock, in milliseconds since 1970; it stands still during a request."""
        return self._now

    def turn(self, clock: int | None) -> None:
        """Set the clock, which then goes on by a millisecond per request; None: back to the wall clock."""
        self.set("clock", clock)
        self._now = _wall_clock() if clock is None else clock

    def _tick(self) -> None:
        clock = self.setting("clock")
        if clock is None:
            # Two writes never share a moment, so that "changed since" has one answer.
            self._now = max(_wall_clock(), self._now + 1)
        else:
            self._now = clock + 1
            self.set("clock", self._now)

    def empty(self) -> None:
        """Forget everything, settings included."""
        names = [row[0] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            self.run(f"DELETE FROM {name}")
        self.cache.clear()


def _wall_clock() -> int:
    return int(time.time() * 1000)


# The rows of a batch were all made and changed at a few moments.
@lru_cache(maxsize=4_096)
def moment(milliseconds: int) -> str:
    """ISO 8601 in UTC with milliseconds, as HubSpot writes it: 2026-05-04T08:00:00.000Z."""
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"
