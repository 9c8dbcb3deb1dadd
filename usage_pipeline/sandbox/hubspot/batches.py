"""Batches of up to 100 records: read, create, update, upsert, archive (CRM_APIS 2.1).

With a distinct `objectWriteTraceId` on every input one bad row fails alone;
without, it fails the whole batch. Results do not come back in the order sent.
"""

from collections.abc import Callable
from typing import Any

from usage_pipeline.sandbox.exchange import Refusal, Reply
from usage_pipeline.sandbox.hubspot import answers, objects, records, refusals, rules, shapes
from usage_pipeline.sandbox.hubspot.asked import Asked, kind_of
from usage_pipeline.sandbox.store import Store

MOST = 100


def read(store: Store, asked: Asked, kind: str) -> Reply:
    kind = kind_of(kind)
    inputs, given = asked.inputs(MOST), asked.object()
    id_property, wanted = shapes.text(given, "idProperty"), shapes.texts(given, "properties")
    if id_property and id_property != "hs_object_id":
        records.check_unique(store, kind, id_property)
    keys = [shapes.text(each, "id") or "" for each in inputs]
    _refuse_twice(keys)
    archived = asked.flag("archived")
    found, missing = [], []
    for key in keys:
        record = records.find(store, kind, key, id_property, archived=archived)
        if record is None:
            missing.append(key)
        else:
            found.append(records.shown(store, record, [*wanted, id_property] if id_property else wanted))
    errors = [refusals.some_not_found(missing, kind)] if missing else []
    return answers.batch(store, asked, _reordered(store, found), errors, status=200)


def create(store: Store, asked: Asked, kind: str) -> Reply:
    def one(store: Store, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        record, properties = objects.created(store, asked, kind, given)
        return objects.written(store, record, properties)

    return _write(store, asked, kind_of(kind), "create", one)


def update(store: Store, asked: Asked, kind: str) -> Reply:
    def one(store: Store, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        record = _named(store, kind, given)
        if record is None:
            raise Refusal(Reply(404, refusals.some_not_found([str(given.get("id"))], kind)))
        properties = shapes.properties(given)
        rules.check(store, asked, kind, record.properties | properties)
        return objects.written(store, records.change(store, record, properties), properties)

    return _write(store, asked, kind_of(kind), "update", one)


def upsert(store: Store, asked: Asked, kind: str) -> Reply:
    def one(store: Store, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        record, id_property = _named(store, kind, given), shapes.text(given, "idProperty")
        properties = shapes.properties(given)
        if record is None and id_property:
            record = records.restored(store, kind, str(given["id"]), id_property)
        rules.check(store, asked, kind, (record.properties if record else {}) | properties)
        if record is not None:
            return {**objects.written(store, records.change(store, record, properties), properties), "new": False}
        if not id_property:
            raise Refusal(Reply(404, refusals.some_not_found([str(given.get("id"))], kind)))
        # There is no switch against it: what is missing is created (CRM_APIS 0.5).
        properties = {**properties, id_property: str(given["id"])}
        return {**objects.written(store, records.create(store, kind, properties), properties), "new": True}

    return _write(store, asked, kind_of(kind), "upsert", one)


def archive(store: Store, asked: Asked, kind: str) -> Reply:
    kind = kind_of(kind)
    for each in asked.inputs(MOST):
        record = records.find(store, kind, shapes.text(each, "id") or "")
        if record is not None:
            records.archive(store, record)
    return Reply(204)


def _named(store: Store, kind: str, given: dict[str, Any]) -> records.Record | None:
    key = shapes.text(given, "id")
    if not key:
        raise refusals.invalid("Invalid input JSON: Some required fields were not set: [id]")
    return records.find(store, kind, key, shapes.text(given, "idProperty"))


def _write(
    store: Store, asked: Asked, kind: str, verb: str, one: Callable[[Store, str, dict[str, Any]], dict[str, Any]]
) -> Reply:
    inputs = asked.inputs(MOST)
    if verb != "create":
        _refuse_twice([str(each.get("id")) for each in inputs])
        for id_property in {shapes.text(each, "idProperty") for each in inputs} - {"hs_object_id", "", None}:
            records.check_unique(store, kind, str(id_property))
    traces = [shapes.text(each, "objectWriteTraceId") for each in inputs]
    alone = all(traces) and len(set(traces)) == len(traces) and verb in store.setting("partial_success")
    done, errors = [], []
    for given, trace in zip(inputs, traces, strict=True):
        try:
            with store.attempt():
                result = one(store, kind, given)
        except Refusal as refusal:
            if not alone:
                raise _whole(refusal) from None
            errors.append(_row_error(refusal, trace))
            continue
        done.append({**result, "objectWriteTraceId": trace} if trace else result)
    return answers.batch(store, asked, _reordered(store, done), errors, status=201 if verb == "create" else 200)


def _refuse_twice(ids: list[str]) -> None:
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise refusals.invalid(
            f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique", context={"ids": twice}
        )


def _whole(refusal: Refusal) -> Refusal:
    # A conflict keeps its 409, anything else is a 400 of the whole batch.
    status = 409 if refusal.reply.status == 409 else 400
    return Refusal(Reply(status, refusal.reply.body))


def _row_error(refusal: Refusal, trace: Any) -> dict[str, Any]:
    error = {key: value for key, value in refusal.reply.body.items() if key != "correlationId"}
    context = {**error.get("context", {}), "objectWriteTraceId": [trace]}
    return {"errors": [], "links": {}, **error, "context": context}


def _reordered(store: Store, done: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """19 of 22 recorded answers to several inputs were in another order."""
    return done[1:] + done[:1] if store.setting("reorder_results") else done
