"""A year of rollups of a made-up company, written straight into a lake: what features are made from.

Nothing is drawn: every figure is a hash of what it belongs to. About 14 people per account, two thirds of them
active on a day; three rows in a hundred became known one to five days late. Tables are like each other in
size, not in sum: no formula looks from one to the other.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import deltalake
import duckdb
from deltalake.transaction import AddAction, create_table_with_add_actions

from benchmarks.engine_landing import THREADS
from usage_pipeline import lake
from usage_pipeline.company import Company, Events, Roles
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue as usage

_VERSION = 1
FIRST = date(2024, 1, 1)
DAYS = 365
_CHUNK_DAYS = 30
COMPANY = Company(
    company="made_up",
    events=(Events(format="segment"),),
    tables=dict.fromkeys(("account", "user", "subscription", "ticket", "survey"), "SELECT 1"),
    roles=Roles(
        activation=("event_1",), value=("event_2",), invite=("event_3",), integration_added=("event_4",),
        integration_removed=("event_5",), login=("event_6",),
    ),
    premium_features=("feature_20", "feature_21", "feature_22"),
)  # fmt: skip


def made(accounts: int, days: int, scratch: Path) -> Path:
    """The lake's root under `scratch`; its last `days` days of the year, made where they are not there yet."""
    root = scratch / f"world-{accounts}-{days}-v{_VERSION}"
    if not (root / "whole").exists():
        root.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(
            config={"threads": THREADS, "memory_limit": "4GB", "preserve_insertion_order": False}
        ) as connection:
            connection.execute(f"SET temp_directory = '{root / 'spill'}'")
            _people(connection, accounts)
            for table, rows in _USAGE.items():
                _write(connection, root / table.key, table, rows, days)
            for table, rows in _SOURCES.items():
                _write_whole(connection, root / table.key, table, rows)
        (root / "whole").touch()
    return root


def last_morning() -> date:
    return FIRST + timedelta(days=DAYS)


def _people(connection: duckdb.DuckDBPyConnection, accounts: int) -> None:
    """Accounts of 1 to 2,000 people: the log of the number is a sum of hashes, which is nearly normal."""
    connection.execute(f"""
        CREATE TABLE account AS SELECT *, least(2000, greatest(1, exp(1.84 + 1.32 * z)))::INT AS people FROM (
            SELECT a, printf('acc-%06d', a) AS account_id,
                (hash(a, 1) % 1000 + hash(a, 2) % 1000 + hash(a, 3) % 1000 + hash(a, 4) % 1000)::DOUBLE / 600 - 3.33 AS z
            FROM range({accounts}) AS all_accounts(a))
    """)
    connection.execute("""
        CREATE TABLE person AS
        SELECT a, account_id, concat(account_id, '-', u) AS user_id, hash(a, u) AS h FROM account, range(people) AS all_people(u)
    """)


