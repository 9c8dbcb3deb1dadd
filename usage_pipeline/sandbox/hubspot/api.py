"""Which path leads where, for both families of HubSpot's paths, and what every answer carries.

`/crm/v3/objects/companies` and `/crm/objects/2026-03/companies` are one resource
in two spellings: both become (`2026-03` or `v3`, `objects/companies`) here.
"""

import re
import uuid

from usage_pipeline.sandbox.exchange import Call, Refusal, Reply, Routes
from usage_pipeline.sandbox.hubspot import (
    associations,
    batches,
    limits,
    lists,
    objects,
    owners,
    pipelines,
    properties,
    records,
    refusals,
    search,
    standard,
    switches,
    tokens,
)
from usage_pipeline.sandbox.hubspot.asked import Asked
from usage_pipeline.sandbox.store import DEFAULTS, Store

# The control API knows one list of settings.
DEFAULTS.update(switches.DEFAULTS)
VERSIONS = ("2026-03", "2026-09")
_VERSION = re.compile(r"v[1-4]|\d{4}-\d{2}")


def _routes() -> Routes:
    routes = Routes()
    routes.on("GET", "objects/{kind}", objects.list_all)
    routes.on("POST", "objects/{kind}", objects.create)
    routes.on("POST", "objects/{kind}/search", search.search)
    routes.on("GET", "objects/{kind}/{record}", objects.read)
    routes.on("PATCH", "objects/{kind}/{record}", objects.change)
    routes.on("DELETE", "objects/{kind}/{record}", objects.archive)
    routes.on("POST", "objects/{kind}/batch/read", batches.read)
    routes.on("POST", "objects/{kind}/batch/create", batches.create)
    routes.on("POST", "objects/{kind}/batch/update", batches.update)
    routes.on("POST", "objects/{kind}/batch/upsert", batches.upsert)
    routes.on("POST", "objects/{kind}/batch/archive", batches.archive)
    routes.on("GET", "objects/{kind}/{record}/associations/{to_kind}", associations.read)
    routes.on("PUT", "objects/{kind}/{record}/associations/default/{to_kind}/{to_id}", associations.put_default)
    routes.on("PUT", "objects/{kind}/{record}/associations/{to_kind}/{to_id}", associations.put)
    routes.on("DELETE", "objects/{kind}/{record}/associations/{to_kind}/{to_id}", associations.remove)
    routes.on("POST", "associations/{kind}/{to_kind}/batch/create", associations.batch_create)
    routes.on("POST", "associations/{kind}/{to_kind}/batch/associate/default", associations.batch_default)
    routes.on("POST", "associations/{kind}/{to_kind}/batch/read", associations.batch_read)
    routes.on("POST", "associations/{kind}/{to_kind}/batch/archive", associations.batch_archive)
    routes.on("GET", "associations/{kind}/{to_kind}/labels", associations.labels)
    routes.on("GET", "properties/{kind}", properties.list_all)
    routes.on("POST", "properties/{kind}", properties.create)
    routes.on("GET", "properties/{kind}/groups", properties.list_groups)
    routes.on("POST", "properties/{kind}/groups", properties.create_group)
    routes.on("GET", "properties/{kind}/groups/{name}", properties.read_group)
    routes.on("POST", "properties/{kind}/batch/create", properties.batch_create)
    routes.on("POST", "properties/{kind}/batch/read", properties.batch_read)
    routes.on("GET", "properties/{kind}/{name}", properties.read)
    routes.on("PATCH", "properties/{kind}/{name}", properties.change)
    routes.on("DELETE", "properties/{kind}/{name}", properties.archive)
    routes.on("GET", "owners", owners.list_all)
    routes.on("GET", "owners/{owner}", owners.read)
    routes.on("GET", "pipelines/{kind}", pipelines.list_all)
    routes.on("POST", "lists", lists.create)
    routes.on("GET", "lists/object-type-id/{kind}/name/{name}", lists.read_named)
    routes.on("GET", "lists/{number}", lists.read)
    routes.on("DELETE", "lists/{number}", lists.delete)
    routes.on("GET", "lists/{number}/memberships", lists.members)
    routes.on("PUT", "lists/{number}/memberships/add", lists.add)
    routes.on("PUT", "lists/{number}/memberships/remove", lists.remove)
    routes.on("PUT", "lists/{number}/memberships/add-and-remove", lists.change)
    routes.on("GET", "account-info/details", _account)
    return routes


