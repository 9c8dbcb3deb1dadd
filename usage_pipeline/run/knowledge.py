"""What the ledger knows of the CRMs, for a person who asks: status, rejections, one account's state."""

from datetime import datetime
from typing import Any

from usage_pipeline import frames
from usage_pipeline.accounts import AccountId
from usage_pipeline.defs.place import Opened

# A rejection that nobody has mended after a week is no passing trouble.
OLD_DAYS = 7


def status(place: Opened) -> list[dict[str, Any]]:
    """One entry per CRM instance: its newest run, what it holds of ours, and what waits."""
    runs = frames.rows(place.ledger.table("run"))
    records = frames.rows(place.ledger.table("record"))
    episodes = frames.rows(place.ledger.episodes())
    refused = rejections(place)
    found = []
    for instance in sorted({row["instance"] for row in runs}):
        own = sorted((row for row in runs if row["instance"] == instance), key=lambda row: row["started_at"])
        waiting = [row for row in refused if row["instance"] == instance]
        found.append(
            {
                "instance": instance,
                "last_run": own[-1]["run"],
                "state": own[-1]["state"],
                "as_of": own[-1]["as_of"],
                "started_at": own[-1]["started_at"],
                "records": sum(row["instance"] == instance for row in records),
                "open_tasks": sum(row["instance"] == instance and row["status"] == "open" for row in episodes),
                "unsettled": len(place.ledger.unsettled(instance)),
                "rejections": len(waiting),
                "old_rejections": sum(row["age_days"] >= OLD_DAYS for row in waiting),
            }
        )
    return found


def history(place: Opened) -> list[dict[str, Any]]:
    """Every run, newest first, with how many operations ended how."""
    ends: dict[str, dict[str, int]] = {}
    for row in frames.rows(place.ledger.log()):
        counts = ends.setdefault(row["run"], {})
        counts[row["state"]] = counts.get(row["state"], 0) + 1
    rows = sorted(frames.rows(place.ledger.table("run")), key=lambda row: row["started_at"], reverse=True)
    names = ("run", "instance", "as_of", "started_at", "state", "approved_by", "override")
    return [{name: row[name] for name in names} | {"operations": ends.get(row["run"], {})} for row in rows]


def rejections(place: Opened) -> list[dict[str, Any]]:
    """What a CRM will not take, oldest first, with the fix in words and its age in days."""
    now: datetime = place.now()
    rows = sorted(frames.rows(place.ledger.table("rejection")), key=lambda row: row["since"])
    return [row | {"age_days": max((now - row["since"]).days, 0)} for row in rows]


def account_state(place: Opened, account: str) -> dict[str, list[dict[str, Any]]]:
    """All that the ledger knows of one account, per table."""
    tables = {
        "links": place.ledger.table("link"),
        "records": place.ledger.table("record"),
        "tasks": place.ledger.episodes(),
        "rejections": place.ledger.table("rejection"),
        "hold_out": place.ledger.assignments(),
    }
    return {name: [row for row in frames.rows(frame) if row["account_id"] == account] for name, frame in tables.items()}


def forget(place: Opened, account: str, instance: str | None) -> int:
    """Forget link, confirmed fields and rejections of an account, so that the next plan starts from the CRM itself.

    Tasks and hold-outs stay: forgetting a task would open it twice. Gives how many rows were forgotten.
    """
    return place.ledger.forget(AccountId(account), instance)
