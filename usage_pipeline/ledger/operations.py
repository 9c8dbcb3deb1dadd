"""Intents and their ends: what is written down before and after a request."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from usage_pipeline.accounts import AccountId, CrmId
from usage_pipeline.crm.client import TaskState
from usage_pipeline.crm.rejections import Rejection

Kind = Literal[
    "record_create", "fields", "contact_fields", "list_move", "task_open", "task_update", "task_withdraw", "message"
]
State = Literal["planned", "sent", "ok", "left", "failed", "unknown"]
OBJECTS = {
    "record_create": "company",
    "fields": "company",
    "contact_fields": "contact",
    "list_move": "list",
    "message": "message",
}
"""What an operation is about; every other kind is about a task."""
OPEN_STATES = ("planned", "sent", "unknown")


@dataclass(frozen=True)
class Operation:
    """An intent: one record or its fields, one task, or one message."""

    id: str
    kind: Kind
    key: str
    """The account for records and fields, the user for a contact's, list and account for a move, the task key for tasks, the message key for messages."""
    account_id: AccountId
    crm_id: CrmId | None
    payload: Mapping[str, Any]
    operation_class: str
    as_of: date
    before: Mapping[str, str | None] | None = None
    """What the fields held before, for a rollback."""
    state: State = "planned"
    sent_at: datetime | None = None
    lost_at: datetime | None = None
    """When it was known that the answer is lost."""

    @property
    def object(self) -> str:
        return OBJECTS.get(self.kind, "task")

    @property
    def payload_hash(self) -> str:
        return hash_of(self.payload)


def hash_of(payload: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Settled:
    """What came of an operation."""

    operation: Operation
    state: State
    crm_id: CrmId | None = None
    rejection: Rejection | None = None
    task: TaskState | None = None
    """How a task that a crash left behind was found."""
