"""A play: who acts on which accounts, with which message, and what should come of it.

Defined before the scores that trigger it (ACT-01), as YAML that is checked when it is read:
an unknown key, a placeholder that nobody fills or a cohort that does not exist is refused.
"""

import json
import string
from functools import cache
from importlib import resources
from typing import Literal, Self

from pydantic import Field, TypeAdapter, field_validator, model_validator

from usage_pipeline import documents
from usage_pipeline.company import Company, Kind, Part
from usage_pipeline.errors import Rejected

Cohort = Literal["Activated-Power", "Activated-Narrow", "Stuck-Activated", "Risk-Inactive"]
"""`New` is no cohort to act on: it says that there is too little to go by."""

Tier = Literal["red", "yellow", "green", "high", "medium", "low"]

PLACEHOLDERS = frozenset(
    {
        "account",
        "cohort",
        "cohort_rule",
        "expected_outcome",
        "figures",
        "peers",
        "reasons",
        "score",
        "steps",
        "tier",
        "tier_rule",
        "wrong_actions",
    }
)
"""What a message may name in braces; `plays.wording` fills them."""

_OF_OUTCOMES = frozenset({"score", "tier", "tier_rule", "reasons"})
_OF_COHORTS = frozenset({"cohort", "cohort_rule"})
# Numbers that change every morning would rewrite the subject of an open task every morning.
_IN_SUBJECTS = frozenset({"account", "cohort"})
_TIERS = {Kind.CHURN: {"red", "yellow", "green"}, Kind.EXPANSION: {"high", "medium", "low"}}


class Trigger(Part):
    """When the play is called for: tiers of the company's primary outcome of a kind, or cohorts."""

    outcome: Kind | None = None
    tiers: tuple[Tier, ...] = ()
    stays: tuple[Tier, ...] = ()
    """Further tiers in which an open task stays open."""
    cohorts: tuple[Cohort, ...] = ()

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if (self.outcome is None) == (not self.cohorts):
            raise ValueError("a trigger is either an outcome with tiers, or cohorts")
        if (self.outcome is None) != (not self.tiers):
            raise ValueError("tiers belong to an outcome, and an outcome needs tiers")
        if self.outcome is not None and not set(self.tiers + self.stays) <= _TIERS[self.outcome]:
            raise ValueError(f"{self.outcome} has the tiers {', '.join(sorted(_TIERS[self.outcome]))}")
        if self.stays and self.outcome is None:
            raise ValueError("`stays` names tiers, and cohorts have none")
        return self


class Play(Part):
    """One play of the book."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: int = Field(ge=1)
    title: str = Field(min_length=1)
    purpose: str = Field(min_length=1)
    trigger: Trigger
    role: Literal["csm", "sales"]
    channel: Literal["crm_task"] = "crm_task"
    measured: Kind
    """Kind of the outcome by which the play is judged."""
    horizon_days: int = Field(gt=0, le=365)
    """How long an arm is kept, and how long a closed task keeps the play away."""
    due_in_days: int = Field(ge=1, le=60)
    """Working days until the task is due."""
    priority: Literal["high", "medium", "low"]
    precedence: int = Field(ge=1)
    """Among the plays against churn, which of them speaks first; 1 before 2."""
    is_expansion_ask: bool = False
    """Asks the customer to buy more: the health and contract gates apply (ACT-20, ACT-22)."""
    never_for: tuple[Cohort, ...] = ()
    """Cohorts for which this is the wrong thing to do (ACT-07 to ACT-10)."""
    subject: str = Field(min_length=1, max_length=200)
    message: str = Field(min_length=1)
    steps: tuple[str, ...] = Field(min_length=1)
    expected_outcome: str = Field(min_length=1)
    wrong_actions: tuple[str, ...] = Field(min_length=1)

    @field_validator("subject", "message")
    @classmethod
    def _has_plain_placeholders(cls, template: str) -> str:
        for _, name, form, conversion in string.Formatter().parse(template):
            if name is not None and (name not in PLACEHOLDERS or form or conversion):
                raise ValueError(f"{{{name}}} is not one of {', '.join(sorted(PLACEHOLDERS))}")
        return template

    @model_validator(mode="after")
    def _says_only_what_its_trigger_knows(self) -> Self:
        if odd := _names(self.subject) - _IN_SUBJECTS:
            raise ValueError(
                f"the subject must not name {', '.join(sorted(odd))}: it stays the same while the task is open"
            )
        # A cohort's task that showed the churn score would tell it of accounts held out of the churn play.
        foreign = _names(self.subject + self.message) & (_OF_COHORTS if self.trigger.outcome else _OF_OUTCOMES)
        if foreign:
            raise ValueError(f"the trigger does not know {', '.join(sorted(foreign))}")
        return self

    def outcome(self, primary: dict[Kind, str]) -> str | None:
        """The outcome whose score triggers the play; None where a cohort does."""
        return None if self.trigger.outcome is None else primary[self.trigger.outcome]


def _names(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def parse(text: str, *, source: str) -> Play:
    """The play in a YAML text; `Rejected` names the source, the line, the key and what is wrong with it."""
    return documents.checked(text, source, TypeAdapter(Play), fix="mend the named keys")


@cache
def shipped() -> tuple[Play, ...]:
    """The plays of the book, by precedence and name."""
    files = [
        file for file in (resources.files("usage_pipeline.plays") / "playbook").iterdir() if file.name.endswith(".yaml")
    ]
    plays = [parse(file.read_text(encoding="utf-8"), source=file.name) for file in files]
    return tuple(sorted(plays, key=lambda play: (play.precedence, play.name)))


def checked(company: Company) -> Company:
    """The company, whose mapping names no play that the book lacks; else `Rejected` with the known ones."""
    known = [play.name for play in shipped()]
    for key, named in (("plays.enabled", company.plays.enabled), ("plays.channels", tuple(company.plays.channels))):
        if unknown := sorted(set(named) - set(known)):
            raise Rejected(
                f"{key} of the mapping of {company.company} names {', '.join(unknown)}, and there is no such play",
                fix=f"name plays of the book: {', '.join(known)}",
            )
    return company


def schema() -> str:
    """The JSON schema of a play's file (GOV-02)."""
    return json.dumps(documents.schema(TypeAdapter(Play), "A play"), indent=2)
