"""Product events of a made-up company, as Segment JSON lines: one gzip file per day, the same for the same numbers.

Each day is drawn for itself by numpy from (seed, day), put into words by DuckDB and packed by it, so that two
threads make two days at a time. About three events per account, person, feature and day; three in a hundred
arrive late, one in a hundred twice (half of these a day later), one in fifty comes from a browser that nobody
knows yet, a tenth of the people do not state their account, and one line in two thousand cannot be read.
"""

import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from usage_pipeline.sources import catalogue as sources

# Another number wherever the lines come out differently: what lies in the scratch folder is made anew.
_VERSION = 1
FIRST = date(2024, 1, 1)
FEATURES = 24
_ZONES = ("Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Tokyo", "UTC")
_DAY_MS = 86_400_000
_PER_GROUP = 3.0


@dataclass(frozen=True)
class Events:
    """How many of what; equal ones have equal bytes."""

    events: int
    days: int
    accounts: int
    seed: int = 1

    @property
    def name(self) -> str:
        return f"events-{self.events}-{self.days}-{self.accounts}-{self.seed}-v{_VERSION}"

    @property
    def per_day(self) -> int:
        return self.events // self.days

    def day(self, number: int) -> date:
        return FIRST + timedelta(days=number)


@dataclass(frozen=True)
class Made:
    """Where the files are."""

    landing: Path
    accounts: Path
    users: Path
    bytes: int

    @property
    def files(self) -> list[Path]:
        return sorted(self.landing.glob("*.jsonl.gz"))


def made(wanted: Events, scratch: Path, threads: int = 2) -> Made:
    """The files under `scratch`, made where they are not there yet."""
    folder = scratch / wanted.name
    if not (folder / "whole").exists():
        landing = folder / "landing"
        landing.mkdir(parents=True, exist_ok=True)
        # All of it is an import of the past, so that a day's file is a known day.
        landed_at = datetime.combine(wanted.day(wanted.days), datetime.min.time())
        manifest = {"landed_at": landed_at.isoformat(), "history": True}
        (landing / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        people = _people(wanted.accounts, wanted.seed)
        pq.write_table(_accounts(wanted.accounts), folder / "accounts.parquet")
        pq.write_table(_users(people), folder / "users.parquet")
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda day: _write(wanted, people, day, landing), range(wanted.days)))
        (folder / "whole").touch()
    packed = sum(path.stat().st_size for path in (folder / "landing").glob("*.gz"))
    return Made(folder / "landing", folder / "accounts.parquet", folder / "users.parquet", packed)


@dataclass(frozen=True)
class People:
    """Whose account each person belongs to, and how active they are (cumulated shares)."""

    account: np.ndarray
    cumulated: np.ndarray


@lru_cache
def _people(accounts: int, seed: int) -> People:
    """Accounts of very different size: log-normal, up to 2,000 people, about 14 on average."""
    draw = np.random.default_rng([seed, 0])
    sizes = np.clip(np.exp(draw.normal(2.0, 1.1, accounts)), 1, 2_000).astype(np.int64)
    account = np.repeat(np.arange(accounts), sizes)
    weight = np.exp(draw.normal(0.0, 1.0, len(account)))
    return People(account, np.cumsum(weight) / weight.sum())


def _accounts(accounts: int) -> pa.Table:
    names = [f"acc-{number:06d}" for number in range(accounts)]
    begun = datetime.combine(FIRST - timedelta(days=1), datetime.min.time())
    stated = {
        "account_id": names,
        "name": [f"Company {number}" for number in range(accounts)],
        # A few accounts do not say where they are.
        "time_zone": [None if number % 11 == 0 else _ZONES[number % len(_ZONES)] for number in range(accounts)],
        **dict.fromkeys(("created_at", "valid_from", "known_at"), [begun] * accounts),
    }
    return _of(sources.ACCOUNT.schema.to_pyarrow(), stated, accounts)


def _users(people: People) -> pa.Table:
    """The product's own list of people lacks every fourth."""
    listed = np.flatnonzero(np.arange(len(people.account)) % 4 != 0)
    begun = datetime.combine(FIRST - timedelta(days=1), datetime.min.time())
    stated = {
        "user_id": [f"usr-{number:08d}" for number in listed.tolist()],
        "account_id": [f"acc-{number:06d}" for number in people.account[listed].tolist()],
        **dict.fromkeys(("created_at", "valid_from", "known_at"), [begun] * len(listed)),
    }
    return _of(sources.USER.schema.to_pyarrow(), stated, len(listed))


def _of(schema: pa.Schema, stated: dict[str, list], rows: int) -> pa.Table:
    return pa.table({each.name: pa.array(stated.get(each.name, [None] * rows), each.type) for each in schema})


