"""What only a Salesforce does wrong: its limits, its locks, its jobs, and what people do to an org meanwhile (CRM_APIS 3.3)."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from usage_pipeline.sandbox import meanwhile as acts
from usage_pipeline.sandbox import merging
from usage_pipeline.sandbox.exchange import Reply
from usage_pipeline.sandbox.mishaps import Blow, Kind, Outcome, from_now_on, instead, meanwhile, struck_rows
from usage_pipeline.sandbox.salesforce import ids, records, refusals, schema, writing
from usage_pipeline.sandbox.salesforce.records import Record
from usage_pipeline.sandbox.salesforce.refusals import RowError

_WRITES = ("POST", "PATCH", "PUT", "DELETE")


# What a request names.


def _path(blow: Blow) -> tuple[str, ...]:
    """The path below /services/data/vXX.0."""
    return blow.call.segments[3:]


def _is(blow: Blow, *parts: str) -> bool:
    return tuple(part.lower() for part in _path(blow)[: len(parts)]) == parts


def _rows(blow: Blow) -> list[dict[str, Any]]:
    """The records of a Collections call, the one record of a single write, the lines of a Bulk upload."""
    if blow.call.method not in _WRITES:
        return []
    if _is(blow, "composite", "sobjects"):
        given = blow.body().get("records")
        return [row for row in given if isinstance(row, dict)] if isinstance(given, list) else []
    if _is(blow, "jobs", "ingest") and blow.call.method == "PUT":
        return list(csv.DictReader(blow.call.body.decode("utf-8", "replace").splitlines()))
    return [blow.body()] if _is(blow, "sobjects") else []


def _kind(blow: Blow, row: dict[str, Any]) -> str | None:
    """The object of a row, by its own word or by the path."""
    of = row.get("attributes")
    spelled = of.get("type") if isinstance(of, dict) else None
    if spelled is None:
        spelled = next((part for part in _path(blow)[1:3] if schema.object_name(part)), None)
    return schema.object_name(str(spelled)) if spelled else None


def _writes_rows(blow: Blow) -> bool:
    return (
        bool(_rows(blow))
        and not _is(blow, "jobs")
        and any(_kind(blow, row) in ("Account", "Task", "Contact") for row in _rows(blow))
    )


def _is_collection(blow: Blow) -> bool:
    return _is(blow, "composite", "sobjects") and bool(_rows(blow))


def _keys(blow: Blow, row: dict[str, Any]) -> list[tuple[str, Any]]:
    """Whatever in a row may name a record: ids, external ids, parents by their external id."""
    kind = _kind(blow, row)
    found: list[tuple[str, Any]] = []
    for name, value in row.items():
        if name == "attributes":
            continue
        if isinstance(value, dict):
            found += _keys(blow, value)
        elif name.lower() in ("id", "whatid", "accountid"):
            found.append(("Id", value))
        else:
            kinds = [kind] if kind else ["Account", "Task"]
            found += [(f"{each}.{name.lower()}", value) for each in kinds]
    return found


def _named(blow: Blow) -> list[Record]:
    """Live accounts, tasks and contacts that the request names, or the one that the fault means."""
    keys = [key for row in _rows(blow) for key in _keys(blow, row)]
    path = _path(blow)
    if _is(blow, "sobjects") and len(path) == 3:
        keys.append(("Id", path[2]))
    if _is(blow, "sobjects") and len(path) > 3:
        keys.append((f"{schema.object_name(path[1])}.{path[2].lower()}", "/".join(path[3:])))
    found: dict[str, Record] = {}
    for name, value in keys:
        found |= {each.id: each for each in _lookup(blow, name, value)}
    meant = blow.given.get("record")
    live = [
        found[each]
        for each in sorted(found)
        if not found[each].deleted and found[each].kind in ("Account", "Task", "Contact")
    ]
    wanted = blow.given.get("object")
    live = [each for each in live if wanted is None or each.kind.lower() == str(wanted).lower()]
    return [each for each in live if meant is None or meant == each.id or meant in each.fields.values()]


def _lookup(blow: Blow, name: str, value: Any) -> list[Record]:
    if value in (None, "") or isinstance(value, list | dict):
        return []
    if name == "Id":
        record = records.find(blow.store, str(value))
        return [record] if record else []
    kind, _, spelled = name.partition(".")
    field = schema.fields(blow.store, kind).get(spelled) if schema.object_name(kind) else None
    return records.by_key(blow.store, kind, field, str(value)) if field is not None and field.is_key else []


def _own_fields(blow: Blow) -> list[tuple[str, str]]:
    """(object, field) of the custom fields that the request writes."""
    found = set()
    for row in _rows(blow):
        kind = _kind(blow, row)
        known = schema.fields(blow.store, kind) if kind else {}
        found |= {
            (str(kind), known[name.lower()].name)
            for name in row
            if name.lower() in known and known[name.lower()].custom
        }
    return sorted(each for each in found if blow.given.get("field") in (None, each[1]))


def _owners(blow: Blow) -> list[str]:
    found = {ids.known(str(value)) for row in _rows(blow) for name, value in row.items() if name.lower() == "ownerid"}
    return sorted(each for each in found if each)


# Answers in place of the real one.


def _refused(status: int, code: str, message: str) -> Callable[[Blow], Outcome]:
    return instead(lambda _: refusals.refused(status, code, message).reply)


def _daily(blow: Blow) -> Reply:
    most = blow.store.setting("salesforce_daily_limit")
    reply = refusals.refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.").reply
    return replace(reply, headers={"Sforce-Limit-Info": f"api-usage={most}/{most}"})


def _spent(blow: Blow) -> Outcome:
    """Today is over for this organisation: until somebody disarms it, every call is refused."""
    from_now_on(blow, "daily_limit")
    return Outcome(_daily(blow))


def _expired(blow: Blow) -> Outcome:
    token = blow.call.headers.get("authorization", "").partition(" ")[2]
    blow.store.run("UPDATE token SET expires = 0 WHERE token = ? AND crm = 'salesforce'", token)
    return Outcome(refusals.session_expired().reply, detail="the session ended")


def _rows_fail(problem: Callable[[Blow, dict[str, Any]], RowError]) -> Callable[[Blow], Outcome]:
    """Some rows fail and the others are carried out; a single record fails as a whole."""

    def strike(blow: Blow) -> Outcome:
        rows = _rows(blow)
        names = [_name(blow, row) for row in rows]
        struck = struck_rows(blow, names)
        detail = ", ".join(names[at] for at in sorted(struck))
        if not _is_collection(blow):
            return Outcome(refusals.of_row(problem(blow, rows[0])).reply, detail=detail)
        failed = {at: {"success": False, "errors": [problem(blow, rows[at]).row()]} for at in struck}
        return Outcome(_with_failures(blow, rows, failed), detail=detail)

    return strike


def _with_failures(blow: Blow, rows: list[dict[str, Any]], failed: dict[int, dict[str, Any]]) -> Reply:
    """The other rows carried out, each failure in its row's place."""
    left = [row for at, row in enumerate(rows) if at not in failed]
    if not left:
        return Reply(200, [failed[at] for at in range(len(rows))])
    body = blow.body()
    if body.get("allOrNone") and failed:
        message = "Record rolled back because not all records were valid and the request was using AllOrNone header"
        undone = RowError("ALL_OR_NONE_OPERATION_ROLLED_BACK", message).row()
        return Reply(200, [failed.get(at, {"success": False, "errors": [undone]}) for at in range(len(rows))])
    reply = blow.done(replace(blow.call, body=json.dumps({**body, "records": left}).encode()))
    if reply.status != 200:
        return reply
    others = iter(reply.body)
    return replace(reply, body=[failed[at] if at in failed else next(others) for at in range(len(rows))])


