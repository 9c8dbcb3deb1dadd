"""How often a client may ask: a rolling window of ten seconds, a day, and a second for search (CRM_APIS 1.3).

The wall clock counts here, since a client that is told to wait waits in real time.
"""

import time
from collections import deque
from dataclasses import dataclass, field

from usage_pipeline.sandbox.hubspot import refusals
from usage_pipeline.sandbox.store import Store

WINDOW = 10.0


@dataclass
class Meter:
    """Recent requests of the portal; forgotten when the sandbox restarts, as a window of seconds may be."""

    recent: dict[str, deque[float]] = field(default_factory=dict)
    searches: deque[float] = field(default_factory=deque)
    day: int = 0
    today: int = 0

    def admit(self, store: Store, kind: str, *, is_search: bool) -> dict[str, str]:
        """Count a request and give the limit headers of its answer.

        Raises:
            Refusal: 429, in the words of whichever limit was hit.
        """
        now = time.time()
        if int(now // 86_400) != self.day:
            self.day, self.today = int(now // 86_400), 0
        self.today += 1
        group = f"publicapi:{'private-apps' if kind == 'private' else 'oauth'}:api-calls:{store.setting('portal_id')}"
        daily = store.setting("hubspot_daily_limit")
        # Only apps inside the account have a daily limit; OAuth calls omit the pair.
        counts_days = kind == "private"
        if counts_days and self.today > daily:
            raise refusals.daily(group)
        pair = {"X-HubSpot-RateLimit-Daily": str(daily), "X-HubSpot-RateLimit-Daily-Remaining": str(daily - self.today)}
        pair = pair if counts_days else {}
        if is_search:
            if _full(self.searches, now, 1.0, store.setting("hubspot_search_per_second")):
                raise refusals.secondly()
            return pair  # search answers carry only the daily pair
        most = store.setting("hubspot_burst_limit" if counts_days else "hubspot_oauth_burst_limit")
        window = self.recent.setdefault(kind, deque())
        if _full(window, now, WINDOW, most):
            raise refusals.burst(group)
        return pair | {
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(max(0, most - len(window))),
            "X-HubSpot-RateLimit-Secondly": str(max(1, most // 10)),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(max(0, most // 10 - sum(at > now - 1 for at in window))),
        }


def _full(window: deque[float], now: float, seconds: float, most: int) -> bool:
    while window and window[0] <= now - seconds:
        window.popleft()
    if len(window) >= most:
        return True
    window.append(now)
    return False
