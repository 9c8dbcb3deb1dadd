"""The fields that a CRM gets from us: one typed contract for HubSpot and Salesforce, in `fields.yaml`."""

import hashlib
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, StringConstraints, TypeAdapter, model_validator
from pydantic import Field as Rule
from pydantic.dataclasses import dataclass

from usage_pipeline import documents
from usage_pipeline.errors import Rejected


class Kind(StrEnum):
    """Type of a field, common to both CRMs."""

    NUMBER = "number"
    CHOICE = "choice"
    TEXT = "text"
    LONG_TEXT = "long_text"
    DATE = "date"


class Ownership(StrEnum):
    """Whose a field is once somebody has edited it in the CRM."""

    OURS = "ours"
    """An edit is put right, and counted."""
    THEIRS_IF_EDITED = "theirs_if_edited"
    """An edit stays until our own value changes."""
    FILL_IF_EMPTY = "fill_if_empty"
    """Written only where the CRM has nothing."""


TEXT_LENGTH = 255
LONG_TEXT_LENGTH = 32_000
STRICT = ConfigDict(extra="forbid")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,99}$")]


@dataclass(frozen=True, config=STRICT)
class Field:
    """One field of a company; `name` is HubSpot's and ours, Salesforce's is made from it."""

    name: Name
    kind: Kind
    label: str
    description: str
    options: tuple[str, ...] = ()
    """Values of a choice, in order: the first is what needs attention first."""
    length: int | None = Rule(default=None, gt=0, le=LONG_TEXT_LENGTH)
    """Characters that a text keeps; by default all that both CRMs take."""
    ownership: Ownership = Ownership.OURS
    dead_band: float = Rule(default=0.0, ge=0)
    """How far a number moves before a record is written for it."""
    follows: str | None = None
    """The number behind a choice: one that became better is sent when that number has moved."""
    change: Literal["sends", "rides"] = "sends"
    """Whether a change of this field alone is worth a write, or only goes along with another."""
    max_age_days: int | None = Rule(default=None, gt=0)
    """A change too small to be sent is sent after so many days all the same; None: never."""

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if (self.kind is Kind.CHOICE) != bool(self.options):
            raise ValueError("a choice has options, and nothing else has")
        if self.dead_band and self.kind is not Kind.NUMBER:
            raise ValueError("only a number has a dead_band")
        if self.follows and self.kind is not Kind.CHOICE:
            raise ValueError("only a choice follows a number")
        return self

    @property
    def salesforce(self) -> str:
        """`usage_churn_risk` is `Usage_Churn_Risk__c` there."""
        return "_".join(part.capitalize() for part in self.name.split("_")) + "__c"

    @property
    def longest(self) -> int:
        """Characters that are kept of a text."""
        return self.length or (LONG_TEXT_LENGTH if self.kind is Kind.LONG_TEXT else TEXT_LENGTH)

    def canonical(self, value: object) -> str | None:
        """A value as text, equal for equal values whatever the CRM made of it; None for empty."""
        if value is None:
            return None
        text = str(value).replace("\r\n", "\n").strip()
        if not text or text == "nan":
            return None
        if self.kind is Kind.NUMBER:
            return plain_number(text)
        if self.kind is Kind.DATE:
            return text[:10]
        return text[: self.longest]


def plain_number(text: str) -> str:
    """81.30 and 81.3 are one number; what is no number stays as it is."""
    try:
        number = Decimal(text).normalize()
    except InvalidOperation:
        return text
    return f"{number:f}"


@dataclass(frozen=True, config=STRICT)
class Contract:
    """Every field of ours, and how what holds them is named."""

    fields: tuple[Field, ...]
    """Of a company (HubSpot) or account (Salesforce)."""
    contacts: tuple[Field, ...] = ()
    """Of a contact, where the mapping's `crm.hubspot_contacts` lets contacts be written."""
    version: Literal[1] = 1
    """Version of the file's format."""
    group: Name = "usage_pipeline"
    group_label: str = "Product usage"
    permission_set: str = "Usage_Pipeline"
    task_key: Name = "usage_task_key"
    leavers: Literal["clear", "keep"] = "clear"
    """What happens to the fields of an account that is scored no more, such as a former customer."""

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        names = [field.name for field in (*self.fields, *self.contacts)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}")
        numbers = {field.name for field in self.fields if field.kind is Kind.NUMBER}
        numbers |= {field.name for field in self.contacts if field.kind is Kind.NUMBER}
        lost = [name.name for name in (*self.fields, *self.contacts) if name.follows and name.follows not in numbers]
        if lost:
            raise ValueError(f"follows no number of this contract: {', '.join(lost)}")
        return self

    @property
    def fingerprint(self) -> str:
        """Changes with any field; a plan made under another one is stale."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    @property
    def of_contacts(self) -> "Contract":
        """The same for contacts alone."""
        return replace(self, fields=self.contacts, contacts=())

    @property
    def task_key_salesforce(self) -> str:
        return Field(self.task_key, Kind.TEXT, "", "").salesforce

    def field(self, name: str) -> Field:
        return {field.name: field for field in self.fields}[name]


SHAPE = TypeAdapter(Contract)


def read(text: str, source: str) -> Contract:
    """The contract in a YAML text; `Rejected` names the line of each mistake."""
    return documents.checked(text, source, SHAPE, fix="mend the named keys; docs/fields.schema.json describes each one")


def load(path: Path) -> Contract:
    """A contract of one's own: fields of the shipped one, otherwise worded, grouped, owned or damped.

    `Rejected` for a field that nothing is made for, for another kind, and for lacking options.
    """
    try:
        own = read(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as absent:
        raise Rejected(f"there is no field contract {path}", fix="mend `crm.fields` of the mapping") from absent
    for field, shipped in [
        *((field, CONTRACT.fields) for field in own.fields),
        *((field, CONTRACT.contacts) for field in own.contacts),
    ]:
        known = next((one for one in shipped if one.name == field.name), None)
        if known is None:
            some = ", ".join(one.name for one in shipped)
            raise Rejected(f"{path}: nothing is made for the field {field.name}", fix=f"take some of {some}")
        if field.kind is not known.kind or not set(known.options) <= set(field.options):
            raise Rejected(
                f"{path}: {field.name} must be a {known.kind} with at least {', '.join(known.options) or 'no options'}",
                fix="take kind and options from the shipped contract, and add to the options if need be",
            )
    if own.task_key != CONTRACT.task_key:
        raise Rejected(f"{path}: tasks are known by {CONTRACT.task_key}", fix="leave task_key as it is shipped")
    return own


# The file belongs to the code: read with it, as a constant would be.
CONTRACT = read(
    resources.files("usage_pipeline.crm").joinpath("fields.yaml").read_text(encoding="utf-8"), "fields.yaml"
)
EVIDENCE = CONTRACT.field("usage_evidence").options
COHORTS = CONTRACT.field("usage_cohort").options
PERSONAS = next(field for field in CONTRACT.contacts if field.name == "usage_persona").options
