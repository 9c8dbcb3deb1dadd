"""Single records: list, create, read, update, archive."""

from typing import Any

from usage_pipeline.sandbox.exchange import Reply, listed
from usage_pipeline.sandbox.hubspot import associations, records, refusals, rules, shapes
from usage_pipeline.sandbox.hubspot.asked import Asked, kind_of
from usage_pipeline.sandbox.store import Store


def list_all(store: Store, asked: Asked, kind: str) -> Reply:
    kind = kind_of(kind)
    limit, archived = asked.limit(), asked.flag("archived")
    rows = store.rows(
        "SELECT * FROM hs_object WHERE type = ? AND archived = ? AND id > ? ORDER BY id LIMIT ?",
        kind,
        archived,
        asked.after(),
        limit + 1,
    )
    found = [records.Record.of(row) for row in rows[:limit]]
    body: dict[str, Any] = {"results": [_seen(store, asked, record) for record in found]}
    if len(rows) > limit:
        body["paging"] = page(asked, str(found[-1].id))
    return Reply(200, body)


def page(asked: Asked, after: str) -> dict[str, Any]:
    query = "&".join(
        [*(f"{key}={value}" for key, value in asked.call.query.multi_items() if key != "after"), f"after={after}"]
    )
    return {"next": {"after": after, "link": f"{asked.call.base_url}{asked.call.path}?{query}"}}


def create(store: Store, asked: Asked, kind: str) -> Reply:
    record, properties = created(store, asked, kind_of(kind), asked.object())
    return Reply(201, written(store, record, properties))


def created(store: Store, asked: Asked, kind: str, given: dict[str, Any]) -> tuple[records.Record, dict[str, Any]]:
    """A record made from an input of a create, with its inline associations, and the properties it was given."""
    properties = shapes.properties(given)
    rules.check(store, asked, kind, properties)
    record = records.create(store, kind, properties)
    for association in shapes.many(given, "associations"):
        rules.check_associations(store, asked)
        target = shapes.text(shapes.one(association, "to"), "id") or ""
        associations.join_by_types(store, record, target, shapes.many(association, "types"))
    return record, properties


def written(store: Store, record: records.Record, given: dict[str, Any]) -> dict[str, Any]:
    """The answer to a write: what was sent, the dates, the id, and what HubSpot derived."""
    names = [*given]
    if "domain" in given and "website" not in given:
        names.append("website")
    return records.shown(store, record, names)


def read(store: Store, asked: Asked, kind: str, record: str) -> Reply:
    found = _found(store, asked, kind_of(kind), record, archived=asked.flag("archived"))
    return Reply(200, _seen(store, asked, found))


def change(store: Store, asked: Asked, kind: str, record: str) -> Reply:
    kind, properties = kind_of(kind), shapes.properties(asked.object())
    found = _found(store, asked, kind, record)
    rules.check(store, asked, kind, found.properties | properties)
    return Reply(200, written(store, records.change(store, found, properties), properties))


def archive(store: Store, asked: Asked, kind: str, record: str) -> Reply:
    """Archive a record; one that is gone already is as good."""
    found = records.find(store, kind_of(kind), record, asked.call.query.get("idProperty"))
    if found is not None:
        records.archive(store, found)
    return Reply(204)


def _found(store: Store, asked: Asked, kind: str, key: str, *, archived: bool = False) -> records.Record:
    found = records.find(store, kind, key, asked.call.query.get("idProperty"), archived=archived)
    if found is None:
        raise refusals.not_found([key])
    return found


def _seen(store: Store, asked: Asked, record: records.Record) -> dict[str, Any]:
    seen = records.shown(store, record, listed(asked.call.query, "properties"))
    joined = {}
    for spelling in listed(asked.call.query, "associations"):
        kind = kind_of(spelling)
        results = associations.legacy(store, record, kind)
        if results:
            joined[kind] = {"results": results}
    if joined:
        seen["associations"] = joined
    return seen
