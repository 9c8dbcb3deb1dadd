"""What the ledger knows of the CRMs, for a person who asks: status, rejections, one account's state."""

from datetime import datetime
from typing import Any

from usage_pipeline import frames
from usage_pipeline.accounts import AccountId
from usage_pipeline.defs.place import Opened
from usage_pipeline.sync import exports
from usage_pipeline.sync.alerts import OF_ALERTS

# Of alerts, a person who asks for the status wants those of the last days; `sync/alert` has all.
RECENT_DAYS = 7


def status(place: Opened) -> list[dict[str, Any]]:
    """One entry per CRM instance or channel: its newest run, what it holds of ours, and what waits."""
    runs = _runs(place)
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
                "old_rejections": sum(row["is_old"] for row in waiting),
            }
        )
    return found


def history(place: Opened) -> list[dict[str, Any]]:
    """Every run, newest first, with how many operations ended how."""
    ends: dict[str, dict[str, int]] = {}
    for row in frames.rows(place.ledger.log()):
        counts = ends.setdefault(row["run"], {})
        counts[row["state"]] = counts.get(row["state"], 0) + 1
    rows = sorted(_runs(place), key=lambda row: row["started_at"], reverse=True)
    names = ("run", "instance", "as_of", "started_at", "state", "approved_by", "override")
    return [{name: row[name] for name in names} | {"operations": ends.get(row["run"], {})} for row in rows]


def rejections(place: Opened) -> list[dict[str, Any]]:
    """What a CRM or a channel will not take, oldest first, with the fix in words, its age and whether it is too old."""
    now: datetime = place.now()
    after = place.settings.alert_after_days
    found = []
    for row in sorted(frames.rows(place.ledger.table("rejection")), key=lambda row: row["since"]):
        age = max((now - row["since"]).days, 0)
        found.append(row | {"age_days": age, "is_old": age >= after})
    return found


def alerts(place: Opened) -> list[dict[str, Any]]:
    """The alerts of the last days, newest first."""
    now = place.now()
    rows = frames.rows(exports.alert(place.ledger))
    return [row for row in rows if (now - row["raised_at"]).days < RECENT_DAYS]


def _runs(place: Opened) -> list[dict[str, Any]]:
    """Deliveries to CRMs and channels; an alert belongs to one of them."""
    return [row for row in frames.rows(place.ledger.table("run")) if not row["instance"].startswith(OF_ALERTS)]


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
