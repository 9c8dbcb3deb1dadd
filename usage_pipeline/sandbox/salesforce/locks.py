"""Row locks: somebody else is writing to a record, or to the account a task belongs to (CRM_APIS 3.3)."""

from typing import Any

from usage_pipeline.sandbox.salesforce import ids, records
from usage_pipeline.sandbox.salesforce.refusals import RowError
from usage_pipeline.sandbox.store import Store


def met(store: Store, given: dict[str, Any]) -> RowError | None:
    """The lock that a write of this row meets, once less; asked outside the row's own savepoint, which undoes."""
    locked: dict[str, int] = store.setting("salesforce_locked")
    if not any(left > 0 for left in locked.values()):
        return None
    for touched in [*_touched(store, given), "*"]:
        if locked.get(touched, 0) > 0:
            store.set("salesforce_locked", {**locked, touched: locked[touched] - 1})
            of = "1 record" if touched == "*" else f"1 record: {touched}"
            return RowError("UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record or {of}")
    return None


def _touched(store: Store, given: dict[str, Any]) -> list[str]:
    """The record itself and the account whose roll-ups it changes."""
    named = {name.lower(): value for name, value in given.items()}
    found = [ids.known(str(named[name])) for name in ("id", "whatid") if named.get(name)]
    record = records.find(store, str(named["id"])) if named.get("id") else None
    if record is not None and record.kind == "Task":
        found.append(record.value("WhatId"))
    return [each for each in found if each]
