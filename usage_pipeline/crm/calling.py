"""One HTTP conversation with a CRM: which failures may be repeated, and how long to wait.

The class of an operation decides. *Safe* reads and *idempotent* writes are repeated after any
passing failure. An *unsafe* one (a create without a unique key) is repeated only when the CRM
certainly did not begin it; otherwise its outcome is unknown, and somebody has to read first.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import NewConnectionError

from usage_pipeline import spans
from usage_pipeline.crm.rejections import BudgetSpent, OutcomeUnknown, Refused
from usage_pipeline.errors import Unavailable

ATTEMPTS = 6
# Connecting to a vendor takes well below a second; a full batch may take several.
TIMEOUT_S = (5.0, 60.0)
LONGEST_WAIT_S = 10.0


class Class(StrEnum):
    """What repeating an operation would do."""

    SAFE = "safe"
    IDEMPOTENT = "idempotent"
    UNSAFE = "unsafe"


@dataclass(frozen=True)
class Wait:
    """A verdict on a response: ask again after `seconds` (None: after a growing pause)."""

    why: str
    seconds: float | None = None
    may_have_happened: bool = False


@dataclass
class Calls:
    """API calls made, for the summary and the plan's honesty."""

    reads: int = 0
    writes: int = 0

    @property
    def total(self) -> int:
        return self.reads + self.writes


Verdict = Callable[[requests.Response], Wait | None]
"""None: fine. Raises `Refused` or `BudgetSpent` where waiting does not help."""


class Pacer(Protocol):
    """Keeps the calls of a client within the CRM's limits, by what its answers say of them."""

    def before(self, path: str, sleep: Callable[[float], None]) -> float:
        """Wait until a call of this path may leave; the moment at which it does."""

    def after(self, path: str, response: requests.Response, left_at: float) -> None:
        """Learn from the answer to the call that left then."""

    def lost(self, path: str, left_at: float) -> None:
        """The call that left then gets no answer."""


class Caller:
    """A conversation with one CRM, from any number of threads."""

    def __init__(
        self,
        base_url: str,
        verdict: Verdict,
        *,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
        pacer: Pacer | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.session = session or requests.Session()
        """That of the thread which made this; every other thread has one like it."""
        self.calls = Calls()
        self.sleep = sleep
        self._verdict = verdict
        self._pacer = pacer
        self._guard = threading.Lock()
        self._own = threading.local()
        self._own.session = self.session

    def call(
        self,
        method: str,
        path: str,
        kind: Class,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """The response, once it is fine and whole; see the module for what is repeated.

        `data` is a form or a body as it is. Raises `Refused`, `BudgetSpent`, `Unavailable`, and
        `OutcomeUnknown` where a write may have been carried out: also where an answer was lost and
        the repetition was then refused.
        """
        may_have_happened = False
        why = ""
        for attempt in range(ATTEMPTS):
            self._count(kind)
            try:
                response = self._paced(
                    method, path, attempt + 1, json=json, params=params, data=data, headers=headers, timeout=TIMEOUT_S
                )
            except requests.RequestException as failure:
                wait = Wait(
                    f"{type(failure).__name__} at {method} {path}",
                    may_have_happened=not was_never_sent(failure),
                )
            else:
                try:
                    verdict = self._verdict(response) or _torn(response)
                except (Refused, BudgetSpent) as refused:
                    if may_have_happened and kind is not Class.SAFE:
                        raise _unknown(method, path, f"{why}, and then {refused.cause}") from refused
                    raise
                if verdict is None:
                    return response
                wait = verdict
            why = wait.why
            may_have_happened = may_have_happened or wait.may_have_happened
            if may_have_happened and kind is Class.UNSAFE:
                break
            if attempt + 1 < ATTEMPTS:
                self.sleep(_pause(wait, attempt))
        if may_have_happened and kind is not Class.SAFE:
            raise _unknown(method, path, why)
        raise Unavailable(f"{method} {path}: {why}", fix=f"see whether {self.base_url} can be reached, then run again")

    def _paced(self, method: str, path: str, attempt: int, **how: Any) -> requests.Response:
        if self._pacer is None:
            return self._asked(method, path, attempt, **how)
        left_at = self._pacer.before(path, self.sleep)
        try:
            response = self._asked(method, path, attempt, **how)
        except BaseException:
            # Whatever happened, somebody may be waiting for this call to be over.
            self._pacer.lost(path, left_at)
            raise
        self._pacer.after(path, response, left_at)
        return response

    def _asked(self, method: str, path: str, attempt: int, **how: Any) -> requests.Response:
        # The path says which call it is; parameters, bodies and headers may hold what is nobody's business.
        with spans.span(f"{method} {path}", attempt=attempt) as one:
            response = self._session().request(method, self.base_url + path, **how)
            one.set_attribute("http.response.status_code", response.status_code)
        return response

    def _session(self) -> requests.Session:
        """This thread's own: nobody promises that a session may be shared (psf/requests#2766)."""
        if not hasattr(self._own, "session"):
            self._own.session = _like(self.session)
        session: requests.Session = self._own.session
        return session

    def _count(self, kind: Class) -> None:
        with self._guard:
            if kind is Class.SAFE:
                self.calls.reads += 1
            else:
                self.calls.writes += 1


def _like(session: requests.Session) -> requests.Session:
    """Headers and cookies of its own; adapters are shared: urllib3's pools of connections are made for threads."""
    other = type(session).__new__(type(session))
    vars(other).update(vars(session))
    other.headers, other.cookies = CaseInsensitiveDict(session.headers), session.cookies.copy()
    return other


def _unknown(method: str, path: str, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{method} {path}: {why}; it may have been carried out",
        fix="run the apply again: it reads the CRM before it sends anything twice",
    )


def _torn(response: requests.Response) -> Wait | None:
    """An answer that says it is JSON and breaks off: what it answers was done all the same."""
    if not response.content or "json" not in response.headers.get("Content-Type", ""):
        return None
    try:
        response.json()
    except requests.JSONDecodeError:
        return Wait("an answer that breaks off", may_have_happened=True)
    return None


def is_on_this_machine(url: str) -> bool:
    """Loopback: whatever answers there, it is no vendor's live system."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


def was_never_sent(failure: requests.RequestException) -> bool:
    """Whether the connection failed before the request could have reached the CRM."""
    if isinstance(failure, requests.ConnectTimeout):
        return True
    reason: Any = failure.args[0] if failure.args else None
    return isinstance(getattr(reason, "reason", None), NewConnectionError)


def _pause(wait: Wait, attempt: int) -> float:
    """As long as the CRM asks, else doubling from half a second; jitter keeps clients apart."""
    jitter = random.uniform(0, 0.25)  # noqa: S311 - spreads retries, guards nothing
    if wait.seconds is not None:
        return wait.seconds + jitter
    return float(min(LONGEST_WAIT_S, 0.5 * 2**attempt)) + jitter
