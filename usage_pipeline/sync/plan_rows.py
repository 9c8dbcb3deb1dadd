"""The rows of a plan: one change each, as it is shown, kept in a file, and made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class Creation:
    """A company that the CRM does not have, with its fields; its tasks follow when it has been matched."""

    account_id: str
    account_key: str
    """Where the CRM keeps the account id."""
    name: str
    domain: str | None
    fields: Mapping[str, str | None]

    @property
    def payload(self) -> dict[str, Any]:
        return {"account_key": self.account_key, "name": self.name, "domain": self.domain, "fields": dict(self.fields)}


@dataclass(frozen=True)
class FieldChange:
    """One field of one record, from what was confirmed (or is present) to what is wanted."""

    account_id: str
    crm_id: str
    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class PersonChange:
    """One field of one contact."""

    account_id: str
    user_id: str
    crm_id: str
    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Move:
    """A company that joins or leaves a static list."""

    account_id: str
    crm_id: str
    list: str
    joins: bool

    @property
    def key(self) -> str:
        return f"{self.list}/{self.account_id}"

    @property
    def payload(self) -> dict[str, Any]:
        return {"list": self.list, "joins": self.joins}


@dataclass(frozen=True)
class TaskNew:
    """A task to open on an account's record, for the record's owner."""

    key: str
    account_id: str
    crm_id: str
    play: str
    episode: str
    subject: str
    body: str
    priority: str
    due_on: date
    owner_id: str | None
    account_key: str = ""
    """Where the CRM keeps the account id."""

    @property
    def payload(self) -> dict[str, Any]:
        return {
            "play": self.play,
            "episode": self.episode,
            "subject": self.subject,
            "body": self.body,
            "priority": self.priority,
            "due_on": self.due_on.isoformat(),
            "owner_id": self.owner_id,
            "account_key": self.account_key,
        }


@dataclass(frozen=True)
class TaskRewording:
    """An open task that should say something else."""

    key: str
    account_id: str
    crm_id: str
    task_id: str
    old_subject: str
    old_body: str
    old_priority: str
    subject: str
    body: str
    priority: str

    @property
    def payload(self) -> dict[str, Any]:
        return {
            "task_id": self.task_id,
            "before": {"subject": self.old_subject, "body": self.old_body, "priority": self.old_priority},
            "after": {"subject": self.subject, "body": self.body, "priority": self.priority},
        }


@dataclass(frozen=True)
class TaskClosing:
    """An open task whose cause is gone."""

    key: str
    account_id: str
    crm_id: str
    task_id: str
    subject: str
    body: str
    priority: str

    @property
    def payload(self) -> dict[str, Any]:
        return {
            "task_id": self.task_id,
            "before": {"subject": self.subject, "body": self.body, "priority": self.priority},
        }