def _drawn(wanted: Events, people: People, day: int, rows: int) -> dict[str, np.ndarray]:
    """The numbers behind a day's lines."""
    draw = np.random.default_rng([wanted.seed, 1, day])
    groups = int(rows / _PER_GROUP * 1.05) + 10
    size = 1 + draw.poisson(_PER_GROUP - 1, groups)
    group = np.repeat(np.arange(groups), size)[:rows]
    rows = len(group)
    user = np.searchsorted(people.cumulated, draw.random(groups))[group]
    # The first few features are used most.
    feature = np.minimum(draw.geometric(0.15, groups) - 1, FEATURES - 1)[group]
    begin = (draw.random(groups) * 16 + 5) * 3_600_000
    at = np.minimum(begin[group] + draw.exponential(1_200_000, rows), _DAY_MS - 10_000).astype(np.int64)
    received = at + draw.integers(300, 5_000, rows)
    late = draw.random(rows) < 0.03
    start = int((wanted.day(day) - date(1970, 1, 1)).days) * _DAY_MS
    order = np.argsort(received, kind="stable")
    columns = {
        "number": np.arange(rows),
        "usr": user,
        "acc": people.account[user],
        "feature": feature,
        "ts": start + at - np.where(late, draw.integers(1, 6, rows), 0) * _DAY_MS,
        "received": start + received,
        "duration": draw.integers(200, 90_000, rows),
        "die": draw.integers(0, 10_000, rows),
        "block": at // (6 * 3_600_000),
    }
    return {name: values[order] for name, values in columns.items()} | {"number": np.arange(rows)}


def _write(wanted: Events, people: People, day: int, landing: Path) -> None:
    # The copies are lines too.
    fresh = round(wanted.per_day / 1.01)
    parts = [_table(_drawn(wanted, people, day, fresh), day)]
    draw = np.random.default_rng([wanted.seed, 2, day])
    again = wanted.per_day - fresh
    of_yesterday = again // 2 if day else 0
    parts.append(parts[0].take(pa.array(draw.integers(0, fresh, again - of_yesterday))))
    if of_yesterday:
        # Sent again, and so received a day later.
        drawn = _drawn(wanted, people, day - 1, fresh)
        yesterday = _table(drawn | {"received": drawn["received"] + _DAY_MS}, day - 1)
        parts.append(yesterday.take(pa.array(draw.integers(0, fresh, of_yesterday))))
    target = landing / f"events-{wanted.day(day).isoformat()}.jsonl.gz"
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("drawn", pa.concat_tables(parts).sort_by("received"))
        text = connection.execute(_LINES).to_arrow_table().column(0).combine_chunks().buffers()[2]
    aside = target.with_name(f".{target.name}")
    # zlib packs twice as fast as DuckDB's COPY does, and lets the other thread go on.
    packer = zlib.compressobj(6, wbits=31)
    aside.write_bytes(packer.compress(text) + packer.flush())
    aside.replace(target)


def _table(columns: dict[str, np.ndarray], day: int) -> pa.Table:
    return pa.table(columns).append_column("of_day", pa.repeat(pa.scalar(day, pa.int64()), len(columns["number"])))


def _moment(column: str) -> str:
    return f"strftime(epoch_ms({column}), '%Y-%m-%dT%H:%M:%S.%gZ')"


# `die` decides what a line is: of 10,000, 5 are broken, 20 group calls, 50 identify calls, 200 page views.
_LINES = f"""
    SELECT concat(CASE
        WHEN die < 2 THEN left(line, 60)
        WHEN die < 4 THEN replace(line, '"timestamp"', '"time"')
        WHEN die < 5 THEN replace(line, '"type":"', '"type":"x')
        ELSE line END, chr(10))
    FROM (
        SELECT die, concat(
            '{{"type":"', type, '","messageId":"', md5(concat(of_day, '-', number)),
            '","timestamp":"', {_moment("ts")}, '","receivedAt":"', {_moment("received")}, '",', who,
            ',"context":{{"library":{{"name":"analytics.js","version":"4.1.1"}}',
            CASE WHEN type <> 'group' AND NOT is_anonymous AND usr % 10 <> 0 THEN concat(',"groupId":"', account, '"') END,
            '}},', what, '}}') AS line
        FROM (
            SELECT *,
                CASE WHEN type = 'group' THEN concat('"userId":"', person, '","groupId":"', account, '"')
                    WHEN type = 'identify' THEN concat('"userId":"', person, '","anonymousId":"', browser, '"')
                    WHEN is_anonymous THEN concat('"anonymousId":"', browser, '"')
                    ELSE concat('"userId":"', person, '"') END AS who,
                CASE type
                    WHEN 'track' THEN concat('"event":"', action, '","properties":{{"feature":"feature_', feature,
                        '","duration_ms":', duration,
                        CASE WHEN duration % 5 = 0 THEN concat(',"quantity":', 1 + duration % 7) END,
                        CASE WHEN usr % 3 <> 0 THEN concat(',"session_id":"', usr, '-', of_day, '-', block, '"') END,
                        ',"plan":"team","path":"/app/', feature, '/', duration % 97, '"}}')
                    WHEN 'page' THEN concat('"name":"Page ', feature, '","properties":{{"path":"/app/', feature, '"}}')
                    ELSE '"traits":{{"role":"member"}}' END AS what
            FROM (
                SELECT *,
                    CASE WHEN die < 25 THEN 'group' WHEN die < 75 THEN 'identify' WHEN die < 275 THEN 'page'
                        ELSE 'track' END AS type,
                    die >= 9800 AS is_anonymous,
                    printf('usr-%08d', usr) AS person, printf('acc-%06d', acc) AS account,
                    printf('web-%08d-%d', usr, of_day // 30) AS browser,
                    concat(['Report Opened', 'Task Done', 'File Shared', 'Board Edited'][1 + feature % 4], ' ', feature // 4) AS action
                FROM drawn
            )
        )
    )
"""
