"""A plan: what an apply will do to one CRM instance, for a person to read and a file to keep."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

from usage_pipeline.errors import Rejected
from usage_pipeline.ledger.effects import Known
from usage_pipeline.sync.breaker import Measures
from usage_pipeline.sync.plan_rows import (
    Creation,
    FieldChange,
    Move,
    PersonChange,
    TaskClosing,
    TaskNew,
    TaskRewording,
)

FORMAT = 4
REMAKE = "make one with `usage-pipeline plan --write`"
# Members of a list that one call changes.
MOVES_PER_CALL = 1_000
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

    def calls(self, records: int, openings: int, rewordings: int, closings: int, creations: int = 0) -> int:
        """Calls that these writes cost where nothing fails; what may be there is read before it is made or changed."""

        def batches(rows: int) -> int:
            return math.ceil(rows / self.rows_per_call)

        fields = batches(records)
        if self.rows_per_job and records > self.job_above:
            fields = self.calls_per_job * math.ceil(records / self.rows_per_job)
        read_first = batches(rewordings) + batches(closings) + batches(creations)
        return fields + self.calls_per_opening * batches(openings) + 2 * read_first


SHAPES = {
    # HubSpot: upsert, then associate.
    "hubspot": Shape(rows_per_call=100, calls_per_opening=2),
    # Bulk API 2.0: create, upload, close, poll, and three lists of results.
    "salesforce": Shape(rows_per_call=200, calls_per_opening=1, rows_per_job=100_000, job_above=2000, calls_per_job=7),
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
    creations: tuple[Creation, ...]
    fields: tuple[FieldChange, ...]
    people: tuple[PersonChange, ...]
    moves: tuple[Move, ...]
    new_tasks: tuple[TaskNew, ...]
    rewordings: tuple[TaskRewording, ...]
    closings: tuple[TaskClosing, ...]
    adoptions: tuple[Known, ...]
    """What the ledger takes in without a call."""
    matched: int
    unmatched: int
    ambiguous: int
    strays: tuple[tuple[str, str], ...]
    """Accounts whose record is gone or has become another account's, and what is the matter."""
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
        return not (
            self.creations
            or self.fields
            or self.people
            or self.moves
            or self.new_tasks
            or self.rewordings
            or self.closings
        )

    @property
    def _joins(self) -> int:
        return sum(move.joins for move in self.moves)

    def to_markdown(self) -> str:
        """For a person: the sums first, then each task, then the first changes."""
        by_field = Counter(change.field for change in self.fields)
        lines = [
            f"# Plan for {self.instance}, morning of {self.as_of}",
            "",
            *([f"* companies to create: {len(self.creations)}"] if self.creations else []),
            f"* fields: {len(self.fields)} on {self.records} records (compared with what is {self.compared_with})",
            *([f"* contacts: {len(self.people)} fields"] if self.people else []),
            *([f"* lists: {self._joins} join, {len(self.moves) - self._joins} leave"] if self.moves else []),
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
        if self.creations:
            lines += ["", "## Companies to create", "", "| account | name | domain |", "|---|---|---|"]
            lines += [f"| {one.account_id} | {_cell(one.name)} | {_cell(one.domain)} |" for one in self.creations]
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
            "creations": tuple(Creation(**one) for one in found["creations"]),
            "fields": tuple(FieldChange(**one) for one in found["fields"]),
            "people": tuple(PersonChange(**one) for one in found["people"]),
            "moves": tuple(Move(**one) for one in found["moves"]),
            "adoptions": tuple(Known(**one) for one in found["adoptions"]),
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
