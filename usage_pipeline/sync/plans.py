"""A plan: what an apply will do to one CRM instance, for a person to read and a file to keep."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

from usage_pipeline.errors import Rejected

FORMAT = 1
# A person who reads a plan reads the first rows; the file has them all.
SHOWN = 20


@dataclass(frozen=True)
class Shape:
    """What a CRM's calls take: rows per call, and calls that opening a batch of tasks costs."""

    rows_per_call: int
    calls_per_opening: int


SHAPES = {
    # HubSpot: upsert, then associate.
    "hubspot": Shape(rows_per_call=100, calls_per_opening=2),
    "salesforce": Shape(rows_per_call=200, calls_per_opening=1),
}


@dataclass(frozen=True)
class FieldChange:
    """One field of one record, from what was acknowledged (or is present) to what is wanted."""

    account_id: str
    crm_id: str
    field: str
    old: str | None
    new: str | None


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


@dataclass(frozen=True)
class Plan:
    """Everything an apply will do, and what it was made from."""

    crm: str
    instance: str
    contract_version: str
    as_of: date
    ledger_sequence: int
    created_at: datetime
    compared_with: Literal["acknowledged", "present"]
    fields: tuple[FieldChange, ...]
    new_tasks: tuple[TaskNew, ...]
    rewordings: tuple[TaskRewording, ...]
    closings: tuple[TaskClosing, ...]
    matched: int
    unmatched: int
    ambiguous: int
    edits_restored: int
    """Fields that somebody edited in the CRM and that get our value again."""
    left_closed: int
    """Tasks that would be wanted, but whose episode is over."""
    waiting_in_quarantine: int
    api_calls: int
    """What the writes will cost where nothing fails."""

    @property
    def records(self) -> int:
        return len({change.crm_id for change in self.fields})

    @property
    def is_empty(self) -> bool:
        return not (self.fields or self.new_tasks or self.rewordings or self.closings)

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT} | asdict(self), default=_text, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """A plan out of its file; `Rejected` where the file is something else."""
        try:
            return _plan(json.loads(text))
        except (ValueError, KeyError, TypeError) as broken:
            raise Rejected(f"this is no plan: {broken}", fix="make one with `usage-pipeline plan`") from broken

    def to_markdown(self) -> str:
        """For a person: the sums first, then each task, then the first changes."""
        by_field = Counter(change.field for change in self.fields)
        lines = [
            f"# Plan for {self.instance}, morning of {self.as_of}",
            "",
            f"* fields: {len(self.fields)} on {self.records} records (compared with what is {self.compared_with})",
            f"* tasks: {len(self.new_tasks)} to open, {len(self.rewordings)} to update, {len(self.closings)} to withdraw",
            f"* accounts: {self.matched} matched, {self.unmatched} unmatched, {self.ambiguous} ambiguous (never guessed)",
            f"* edits by hand put right: {self.edits_restored}; waiting in quarantine: {self.waiting_in_quarantine}",
            f"* API calls: {self.api_calls}",
        ]
        if self.new_tasks:
            lines += [
                "",
                "## Tasks to open",
                "",
                "| account | play | subject | priority | due |",
                "|---|---|---|---|---|",
            ]
            lines += [
                f"| {task.account_id} | {task.play} | {_cell(task.subject)} | {task.priority} | {task.due_on} |"
                for task in self.new_tasks
            ]
        for title, tasks in (("Tasks to update", self.rewordings), ("Tasks to withdraw", self.closings)):
            if tasks:
                lines += ["", f"## {title}", "", *(f"* {task.account_id}: {_cell(task.subject)}" for task in tasks)]
        if self.fields:
            lines += ["", "## Fields", "", "| field | records |", "|---|---|"]
            lines += [f"| {name} | {count} |" for name, count in sorted(by_field.items())]
            lines += ["", "| account | field | old | new |", "|---|---|---|---|"]
            lines += [
                f"| {change.account_id} | {change.field} | {_cell(change.old)} | {_cell(change.new)} |"
                for change in self.fields[:SHOWN]
            ]
            if len(self.fields) > SHOWN:
                lines += ["", f"and {len(self.fields) - SHOWN} more, all of them in the JSON."]
        return "\n".join(lines) + "\n"


def _plan(found: Mapping[str, Any]) -> Plan:
    if found["format"] != FORMAT:
        raise ValueError(f"format {found['format']}, not {FORMAT}")
    values = {name: value for name, value in found.items() if name != "format"}
    return Plan(
        **values
        | {
            "as_of": date.fromisoformat(found["as_of"]),
            "created_at": datetime.fromisoformat(found["created_at"]),
            "fields": tuple(FieldChange(**one) for one in found["fields"]),
            "new_tasks": tuple(
                TaskNew(**one | {"due_on": date.fromisoformat(one["due_on"])}) for one in found["new_tasks"]
            ),
            "rewordings": tuple(TaskRewording(**one) for one in found["rewordings"]),
            "closings": tuple(TaskClosing(**one) for one in found["closings"]),
        }
    )


def _text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a plan cannot hold {value!r}")


def _cell(value: str | None) -> str:
    if value is None:
        return ""
    return value.replace("|", "\\|").replace("\n", "; ")[:120]
