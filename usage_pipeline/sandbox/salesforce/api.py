"""Which path leads where under `/services/`, and what every answer carries."""

import re
import secrets
import string

from usage_pipeline.sandbox.exchange import Call, Refusal, Reply, Routes
from usage_pipeline.sandbox.salesforce import (
    bulk,
    bulk_jobs,
    composite,
    describe,
    ids,
    limits,
    query,
    refusals,
    sobjects,
    switches,
    tokens,
    tooling,
    writing,
)
from usage_pipeline.sandbox.store import Store

_VERSION = re.compile(r"v(\d+\.0)", re.IGNORECASE)
_LABELS = {"66.0": "Spring '26", "67.0": "Summer '26", "68.0": "Winter '27"}


def _routes() -> Routes:
    routes = Routes()
    routes.on("GET", "", _resources)
    routes.on("GET", "limits", limits.told)
    routes.on("GET", "query", query.query)
    routes.on("GET", "queryall", query.query_all)
    routes.on("GET", "query/{locator}", query.more)
    routes.on("GET", "queryall/{locator}", query.more)
    routes.on("GET", "sobjects", describe.everything)
    routes.on("GET", "sobjects/{kind}", describe.brief)
    routes.on("POST", "sobjects/{kind}", sobjects.create)
    routes.on("GET", "sobjects/{kind}/describe", describe.one)
    routes.on("GET", "sobjects/{kind}/{record}", sobjects.read)
    routes.on("PATCH", "sobjects/{kind}/{record}", sobjects.change)
    routes.on("DELETE", "sobjects/{kind}/{record}", sobjects.delete)
    routes.on("GET", "sobjects/{kind}/{field}/{value}", sobjects.read_by_key)
    routes.on("PATCH", "sobjects/{kind}/{field}/{value}", sobjects.upsert)
    routes.on("DELETE", "sobjects/{kind}/{field}/{value}", sobjects.delete_by_key)
    routes.on("POST", "composite/sobjects", composite.insert)
    routes.on("PATCH", "composite/sobjects", composite.update)
    routes.on("DELETE", "composite/sobjects", composite.delete)
    routes.on("GET|POST", "composite/sobjects/{kind}", composite.read)
    routes.on("PATCH", "composite/sobjects/{kind}/{field}", composite.upsert)
    routes.on("GET", "tooling/query", tooling.ask)
    routes.on("POST", "tooling/sobjects/customfield", tooling.create_field)
    routes.on("GET", "tooling/sobjects/customfield/{record}", tooling.read_field)
    routes.on("PATCH", "tooling/sobjects/customfield/{record}", tooling.change_field)
    bulk.routes(routes)
    return routes


_RESOURCES = ("limits", "query", "queryAll", "sobjects", "composite", "tooling", "jobs")


SWITCHES = switches.DEFAULTS
"""Importing them makes them settings."""


def prepare(store: Store) -> None:
    """Give a new organisation its id, its administrator profile and its integration user."""
    for table in bulk_jobs.TABLES:
        store.run(table)
    if store.setting("salesforce_organisation") is not None:
        return
    # Drawn, not counted: two state files are two organisations.
    drawn = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(10))
    organisation = ids.full(f"00DQy{drawn}")
    store.set("salesforce_organisation", organisation)
    user = ids.full("005Qy0000000001")
    store.set("salesforce_user", user)
    now = store.now()
    for record_id, kind, fields in (
        (
            organisation,
            "Organization",
            '{"Name": "Sandbox", "OrganizationType": "Enterprise Edition", "IsSandbox": true, "InstanceName": "SBX1"}',
        ),
        (ids.full("00eQy0000000001"), "Profile", '{"Name": "System Administrator"}'),
    ):
        store.run(
            "INSERT INTO sf_record VALUES (?, ?, ?, ?, ?, ?, ?, 0)", record_id, kind, fields, now, user, now, user
        )
    store.number("sf_User", 0)
    integration = {
        "Username": "integration@sandbox.example",
        "Email": "integration@sandbox.example",
        "FirstName": "Usage",
        "LastName": "Integration",
    }
    writing.create(store, "User", integration, user=user, admin=True)


def answer(store: Store, call: Call) -> Reply:
    """Salesforce's answer to one call, with the usage header that data calls carry."""
    segments = call.segments[1:]
    match tuple(segment.lower() for segment in segments):
        case ("oauth2", "token") if call.method == "POST":
            return tokens.mint(store, call)
        case ("oauth2", "userinfo"):
            return tokens.userinfo(store, call)
        case ("data",):
            return Reply(200, _versions(store))
        case ("data", *_):
            return _data(store, call, segments[1:])
    raise refusals.not_found()


def _versions(store: Store) -> list[dict[str, str]]:
    return [
        {"label": _LABELS.get(version, f"v{version}"), "url": f"/services/data/v{version}", "version": version}
        for version in store.setting("salesforce_versions")
    ]


def _data(store: Store, call: Call, segments: tuple[str, ...]) -> Reply:
    found = _VERSION.fullmatch(segments[0])
    if found is None or found[1] not in store.setting("salesforce_versions"):
        retired = found is not None and 21 <= float(found[1]) <= 30
        if retired:
            raise refusals.refused(410, "UNSUPPORTED_API_VERSION", "The requested API version is no longer supported")
        raise refusals.not_found()
    tokens.check(store, call)
    limits.count(store)
    headers = {"Sforce-Limit-Info": limits.usage(store)}
    too_many = limits.exceeded(store)
    if too_many:
        return Reply(too_many.status, too_many.body, headers)
    try:
        handler, named, elsewhere = _ROUTES.find(call.method, segments[1:])
        if handler is None:
            status, code = (405, "METHOD_NOT_ALLOWED") if elsewhere else (404, "NOT_FOUND")
            message = (
                f"HTTP Method '{call.method}' not allowed" if elsewhere else "The requested resource does not exist"
            )
            raise refusals.refused(status, code, message)
        reply = handler(store, call, found[1], **named)
    except Refusal as refusal:
        said = refusal.reply
    except refusals.RowError as problem:
        said = refusals.of_row(problem).reply
    else:
        return Reply(reply.status, reply.body, headers | reply.headers)
    raise Refusal(Reply(said.status, said.body, headers | said.headers))


def _resources(store: Store, call: Call, version: str) -> Reply:  # noqa: ARG001
    return Reply(200, {name: f"/services/data/v{version}/{name}" for name in _RESOURCES})


_ROUTES = _routes()
