"""What only a HubSpot does wrong: its limits, its silences, and what people do to a portal meanwhile (CRM_APIS 1.3, 1.4)."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from usage_pipeline.sandbox import meanwhile as acts
from usage_pipeline.sandbox import merging
from usage_pipeline.sandbox.exchange import Refusal, Reply
from usage_pipeline.sandbox.hubspot import answers, definitions, records, refusals, standard
from usage_pipeline.sandbox.hubspot.asked import Asked
from usage_pipeline.sandbox.hubspot.records import Record
from usage_pipeline.sandbox.mishaps import Blow, Kind, Outcome, drawn, from_now_on, instead, meanwhile, struck_rows

_WRITES = ("create", "update", "upsert")


# What a request names.


def _path(blow: Blow) -> tuple[str, tuple[str, ...]]:
    """(version, resource path) of both families, as `api` understands them."""
    parts = [part.lower() for part in blow.call.segments]
    parts = parts[1:] if parts[:1] == ["crm"] else parts
    at = 0 if parts[:1] and parts[0][:1] == "v" and parts[0][1:].isdecimal() else 1
    version = parts.pop(at) if len(parts) > at else ""
    return version, tuple(parts)


def _inputs(blow: Blow) -> list[dict[str, Any]]:
    """The rows of a batch, or the one row of a single request."""
    body = blow.body()
    return _dicts(body.get("inputs") if "inputs" in body else [body])


def _given(row: dict[str, Any]) -> dict[str, Any]:
    properties = row.get("properties")
    return properties if isinstance(properties, dict) else {}


def _writes_batch(blow: Blow) -> bool:
    _, path = _path(blow)
    return blow.call.method == "POST" and "batch" in path[2:] and path[-1] in _WRITES


def _writes_rows(blow: Blow) -> bool:
    """A write of records' properties, single or in a batch."""
    _, path = _path(blow)
    if path[:1] != ("objects",) or path[-1:] == ("search",) or not _inputs(blow):
        return False
    return _writes_batch(blow) or ("batch" not in path and blow.call.method in ("POST", "PATCH"))


def _named(blow: Blow) -> list[Record]:
    """Live records that the request names, or the one that the fault means."""
    found: dict[int, Record] = {}
    for spelling, key, id_property in _spelled(blow):
        kind = standard.object_type(spelling)
        record = _live(blow, kind, key, id_property) if kind and key not in (None, "") else None
        if record and blow.given.get("object") in (None, record.kind):
            found[record.id] = record
    meant = blow.given.get("record")
    return [found[each] for each in sorted(found) if meant is None or _is(found[each], str(meant))]


def _spelled(blow: Blow) -> list[tuple[str, Any, Any]]:
    """(object type, id or key, id property) of whatever the request names."""
    _, path = _path(blow)
    rows = _inputs(blow)
    match path:
        case ("objects", kind, "batch", *_):
            named = [(kind, row.get("id"), row.get("idProperty") or blow.body().get("idProperty")) for row in rows]
        case ("objects", kind, record, *_) if record != "search":
            named = [(kind, record, blow.call.query.get("idProperty"))]
        case ("associations", kind, to_kind, *_):
            ends = [(side, row.get(end)) for row in rows for end, side in (("from", kind), ("to", to_kind))]
            named = [(kind, row.get("id"), None) for row in rows]
            return named + [(side, end.get("id"), None) for side, end in ends if isinstance(end, dict)]
        case _:
            named = []
    # A create names the company it belongs to inside itself.
    inline = [each.get("to") for row in rows for each in _dicts(row.get("associations"))]
    return named + [("companies", end.get("id"), None) for end in inline if isinstance(end, dict)]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _live(blow: Blow, kind: str, key: Any, id_property: Any) -> Record | None:
    try:
        return records.find(blow.store, kind, str(key), str(id_property) if id_property else None)
    except (Refusal, OverflowError):
        return None


def _is(record: Record, meant: str) -> bool:
    return meant == str(record.id) or meant in record.properties.values()


def _own_fields(blow: Blow) -> list[tuple[str, str]]:
    """(object type, property) of the custom properties that the request writes."""
    _, path = _path(blow)
    kind = standard.object_type(path[1]) if path[:1] == ("objects",) and len(path) > 1 else None
    if kind is None:
        return []
    names = {name for row in _inputs(blow) for name in _given(row)}
    known = definitions.all_of(blow.store, kind)
    own = sorted(name for name in names if name in known and not known[name]["hubspotDefined"])
    return [(kind, name) for name in own if blow.given.get("field") in (None, name)]


