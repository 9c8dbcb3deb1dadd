"""One request to a CRM: who asked what, and what was answered.

Every request is one transaction that ends with its own line in the API log.
A vendor's refusal undoes whatever the request had written before it.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from usage_pipeline.sandbox import faults, traffic
from usage_pipeline.sandbox.store import Store


@dataclass(frozen=True)
class Call:
    """What a client asked."""

    method: str
    path: str
    segments: tuple[str, ...]
    """The path between slashes, decoded one by one: a key may hold an encoded slash."""
    query: QueryParams
    headers: Headers
    body: bytes
    base_url: str

    def form(self) -> dict[str, str]:
        """The fields of a form in the body, the first value of each."""
        return {name: given[0] for name, given in parse_qs(self.body.decode("utf-8", "replace")).items()}


@dataclass(frozen=True)
class Reply:
    """What the CRM answers; a body of None is an empty one."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An answer that undoes the request."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body)
        self.reply = reply


TRANSPORT = "sandbox.transport"
"""Where the server puts a request's connection, so that it can be cut."""

Handler = Callable[..., Reply]


class Routes:
    """Handlers by method and path; literal parts match in any case, `{name}` takes one part."""

    def __init__(self) -> None:
        self._by_length: dict[int, list[tuple[str, tuple[str, ...], Handler]]] = {}

    def on(self, methods: str, pattern: str, handler: Handler) -> None:
        parts = tuple(pattern.strip("/").split("/")) if pattern.strip("/") else ()
        for method in methods.split("|"):
            self._by_length.setdefault(len(parts), []).append((method, parts, handler))

    def find(self, method: str, segments: tuple[str, ...]) -> tuple[Handler | None, dict[str, str], bool]:
        """The handler, its named parts, and whether the path exists for another method."""
        elsewhere = False
        for known, parts, handler in self._by_length.get(len(segments), ()):
            named = _match(parts, segments)
            if named is None:
                continue
            if known == method:
                return handler, named, True
            elsewhere = True
        return None, {}, elsewhere


def _match(parts: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    named = {}
    for part, segment in zip(parts, segments, strict=True):
        if part[0] == "{":
            named[part[1:-1]] = segment
        elif part != segment.lower():
            return None
    return named


class Door:
    """The ASGI side of one CRM."""

    def __init__(self, store: Store, crm: str, answer: Callable[[Store, Call], Reply]) -> None:
        self.store = store
        self.crm = crm
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        call = _call(request, await request.body())
        started = time.perf_counter()
        with self.store.request():
            fault = faults.take(self.store, self.crm, call.method, call.path)
            reply = self._reply(call, fault)
            content = b"" if reply.body is None else json.dumps(reply.body, ensure_ascii=False).encode()
            if fault is not None and fault.drops:
                content, status = b"", 0
            else:
                status = reply.status
            elapsed = (time.perf_counter() - started) * 1000
            traffic.record(self.store, self.crm, call.method, _shown_path(request), status, elapsed, call.body, content)
        if status == 0:
            await _drop(scope, receive)
            return
        media = "application/json;charset=UTF-8" if content else None
        await Response(content, reply.status, reply.headers, media)(scope, receive, send)

    def _reply(self, call: Call, fault: faults.Fault | None) -> Reply:
        if fault is not None and not fault.commits:
            return Reply(fault.status, fault.body, fault.headers)
        try:
            with self.store.attempt():
                reply = self.answer(self.store, call)
        except Refusal as refusal:
            reply = refusal.reply
        if fault is not None and fault.status:
            return Reply(fault.status, fault.body, fault.headers)
        return reply


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


def listed(query: QueryParams, name: str) -> list[str]:
    """A list parameter, given as `a,b` or as `name=a&name=b`."""
    return [part for value in query.getlist(name) for part in re.split(r"\s*,\s*", value.strip()) if part]
