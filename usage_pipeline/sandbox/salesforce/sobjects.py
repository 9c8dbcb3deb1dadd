"""Single records: create, read, update, delete, and upsert by external id (CRM_APIS 4.1).

A `RowError` raised here becomes the answer at the door (`api`), as in every other module.
"""

import json
from typing import Any

from usage_pipeline.sandbox.exchange import Call, Refusal, Reply, listed
from usage_pipeline.sandbox.salesforce import access, locks, records, refusals, schema, writing
from usage_pipeline.sandbox.salesforce.records import Record
from usage_pipeline.sandbox.salesforce.schema import Field
from usage_pipeline.sandbox.store import Store


def kind_of(spelling: str) -> str:
    kind = schema.object_name(spelling)
    if kind is None:
        raise refusals.not_found()
    return kind


def body_of(call: Call) -> dict[str, Any]:
    """The JSON object in the body.

    Raises:
        Refusal: 400 JSON_PARSER_ERROR when it is none.
    """
    try:
        body = json.loads(call.body or b"{}")
    except ValueError as problem:
        raise refusals.bad_json(f"Unexpected character: {problem}") from None
    if not isinstance(body, dict):
        raise refusals.bad_json("Cannot deserialize a record: a JSON object is expected")
    return body


def create(store: Store, call: Call, version: str, kind: str) -> Reply:  # noqa: ARG001
    record = writing.create(store, kind_of(kind), body_of(call))
    return Reply(201, {"id": record.id, "success": True, "errors": []})


def _found(store: Store, kind: str, record_id: str) -> Record:
    record = records.find(store, record_id)
    if record is None or record.kind != kind:
        raise refusals.not_found()
    if record.deleted:
        raise refusals.refused(404, "ENTITY_IS_DELETED", "entity is deleted", [])
    return record


def read(store: Store, call: Call, version: str, kind: str, record: str) -> Reply:
    kind = kind_of(kind)
    return Reply(200, shown(store, version, _found(store, kind, record), listed(call.query, "fields")))


def change(store: Store, call: Call, version: str, kind: str, record: str) -> Reply:  # noqa: ARG001
    kind = kind_of(kind)
    lock = locks.met(store, {"Id": record})
    if lock:
        # An answer, not a refusal: that would undo what is counted of the lock.
        return refusals.of_row(lock).reply
    writing.change(store, _found(store, kind, record), body_of(call))
    return Reply(204)


def delete(store: Store, call: Call, version: str, kind: str, record: str) -> Reply:  # noqa: ARG001
    writing.delete(store, _found(store, kind_of(kind), record))
    return Reply(204)


def external_field(store: Store, kind: str, name: str) -> Field:
    """The external id field of a path.

    Raises:
        Refusal: 404 when there is none, or when it is hidden.
    """
    field = access.visible(store, kind).get(name.lower())
    if field is None or not field.is_key or field.name == "Id":
        raise refusals.no_external_id(name)
    return field


def _by_key(store: Store, version: str, kind: str, field: Field, value: str) -> Record | None:
    found = records.by_key(store, kind, field, value)
    if len(found) > 1:
        # 300: the key matches several records, which the body lists.
        raise Refusal(Reply(300, [f"/services/data/v{version}/sobjects/{kind}/{each.id}" for each in found]))
    return found[0] if found else None


def read_by_key(store: Store, call: Call, version: str, kind: str, field: str, value: str) -> Reply:
    kind = kind_of(kind)
    record = _by_key(store, version, kind, external_field(store, kind, field), value)
    if record is None:
        raise refusals.not_found()
    return Reply(200, shown(store, version, record, listed(call.query, "fields")))


def upsert(store: Store, call: Call, version: str, kind: str, field: str, value: str) -> Reply:
    """Update the record with this key, or create it unless `updateOnly` forbids it."""
    kind = kind_of(kind)
    known, given = external_field(store, kind, field), body_of(call)
    named = {name.lower() for name in given}
    if known.name.lower() in named or "id" in named:
        raise refusals.refused(
            400,
            "INVALID_FIELD",
            f"The {known.name if known.name.lower() in named else 'Id'} field should not be specified in the sobject data.",
        )
    record = _by_key(store, version, kind, known, value)
    if record is not None:
        writing.change(store, record, given)
        return Reply(200, {"id": record.id, "success": True, "errors": [], "created": False})
    if call.query.get("updateOnly", "").lower() == "true":
        raise refusals.not_found()
    made = writing.create(store, kind, {**given, known.name: value})
    return Reply(201, {"id": made.id, "success": True, "errors": [], "created": True})


def delete_by_key(store: Store, call: Call, version: str, kind: str, field: str, value: str) -> Reply:  # noqa: ARG001
    kind = kind_of(kind)
    record = _by_key(store, version, kind, external_field(store, kind, field), value)
    if record is None:
        raise refusals.not_found()
    writing.delete(store, record)
    return Reply(204)


def shown(store: Store, version: str, record: Record, wanted: list[str]) -> dict[str, Any]:
    """A record with all visible fields, or with those asked for."""
    known = access.visible(store, record.kind)
    for name in wanted:
        if name.lower() not in known:
            raise refusals.no_column(name, record.kind)
    names = (
        {known[name.lower()].name for name in wanted} | {"Id"} if wanted else {field.name for field in known.values()}
    )
    url = f"/services/data/v{version}/sobjects/{record.kind}/{record.id}"
    return {
        "attributes": {"type": record.kind, "url": url},
        **{field.name: record.value(field.name) for field in known.values() if field.name in names},
    }
