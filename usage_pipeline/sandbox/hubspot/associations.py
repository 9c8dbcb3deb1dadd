"""Associations between records, by HubSpot's own type ids (CRM_APIS 2.5)."""

from typing import Any

from usage_pipeline.sandbox.exchange import Reply
from usage_pipeline.sandbox.hubspot import answers, lag, records, refusals, rules, shapes, standard
from usage_pipeline.sandbox.hubspot.asked import Asked, kind_of
from usage_pipeline.sandbox.store import Store, moment

MOST_CREATED, MOST_READ = 2_000, 1_000

# (from, to): the unlabelled default first, then (type id, label) of the labelled ones
_TYPES: dict[tuple[str, str], tuple[tuple[int, str | None], ...]] = {
    ("tasks", "companies"): ((192, None),),
    ("companies", "tasks"): ((191, None),),
    ("tasks", "contacts"): ((204, None),),
    ("contacts", "tasks"): ((203, None),),
    ("notes", "companies"): ((190, None),),
    ("companies", "notes"): ((189, None),),
    ("notes", "contacts"): ((202, None),),
    ("contacts", "notes"): ((201, None),),
    ("contacts", "companies"): ((279, None), (1, "Primary")),
    ("companies", "contacts"): ((280, None), (2, "Primary")),
    ("deals", "companies"): ((341, None), (5, "Primary")),
    ("companies", "deals"): ((342, None), (6, "Primary")),
    ("tasks", "deals"): ((216, None),),
    ("deals", "tasks"): ((215, None),),
}
_REVERSE = {
    192: 191,
    191: 192,
    204: 203,
    203: 204,
    190: 189,
    189: 190,
    202: 201,
    201: 202,
    279: 280,
    280: 279,
    1: 2,
    2: 1,
    341: 342,
    342: 341,
    5: 6,
    6: 5,
    216: 215,
    215: 216,
}


def _types(from_kind: str, to_kind: str) -> dict[int, str | None]:
    types = _TYPES.get((from_kind, to_kind))
    if types is None:
        raise refusals.invalid(f"There are no association types from {from_kind} to {to_kind}")
    return dict(types)


def join(store: Store, record: records.Record, to_kind: str, to_id: str, type_ids: list[int]) -> None:
    """Associate two records in both directions; doing it again changes nothing."""
    target = records.find(store, to_kind, to_id)
    if target is None:
        raise refusals.refused(
            404, f"{standard.SINGULAR[to_kind]} {to_id} does not exist", "OBJECT_NOT_FOUND", context={"ids": [to_id]}
        )
    known = _types(record.kind, to_kind)
    for type_id in type_ids:
        if type_id not in known:
            raise refusals.invalid(f"Association type {type_id} does not lead from {record.kind} to {to_kind}")
        lag.hide(store, record.id, target.id)
        store.run("INSERT OR IGNORE INTO hs_association VALUES (?, ?, ?, ?)", record.id, to_kind, target.id, type_id)
        store.run(
            "INSERT OR IGNORE INTO hs_association VALUES (?, ?, ?, ?)",
            target.id,
            record.kind,
            record.id,
            _REVERSE[type_id],
        )


def join_by_types(store: Store, record: records.Record, to_id: str, types: list[dict[str, Any]]) -> None:
    """An association given inside a create: the type ids tell what kind the other record is of."""
    ids = _type_ids(types)
    for (from_kind, to_kind), known in _TYPES.items():
        if from_kind == record.kind and {number for number, _ in known} & set(ids):
            join(store, record, to_kind, to_id, ids)
            return
    raise refusals.invalid(f"Association types {ids} do not start at {record.kind}")


def _type_ids(types: list[dict[str, Any]]) -> list[int]:
    if not all("associationTypeId" in each for each in types):
        raise refusals.invalid("Invalid input JSON: types needs associationCategory and associationTypeId")
    ids = [shapes.whole(each, "associationTypeId", 0) for each in types]
    if not ids:
        raise refusals.invalid("Invalid input JSON: Some required fields were not set: [types]")
    return ids


def joined(store: Store, record_id: int, to_kind: str) -> dict[int, list[int]]:
    """Associated records that are not archived, each with its type ids."""
    rows = store.rows(
        "SELECT a.to_id, a.type_id FROM hs_association a JOIN hs_object o ON o.id = a.to_id "
        "WHERE a.from_id = ? AND a.to_type = ? AND NOT o.archived ORDER BY a.to_id, a.type_id",
        record_id,
        to_kind,
    )
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(row["to_id"], []).append(row["type_id"])
    return found


def legacy(store: Store, record: records.Record, to_kind: str) -> list[dict[str, Any]]:
    """Associations as `?associations=` shows them on a record."""
    name = f"{standard.SINGULAR[record.kind]}_to_{standard.SINGULAR[to_kind]}".lower()
    return [{"id": str(target), "type": name} for target in joined(store, record.id, to_kind)]


def _targets(store: Store, record: records.Record, to_kind: str) -> list[dict[str, Any]]:
    labels = _types(record.kind, to_kind)
    unseen = lag.unseen(store, record.id)
    return [
        {
            "toObjectId": target,
            "associationTypes": [
                {"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": labels[type_id]} for type_id in type_ids
            ],
        }
        for target, type_ids in joined(store, record.id, to_kind).items()
        if target not in unseen
    ]


def _record(store: Store, kind: str, key: str) -> records.Record:
    record = records.find(store, kind, key)
    if record is None:
        raise refusals.not_found([key])
    return record