# Each gives `day` rows for the days of `this`; `known_day` is added.
_USAGE: dict[lake.Table, str] = {
    usage.USER_DAY: """
        SELECT account_id, user_id, day, (1 + hash(h, day, 1) % 9)::BIGINT AS events, (hash(h, day, 1) % 9)::BIGINT AS uses,
            1::BIGINT AS sessions, (hash(h, day, 2) % 3600000)::BIGINT AS duration_ms, true AS is_first, hash(h, day, 3) AS luck
        FROM person, this WHERE hash(h, day) % 100 < 65
    """,
    usage.FEATURE_DAY: """
        SELECT account_id, concat('feature_', f) AS feature, day, (1 + hash(a, f, day, 1) % 30)::BIGINT AS events,
            (1 + hash(a, f, day, 2) % least(people, 8))::BIGINT AS users, 1::DECIMAL(38, 6) AS quantity,
            (hash(a, f, day, 3) % 3600000)::BIGINT AS duration_ms, true AS is_first, hash(a, f, day, 4) AS luck
        FROM account, range(24) AS all_features(f), this WHERE hash(a, f, day) % 100 < 54
    """,
    usage.USER_FEATURE_DAY: """
        SELECT account_id, user_id, concat('feature_', f) AS feature, day, (1 + hash(h, f, day, 1) % 5)::BIGINT AS events,
            1::BIGINT AS sessions, (hash(h, f, day, 2) % 600000)::BIGINT AS duration_ms, 1::DECIMAL(38, 6) AS quantity,
            1::BIGINT AS working_events, 0::BIGINT AS evening_events, 0::BIGINT AS weekend_events, hash(h, f, day, 3) AS luck
        FROM (SELECT *, (hash(h, day, 9 + n) % 24)::INT AS f FROM person, this, range(2) AS twice(n) WHERE hash(h, day) % 100 < 65)
    """,
    usage.EVENT_DAY: """
        SELECT account_id, concat('event_', n) AS name, day, (1 + hash(a, n, day, 1) % 30)::BIGINT AS events,
            1::DECIMAL(38, 6) AS quantity, hash(a, n, day, 2) AS luck
        FROM account, range(12) AS all_names(n), this WHERE hash(a, n, day) % 100 < 50
    """,
    usage.ACCOUNT_DAY: """
        SELECT account_id, day, (people * 3 + hash(a, day, 1) % 9)::BIGINT AS events, (people * 2)::BIGINT AS uses,
            people::BIGINT AS sessions, (hash(a, day, 2) % 36000000)::BIGINT AS duration_ms, 1::DECIMAL(38, 6) AS quantity,
            people::BIGINT AS working_events, (hash(a, day, 3) % 5)::BIGINT AS evening_events,
            (hash(a, day, 4) % 3)::BIGINT AS weekend_events, (1 + people * (hash(a, day, 5) % 100) // 100)::BIGINT AS active_users,
            hash(a, day, 6) AS luck
        FROM account, this WHERE hash(a, day) % 100 < 80
    """,
    usage.FIRST_USE: """
        SELECT account_id, user_id, concat('feature_', f) AS feature, day AS first_day, hash(h, f) AS luck, day
        FROM person, range(8) AS features(f), this WHERE hash(h, f) % 365 = day - DATE '2024-01-01'
    """,
    usage.LAST_USE: """
        SELECT account_id, day AS last_day, 99 AS luck, day FROM account, this WHERE hash(a, day) % 100 < 80
    """,
}
_BEGUN = "TIMESTAMP '2023-06-01' + to_days((hash(a, 7) % 300)::INT)"
_SOURCES: dict[lake.Table, str] = {
    sources.ACCOUNT: f"""
        SELECT account_id, concat('Company ', a) AS name, NULL::VARCHAR AS domain,
            ['retail', 'software', 'finance', 'education'][1 + a % 4] AS industry, 'DE' AS country, (people * 9)::BIGINT AS employees,
            'Europe/Berlin' AS time_zone, NULL::VARCHAR AS parent_id, NULL::VARCHAR AS owner_email, {_BEGUN} AS created_at,
            {_BEGUN} AS valid_from, {_BEGUN} AS known_at FROM account
    """,
    sources.USER: f"""
        SELECT user_id, account_id, NULL::VARCHAR AS email, 'member' AS role, {_BEGUN} AS created_at, {_BEGUN} AS valid_from,
            {_BEGUN} AS known_at FROM person
    """,
    sources.SUBSCRIPTION: f"""
        SELECT concat('sub-', a) AS subscription_id, account_id, 'active' AS status, 'team' AS plan, 1::BIGINT AS plan_rank,
            (people + k)::BIGINT AS seats, (people * 1000)::BIGINT AS mrr_minor, 'EUR' AS currency, 12::BIGINT AS term_months,
            DATE '2025-06-01' AS renews_on, true AS auto_renew, {_BEGUN} + to_days((k * 90)::INT) AS valid_from,
            {_BEGUN} + to_days((k * 90)::INT) AS known_at FROM account, range(4) AS changes(k)
    """,
    sources.TICKET: """
        SELECT concat(a, '-', k) AS ticket_id, account_id, TIMESTAMP '2024-01-01' + to_days((k * 30)::INT) AS opened_at,
            TIMESTAMP '2024-01-04' + to_days((k * 30)::INT) AS closed_at, 'high' AS priority, (1 + a % 5)::BIGINT AS satisfaction,
            TIMESTAMP '2024-01-01' + to_days((k * 30)::INT) AS known_at FROM account, range(12) AS months(k)
    """,
    sources.SURVEY: """
        SELECT concat(a, '-', k) AS response_id, account_id, NULL::VARCHAR AS user_id, 'nps' AS kind, (hash(a, k) % 11)::BIGINT AS score,
            TIMESTAMP '2024-01-01' + to_days((k * 100)::INT) AS answered_at,
            TIMESTAMP '2024-01-01' + to_days((k * 100)::INT) AS known_at FROM account, range(4) AS times(k)
    """,
}


def _write(connection: duckdb.DuckDBPyConnection, to: Path, table: lake.Table, rows: str, days: int) -> None:
    """The table's rows, partitioned by known day, committed to the lake at once."""
    to.mkdir(parents=True, exist_ok=True)
    names = ", ".join(column.name for column in table.columns)
    for first, last in _chunks(days):
        connection.execute(
            f"CREATE OR REPLACE TABLE this AS SELECT (DATE '{FIRST}' + d::INT)::DATE AS day FROM range({first}, {last}) AS days(d)"
        )
        # Three in a hundred happened before the day on which they became known.
        known = f"SELECT * REPLACE (day - CASE WHEN luck % 100 < 3 THEN (1 + luck // 100 % 5)::INT ELSE 0 END AS day), day AS known_day FROM ({rows})"
        connection.execute(
            f"COPY (SELECT {names} FROM ({known})) TO '{to}' (FORMAT parquet, PARTITION_BY (known_day), "
            f"FILENAME_PATTERN 'part-{first}-{{i}}', OVERWRITE_OR_IGNORE, COMPRESSION snappy)"
        )
    schema = deltalake.Schema.from_arrow(table.schema.to_pyarrow())
    create_table_with_add_actions(str(to), schema, list(_actions(to)), mode="overwrite", partition_by=["known_day"])


def _actions(to: Path) -> Iterator[AddAction]:
    for path in sorted(to.glob("known_day=*/*.parquet")):
        about = path.stat()
        day = path.parent.name.partition("=")[2]
        yield AddAction(
            str(path.relative_to(to)),
            about.st_size,
            {"known_day": day},
            int(about.st_mtime * 1000),
            data_change=True,
            stats="{}",
        )


def _chunks(days: int) -> Iterator[tuple[int, int]]:
    for first in range(DAYS - days, DAYS, _CHUNK_DAYS):
        yield first, min(first + _CHUNK_DAYS, DAYS)


def _write_whole(connection: duckdb.DuckDBPyConnection, to: Path, table: lake.Table, rows: str) -> None:
    found: Any = connection.execute(rows).to_arrow_table()
    deltalake.write_deltalake(str(to), found.cast(table.schema.to_pyarrow()), mode="overwrite")
