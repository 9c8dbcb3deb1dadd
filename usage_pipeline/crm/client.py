"""The few questions that both CRMs answer, and what goes in and comes out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.calling import Calls, Class
from usage_pipeline.crm.contract import Contract
from usage_pipeline.crm.rejections import Rejection

if TYPE_CHECKING:
    # It speaks of owners and record ids, which are defined here.
    from usage_pipeline.crm.context import Context


@dataclass(frozen=True)
class Instance:
    """One portal or organisation; nothing known of one says anything of another."""

    crm: str
    id: str
    is_sandbox: bool

    @property
    def key(self) -> str:
        return f"{self.crm}:{self.id}"


@dataclass(frozen=True)
class Record:
    """A company (HubSpot) or account (Salesforce) as the CRM has it now."""

    crm_id: CrmId
    account_key: str | None
    domain: str | None
    name: str | None
    owner_id: str | None
    owner_email: str | None
    fields: Mapping[str, str | None] = field(default_factory=dict)
    """Our fields by their contract name, as text; one that the CRM lacks is missing."""


@dataclass(frozen=True)
class Fate:
    """What became of a record that the CRM no longer lists."""

    state: Literal["merged", "archived", "deleted", "missing"]
    """`archived` (HubSpot) and `deleted` (Salesforce): a person can still bring it back; `missing`: not there
    for us, since it is gone for good or our user may not see it."""
    into: CrmId | None = None
    """The record that a merged one lives on in, as the CRM itself says."""


@dataclass(frozen=True)
class Owner:
    """A person to whom the CRM gives records and tasks."""

    id: str
    email: str | None
    name: str
    is_active: bool


@dataclass(frozen=True)
class FieldWrite:
    """New values for one record; None empties a field."""

    key: str
    crm_id: CrmId
    values: Mapping[str, str | None]


@dataclass(frozen=True)
class RecordNew:
    """A company that the CRM does not have yet; `key` is our operation."""

    key: str
    account_key: str
    name: str
    domain: str | None
    values: Mapping[str, str | None]


@dataclass(frozen=True)
class TaskText:
    """What a task says."""

    subject: str
    body: str
    priority: str


@dataclass(frozen=True)
class TaskOpening:
    """A task that does not exist yet; `key` is unique per CRM instance."""

    key: str
    company: CrmId
    text: TaskText
    due_on: date
    owner_id: str | None
    account: tuple[str, str] | None = None
    """Where the CRM keeps the product's account id, and the id: what finds the company when its record is another."""


@dataclass(frozen=True)
class TaskChange:
    """A task that exists: new text, or `after` None to withdraw it.

    `before` is what we last wrote; a task that says something else has been touched by a person.
    """

    key: str
    task_id: CrmId
    before: TaskText
    after: TaskText | None
    note: str = ""


NOTE_MARK = "[no longer needed]"
"""How a note to a task that a person has in hand begins: by it a note that is there already is found."""


class TaskStatus(StrEnum):
    """What became of a task; the last is ours, never a person's."""

    OPEN = "open"
    DONE = "done"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class TaskState:
    """A task as the CRM has it now; its body as plain text."""

    task_id: CrmId
    key: str | None
    status: TaskStatus
    text: TaskText
    closed_at: datetime | None
    """By the CRM's own clock (naive UTC)."""
    is_begun: bool
    """A person has moved it on from "not started"."""

    def says(self, text: TaskText) -> bool:
        return (self.text.subject, self.text.body, self.text.priority) == (
            text.subject.strip(),
            text.body.strip(),
            text.priority,
        )

    def is_untouched(self, written: TaskText) -> bool:
        """Still exactly what we wrote, and nobody has begun it."""
        return self.status is TaskStatus.OPEN and not self.is_begun and self.says(written)


Outcome = Literal["ok", "left", "failed", "unknown"]
"""`left`: a person has touched or closed the task, so it was left as it is."""


@dataclass(frozen=True)
class Finding:
    """One difference between the contract and what the CRM has."""

    state: Literal["missing", "different", "hidden"]
    what: str
    """The field, group or permission, as the CRM names it."""
    detail: str
    scope: str
    """What the integration must be allowed to mend it."""


@dataclass(frozen=True)
class RowResult:
    """What came of one row."""

    key: str
    outcome: Outcome
    crm_id: CrmId | None = None
    rejection: Rejection | None = None
    """Why it failed; with `crm_id`: something was made all the same."""


