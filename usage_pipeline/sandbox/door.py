"""The ASGI side of a CRM: a request comes in, a fault may strike it, and it is logged with its answer.

Every request is one transaction that ends with its own line in the API log.
A vendor's refusal undoes whatever the request had written before it.
"""

import asyncio
import json
import time
from collections.abc import Callable
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from usage_pipeline.sandbox import faults, traffic
from usage_pipeline.sandbox.exchange import Call, Refusal, Reply
from usage_pipeline.sandbox.mishaps import Outcome
from usage_pipeline.sandbox.store import Store

TRANSPORT = "sandbox.transport"
"""Where the server puts a request's connection, so that it can be cut."""

Answer = Callable[[Store, Call], Reply]


class Door:
    """Where one CRM's requests come in."""

    def __init__(self, store: Store, crm: str, answer: Answer) -> None:
        self.store = store
        self.crm = crm
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        call = _call(request, await request.body())
        started = time.perf_counter()
        with self.store.request():
            fault, outcome = faults.strike(self.store, self.crm, call, self._carry_out)
            content, headers = _content(outcome)
            status = 0 if outcome.cut else outcome.reply.status
            elapsed = (time.perf_counter() - started + outcome.seconds) * 1000
            traffic.record(
                self.store,
                traffic.Entry(self.crm, call.method, _shown_path(request), status, elapsed, call.body, content, fault),
            )
        # Outside the transaction: while one client waits for a late answer, others are served.
        if outcome.seconds:
            await asyncio.sleep(outcome.seconds)
        if outcome.cut:
            await _drop(scope, receive)
            return
        await Response(content, status, headers)(scope, receive, send)

    def _carry_out(self, call: Call) -> Reply:
        try:
            with self.store.attempt():
                return self.answer(self.store, call)
        except Refusal as refusal:
            return refusal.reply


def _content(outcome: Outcome) -> tuple[bytes, dict[str, str]]:
    """The bytes that leave, and the headers that go with them."""
    reply = outcome.reply
    if outcome.cut or reply.body is None:
        return b"", dict(reply.headers)
    if isinstance(reply.body, bytes):
        content, headers = reply.body, dict(reply.headers)
    else:
        content = json.dumps(reply.body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json;charset=UTF-8", **reply.headers}
    return (content[: len(content) // 2] if outcome.torn else content), headers


def _call(request: Request, body: bytes) -> Call:
    raw = (request.scope.get("raw_path") or request.url.path.encode()).split(b"?")[0].decode("latin-1")
    # Clients spell a path with and without a trailing slash, and some double one.
    segments = tuple(unquote(part) for part in raw.split("/") if part)
    return Call(
        method=request.method,
        path=request.url.path,
        segments=segments,
        query=request.query_params,
        headers=request.headers,
        body=body,
        base_url=f"{request.url.scheme}://{request.url.netloc}",
    )


def _shown_path(request: Request) -> str:
    return request.url.path + (f"?{unquote(request.url.query)}" if request.url.query else "")


async def _drop(scope: Scope, receive: Receive) -> None:
    """Cut the connection without a byte of an answer, as a network does."""
    transport: asyncio.Transport | None = scope.get(TRANSPORT)
    if transport is None:
        raise ConnectionResetError("the sandbox dropped this connection on demand")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        continue
