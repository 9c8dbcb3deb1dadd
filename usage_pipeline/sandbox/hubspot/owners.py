"""Owners: the people of the portal who may own records (CRM_APIS 2.4)."""

import sqlite3
from typing import Any

from usage_pipeline.sandbox.exchange import Reply
from usage_pipeline.sandbox.hubspot import objects, refusals
from usage_pipeline.sandbox.hubspot.asked import Asked
from usage_pipeline.sandbox.store import Store, moment

FIRST_ID, FIRST_USER = 70_001, 5_001


def add(store: Store, email: str, first_name: str, last_name: str) -> int:
    """The owner's id, by e-mail address; known ones stay as they are."""
    known = store.row("SELECT id FROM hs_owner WHERE email = ? AND NOT archived", email)
    if known:
        return int(known["id"])
    owner, user = store.number("hs_owner", FIRST_ID), store.number("hs_user", FIRST_USER)
    store.run(
        "INSERT INTO hs_owner VALUES (?, ?, ?, ?, ?, ?, 0)", owner, user, email, first_name, last_name, store.now()
    )
    return owner


def list_all(store: Store, asked: Asked) -> Reply:
    limit = asked.limit(default=100, most=500)
    email = asked.call.query.get("email")
    rows = store.rows(
        "SELECT * FROM hs_owner WHERE archived = ? AND id > ? AND (? IS NULL OR lower(email) = lower(?)) ORDER BY id LIMIT ?",
        asked.flag("archived"),
        asked.after(),
        email,
        email,
        limit + 1,
    )
    body: dict[str, Any] = {"results": [_shown(row) for row in rows[:limit]]}
    if len(rows) > limit:
        body["paging"] = objects.page(asked, str(rows[limit - 1]["id"]))
    return Reply(200, body)


def read(store: Store, asked: Asked, owner: str) -> Reply:
    column = "user_id" if asked.call.query.get("idProperty") == "userId" else "id"
    row = store.row(f"SELECT * FROM hs_owner WHERE {column} = ? AND archived = ?", owner, asked.flag("archived"))
    if row is None:
        raise refusals.refused(404, f"Owner {owner} does not exist", "OBJECT_NOT_FOUND")
    return Reply(200, _shown(row))


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "email": row["email"],
        "type": "PERSON",
        "firstName": row["first_name"],
        "lastName": row["last_name"],
        # The record property hubspot_owner_id takes `id`, never `userId`.
        "userId": row["user_id"],
        "userIdIncludingInactive": row["user_id"],
        "createdAt": moment(row["created"]),
        "updatedAt": moment(row["created"]),
        "archived": bool(row["archived"]),
    }
