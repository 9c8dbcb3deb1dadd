"""The server: both CRMs, the control API and the pages, on one HTTP port and, beside it, one with TLS."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from usage_pipeline.sandbox import certificate, control, pages, stock
from usage_pipeline.sandbox.door import TRANSPORT, Door
from usage_pipeline.sandbox.hubspot import api as hubspot
from usage_pipeline.sandbox.hubspot import limits
from usage_pipeline.sandbox.salesforce import api as salesforce
from usage_pipeline.sandbox.store import Store


class _Vendors:
    """Hands a path to the CRM that owns it."""

    def __init__(self, store: Store, meter: limits.Meter) -> None:
        self._hubspot = Door(store, "hubspot", partial(hubspot.answer, meter=meter))
        self._salesforce = Door(store, "salesforce", salesforce.answer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = scope["path"].lstrip("/").partition("/")[0].lower()
        if first == "services":
            await self._salesforce(scope, receive, send)
        elif first in ("crm", "oauth", "account-info"):
            await self._hubspot(scope, receive, send)
        else:
            await PlainTextResponse("Nothing here. The pages begin at /", 404)(scope, receive, send)


def create_app(state: Path) -> Starlette:
    """Both CRMs on the state file, which is made when it does not exist.

    Raises:
        RuntimeError: when another sandbox holds the file.
    """
    store = Store(state)
    with store.request():
        stock.prepare(store)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        store.close()

    meter = limits.Meter()
    app = Starlette(
        routes=[
            Mount("/_sandbox", routes=control.routes(store, meter)),
            *pages.routes(store, meter),
            Mount("/", app=_Vendors(store, meter)),
        ],
        lifespan=lifespan,
    )
    app.state.store = store
    return app


class _Cuttable:
    """Hands the connection itself to the application: ASGI has no word for cutting one."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn's `send` is a method of the object that holds the transport; Starlette wraps it away.
        scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app(scope, receive, send)


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us: two of them run in one process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(state: Path, port: int, tls_port: int | None, host: str = "127.0.0.1") -> None:
    """Serve until SIGTERM or SIGINT; port 0 takes a free one, and the addresses are printed.

    Raises:
        RuntimeError: when the state file or a port is in use.
    """
    app = create_app(state)
    listeners = [_listen(host, port)]
    servers = [_server(app, lifespan="on")]
    lines = [f"sandbox: http://{host}:{listeners[0].getsockname()[1]}"]
    if tls_port is not None:
        files = certificate.ensure(state.parent, host)
        listeners.append(_listen(host, tls_port))
        # The first server opens and closes the state; the second must not close it twice.
        servers.append(_server(app, lifespan="off", ssl_certfile=files.certificate, ssl_keyfile=files.key))
        lines.append(f"sandbox tls: https://{host}:{listeners[1].getsockname()[1]} certificate {files.certificate}")
    print(*lines, sep="\n", flush=True)
    asyncio.run(_run(servers, listeners))


async def _run(servers: list[_Server], listeners: list[socket.socket]) -> None:
    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await asyncio.gather(*(server.serve([listener]) for server, listener in zip(servers, listeners, strict=True)))


def _server(app: Starlette, **options: Any) -> _Server:
    return _Server(
        uvicorn.Config(
            _Cuttable(app),
            access_log=False,
            log_level="warning",
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            **options,
        )
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        listener = socket.create_server((host, port), backlog=256)
    except OSError as problem:
        raise RuntimeError(
            f"{host}:{port} cannot be used ({problem.strerror}). Stop what listens there, or name another port."
        ) from problem
    # Accepted connections inherit it; without, a keep-alive client waits 40 ms for each answer's second packet.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
