"""What a fault did to a CRM's state, kept so that an administrator can undo it.

Rows are kept as they were before the fault touched them; mending puts them back,
the latest first. A row that came into being since stays.
"""

import json

from usage_pipeline.sandbox.store import Store


def keep(store: Store, table: str, condition: str, *values: object) -> None:
    """Remember the rows of a table that a fault is about to change or delete."""
    for row in store.rows(f"SELECT * FROM {table} WHERE {condition}", *values):
        kept = json.dumps({name: row[name] for name in row.keys()})  # noqa: SIM118 - a Row iterates its values
        store.run("INSERT INTO undo (place, kept) VALUES (?, ?)", table, kept)


def keep_setting(store: Store, name: str) -> None:
    """Remember a setting, whether it was ever set or not."""
    store.set(name, store.setting(name))
    keep(store, "setting", "name = ?", name)


def mend(store: Store) -> int:
    """Put everything back that faults changed; gives the number of rows."""
    kept = store.rows("SELECT * FROM undo ORDER BY id DESC")
    for each in kept:
        row = json.loads(each["kept"])
        marks = ", ".join("?" * len(row))
        store.run(f"INSERT OR REPLACE INTO {each['place']} ({', '.join(row)}) VALUES ({marks})", *row.values())
    store.run("DELETE FROM undo")
    store.cache.clear()
    return len(kept)
