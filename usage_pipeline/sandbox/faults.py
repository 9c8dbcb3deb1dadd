"""What goes wrong on demand: the next matching requests fail in a named way."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from usage_pipeline.sandbox.store import Store

KINDS = ("status", "status_after_commit", "drop", "drop_after_commit")


_BODIES: dict[str, Any] = {
    "hubspot": {"status": "error", "message": "the sandbox failed on demand"},
    "salesforce": [{"errorCode": "SERVER_UNAVAILABLE", "message": "the sandbox failed on demand"}],
}


@dataclass(frozen=True)
class Fault:
    """One kind of failure: an answer put in place of the real one, or a cut connection."""

    kind: str
    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def drops(self) -> bool:
        return self.kind in ("drop", "drop_after_commit")

    @property
    def commits(self) -> bool:
        """Whether the request is carried out before it fails."""
        return self.kind in ("status_after_commit", "drop_after_commit")


def add(store: Store, fault: dict[str, Any]) -> int:
    """Arm a fault: `match` is a pattern searched in "METHOD /path", `crm` optional, `times` how often.

    Raises:
        ValueError: for a kind, a pattern or a status that cannot work.
    """
    kind = fault.get("kind", "status")
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    if kind.startswith("status") and not 400 <= int(fault.get("status", 503)) <= 599:
        raise ValueError("status must lie between 400 and 599")
    try:
        re.compile(fault.get("match", ""))
    except re.error as problem:
        raise ValueError(f"match is no regular expression: {problem}") from problem
    number = store.number("fault")
    store.run(
        "INSERT INTO fault VALUES (?, ?, ?)", number, json.dumps({**fault, "kind": kind}), int(fault.get("times", 1))
    )
    store.cache.pop("faults", None)
    return number


def take(store: Store, crm: str, method: str, path: str) -> Fault | None:
    """The first armed fault that this request meets, used up by one."""
    armed = store.cache.get("faults")
    if armed is None:
        rows = store.rows("SELECT id, fault FROM fault WHERE remaining > 0 ORDER BY id")
        armed = store.cache["faults"] = [(row["id"], json.loads(row["fault"])) for row in rows]
    for number, fault in armed:
        if fault.get("crm") not in (None, crm) or not re.search(fault.get("match", ""), f"{method} {path}"):
            continue
        store.run("UPDATE fault SET remaining = remaining - 1 WHERE id = ?", number)
        store.cache.pop("faults", None)
        status = int(fault.get("status", 503)) if fault["kind"].startswith("status") else 0
        body = fault.get("body", _BODIES[crm])
        return Fault(fault["kind"], status, body, fault.get("headers", {}))
    return None
