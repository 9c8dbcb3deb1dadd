"""The control API under `/_sandbox/`: what a test, a script or the simulated company tells the sandbox."""

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usage_pipeline.sandbox import allowance, faults, kinds, mending, openapi, overview, people, state, stock, traffic
from usage_pipeline.sandbox.exchange import Refusal
from usage_pipeline.sandbox.hubspot.limits import Meter
from usage_pipeline.sandbox.salesforce.refusals import RowError
from usage_pipeline.sandbox.store import DEFAULTS, Store, moment

Handler = Callable[[Store, Request, dict[str, Any]], Any]


def routes(store: Store, meter: Meter) -> list[Route]:
    """The control API's routes over one state file; `meter` is what counts HubSpot's calls."""

    def route(method: str, path: str, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            return _answer(store, handler, request, await request.body())

        return Route(path, endpoint, methods=[method])

    return [
        route("GET", "/health", _health),
        route("GET", "/openapi.json", lambda *_: openapi.document()),
        route("POST", "/stock", lambda store, _, given: stock.fill(store, given)),
        route("POST", "/reset", _reset),
        route("POST", "/clock", _clock),
        route("GET", "/settings", lambda store, _, __: {name: store.setting(name) for name in DEFAULTS}),
        route("POST", "/settings", _settings),
        route("POST", "/faults", lambda store, _, given: {"id": faults.arm(store, given)}),
        route("GET", "/faults", lambda store, _, __: {"armed": faults.armed(store), "struck": faults.struck(store)}),
        route("GET", "/faults/kinds", lambda *_: kinds.described()),
        route("POST", "/faults/mend", lambda store, _, __: {"mended": mending.mend(store)}),
        route("DELETE", "/faults", lambda store, _, __: {"disarmed": faults.disarm(store)}),
        route("DELETE", "/faults/{id:int}", _disarm),
        route("GET", "/log", _log),
        route("GET", "/calls", lambda store, _, __: traffic.counted(store)),
        route("DELETE", "/calls", _count_anew),
        route("GET", "/limits", lambda store, _, __: allowance.told(store, meter)),
        route("GET", "/state", _state),
        route("GET", "/tasks", _tasks),
        route("POST", "/tasks/{crm}/{id}", _finish),
        route("PATCH", "/companies/{crm}/{id}", _edit),
        route("DELETE", "/companies/{crm}/{id}", _remove),
        route("POST", "/companies/{crm}/{id}/merge", _merge),
        route("PATCH", "/owners/{email}", _owner),
        route("POST", "/sessions/expire", _expire),
    ]


def _answer(store: Store, handler: Handler, request: Request, body: bytes) -> Response:
    try:
        given = _given(body)
        with store.request():
            return JSONResponse(handler(store, request, given))
    except LookupError as problem:
        return JSONResponse({"error": str(problem)}, 404)
    except (ValueError, OverflowError) as problem:
        return JSONResponse({"error": str(problem)}, 400)
    except RowError as problem:
        return JSONResponse({"error": problem.message}, 400)
    except Refusal as refusal:
        return JSONResponse({"error": refusal.reply.body}, refusal.reply.status)


def _given(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body or b"{}")
    except RecursionError:
        raise ValueError("a JSON object of fewer levels is expected") from None
    if not isinstance(given, dict):
        raise ValueError("a JSON object is expected")  # noqa: TRY004 - told to the caller like any other bad input
    return given


def _health(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    return {
        "ok": True,
        "state": str(store.path),
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
    number = request.path_params["id"]
    if not faults.disarm(store, number):
        raise LookupError(f"no fault {number} is armed")
    return {"disarmed": 1}


def _count_anew(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    traffic.count_anew(store)
    return {"ok": True}


def _state(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    only = request.query_params.get("crm") or None
    return {crm: state.of(store, crm) for crm in stock.CRMS if only in (None, crm)}


def _log(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    query = request.query_params
    return traffic.entries(
        store,
        crm=query.get("crm") or None,
        since=_whole(query.get("since"), 0),
        limit=_whole(query.get("limit"), 1_000),
        struck=query.get("struck") == "true",
    )


def _whole(given: str | None, default: int) -> int:
    """A whole number of a query, small enough for the file."""
    if not given:
        return default
    if not (given.isascii() and given.isdecimal() and len(given) <= 18):
        raise ValueError(f"{given[:40]} is no number of a call")
    return int(given)


def _tasks(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    query = request.query_params
    found = overview.tasks(store, status=query.get("status") or None, crm=query.get("crm") or None)
    return [dataclasses.asdict(task) for task in found]


def _finish(store: Store, request: Request, given: dict[str, Any]) -> Any:
    crm, task = request.path_params["crm"], request.path_params["id"]
    people.finish(store, crm, task, str(given.get("status")), str(given.get("answer") or ""))
    return {"ok": True}


def _edit(store: Store, request: Request, given: dict[str, Any]) -> Any:
    properties = given.get("properties") or {}
    if not isinstance(properties, dict):
        raise ValueError('say {"properties": {"name": "value"}}')  # noqa: TRY004 - as above
    people.edit(store, request.path_params["crm"], request.path_params["id"], properties)
    return {"ok": True}


def _remove(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    people.remove(store, request.path_params["crm"], request.path_params["id"])
    return {"ok": True}


def _merge(store: Store, request: Request, given: dict[str, Any]) -> Any:
    crm, company = request.path_params["crm"], request.path_params["id"]
    return {"id": people.merge(store, crm, company, into=str(given.get("into") or ""))}


def _owner(store: Store, request: Request, given: dict[str, Any]) -> Any:
    if not isinstance(given.get("active"), bool):
        raise ValueError('say {"active": false}, or true')  # noqa: TRY004 - as above
    people.activate(store, request.path_params["email"], active=given["active"])
    return {"ok": True}


def _expire(store: Store, request: Request, given: dict[str, Any]) -> Any:  # noqa: ARG001
    """Every session and access token ends now, as they do when an administrator revokes them."""
    return {"expired": store.run("UPDATE token SET expires = 0")}
