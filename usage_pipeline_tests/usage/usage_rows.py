"""Builders for rollup tests: an event, a table of events, an account's zone."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa

from usage_pipeline.events.catalogue import EVENT
from usage_pipeline.lake import Table
from usage_pipeline.sources.catalogue import ACCOUNT


def event(ts: str, *, known: str | None = None, **more: Any) -> dict[str, Any]:
    """One use of a feature by one person, known when it happened."""
    at = datetime.fromisoformat(ts)
    known_at = datetime.fromisoformat(known) if known else at
    row = {
        "event_id": ts,
        "ts": at,
        "received_at": known_at,
        "landed_at": known_at,
        "known_at": known_at,
        "known_day": known_at.date(),
        "account_id": "acme",
        "user_id": "ann",
        "name": "used",
        "feature": "board",
        "quantity": Decimal(1),
        "content_hash": ts,
        "batch": "b",
        "line": 1,
    }
    return row | more


def table(of: Table, rows: list[dict[str, Any]]) -> ibis.Table:
    schema = of.schema.to_pyarrow()
    return ibis.memtable(pa.Table.from_pylist(rows, schema=schema), schema=of.schema)


def events(*rows: dict[str, Any]) -> ibis.Table:
    return table(EVENT, list(rows))


def accounts(**zones: str | None) -> ibis.Table:
    """Accounts with these zones, known from the beginning."""
    long_ago = datetime(2020, 1, 1)
    rows = [
        {"account_id": account, "time_zone": zone, "valid_from": long_ago, "known_at": long_ago}
        for account, zone in zones.items()
    ]
    return table(ACCOUNT, rows)


def day(text: str) -> date:
    return date.fromisoformat(text)
