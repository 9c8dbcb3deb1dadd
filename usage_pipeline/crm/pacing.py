"""HubSpot's limits, kept by what its answers say of them, and shared with whoever else calls (CRM_APIS 1.3).

The server counts calls in a rolling window. A call of ours is counted somewhere between leaving and
being answered, so it is taken to weigh until a whole window after its answer: then as many calls as
the limit allows can never meet a refusal, whatever the network does. What the window holds beyond
ours belongs to others, and that much is left to them.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import requests

Clock = Callable[[], float]

# Five a second per account; its answers do not tell, so the number is the documented one.
SEARCHES, SEARCH_WINDOW_S = 5, 1.0
# Clocks differ, and a timer may be early: a hundredth of the window is left unused at its edge.
EDGE_SHARE = 0.01
# Part of the limit that stays free, and of what others hold, since they do not call evenly.
FREE_SHARE, FREE_OF_OTHERS = 0.02, 0.1
# Half of the window may go out at once; from there on calls are spread nearly evenly.
BURST_SHARE, EVENNESS = 0.5, 0.95


@dataclass
class Window:
    """A rolling window of one limit: what we sent in it, and what others hold of it."""

    limit: int | None = None
    """Calls in one window; None until an answer has told."""
    seconds: float = 10.0
    others: int = 0
    _sent: deque[float] = field(default_factory=deque)
    _answered: deque[float] = field(default_factory=deque)

    @property
    def share(self) -> int:
        """Calls of ours that the window may hold."""
        if self.limit is None:
            return 0
        free = max(1.0, FREE_SHARE * self.limit) + FREE_OF_OTHERS * self.others
        return max(1, int(self.limit - self.others - free))

    def wait(self, now: float) -> float:
        """Seconds until the next call may leave."""
        if self.limit is None:
            return 0.0
        horizon = self.seconds * (1 + EDGE_SHARE)
        while self._answered and self._answered[0] <= now - horizon:
            self._answered.popleft()
            self._sent.popleft()
        held, share = len(self._answered), self.share
        if held >= share:
            return self._answered[held - share] + horizon - now
        if held and held >= BURST_SHARE * share:
            return max(0.0, self._sent[-1] + EVENNESS * self.seconds / share - now)
        return 0.0

    def note(self, sent: float, answered: float) -> None:
        """One more call of ours."""
        self._sent.append(sent)
        self._answered.append(answered)

    def learn(self, limit: int, remaining: int, seconds: float) -> None:
        """What the answer to the newest call says of the window."""
        self.limit, self.seconds = limit, seconds
        # Those that certainly still counted when the server looked.
        ours = sum(sent > self._answered[-1] - seconds for sent in self._sent)
        self.others = max(0, limit - remaining - ours)


class HubSpotPacer:
    """A window for all calls, one for searches, and the day's calls that are left."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._calls = Window()
        self._searches = Window(SEARCHES, SEARCH_WINDOW_S)
        self._left_at = 0.0
        self.calls_left: int | None = None
        """Of the day, by the newest answer; None for OAuth apps, which have no daily limit."""

    def before(self, path: str, sleep: Callable[[float], None]) -> None:
        if not is_counted(path):
            return
        seconds = self._window(path).wait(self._clock())
        if seconds > 0:
            sleep(seconds)
        self._left_at = self._clock()

    def after(self, path: str, response: requests.Response) -> None:
        if not is_counted(path):
            return
        window = self._window(path)
        window.note(self._left_at, self._clock())
        daily = _number(response.headers, "Daily-Remaining")
        if daily is not None:
            self.calls_left = daily
        limit = _number(response.headers, "Max")
        remaining = _number(response.headers, "Remaining")
        milliseconds = _number(response.headers, "Interval-Milliseconds")
        if limit and remaining is not None:
            window.learn(limit, remaining, (milliseconds or 10_000) / 1000)
        elif response.status_code == 429 and window.limit and window is self._calls:
            # A refusal carries no limits: all that is not ours is somebody else's.
            window.learn(window.limit, 0, window.seconds)

    def _window(self, path: str) -> Window:
        return self._searches if path.endswith("/search") else self._calls


def is_counted(path: str) -> bool:
    """Tokens are given outside the limits."""
    return not path.startswith("/oauth/")


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(f"X-HubSpot-RateLimit-{name}", "")
    return int(value) if value.isdecimal() else None