def _owners(blow: Blow) -> list[str]:
    given = {str(_given(row).get("hubspot_owner_id") or "") for row in _inputs(blow)}
    return sorted(owner for owner in given if owner.isdecimal())


# Answers in place of the real one.


def _refused(refusal: Callable[[Blow], Refusal]) -> Callable[[Blow], Outcome]:
    return instead(lambda blow: refusal(blow).reply)


def _group(blow: Blow) -> str:
    return f"publicapi:private-apps:api-calls:{records.portal(blow.store)}"


def _burst_with_headers(blow: Blow) -> Reply:
    most = blow.store.setting("hubspot_burst_limit")
    told = {"Interval-Milliseconds": "10000", "Max": str(most), "Remaining": "0"}
    headers = {f"X-HubSpot-RateLimit-{name}": value for name, value in told.items()}
    return replace(refusals.burst(_group(blow)).reply, headers=headers)


def _migrating(blow: Blow) -> Reply:
    seconds = str(blow.given.get("retry_after", 2))
    body = refusals.body("The portal is being migrated between hosting locations", "MIGRATION_IN_PROGRESS")
    return Reply(477, body, {"Retry-After": seconds})


def _spent(blow: Blow) -> Outcome:
    """Today is over for this app: until somebody disarms it, every call is refused."""
    from_now_on(blow, "daily_limit")
    return Outcome(refusals.daily(_group(blow)).reply)


def _expired(blow: Blow) -> Outcome:
    token = blow.call.headers.get("authorization", "").partition(" ")[2]
    if blow.store.run("UPDATE token SET expires = 0 WHERE token = ? AND crm = 'hubspot'", token):
        return Outcome(blow.done(), detail="an access token ended")
    return Outcome(refusals.expired_credentials().reply)


def _conflict(blow: Blow) -> Refusal:
    found = _named(blow)
    holder = found[0].id if found else records.FIRST_ID
    return refusals.refused(409, f"Object already exists. Existing ID: {holder}", "CONFLICT")


def _silence(blow: Blow) -> Reply:
    version, path = _path(blow)
    asked = Asked(blow.call, version)
    created = 201 if path[-1] == "create" else 200
    reply = answers.batch(blow.store, asked, [], [], status=created)
    return reply if asked.is_2026_09 else replace(reply, status=207)


def _done_in_silence(blow: Blow) -> Outcome:
    reply = blow.done()
    return Outcome(reply if reply.status >= 400 else _silence(blow))


def _reordered(blow: Blow) -> Outcome:
    reply = blow.done()
    results = reply.body.get("results") if isinstance(reply.body, dict) else None
    if not isinstance(results, list):
        return Outcome(reply)
    ranked = sorted(range(len(results)), key=lambda at: drawn(blow.seed, str(at)))
    return Outcome(replace(reply, body={**reply.body, "results": [results[at] for at in ranked]}))


def _broken_rule(blow: Blow) -> Outcome:
    """Some rows break a rule of the portal's administrators; the others are carried out."""
    rows = _inputs(blow)
    names = [str(row.get("id") or row.get("objectWriteTraceId") or json.dumps(row, sort_keys=True)) for row in rows]
    struck = struck_rows(blow, names)
    message = str(blow.given.get("message") or "A rule of this portal refuses the record")
    refusal = refusals.invalid(message, subCategory="ADMIN_RULE")
    traces = [row.get("objectWriteTraceId") for row in rows]
    detail = ", ".join(names[at] for at in sorted(struck))
    if not _writes_batch(blow) or not all(traces):
        return Outcome(refusal.reply, detail=detail)
    left = [row for at, row in enumerate(rows) if at not in struck]
    version, path = _path(blow)
    done, errors, status = [], [], 201 if path[-1] == "create" else 200
    if left:
        reply = blow.done(replace(blow.call, body=json.dumps({**blow.body(), "inputs": left}).encode()))
        if reply.status >= 400:
            return Outcome(reply, detail=detail)
        done, errors = reply.body["results"], reply.body.get("errors", [])
    errors = [*errors, *(_row_error(refusal, traces[at]) for at in sorted(struck))]
    return Outcome(answers.batch(blow.store, Asked(blow.call, version), done, errors, status=status), detail=detail)


def _row_error(refusal: Refusal, trace: Any) -> dict[str, Any]:
    error = {key: value for key, value in refusal.reply.body.items() if key != "correlationId"}
    return {"errors": [], "links": {}, **error, "context": {"objectWriteTraceId": [trace]}}


# What people do to the portal while the request is on its way.


