"""The API log and the counts of calls: every request to either CRM, its bodies abbreviated, no secret in it."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from usage_pipeline.sandbox.store import Store, moment

SHOWN = 4_000
"""Characters of a body kept: enough for a dozen rows of a batch."""

KEPT = 20_000
"""Requests kept, the newest; a year of weekly deliveries fits many times. Counts go on for ever."""

_SECRET = re.compile(
    r'((?:client_secret|refresh_token|access_token|id_token|assertion|password|signature)"?\s*[:=]\s*"?)[^"&,}\s]+'
)
_TOKEN_PATH = re.compile(r"((?:access|refresh)-tokens/)[^/?]+")

_TOLD = frozenset(
    {"grant_type", "token_type", "token_use", "expires_in", "scope", "scopes", "hub_id", "instance_url", "error"}
    | {"error_description", "status", "message", "category", "correlationId", "issued_at", "token_type_hint", "active"}
)
"""Fields of an OAuth exchange whose values may be kept; every other one may be a secret."""


@dataclass(frozen=True)
class Struck:
    """The fault that met a call."""

    number: int
    kind: str
    detail: str


@dataclass(frozen=True)
class Entry:
    """One call as it came and went; status 0 is a connection that was cut."""

    crm: str
    method: str
    path: str
    """With its query."""
    status: int
    ms: float
    request: bytes
    response: bytes
    fault: Struck | None


def record(store: Store, entry: Entry) -> None:
    """Keep one call and count it. Headers are never kept: the credentials are in them."""
    number = store.number("api_call")
    secret = "oauth" in entry.path.lower()
    shown = _credentials if secret else _abbreviated
    fault = entry.fault
    store.run(
        "INSERT INTO api_call VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        number,
        store.now(),
        entry.crm,
        entry.method,
        _TOKEN_PATH.sub(r"\1***", _SECRET.sub(r"\1***", entry.path)),
        entry.status,
        round(entry.ms, 2),
        shown(entry.request),
        shown(entry.response),
        *((fault.number, fault.kind, fault.detail) if fault else (None, None, None)),
    )
    store.run("DELETE FROM api_call WHERE id <= ?", number - KEPT)
    path = entry.path.partition("?")[0]
    store.run(
        "INSERT INTO called VALUES (?, ?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE "
        "SET calls = calls + 1, refused = refused + excluded.refused, unanswered = unanswered + excluded.unanswered",
        entry.crm,
        entry.method,
        route(path),
        purpose(entry.method, path),
        entry.status >= 400,
        entry.status == 0,
    )


def _abbreviated(body: bytes) -> str:
    text = body[: SHOWN * 4].decode("utf-8", "replace")
    text = _SECRET.sub(r"\1***", text[:SHOWN])
    return text if len(body) <= SHOWN else f"{text} ... ({len(body):,} bytes)"


def _credentials(body: bytes) -> str:
    """What was said at a token endpoint, whether a form or JSON, without a value that could open anything."""
    text = body.decode("utf-8", "replace")
    try:
        given = json.loads(text)
    except ValueError:
        pairs = parse_qsl(text)
        return urlencode([(name, value if name in _TOLD else "***") for name, value in pairs], safe="*:/")
    if not isinstance(given, dict):
        return "***"
    return json.dumps({name: value if name in _TOLD else "***" for name, value in given.items()})


_VERSION = re.compile(r"v\d+(\.\d+)?|\d{4}-\d{2}", re.IGNORECASE)
_ID = re.compile(r"\d+|[a-zA-Z0-9]{3}Qy[a-zA-Z0-9]{10}([A-Z0-5]{3})?|01g\w+(-\d+)?")
_VERBS = frozenset({"batch", "groups", "search", "merge"})


def route(path: str) -> str:
    """A path with {version}, {id}, {name} and {key} where they stand: what calls of one kind have in common."""
    parts = [part for part in path.split("/") if part]
    if [part.lower() for part in parts[:4:3]] == ["services", "sobjects"]:
        # /services/data/v68.0/sobjects/Account/Key__c/a/1: whatever slashes the key holds.
        parts[6:] = ["{key}"] if parts[6:] else []
    return "/" + "/".join(_named(part, at, parts) for at, part in enumerate(parts))


def _named(part: str, at: int, parts: list[str]) -> str:
    if _VERSION.fullmatch(part) and at <= 2:
        return "{version}"
    if _ID.fullmatch(part):
        return "{id}"
    # A record may be named by a unique property, a definition is named anyhow.
    resource = {each.lower() for each in parts[1:3]} if parts[0].lower() == "crm" else set()
    if at == 4 and part.lower() not in _VERBS and resource & {"objects", "properties"}:
        return "{id}" if "objects" in resource else "{name}"
    if parts[at - 1].lower() in ("groups", "name", "access-tokens", "refresh-tokens"):
        return "{name}"
    return part


_READS = re.compile(r"/batch/read$|/search$|/composite/sobjects/[^/]+$")
"""What is asked with a POST since it does not fit into a URL."""


def purpose(method: str, path: str) -> str:
    """login, read or write, by what a call is for: a batch read is a POST and yet a read."""
    lowered = path.lower().rstrip("/")
    if "oauth" in lowered:
        return "login"
    asks = method in ("GET", "HEAD") or (method == "POST" and bool(_READS.search(lowered)))
    return "read" if asks else "write"


def entries(
    store: Store,
    *,
    crm: str | None = None,
    since: int = 0,
    limit: int = 1_000,
    struck: bool = False,
    newest_first: bool = False,
) -> list[dict[str, Any]]:
    """Logged calls after number `since`, oldest first unless told; `struck`: only those that a fault met."""
    order = "DESC" if newest_first else "ASC"
    only = "AND kind IS NOT NULL" if struck else ""
    rows = store.rows(
        f"SELECT * FROM api_call WHERE id > ? AND (? IS NULL OR crm = ?) {only} ORDER BY id {order} LIMIT ?",
        since,
        crm,
        crm,
        limit,
    )
    return [_entry(row) for row in rows]


def entry(store: Store, number: int) -> dict[str, Any] | None:
    """One logged call."""
    row = store.row("SELECT * FROM api_call WHERE id = ?", number)
    return _entry(row) if row else None


def _entry(row: Any) -> dict[str, Any]:
    fault = {"id": row["fault"], "kind": row["kind"], "detail": row["detail"]} if row["kind"] else None
    kept = {name: row[name] for name in ("id", "crm", "method", "path", "status", "ms", "request", "response")}
    return {**kept, "at": moment(row["at"]), "fault": fault}


def counted(store: Store) -> dict[str, dict[str, Any]]:
    """Reads, writes and logins per CRM since counting began, in all and per route."""
    found: dict[str, dict[str, Any]] = {}
    for crm in ("hubspot", "salesforce"):
        rows = store.rows("SELECT * FROM called WHERE crm = ? ORDER BY route, method", crm)
        told: dict[str, Any] = {
            f"{purpose}s": sum(row["calls"] for row in rows if row["purpose"] == purpose)
            for purpose in ("read", "write", "login")
        }
        told["refused"] = sum(row["refused"] for row in rows)
        told["unanswered"] = sum(row["unanswered"] for row in rows)
        told["routes"] = [{name: row[name] for name in row.keys() if name != "crm"} for row in rows]  # noqa: SIM118 - a Row iterates its values
        found[crm] = told
    return found


def count_anew(store: Store) -> None:
    """Begin counting at zero; the log stays."""
    store.run("DELETE FROM called")
