"""A plan: what an apply will do to one CRM instance, for a person to read and a file to keep."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

from usage_pipeline.errors import Rejected
from usage_pipeline.sync.breaker import Measures

FORMAT = 3
REMAKE = "make one with `usage-pipeline plan --write`"
# A person who reads a plan reads the first rows; the file has them all.
SHOWN = 20


@dataclass(frozen=True)
class Shape:
    """What a CRM's calls take: rows per call, and calls that opening a batch of tasks costs."""

    rows_per_call: int
    calls_per_opening: int
    rows_per_job: int | None = None
    """Rows that one bulk job takes; it is used for more than `job_above` rows."""
    job_above: int = 0
    calls_per_job: int = 0

    def calls(self, records: int, openings: int, rewordings: int, closings: int) -> int:
        """Calls that these writes cost where nothing fails; a task is read before it is changed."""

        def batches(rows: int) -> int:
            return math.ceil(rows / self.rows_per_call)

        fields = batches(records)
        if self.rows_per_job and records > self.job_above:
            fields = self.calls_per_job * math.ceil(records / self.rows_per_job)
        return fields + self.calls_per_opening * batches(openings) + 2 * (batches(rewordings) + batches(closings))


SHAPES = {
    # HubSpot: upsert, then associate.
    "hubspot": Shape(rows_per_call=100, calls_per_opening=2),
    # Bulk API 2.0: create, upload, close, poll, and three lists of results.
    "salesforce": Shape(rows_per_call=200, calls_per_opening=1, rows_per_job=100_000, job_above=2000, calls_per_job=7),
}


@dataclass(frozen=True)
class FieldChange:
    """One field of one record, from what was confirmed (or is present) to what is wanted."""

    account_id: str
    crm_id: str
    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Adoption:
    """Fields of a record that are in the CRM as they are wanted, without our having put them there."""

    account_id: str
    crm_id: str
    fields: Mapping[str, str | None]


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
    compared_with: Literal["confirmed", "present"]
    fields: tuple[FieldChange, ...]
    new_tasks: tuple[TaskNew, ...]
    rewordings: tuple[TaskRewording, ...]
    closings: tuple[TaskClosing, ...]
    adoptions: tuple[Adoption, ...]
    """What the ledger takes in without a call."""
    matched: int
    unmatched: int
    ambiguous: int
    strays: tuple[tuple[str, str], ...]
    """Accounts whose record is gone or has become another account's since it was matched, and what is the matter."""
    edits_restored: int
    """Fields that somebody edited in the CRM and that get our value again."""
    edits_left: int
    """Fields that somebody edited in the CRM and that stay theirs."""
    left_closed: int
    """Tasks that would be wanted, but whose episode is over."""
    tasks_later: int
    """Tasks that wait, because their owner gets enough at once."""
    held_back: int
    """Records that differ too little to be written."""
    waiting_in_quarantine: int
    released: tuple[tuple[str, str], ...]
    """Rejections (kind, key) of what nobody wants any more."""
    api_calls: int
    """What the writes will cost where nothing fails."""
    calls_saved: int
    """What the records that are held back would have cost."""
    calls_left: int | None
    """What the CRM allows today, as far as it says."""
    measures: Measures
    """What the circuit breaker compares."""
    is_redacted: bool = False

    @property
    def records(self) -> int:
        return len({change.crm_id for change in self.fields})

    @property
    def is_empty(self) -> bool:
        return not (self.fields or self.new_tasks or self.rewordings or self.closings)

    def to_markdown(self) -> str:
        """For a person: the sums first, then each task, then the first changes."""
        by_field = Counter(change.field for change in self.fields)
        lines = [
            f"# Plan for {self.instance}, morning of {self.as_of}",
            "",
            f"* fields: {len(self.fields)} on {self.records} records (compared with what is {self.compared_with})",
            f"* tasks: {len(self.new_tasks)} to open, {len(self.rewordings)} to update, {len(self.closings)} to withdraw",
            f"* accounts: {self.matched} matched, {self.unmatched} unmatched, {self.ambiguous} ambiguous (never guessed)",
            f"* edits by hand: {self.edits_restored} put right, {self.edits_left} left to people",
            f"* waiting in quarantine: {self.waiting_in_quarantine}",
            f"* records that differ too little to be written: {self.held_back} ({self.calls_saved} API calls saved)",
            f"* API calls: {self.api_calls}{'' if self.calls_left is None else f' of {self.calls_left:,} left today'}",
        ]
        if self.tasks_later:
            lines.append(f"* tasks that wait because their owner gets enough at once: {self.tasks_later}")
        if self.left_closed:
            lines.append(f"* tasks of episodes that are over, not opened again: {self.left_closed}")
        if self.strays:
            lines += ["", "## Records that are not what they were", ""]
            lines += [f"* {account}: {what}" for account, what in self.strays[:SHOWN]]
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


def write(made: Sequence[Plan]) -> str:
    """Plans as the text of a file."""
    document = {"format": FORMAT, "plans": [asdict(one) for one in made]}
    return json.dumps(document, default=_text, indent=1, ensure_ascii=False)


def read(text: str) -> list[Plan]:
    """The plans of a file; `Rejected` where the file is something else."""
    try:
        found = json.loads(text)
        is_plan = found["format"] == FORMAT
        made = [_plan(one) for one in found["plans"]] if is_plan else []
    except (ValueError, KeyError, TypeError) as broken:
        raise Rejected(f"this is no plan: {broken}", fix=REMAKE) from broken
    if not is_plan:
        raise Rejected(f"this is no plan of format {FORMAT}, but of {found['format']}", fix=REMAKE)
    return made


def _plan(found: Mapping[str, Any]) -> Plan:
    return Plan(
        **dict(found)
        | {
            "as_of": date.fromisoformat(found["as_of"]),
            "created_at": datetime.fromisoformat(found["created_at"]),
            "measures": Measures(**found["measures"]),
            "strays": tuple((account, what) for account, what in found["strays"]),
            "released": tuple((kind, key) for kind, key in found["released"]),
            "fields": tuple(FieldChange(**one) for one in found["fields"]),
            "adoptions": tuple(Adoption(**one) for one in found["adoptions"]),
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
