"""HubSpot's limits, kept by what its answers say of them, and shared with whoever else calls (CRM_APIS 1.3).

The server counts calls in a rolling window. A call of ours is counted somewhere between leaving and
being answered, so it is taken to weigh from the one until a whole window after the other: then as many
calls as the limit allows can never meet a refusal, whatever the network does and however many are on
their way at once. What the window holds beyond ours belongs to others, and that much is left to them.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import requests

from usage_pipeline.crm.hubspot_answers import limit_lasts_s, limit_met

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
class Sent:
    """A call of ours."""

    left: float
    answered: float | None = None
    """None while it is on its way."""


@dataclass
class Window:
    """A rolling window of one limit: what we sent in it, and what others hold of it."""

    limit: int | None = None
    """Calls in one window; None until an answer has told."""
    seconds: float = 10.0
    others: int = 0
    closed_until: float = float("-inf")
    """After a refusal."""
    _sent: deque[Sent] = field(default_factory=deque)
    """In the order in which they left."""

    @property
    def share(self) -> int:
        """Calls of ours that the window may hold."""
        if self.limit is None:
            return 0
        free = max(1.0, FREE_SHARE * self.limit) + FREE_OF_OTHERS * self.others
        return max(1, int(self.limit - self.others - free))

    def wait(self, now: float) -> float | None:
        """Seconds until the next call may leave; None where it waits for one that is on its way."""
        closed = self.closed_until - now
        if closed > 0 or self.limit is None:
            return max(0.0, closed)
        horizon = self.seconds * (1 + EDGE_SHARE)
        weighing = [one for one in self._sent if one.answered is None or one.answered > now - horizon]
        self._sent = deque(weighing)
        held, share = len(weighing), self.share
        if held >= share:
            ends = sorted(one.answered for one in weighing if one.answered is not None)
            return ends[held - share] + horizon - now if held - share < len(ends) else None
        if held and held >= BURST_SHARE * share:
            return max(0.0, weighing[-1].left + EVENNESS * self.seconds / share - now)
        return 0.0

    def leave(self, now: float) -> None:
        """One more call of ours."""
        self._sent.append(Sent(now))

    def answer(self, left: float, now: float) -> Sent:
        """The call that left then has its answer, or will have none."""
        # Of two that left at the same moment either will do.
        one = next(one for one in self._sent if one.left == left and one.answered is None)
        one.answered = now
        return one

    def learn(self, limit: int, remaining: int, seconds: float, by: Sent) -> None:
        """What the answer to a call says of the window."""
        self.limit, self.seconds = limit, seconds
        told_at = by.answered if by.answered is not None else by.left
        # Ours are those that left no later and still counted when the server looked: both by when they left and by
        # when they were answered, since it is not known which of the two it counts by.
        ours = sum(
            by.left - seconds < one.left <= by.left and (one.answered is None or one.answered > told_at - seconds)
            for one in self._sent
        )
        self.others = max(0, limit - remaining - ours)


class HubSpotPacer:
    """A window for all calls, one for searches, and the day's calls that are left; for any number of threads."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._calls = Window()
        self._searches = Window(SEARCHES, SEARCH_WINDOW_S)
        self._changed = threading.Condition()
        self.calls_left: int | None = None
        """Of the day, by the newest answer; None for OAuth apps, which have no daily limit."""

    def before(self, path: str, sleep: Callable[[float], None]) -> float:
        if not is_counted(path):
            return self._clock()
        window = self._window(path)
        slept_until = float("-inf")
        while True:
            with self._changed:
                # A sleep is believed: timers are early by a little, and no call waits for that.
                now = max(self._clock(), slept_until)
                seconds = window.wait(now)
                if seconds is None:
                    self._changed.wait()
                    continue
                if seconds <= 0:
                    window.leave(now)
                    return now
            sleep(seconds)
            slept_until = now + seconds

    def after(self, path: str, response: requests.Response, left_at: float) -> None:
        if not is_counted(path):
            return
        with self._changed:
            window, now = self._window(path), self._clock()
            call = window.answer(left_at, now)
            self._learn(window, response, call)
            if response.status_code == 429:
                # Whoever called next would only be refused, too.
                window.closed_until = max(window.closed_until, now + limit_lasts_s(response))
            self._changed.notify_all()

    def lost(self, path: str, left_at: float) -> None:
        if not is_counted(path):
            return
        with self._changed:
            self._window(path).answer(left_at, self._clock())
            self._changed.notify_all()

    def _learn(self, window: Window, response: requests.Response, call: Sent) -> None:
        daily = _number(response.headers, "Daily-Remaining")
        if daily is not None:
            self.calls_left = daily
        limit = _number(response.headers, "Max")
        remaining = _number(response.headers, "Remaining")
        milliseconds = _number(response.headers, "Interval-Milliseconds")
        if limit and remaining is not None:
            window.learn(limit, remaining, (milliseconds or 10_000) / 1000, call)
        elif response.status_code == 429 and window.limit and window is self._calls and limit_met(response) == "burst":
            # A refusal carries no limits: all that is not ours is somebody else's.
            window.learn(window.limit, 0, window.seconds, call)

    def _window(self, path: str) -> Window:
        return self._searches if path.endswith("/search") else self._calls


def is_counted(path: str) -> bool:
    """Tokens are given outside the limits."""
    return not path.startswith("/oauth/")


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(f"X-HubSpot-RateLimit-{name}", "")
    return int(value) if value.isdecimal() else None