@dataclass(frozen=True)
class Provisioned:
    """What had to be created in the CRM, in words; empty where all was there."""

    created: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Contacts(Protocol):
    """People in a CRM."""

    def find(self, keys: Sequence[str], by: str) -> dict[str, list[CrmId]]:
        """The contacts that hold these values of a property, such as `email`."""

    def values(self, ids: Sequence[CrmId], contract: Contract) -> dict[CrmId, Mapping[str, str | None]]:
        """Our fields as they are now; a contact that is gone is missing."""

    def write(self, batch: Sequence[FieldWrite], contract: Contract) -> list[RowResult]:
        """Set our fields of existing contacts, at most `rows_per_call` of the CRM."""


class Lists(Protocol):
    """Static lists of companies in a CRM."""

    def find_list(self, name: str) -> str | None:
        """The id of the list with this name."""

    def ensure_list(self, name: str) -> str:
        """The same, created where there is none."""

    def members(self, list_id: str) -> set[CrmId]:
        """The companies on a list."""

    def change_members(self, list_id: str, add: Collection[CrmId], remove: Collection[CrmId]) -> list[RowResult]:
        """One result per company, by its id."""


class Crm(Protocol):
    """A CRM that can be read and told things."""

    name: str
    rows_per_call: int
    senders: int
    """How many writes of fields, of companies or of contacts, may be on their way at once."""

    @property
    def contacts(self) -> Contacts | None:
        """None where people are not written."""

    @property
    def lists(self) -> Lists | None:
        """None where no lists are kept."""

    @property
    def context(self) -> "Context":
        """Owners, deals and contracts."""

    @property
    def calls(self) -> Calls:
        """API calls made so far."""

    @property
    def settle_after_s(self) -> float:
        """How old an unknown outcome must be before "not there" means that it did not happen."""

    @property
    def duplicates_archived(self) -> int:
        """Tasks that `find_tasks` found twice and archived; stays 0 where a unique key keeps them single."""

    def instance(self) -> Instance: ...

    def owners(self) -> list[Owner]: ...

    def records(self, account_key: str, contract: Contract) -> list[Record]:
        """Every company, with the property that holds the product's account id and our fields."""

    def fates(self, ids: Sequence[CrmId]) -> dict[CrmId, Fate]:
        """What became of these records, which were there once; one that is still there is missing."""

    def field_values(self, ids: Sequence[CrmId], contract: Contract) -> dict[CrmId, Mapping[str, str | None]]:
        """Our fields of these records, as they are now; a record that is gone is missing."""

    def calls_left(self) -> int | None:
        """Calls that the day still allows, by the newest answer; None where nothing has told."""

    def findings(self, contract: Contract) -> list[Finding]:
        """What provisioning would have to create, and what only a person can mend; changes nothing."""

    def provision(self, contract: Contract) -> Provisioned:
        """Create what is missing of the contract; `Rejected` where something else has its name."""

    def rows_at_once(self, rows: int) -> int:
        """How many of so many waiting rows of fields one `write_fields` takes."""

    def write_fields(self, batch: Sequence[FieldWrite], contract: Contract) -> list[RowResult]:
        """Set fields of existing records, at most `rows_at_once`; never creates a record."""

    def creating_class(self, account_key: str) -> Class:
        """Whether creating a record twice makes one record (idempotent) or two (unsafe)."""

    def creating_settles_after_s(self, account_key: str) -> float:
        """Like `settle_after_s`, for records: 0 where creating one twice makes one."""

    def create_records(self, batch: Sequence[RecordNew], account_key: str, contract: Contract) -> list[RowResult]:
        """Create records with their account key and fields, at most `rows_per_call`."""

    def find_records(self, keys: Sequence[str], account_key: str) -> dict[str, list[CrmId]]:
        """The records that hold these account keys, read without search; a key that none holds is missing."""

    @property
    def opening_class(self) -> Class:
        """Whether opening a task twice makes one task (idempotent) or two (unsafe)."""

    def open_tasks(self, batch: Sequence[TaskOpening]) -> list[RowResult]:
        """Create tasks on companies, at most `rows_per_call`."""

    def find_tasks(self, batch: Sequence[TaskOpening]) -> dict[str, TaskState]:
        """Which of these exist, by key; makes sure that each found one hangs on its company."""

    def change_tasks(self, batch: Sequence[TaskChange]) -> list[RowResult]:
        """Update or withdraw tasks that nobody has touched, at most `rows_per_call`."""

    def task_states(self, ids: Sequence[CrmId]) -> dict[CrmId, TaskState]:
        """Tasks as they are now; one that was deleted is missing."""
