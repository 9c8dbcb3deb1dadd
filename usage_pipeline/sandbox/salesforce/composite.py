"""sObject Collections: up to 200 records in one call, each with its own result, in the order sent (CRM_APIS 4.2)."""

import itertools
from collections.abc import Callable
from typing import Any

from usage_pipeline.sandbox.exchange import Call, Refusal, Reply, listed
from usage_pipeline.sandbox.salesforce import locks, records, refusals, schema, sobjects, writing
from usage_pipeline.sandbox.salesforce.refusals import RowError
from usage_pipeline.sandbox.salesforce.schema import Field
from usage_pipeline.sandbox.store import Store

MOST, MOST_CHUNKS = 200, 10

Write = Callable[[dict[str, Any], str], dict[str, Any]]
"""Writes one row of one object and gives its result."""


def insert(store: Store, call: Call, version: str) -> Reply:  # noqa: ARG001
    def one(given: dict[str, Any], kind: str) -> dict[str, Any]:
        if "id" in {name.lower() for name in given}:
            raise RowError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"])
        return {"id": writing.create(store, kind, given).id, "success": True, "errors": []}

    return _each(store, call, one)


def update(store: Store, call: Call, version: str) -> Reply:  # noqa: ARG001
    def one(given: dict[str, Any], kind: str) -> dict[str, Any]:
        record_id = next((str(value) for name, value in given.items() if name.lower() == "id"), None)
        if not record_id:
            raise RowError("MISSING_ARGUMENT", "Id not specified in an update call")
        record = records.find(store, record_id)
        if record is None or record.kind != kind:
            raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        writing.change(store, record, {name: value for name, value in given.items() if name.lower() != "id"})
        return {"id": record.id, "success": True, "errors": []}

    return _each(store, call, one)


def upsert(store: Store, call: Call, version: str, kind: str, field: str) -> Reply:  # noqa: ARG001
    kind = sobjects.kind_of(kind)
    known = sobjects.external_field(store, kind, field)
    twice = _twice(known, _rows(call))

    def one(given: dict[str, Any], row_kind: str) -> dict[str, Any]:
        if row_kind != kind:
            raise RowError("INVALID_TYPE", f"Record type {row_kind} does not match the request's {kind}")
        value = _key_of(known, given)
        if value in (None, ""):
            raise RowError("MISSING_ARGUMENT", f"{known.name} not specified")
        if records.key(known, value) in twice:
            # Both rows fail; their code was not recorded (CRM_APIS 4.2).
            raise RowError("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", [known.name])
        found = records.by_key(store, kind, known, str(value))
        if len(found) > 1:
            raise RowError(
                "DUPLICATE_EXTERNAL_ID",
                f"{known.name}: more than one record found for external id field: {[each.id for each in found]}",
            )
        if not found:
            return {"id": writing.create(store, kind, given).id, "success": True, "errors": [], "created": True}
        writing.change(
            store, found[0], {name: each for name, each in given.items() if name.lower() != known.name.lower()}
        )
        return {"id": found[0].id, "success": True, "errors": [], "created": False}

    return _each(store, call, one)


def _key_of(known: Field, given: dict[str, Any]) -> Any:
    return next((value for name, value in given.items() if name.lower() == known.name.lower()), None)


def _twice(known: Field, rows: list[dict[str, Any]]) -> set[str]:
    keys = [records.key(known, value) for value in (_key_of(known, row) for row in rows) if value is not None]
    return {each for each in keys if keys.count(each) > 1}


def delete(store: Store, call: Call, version: str) -> Reply:  # noqa: ARG001
    ids = listed(call.query, "ids")
    _check_size(len(ids))

    def one(given: dict[str, Any], kind: str) -> dict[str, Any]:  # noqa: ARG001
        record = records.find(store, given["Id"])
        if record is None:
            raise RowError("MALFORMED_ID", f"bad id {given['Id']}")
        writing.delete(store, record)
        return {"id": record.id, "success": True, "errors": []}

    all_or_none = call.query.get("allOrNone", "").lower() == "true"
    return Reply(
        200, _results(store, [{"Id": each} for each in ids], one, all_or_none=all_or_none, kinds=[""] * len(ids))
    )


