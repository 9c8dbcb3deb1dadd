"""Static lists and who is on them (CRM_APIS 2.7).

A list is kept as a record of a kind of its own, and its memberships as associations.
"""

import json
import sqlite3
from typing import Any

from usage_pipeline.sandbox.exchange import Reply
from usage_pipeline.sandbox.hubspot import records, refusals, shapes, standard
from usage_pipeline.sandbox.hubspot.asked import Asked, kind_of
from usage_pipeline.sandbox.store import Store, moment

KIND = "lists"
STATIC = ("MANUAL", "SNAPSHOT")
_MEMBERSHIP = 0
_KINDS = {number: name for name, number in standard.TYPE_IDS.items()}


def create(store: Store, asked: Asked) -> Reply:
    given = asked.object()
    name, kind, processing = (shapes.text(given, key) for key in ("name", "objectTypeId", "processingType"))
    if not name or not kind or not processing:
        raise refusals.invalid(
            "Invalid input JSON: Some required fields were not set: [name, objectTypeId, processingType]"
        )
    if processing not in (*STATIC, "DYNAMIC"):
        raise refusals.invalid(f"Invalid input JSON: processingType {processing} is none of MANUAL, SNAPSHOT, DYNAMIC")
    number = standard.TYPE_IDS[kind_of(kind)]
    if _named(store, number, name):
        raise refusals.invalid(f'A list named "{name}" already exists')
    said = json.dumps({"name": name, "objectTypeId": number, "processingType": processing})
    now, made = store.now(), store.number("hs_object", records.FIRST_ID)
    store.run("INSERT INTO hs_object VALUES (?, ?, ?, ?, ?, 0)", made, KIND, said, now, now)
    return Reply(200, {"list": _shown(store, _row(store, str(made)))})


def read(store: Store, asked: Asked, number: str) -> Reply:  # noqa: ARG001
    return Reply(200, {"list": _shown(store, _row(store, number))})


def read_named(store: Store, asked: Asked, kind: str, name: str) -> Reply:  # noqa: ARG001
    row = _named(store, standard.TYPE_IDS[kind_of(kind)], name)
    if row is None:
        raise _missing(name)
    return Reply(200, {"list": _shown(store, row)})


def delete(store: Store, asked: Asked, number: str) -> Reply:  # noqa: ARG001
    store.run("UPDATE hs_object SET archived = 1 WHERE id = ?", _row(store, number)["id"])
    return Reply(204)


def members(store: Store, asked: Asked, number: str) -> Reply:
    row = _row(store, number)
    limit = asked.limit(default=100, most=250)
    found = store.rows(
        "SELECT o.id FROM hs_association a JOIN hs_object o ON o.id = a.to_id "
        "WHERE a.from_id = ? AND NOT o.archived AND o.id > ? ORDER BY o.id LIMIT ?",
        row["id"],
        asked.after(),
        limit + 1,
    )
    results = [{"recordId": str(one["id"]), "membershipTimestamp": moment(row["modified"])} for one in found[:limit]]
    body: dict[str, Any] = {"results": results, "total": _size(store, row)}
    if len(found) > limit:
        after = results[-1]["recordId"]
        body["paging"] = {"next": {"after": after, "link": f"{asked.call.base_url}{asked.call.path}?after={after}"}}
    return Reply(200, body)


def add(store: Store, asked: Asked, number: str) -> Reply:
    return _changed(store, number, asked.ids(), [])


def remove(store: Store, asked: Asked, number: str) -> Reply:
    return _changed(store, number, [], asked.ids())


def change(store: Store, asked: Asked, number: str) -> Reply:
    given = asked.object()
    return _changed(store, number, shapes.texts(given, "recordIdsToAdd"), shapes.texts(given, "recordIdsToRemove"))


def _changed(store: Store, number: str, added: list[str], removed: list[str]) -> Reply:
    """Those that are on the list already, or are not on it, are passed over in silence."""
    row = _row(store, number)
    said = json.loads(row["properties"])
    if said["processingType"] not in STATIC:
        raise refusals.invalid("Only the memberships of MANUAL and SNAPSHOT lists can be changed")
    kind, missing = _KINDS[said["objectTypeId"]], []
    done: dict[str, list[str]] = {"added": [], "removed": []}
    for verb, keys in (("added", added), ("removed", removed)):
        for key in dict.fromkeys(keys):
            record = records.find(store, kind, key)
            if record is None:
                missing.append(key)
            elif _put(store, row["id"], record, is_member=verb == "added"):
                done[verb].append(key)
    store.run("UPDATE hs_object SET modified = ? WHERE id = ?", store.now(), row["id"])
    body = {"recordsIdsAdded": done["added"], "recordIdsRemoved": done["removed"], "recordIdsMissing": missing}
    return Reply(200, body)


def _put(store: Store, number: int, record: records.Record, *, is_member: bool) -> bool:
    if is_member:
        sql = "INSERT OR IGNORE INTO hs_association VALUES (?, ?, ?, ?)"
        return bool(store.run(sql, number, record.kind, record.id, _MEMBERSHIP))
    return bool(store.run("DELETE FROM hs_association WHERE from_id = ? AND to_id = ?", number, record.id))


def _row(store: Store, number: str) -> sqlite3.Row:
    sql = "SELECT * FROM hs_object WHERE id = ? AND type = ? AND NOT archived"
    row = store.row(sql, int(number), KIND) if shapes.fits(number) else None
    if row is None:
        raise _missing(number)
    return row


def _named(store: Store, kind: str, name: str) -> sqlite3.Row | None:
    return store.row(
        "SELECT * FROM hs_object WHERE type = ? AND NOT archived AND json_extract(properties, '$.objectTypeId') = ? "
        "AND json_extract(properties, '$.name') = ?",
        KIND,
        kind,
        name,
    )


def _missing(spelled: str) -> Exception:
    return refusals.refused(404, f"List does not exist: {spelled}", "OBJECT_NOT_FOUND")


def _size(store: Store, row: sqlite3.Row) -> int:
    found = store.row(
        "SELECT count(*) FROM hs_association a JOIN hs_object o ON o.id = a.to_id WHERE a.from_id = ? AND NOT o.archived",
        row["id"],
    )
    return int(found[0]) if found else 0


def _shown(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    said = json.loads(row["properties"])
    return {
        "listId": str(row["id"]),
        "listVersion": 1,
        "name": said["name"],
        "objectTypeId": said["objectTypeId"],
        "processingType": said["processingType"],
        "processingStatus": "COMPLETE",
        "size": _size(store, row),
        "createdAt": moment(row["created"]),
        "updatedAt": moment(row["modified"]),
    }
