"""How much of each limit is used, as the limits page and `GET /_sandbox/limits` tell it."""

import time
from dataclasses import asdict, dataclass
from typing import Any

from usage_pipeline.sandbox.hubspot.limits import WINDOW, Meter
from usage_pipeline.sandbox.store import Store

_DAY = 86_400


@dataclass(frozen=True)
class Used:
    """One limit of one CRM."""

    crm: str
    name: str
    used: int
    most: int

    @property
    def share(self) -> float:
        return min(1.0, self.used / self.most) if self.most else 1.0


def used(store: Store, meter: Meter) -> list[Used]:
    """Every limit that the sandbox counts, by the wall clock as the CRMs do."""
    now = time.time()

    def within(moments: Any, seconds: float) -> int:
        return sum(at > now - seconds for at in moments)

    hubspot = [
        ("burst, private app (10 s)", within(meter.recent.get("private", ()), WINDOW), "hubspot_burst_limit"),
        ("burst, OAuth app (10 s)", within(meter.recent.get("oauth", ()), WINDOW), "hubspot_oauth_burst_limit"),
        ("search (1 s)", within(meter.searches, 1.0), "hubspot_search_per_second"),
        ("day", meter.today if int(now // _DAY) == meter.day else 0, "hubspot_daily_limit"),
    ]
    told = [Used("hubspot", name, count, store.setting(limit)) for name, count, limit in hubspot]
    return [*told, Used("salesforce", "24 hours", within(store.calls, _DAY), store.setting("salesforce_daily_limit"))]


def told(store: Store, meter: Meter) -> dict[str, list[dict[str, Any]]]:
    """The same as JSON, per CRM."""
    found: dict[str, list[dict[str, Any]]] = {"hubspot": [], "salesforce": []}
    for each in used(store, meter):
        found[each.crm].append({name: value for name, value in asdict(each).items() if name != "crm"})
    return found
