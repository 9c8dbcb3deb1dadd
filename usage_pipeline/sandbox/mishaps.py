"""What can go wrong between a client and any web service, and the words that all kinds of faults share.

A kind of fault is one function: it is handed the blow (which call, with which
parameters, and how to carry it out) and gives what the client gets to see.
What only a HubSpot or only a Salesforce does stands in their own `mishaps`.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from usage_pipeline.sandbox.exchange import Call, Reply
from usage_pipeline.sandbox.store import Store

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What leaves the server."""

    reply: Reply
    cut: bool = False
    """The connection is reset: no byte of the reply leaves."""
    torn: bool = False
    """Only the first half of the body leaves."""
    seconds: float = 0.0
    """How long the answer takes."""
    detail: str = ""
    """What was done to whom: the record that was merged, the field that was deleted."""


@dataclass(frozen=True)
class Blow:
    """One fault that meets one call."""

    store: Store
    crm: str
    call: Call
    given: dict[str, Any]
    """The fault as it was armed, with the parameters of its kind."""
    seed: str
    """The same for the same fault at the same call of a run."""
    carry_out: Callable[[Call], Reply]
    """Does what the call asks, in its own savepoint; a refusal is an answer too."""

    def body(self) -> dict[str, Any]:
        """The call's JSON; empty where it has none."""
        try:
            body = json.loads(self.call.body or b"{}")
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    def done(self, call: Call | None = None) -> Reply:
        """The call carried out, or another one in its place."""
        return self.carry_out(call or self.call)

    def one_of(self, candidates: Sequence[T]) -> T:
        """One of them, drawn by the seed."""
        return candidates[int(drawn(self.seed, "one") * len(candidates))]


@dataclass(frozen=True)
class Kind:
    """A way in which a call goes wrong."""

    name: str
    says: str
    strike: Callable[[Blow], Outcome]
    fits: Callable[[Blow], bool] = lambda _: True
    """Whether it can strike this call at all: a read has no rows to refuse."""
    takes: tuple[str, ...] = ()
    """Parameters of its own, besides crm, match, after, times and schedule."""


def drawn(seed: str, salt: str) -> float:
    """A number from 0 up to 1, the same for the same words everywhere."""
    digest = hashlib.sha256(f"{seed}:{salt}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def struck_rows(blow: Blow, names: Sequence[str]) -> set[int]:
    """Which rows of a request a fault of rows takes: `rows` is how many (1), "all", or the names of those meant."""
    wanted = blow.given.get("rows", 1)
    if wanted == "all":
        return set(range(len(names)))
    if isinstance(wanted, list):
        return {at for at, name in enumerate(names) if name in {str(each) for each in wanted}}
    # Drawn by what a row names, not by where it stands: the order of a request is the client's.
    ranked = sorted(range(len(names)), key=lambda at: drawn(blow.seed, names[at]))
    return set(ranked[: int(wanted)])


def instead(reply: Callable[[Blow], Reply]) -> Callable[[Blow], Outcome]:
    """A strike that answers something else and does nothing."""
    return lambda blow: Outcome(reply(blow))


def afterwards(reply: Callable[[Blow], Reply]) -> Callable[[Blow], Outcome]:
    """A strike that carries the call out and then answers something else."""

    def strike(blow: Blow) -> Outcome:
        blow.done()
        return Outcome(reply(blow))

    return strike


def meanwhile(act: Callable[[Blow], str]) -> Callable[[Blow], Outcome]:
    """A strike that changes the CRM's state first and then carries the call out as it is; `act` says what it did."""

    def strike(blow: Blow) -> Outcome:
        detail = act(blow)
        return Outcome(blow.done(), detail=detail)

    return strike


def from_now_on(blow: Blow, kind: str) -> None:
    """Arm a fault that strikes every later call of this CRM, until somebody disarms it."""
    fault = json.dumps({"kind": kind, "crm": blow.crm, "times": None})
    blow.store.run("INSERT INTO armed VALUES (?, ?, -1, '{}', 0)", blow.store.number("fault"), fault)
    blow.store.cache.pop("armed", None)


_BODIES: dict[str, Any] = {
    "hubspot": {"status": "error", "message": "the sandbox failed on demand"},
    "salesforce": [{"errorCode": "SERVER_UNAVAILABLE", "message": "the sandbox failed on demand"}],
}


def _chosen(blow: Blow) -> Reply:
    given = blow.given
    return Reply(int(given.get("status", 503)), given.get("body", _BODIES[blow.crm]), given.get("headers") or {})


def _gateway(status: int, words: str) -> Callable[[Blow], Reply]:
    """A proxy before the CRM answers in HTML, and knows nothing of the CRM's headers."""
    page = f"<html><head><title>{status} {words}</title></head><body><h1>{status} {words}</h1></body></html>"
    return lambda _: Reply(status, page.encode(), {"Content-Type": "text/html; charset=utf-8"})


def _nothing_leaves(blow: Blow) -> Outcome:  # noqa: ARG001
    return Outcome(Reply(0), cut=True)


def _done_and_nothing_leaves(blow: Blow) -> Outcome:
    return Outcome(blow.done(), cut=True)


def _slow(blow: Blow) -> Outcome:
    return Outcome(blow.done(), seconds=float(blow.given.get("seconds", 5.0)))


def _torn(blow: Blow) -> Outcome:
    return Outcome(blow.done(), torn=True)


def _twice(blow: Blow) -> Outcome:
    first = blow.done()
    second = blow.done()
    return Outcome(first if blow.given.get("answer") == "first" else second, detail=f"answered {first.status} first")


NETWORK = (
    Kind("status", "an answer of your choosing in place of the real one; nothing is done", instead(_chosen), takes=("status", "body", "headers")),
    Kind("status_after_commit", "the request is carried out, and an answer of your choosing says otherwise", afterwards(_chosen), takes=("status", "body", "headers")),
    Kind("drop", "the connection is reset before anything is done", _nothing_leaves),
    Kind("drop_after_commit", "the request is carried out, and the connection is reset before the answer", _done_and_nothing_leaves),
    Kind("bad_gateway", "502 from a proxy; nothing is done", instead(_gateway(502, "Bad Gateway"))),
    Kind("gateway_timeout", "504 from a proxy that never reached the CRM; nothing is done", instead(_gateway(504, "Gateway Timeout"))),
    Kind("gateway_timeout_after_commit", "504 from a proxy that gave up waiting; the request is carried out", afterwards(_gateway(504, "Gateway Timeout"))),
    Kind("slow_answer", "the request is carried out, and the answer comes after so many seconds (5)", _slow, takes=("seconds",)),
    Kind("torn_answer", "the request is carried out, and half of the answer's body arrives", _torn),
    Kind("duplicate_delivery", "a network delivers the request twice, and both are carried out; the client sees the second answer, or the one that `answer` names (first)", _twice, takes=("answer",)),
)  # fmt: skip
"""Kinds that no CRM has any say in."""
