"""The API log: every request to either CRM, its bodies abbreviated, no secret in it."""

import re
from typing import Any

from usage_pipeline.sandbox.store import Store, moment

SHOWN = 2_000
"""Characters of a body kept: enough for a few rows of a batch."""

KEPT = 50_000
"""Requests kept, the newest; a year of weekly deliveries fits many times."""

_SECRET = re.compile(
    r'((?:client_secret|refresh_token|access_token|assertion|password|signature)"?\s*[:=]\s*"?)[^"&,}\s]+'
)


def record(
    store: Store, crm: str, method: str, path: str, status: int, ms: float, request: bytes, response: bytes
) -> None:
    """Keep one request; status 0 is a connection that was cut. Headers are never kept."""
    number = store.number("traffic")
    store.run(
        "INSERT INTO traffic VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        number,
        store.now(),
        crm,
        method,
        _SECRET.sub(r"\1***", path),
        status,
        round(ms, 2),
        _abbreviated(request),
        _abbreviated(response),
    )
    store.run("DELETE FROM traffic WHERE id <= ?", number - KEPT)


def _abbreviated(body: bytes) -> str:
    text = body[: SHOWN * 4].decode("utf-8", "replace")
    text = _SECRET.sub(r"\1***", text[:SHOWN])
    return text if len(body) <= SHOWN else f"{text} ... ({len(body):,} bytes)"


def entries(
    store: Store, *, crm: str | None = None, since: int = 0, limit: int = 1_000, newest_first: bool = False
) -> list[dict[str, Any]]:
    """Logged requests after number `since`, oldest first unless told."""
    order = "DESC" if newest_first else "ASC"
    rows = store.rows(
        f"SELECT * FROM traffic WHERE id > ? AND (? IS NULL OR crm = ?) ORDER BY id {order} LIMIT ?",
        since,
        crm,
        crm,
        limit,
    )
    return [{**dict(row), "at": moment(row["at"])} for row in rows]
