"""The control API under `/_sandbox/`: what a test, a script or the simulated company tells the sandbox."""

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usage_pipeline.sandbox import faults, overview, people, stock, traffic
from usage_pipeline.sandbox.exchange import Refusal
from usage_pipeline.sandbox.salesforce.refusals import RowError
from usage_pipeline.sandbox.store import DEFAULTS, Store, moment

Handler = Callable[[Store, Request, dict[str, Any]], Any]


def routes(store: Store) -> list[Route]:
    """The control API's routes over one state file."""

    def route(method: str, path: str, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            return _answer(store, handler, request, await request.body())

        return Route(path, endpoint, methods=[method])

    return [
        route("GET", "/health", _health),
        route("POST", "/stock", lambda store, _, given: stock.fill(store, given)),
        route("POST", "/reset", _reset),
        route("POST", "/clock", _clock),
        route("GET", "/settings", lambda store, _, __: {name: store.setting(name) for name in DEFAULTS}),
        route("POST", "/settings", _settings),
        route("POST", "/faults", lambda store, _, given: {"id": faults.add(store, given)}),
        route("DELETE", "/faults", _disarm),
        route("GET", "/log", _log),
        route("GET", "/tasks", _tasks),
        route("POST", "/tasks/{crm}/{id}", _finish),
        route("PATCH", "/companies/{crm}/{id}", _edit),
        route("DELETE", "/companies/{crm}/{id}", _remove),
        route("POST", "/sessions/expire", _expire),
    ]


def _answer(store: Store, handler: Handler, request: Request, body: bytes) -> Response:
    try:
        given = _given(body)
        with store.request():
            return JSONResponse(handler(store, request, given))
    except LookupError as problem:
        return JSONResponse({"error": str(problem)}, 404)
    except ValueError as problem:
        return JSONResponse({"error": str(problem)}, 400)
    except RowError as problem:
        return JSONResponse({"error": problem.message}, 400)
    except Refusal as refusal:
        return JSONResponse({"error": refusal.reply.body}, refusal.reply.status)


def _given(body: bytes) -> dict[str, Any]:
    given = json.loads(body or b"{}")
    if not isinstance(given, dict):
        raise ValueError("a JSON object is expected")  # noqa: TRY004 - told to the caller like any other bad input
    return given


def _health(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    return {
        "ok": True,
        "now": moment(store.now()),
        "portal_id": store.setting("portal_id"),
        "organisation_id": store.setting("salesforce_organisation"),
        "counts": overview.counts(store),
    }


def _reset(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    store.empty()
    stock.prepare(store)
    return {"ok": True, "portal_id": store.setting("portal_id")}


def _clock(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    if "now" not in given:
        raise ValueError('say {"now": "2026-05-04T08:00:00Z"}, or null for the wall clock')
    if given["now"] is None:
        store.turn(None)
    else:
        at = datetime.fromisoformat(str(given["now"]))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        store.turn(round(at.timestamp() * 1000))
    return {"now": moment(store.now())}


def _settings(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    for name, value in given.items():
        if name not in DEFAULTS:
            raise ValueError(f"{name} is no setting; there are {', '.join(DEFAULTS)}")
        default = DEFAULTS[name]
        alike = (int, float) if isinstance(default, int) and not isinstance(default, bool) else type(default)
        if not isinstance(value, alike):
            raise ValueError(f"{name} must be of the kind of {default!r}, not {value!r}")  # noqa: TRY004 - as above
        store.set(name, value)
    # Definitions and permissions may read differently now.
    store.cache.clear()
    return {name: store.setting(name) for name in DEFAULTS}


def _disarm(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    gone = store.run("DELETE FROM fault")
    store.cache.pop("faults", None)
    return {"disarmed": gone}


def _log(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    query = request.query_params
    return traffic.entries(
        store, crm=query.get("crm") or None, since=int(query.get("since") or 0), limit=int(query.get("limit") or 1_000)
    )


def _tasks(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    query = request.query_params
    found = overview.tasks(store, status=query.get("status") or None, crm=query.get("crm") or None)
    return [dataclasses.asdict(task) for task in found]


def _finish(store: Store, request: Request, given: dict[str, Any]) -> Any:
    crm, task = request.path_params["crm"], request.path_params["id"]
    people.finish(store, crm, task, str(given.get("status")), str(given.get("answer") or ""))
    return {"ok": True}


def _edit(store: Store, request: Request, given: dict[str, Any]) -> Any:
    people.edit(store, request.path_params["crm"], request.path_params["id"], given.get("properties") or {})
    return {"ok": True}


def _remove(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    people.remove(store, request.path_params["crm"], request.path_params["id"])
    return {"ok": True}


def _expire(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    """Every session and access token ends now, as they do when an administrator revokes them."""
    return {"expired": store.run("UPDATE token SET expires = 0")}
