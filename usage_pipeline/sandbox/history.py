"""What the fields of a company were before, and who changed them: the file's triggers keep it, whoever wrote."""

import json
from dataclasses import dataclass
from typing import Any

from usage_pipeline.sandbox.store import Store, moment


@dataclass(frozen=True)
class Change:
    """One field's step from one value to the next."""

    at: str
    by: str
    """Who: an address, or the integration."""
    before: Any
    after: Any


INTEGRATION = "API"


_PLACES = {"hubspot": ("hs_object", "properties"), "salesforce": ("sf_record", "fields")}


def of(store: Store, crm: str, company_id: str) -> dict[str, list[Change]]:
    """Changes per field under the CRM's own names, the newest first; a field never changed is missing."""
    table, column = _PLACES[crm]
    now = store.row(f"SELECT {column} AS fields FROM {table} WHERE id = ?", company_id)
    steps = store.rows("SELECT * FROM history WHERE record = ? AND crm = ? ORDER BY id DESC", company_id, crm)
    found: dict[str, list[Change]] = {}
    after = json.loads(now["fields"]) if now else {}
    for step in steps:
        before = json.loads(step["before"])
        at, by = moment(step["at"]), _person(store, crm, step["by"])
        for name in dict.fromkeys([*after, *before]):
            if before.get(name) != after.get(name):
                found.setdefault(name, []).append(Change(at, by, before.get(name), after.get(name)))
        after = before
    return found


def _person(store: Store, crm: str, by: str | None) -> str:
    if by is None:
        return INTEGRATION
    if crm == "hubspot":
        row = store.row("SELECT email FROM hs_owner WHERE user_id = ?", int(by))
        return str(row["email"]) if row else "an administrator"
    if by == store.setting("salesforce_user"):
        return INTEGRATION
    row = store.row("SELECT json_extract(fields, '$.Email') FROM sf_record WHERE id = ?", by)
    return str(row[0]) if row and row[0] else by