def _name(blow: Blow, row: dict[str, Any]) -> str:
    """What tells a row from others: its id, or its external id, or all of it."""
    of = next((str(value) for name, value in row.items() if name.lower() == "id" and value), None)
    at = _path(blow)[3:4]
    key = next((str(value) for name, value in row.items() if at and name.lower() == at[0].lower()), None)
    return of or key or json.dumps(row, sort_keys=True)


def _locked(blow: Blow, row: dict[str, Any]) -> RowError:
    found = [each for name, value in _keys(blow, row) for each in _lookup(blow, name, value)]
    parents = [each.id for each in found if each.kind == "Account"] or [each.id for each in found]
    message = f"unable to obtain exclusive access to this record or {max(1, len(parents))} records: {','.join(parents)}"
    return RowError("UNABLE_TO_LOCK_ROW", message)


def _broken_rule(blow: Blow, row: dict[str, Any]) -> RowError:  # noqa: ARG001
    message = str(blow.given.get("message") or "A rule of this organisation refuses the record")
    return RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", message)


def _duplicate(blow: Blow, row: dict[str, Any]) -> RowError:  # noqa: ARG001
    return RowError("DUPLICATES_DETECTED", "Use one of these records?")


# What becomes of Bulk jobs.


def _fate(fate: str) -> Callable[[Blow], Outcome]:
    """The job whose upload this call completes comes to this end: it reads the setting at that moment."""

    def strike(blow: Blow) -> Outcome:
        before = blow.store.setting("bulk_fate")
        blow.store.set("bulk_fate", fate)
        reply = blow.done()
        blow.store.set("bulk_fate", before)
        return Outcome(reply, detail=f"job {_path(blow)[2]}")

    return strike