def read(store: Store, call: Call, version: str, kind: str) -> Reply:
    """Records by id, in the order asked; a missing one is null."""
    kind = sobjects.kind_of(kind)
    given = sobjects.body_of(call) if call.method == "POST" else {}
    ids = _texts(given, "ids") or listed(call.query, "ids")
    wanted = _texts(given, "fields") or listed(call.query, "fields")
    if not wanted:
        raise refusals.refused(400, "MISSING_ARGUMENT", "The fields parameter must be specified")
    found = [records.find(store, each) for each in ids]
    return Reply(
        200,
        [
            None if each is None or each.deleted or each.kind != kind else sobjects.shown(store, version, each, wanted)
            for each in found
        ],
    )


def _rows(call: Call) -> list[dict[str, Any]]:
    rows = sobjects.body_of(call).get("records")
    if not isinstance(rows, list) or not rows or not all(isinstance(each, dict) for each in rows):
        raise refusals.bad_json("Cannot deserialize a request: records must be a list of records")
    _check_size(len(rows))
    return rows


def _texts(given: dict[str, Any], name: str) -> list[str]:
    found = given.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise refusals.bad_json(f"Cannot deserialize a request: {name} must be a list of texts")
    return found


def _check_size(rows: int) -> None:
    if rows > MOST:
        message = f"record limit reached. cannot submit more than {MOST} records into this call"
        raise refusals.refused(400, "EXCEEDED_ID_LIMIT", message)


def _each(store: Store, call: Call, one: Write) -> Reply:
    rows = _rows(call)
    spelled = [of.get("type") if isinstance(of, dict) else None for of in (row.get("attributes") for row in rows)]
    if not all(isinstance(each, str) and each for each in spelled):
        raise refusals.bad_json("Include an sObject type in the attributes of every record")
    kinds = [schema.object_name(str(each)) or str(each) for each in spelled]
    chunks = 1 + sum(before != after for before, after in itertools.pairwise(kinds))
    if chunks > MOST_CHUNKS:
        raise refusals.refused(
            400, "LIMIT_EXCEEDED", f"cannot have more than {MOST_CHUNKS} chunks in a single operation"
        )
    all_or_none = bool(sobjects.body_of(call).get("allOrNone"))
    return Reply(200, _results(store, rows, one, all_or_none=all_or_none, kinds=kinds))


class _Undo(Exception):
    pass


def _results(
    store: Store, rows: list[dict[str, Any]], one: Write, *, all_or_none: bool, kinds: list[str]
) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    try:
        with store.attempt():
            results += [_result(store, row, kind, one) for row, kind in zip(rows, kinds, strict=True)]
            if all_or_none and not all(each["success"] for each in results):
                raise _Undo  # noqa: TRY301 - leaving the attempt is what undoes it
    except _Undo:
        message = "Record rolled back because not all records were valid and the request was using AllOrNone header"
        rolled = RowError("ALL_OR_NONE_OPERATION_ROLLED_BACK", message)
        results = [_failed(rolled) if each["success"] else each for each in results]
    return results


def _result(store: Store, row: dict[str, Any], kind: str, one: Write) -> dict[str, Any]:
    if kind and schema.object_name(kind) is None:
        return _failed(RowError("INVALID_TYPE", f"sObject type '{kind}' is not supported."))
    lock = locks.met(store, row)
    if lock:
        return _failed(lock)
    try:
        with store.attempt():
            return one(row, kind)
    except RowError as problem:
        unknown = problem.code == "INVALID_FIELD" and problem.message.startswith("No such column")
        if unknown and store.setting("collections_unknown_field") == "request":
            raise
        return _failed(problem)
    except Refusal as refusal:
        return _failed(RowError(refusal.reply.body[0]["errorCode"], refusal.reply.body[0]["message"]))


def _failed(problem: RowError) -> dict[str, Any]:
    return {"success": False, "errors": [problem.row()]}
