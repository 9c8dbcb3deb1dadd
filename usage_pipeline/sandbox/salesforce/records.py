"""Records of the organisation, and how they are found."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from usage_pipeline.sandbox.salesforce import ids, values
from usage_pipeline.sandbox.salesforce.schema import Field
from usage_pipeline.sandbox.store import Store


@dataclass(frozen=True)
class Record:
    """One row of one object."""

    id: str
    kind: str
    fields: dict[str, Any]
    created: int
    created_by: str
    modified: int
    modified_by: str
    deleted: bool

    @staticmethod
    def of(row: sqlite3.Row) -> "Record":
        return Record(
            row["id"],
            row["object"],
            json.loads(row["fields"]),
            row["created"],
            row["created_by"],
            row["modified"],
            row["modified_by"],
            bool(row["deleted"]),
        )

    def value(self, field: str) -> Any:
        """A field's value as Salesforce writes it, by its own spelling."""
        system = _SYSTEM.get(field)
        return system(self) if system else self.fields.get(field)


_SYSTEM: dict[str, Callable[[Record], Any]] = {
    "Id": lambda record: record.id,
    "IsDeleted": lambda record: record.deleted,
    "CreatedDate": lambda record: values.written(record.created),
    "CreatedById": lambda record: record.created_by,
    "LastModifiedDate": lambda record: values.written(record.modified),
    "LastModifiedById": lambda record: record.modified_by,
    "SystemModstamp": lambda record: values.written(record.modified),
}


def find(store: Store, record_id: str) -> Record | None:
    """A record by id, deleted ones included."""
    full = ids.known(record_id)
    row = store.row("SELECT * FROM sf_record WHERE id = ?", full) if full else None
    return Record.of(row) if row else None


def by_key(store: Store, kind: str, field: Field, value: str) -> list[Record]:
    """Records that are not deleted and hold this value of an indexed field."""
    rows = store.rows(
        "SELECT r.* FROM sf_key k JOIN sf_record r USING (id) WHERE k.object = ? AND k.field = ? AND k.value = ?",
        kind,
        field.name,
        key(field, value),
    )
    return [Record.of(row) for row in rows]


def key(field: Field, value: Any) -> str:
    """A value as it is compared."""
    return str(value) if field.case_sensitive else str(value).lower()