def _account(store: Store, asked: Asked) -> Reply:  # noqa: ARG001
    return Reply(
        200,
        {
            "portalId": records.portal(store),
            "accountType": "STANDARD",
            "timeZone": "UTC",
            "companyCurrency": "USD",
            "additionalCurrencies": [],
            "utcOffset": "+00:00",
            "utcOffsetMilliseconds": 0,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        },
    )


_ROUTES = _routes()


def _understood(segments: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    """(version, resource path) of either family; None for a path that HubSpot does not have."""
    match segments:
        case ("crm", version, resource, *rest) if _VERSION.fullmatch(version):
            path = (resource, *rest)
        case ("crm", resource, version, *rest) if _VERSION.fullmatch(version):
            path = (resource, *rest)
        case ("account-info" | "oauth" as resource, version, *rest):
            path = (resource, *rest)
        case _:
            return None
    # v4 knows associations alone, v3 everything else: mixing them up is a 404.
    is_association = path[0] == "associations" or "associations" in path[3:4]
    supported = (
        version in VERSIONS
        or version == ("v4" if is_association and path[0] != "oauth" else "v3")
        or (version == "v1" and path[0] == "oauth")
    )
    return (version, path) if supported else None


def answer(store: Store, call: Call, meter: limits.Meter) -> Reply:
    """HubSpot's answer to one call, with the headers that all of them carry."""
    headers = {"X-HubSpot-Correlation-Id": str(uuid.uuid4())}
    try:
        reply = _answer(store, call, meter, headers)
    except Refusal as refusal:
        said = refusal.reply
        raise Refusal(Reply(said.status, said.body, headers | said.headers)) from None
    return Reply(reply.status, reply.body, headers | reply.headers)


def _answer(store: Store, call: Call, meter: limits.Meter, headers: dict[str, str]) -> Reply:
    understood = _understood(call.segments)
    if understood is None:
        raise refusals.unknown_path()
    version, path = understood
    asked = Asked(call, version)
    if path == ("oauth", "token") and call.method == "POST":
        return tokens.refresh(store, asked)
    token = tokens.kind_of_token(store, call.headers.get("authorization"))
    is_search = path[-1] == "search"
    headers |= meter.admit(store, token, is_search=is_search)
    handler, named, elsewhere = _ROUTES.find(call.method, path)
    if handler is None:
        if elsewhere:
            raise refusals.refused(405, "Method not allowed", "METHOD_NOT_ALLOWED")
        raise refusals.unknown_path()
    _check_scope(store, call.method, path)
    return handler(store, asked, **named)


def _check_scope(store: Store, method: str, path: tuple[str, ...]) -> None:
    missing = store.setting("hubspot_missing_scopes")
    if not missing:
        return
    if path[0] == "lists":
        needed = f"crm.lists.{'read' if method == 'GET' else 'write'}"
        if needed in missing:
            raise refusals.missing_scopes([needed])
        return
    # Tasks and notes ride on the scopes of contacts.
    kind = standard.object_type(path[1]) if len(path) > 1 else None
    thing = kind if kind in ("companies", "deals") else "contacts"
    reads = method == "GET" or path[-1] in ("read", "search")
    family = {"properties": "schemas", "owners": "objects"}.get(path[0], "objects")
    needed = f"crm.{family}.{'owners' if path[0] == 'owners' else thing}.{'read' if reads else 'write'}"
    if needed in missing:
        raise refusals.missing_scopes([needed])