def _completes_upload(blow: Blow) -> bool:
    completes = blow.call.method == "PATCH" and blow.body().get("state") == "UploadComplete"
    return completes and _is(blow, "jobs", "ingest") and len(_path(blow)) == 3


# What people do to the organisation while the request is on its way.


def _merged(blow: Blow) -> str:
    record = blow.one_of(_mergeable(blow))
    winner = records.find(blow.store, str(blow.given.get("into", "")))
    if winner is None:
        # A duplicate that someone made who did not know that the account existed.
        name = "Name" if record.kind == "Account" else "LastName"
        winner = writing.create(blow.store, record.kind, {name: record.fields[name]}, admin=True)
    merging.salesforce(blow.store, winner, record)
    return f"{record.kind} {record.id} went into {winner.id}"


def _mergeable(blow: Blow) -> list[Record]:
    return [record for record in _named(blow) if record.kind != "Task"]


_ROWS = ("rows", "seed")
_RECORD = ("record", "object", "seed")

KINDS = (
    Kind("service_unavailable", "503 SERVER_UNAVAILABLE; nothing is done", _refused(503, "SERVER_UNAVAILABLE", "The server is temporarily unavailable")),
    Kind("unknown_exception", "500 UNKNOWN_EXCEPTION; nothing is done", _refused(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support: 1-1 (1)")),
    Kind("concurrent_limit", "403 REQUEST_LIMIT_EXCEEDED: too many long requests at once", _refused(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")),
    Kind("daily_limit", "403 REQUEST_LIMIT_EXCEEDED of the day for so many calls", instead(_daily)),
    Kind("quota_exhausted", "403 REQUEST_LIMIT_EXCEEDED of the day now and for every later call, until the faults are disarmed", _spent),
    Kind("expired_session", "401 INVALID_SESSION_ID: the session has ended", _expired),
    Kind("batch_refused", "a whole Collections call is answered 400 and nothing is done", _refused(400, "JSON_PARSER_ERROR", "Unexpected end-of-input: expected close marker for Object"), _is_collection),
    Kind("lock_contention", "some rows cannot be locked (UNABLE_TO_LOCK_ROW); the others are carried out", _rows_fail(_locked), _writes_rows, _ROWS),
    Kind("validation_rule", "a validation rule refuses some rows; the others are carried out", _rows_fail(_broken_rule), _writes_rows, (*_ROWS, "message")),
    Kind("duplicate_rule", "a duplicate rule refuses some rows; the others are carried out", _rows_fail(_duplicate), _writes_rows, _ROWS),
    Kind("bulk_failed", "the Bulk job whose upload the call completes ends as Failed, with a part of its rows done", _fate("failed"), _completes_upload),
    Kind("bulk_aborted", "someone aborts the Bulk job whose upload the call completes, with a part of its rows done", _fate("aborted"), _completes_upload),
    Kind("bulk_stuck", "the Bulk job whose upload the call completes stays InProgress for ever", _fate("stuck"), _completes_upload),
    Kind("record_archived", "a record of the request went to the recycle bin just before", meanwhile(lambda blow: acts.delete_in_salesforce(blow.store, blow.one_of(_named(blow)))), lambda blow: bool(_named(blow)), _RECORD),
    Kind("record_deleted", "a record of the request was deleted for good just before", meanwhile(lambda blow: acts.purge_in_salesforce(blow.store, blow.one_of(_named(blow)))), lambda blow: bool(_named(blow)), _RECORD),
    Kind("record_merged", "an account of the request was merged into another just before", meanwhile(_merged), lambda blow: bool(_mergeable(blow)), (*_RECORD, "into")),
    Kind("field_deleted", "a custom field that the request writes was deleted just before", meanwhile(lambda blow: acts.delete_field(blow.store, *blow.one_of(_own_fields(blow)))), lambda blow: bool(_own_fields(blow)), ("field", "seed")),
    Kind("permission_revoked", "a custom field that the request writes was hidden from the integration just before", meanwhile(lambda blow: acts.hide_field(blow.store, *blow.one_of(_own_fields(blow)))), lambda blow: bool(_own_fields(blow)), ("field", "seed")),
    Kind("owner_deactivated", "an owner that the request names was deactivated just before", meanwhile(lambda blow: acts.deactivate_user(blow.store, blow.one_of(_owners(blow)))), lambda blow: bool(_owners(blow)), ("seed",)),
)  # fmt: skip
"""Kinds that only a Salesforce knows."""