def _merged(blow: Blow) -> str:
    record = blow.one_of(_named(blow))
    other = records.find(blow.store, record.kind, str(blow.given.get("into", "")))
    if other is None:
        other = records.create(blow.store, record.kind, _duplicate(record), user=1)
    merged = merging.hubspot(blow.store, other, record)
    return f"{record.kind} {record.id} and {other.id} became {merged.id}"


def _duplicate(record: Record) -> dict[str, str]:
    """What someone typed who did not know that the record existed."""
    kept = ("name", "lastname", "hs_timestamp", "hs_task_subject")
    return {name: record.properties[name] for name in kept if name in record.properties}


def _scope(blow: Blow) -> str:
    _, path = _path(blow)
    thing = "companies" if standard.object_type(path[1]) == "companies" else "contacts"
    return f"crm.{'schemas' if path[0] == 'properties' else 'objects'}.{thing}.write"


def _needs_scope(blow: Blow) -> bool:
    _, path = _path(blow)
    reads = blow.call.method == "GET" or path[-1:] in (("read",), ("search",))
    return path[:1] in (("objects",), ("properties",), ("associations",)) and len(path) > 1 and not reads


_UNAVAILABLE = "The service is temporarily unavailable"
_RECORD = ("record", "object", "seed")

KINDS = (
    Kind("service_unavailable", "503 with HubSpot's error body; nothing is done", _refused(lambda _: refusals.refused(503, _UNAVAILABLE, "SERVICE_UNAVAILABLE"))),
    Kind("burst_limit", "429 TEN_SECONDLY_ROLLING with the rate-limit headers", instead(_burst_with_headers)),
    Kind("burst_limit_bare", "429 TEN_SECONDLY_ROLLING without any header", _refused(lambda blow: refusals.burst(_group(blow)))),
    Kind("secondly_limit", "429 of the limit per second: no policyName and no header", _refused(lambda _: refusals.secondly())),
    Kind("daily_limit", "429 DAILY for so many calls", _refused(lambda blow: refusals.daily(_group(blow)))),
    Kind("quota_exhausted", "429 DAILY now and for every later call, until the faults are disarmed", _spent),
    Kind("locked", "423: the resource is locked; nothing is done", _refused(lambda _: refusals.refused(423, "The resource is locked, try again in 2 seconds", "LOCKED"))),
    Kind("migration", "477 with Retry-After (2 seconds): the portal is being migrated; nothing is done", instead(_migrating), takes=("retry_after",)),
    Kind("expired_session", "401: the access token has ended; one made by OAuth really has", _expired),
    Kind("batch_refused", "a whole batch is answered 400 and nothing is done", _refused(lambda _: refusals.invalid("There was a problem with the request.")), _writes_batch),
    Kind("batch_conflict", "a whole batch is answered 409 and nothing is done", _refused(_conflict), _writes_batch),
    Kind("silent_nothing", "207 (2026-09: 2xx) with neither results nor errors: nothing was done", instead(_silence), _writes_batch),
    Kind("silent_done", "207 (2026-09: 2xx) with neither results nor errors: all was done", _done_in_silence, _writes_batch),
    Kind("rows_reordered", "the results of a batch come back in an order of their own", _reordered, lambda blow: "batch" in _path(blow)[1]),
    Kind("validation_rule", "a rule of the portal refuses some rows; without trace ids, the whole batch", _broken_rule, _writes_rows, ("rows", "message", "seed")),
    Kind("record_archived", "a record of the request was archived just before", meanwhile(lambda blow: acts.archive_in_hubspot(blow.store, blow.one_of(_named(blow)))), lambda blow: bool(_named(blow)), _RECORD),
    Kind("record_deleted", "a record of the request was deleted for good just before", meanwhile(lambda blow: acts.delete_in_hubspot(blow.store, blow.one_of(_named(blow)))), lambda blow: bool(_named(blow)), _RECORD),
    Kind("record_merged", "a record of the request was merged just before, into a new one to which the old id leads", meanwhile(_merged), lambda blow: bool(_named(blow)), (*_RECORD, "into")),
    Kind("field_deleted", "a custom property that the request writes was archived just before", meanwhile(lambda blow: acts.archive_property(blow.store, *blow.one_of(_own_fields(blow)))), lambda blow: bool(_own_fields(blow)), ("field", "seed")),
    Kind("permission_revoked", "the scope that the request needs was taken away just before", meanwhile(lambda blow: acts.take_scope(blow.store, _scope(blow))), _needs_scope),
    Kind("owner_deactivated", "an owner that the request names was deactivated just before", meanwhile(lambda blow: acts.deactivate_owner(blow.store, blow.one_of(_owners(blow)))), lambda blow: bool(_owners(blow)), ("seed",)),
)  # fmt: skip
"""Kinds that only a HubSpot knows."""