def read(store: Store, asked: Asked, kind: str, record: str, to_kind: str) -> Reply:
    if asked.is_2026_09:
        raise refusals.unknown_path()  # absent from that version: read in batches instead
    lag.read_begins(store)
    return Reply(200, {"results": _targets(store, _record(store, kind_of(kind), record), kind_of(to_kind))})


def put_default(store: Store, asked: Asked, kind: str, record: str, to_kind: str, to_id: str) -> Reply:
    rules.check_associations(store, asked)
    kind, to_kind = kind_of(kind), kind_of(to_kind)
    type_id = next(iter(_types(kind, to_kind)))
    join(store, _record(store, kind, record), to_kind, to_id, [type_id])
    pairs = ((record, to_id, type_id), (to_id, record, _REVERSE[type_id]))
    results = [
        {
            "from": {"id": from_id},
            "to": {"id": to},
            "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number},
        }
        for from_id, to, number in pairs
    ]
    now = moment(store.now())
    return Reply(200, {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now})


def put(store: Store, asked: Asked, kind: str, record: str, to_kind: str, to_id: str) -> Reply:
    kind, to_kind = kind_of(kind), kind_of(to_kind)
    rules.check_associations(store, asked)
    types = asked.bare_list()
    join(store, _record(store, kind, record), to_kind, to_id, _type_ids(types))
    return Reply(201, _created(kind, record, to_kind, to_id))


def remove(store: Store, asked: Asked, kind: str, record: str, to_kind: str, to_id: str) -> Reply:  # noqa: ARG001
    _part(store, kind_of(kind), record, kind_of(to_kind), to_id)
    return Reply(204)


def _part(store: Store, kind: str, record: str, to_kind: str, to_id: str) -> None:
    for from_id, to, target in ((record, to_kind, to_id), (to_id, kind, record)):
        store.run("DELETE FROM hs_association WHERE from_id = ? AND to_type = ? AND to_id = ?", from_id, to, target)


def _created(kind: str, record: str, to_kind: str, to_id: str) -> dict[str, Any]:
    return {
        "fromObjectTypeId": standard.TYPE_IDS[kind],
        "fromObjectId": int(record),
        "toObjectTypeId": standard.TYPE_IDS[to_kind],
        "toObjectId": int(to_id),
        "labels": [],
    }


def batch_create(store: Store, asked: Asked, kind: str, to_kind: str) -> Reply:
    return _batch_join(store, asked, kind, to_kind, default=False)


def batch_default(store: Store, asked: Asked, kind: str, to_kind: str) -> Reply:
    return _batch_join(store, asked, kind, to_kind, default=True)


def _batch_join(store: Store, asked: Asked, kind: str, to_kind: str, *, default: bool) -> Reply:
    kind, to_kind = kind_of(kind), kind_of(to_kind)
    done, errors = [], []
    rules.check_associations(store, asked)
    for each in asked.inputs(MOST_CREATED):
        from_id, to_id = (shapes.text(shapes.one(each, end), "id") or "" for end in ("from", "to"))
        type_ids = [next(iter(_types(kind, to_kind)))] if default else _type_ids(shapes.many(each, "types"))
        source = records.find(store, kind, from_id)
        missing = source is None or records.find(store, to_kind, to_id) is None
        if source is None or missing:
            named = {"fromObjectId": [from_id], "toObjectId": [to_id]}
            message = f"{from_id} or {to_id} does not exist"
            errors.append(refusals.body(message, "OBJECT_NOT_FOUND", context=named, errors=[], links={}))
            continue
        join(store, source, to_kind, to_id, type_ids)
        done.append(_created(kind, from_id, to_kind, to_id))
    return answers.batch(store, asked, done, errors, status=200 if asked.is_2026_09 or default else 201)


def batch_archive(store: Store, asked: Asked, kind: str, to_kind: str) -> Reply:
    kind, to_kind = kind_of(kind), kind_of(to_kind)
    for each in asked.inputs(MOST_CREATED):
        start = shapes.text(shapes.one(each, "from"), "id") or ""
        for target in shapes.many(each, "to"):
            _part(store, kind, start, to_kind, shapes.text(target, "id") or "")
    return Reply(204)


def batch_read(store: Store, asked: Asked, kind: str, to_kind: str) -> Reply:
    kind, to_kind = kind_of(kind), kind_of(to_kind)
    done, missing = [], []
    keys = [shapes.text(each, "id") or "" for each in asked.inputs(MOST_READ)]
    lag.read_begins(store)
    for key in keys:
        record = records.find(store, kind, key)
        targets = _targets(store, record, to_kind) if record else []
        if targets:
            done.append({"from": {"id": key}, "to": targets})
        else:
            missing.append(key)
    errors = []
    if missing:
        message = f"No {to_kind} are associated with {kind} {', '.join(missing)}"
        errors = [refusals.body(message, "OBJECT_NOT_FOUND", subCategory="crm.associations.NO_ASSOCIATIONS_FOUND", context={"fromObjectId": missing}, errors=[], links={})]  # fmt: skip
    return answers.batch(store, asked, done, errors, status=200)


def labels(store: Store, asked: Asked, kind: str, to_kind: str) -> Reply:  # noqa: ARG001
    types = _types(kind_of(kind), kind_of(to_kind))
    return Reply(
        200,
        {
            "results": [
                {"category": "HUBSPOT_DEFINED", "typeId": number, "label": label} for number, label in types.items()
            ]
        },
    )
