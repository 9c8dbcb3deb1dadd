"""The fields that a CRM gets from us: one typed contract for HubSpot and Salesforce."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum


class Kind(StrEnum):
    """Type of a field, common to both CRMs."""

    NUMBER = "number"
    CHOICE = "choice"
    TEXT = "text"
    LONG_TEXT = "long_text"
    DATE = "date"


TEXT_LENGTH = 255
LONG_TEXT_LENGTH = 32_000


@dataclass(frozen=True)
class Field:
    """One field of a company; `name` is HubSpot's and ours, Salesforce's is made from it."""

    name: str
    kind: Kind
    label: str
    description: str
    options: tuple[str, ...] = ()

    @property
    def salesforce(self) -> str:
        """`usage_churn_risk` is `Usage_Churn_Risk__c` there."""
        return "_".join(part.capitalize() for part in self.name.split("_")) + "__c"

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
        return text[: LONG_TEXT_LENGTH if self.kind is Kind.LONG_TEXT else TEXT_LENGTH]


def plain_number(text: str) -> str:
    """81.30 and 81.3 are one number; what is no number stays as it is."""
    try:
        number = Decimal(text).normalize()
    except InvalidOperation:
        return text
    return f"{number:f}"


@dataclass(frozen=True)
class Contract:
    """Every field of ours, and how what holds them is named."""

    fields: tuple[Field, ...]
    group: str = "usage_pipeline"
    group_label: str = "Product usage"
    permission_set: str = "Usage_Pipeline"
    task_key: str = "usage_task_key"

    @property
    def version(self) -> str:
        """Changes with any field; a plan made under another version is stale."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    @property
    def task_key_salesforce(self) -> str:
        return Field(self.task_key, Kind.TEXT, "", "").salesforce

    def field(self, name: str) -> Field:
        return {field.name: field for field in self.fields}[name]


EVIDENCE = (
    "sufficient",
    "insufficient_history",
    "insufficient_use",
    "not_at_risk",
    "no_model",
    "no_skill",
    "poor_data",
)
COHORTS = ("Activated-Power", "Activated-Narrow", "Stuck-Activated", "Risk-Inactive", "New")

CONTRACT = Contract(
    (
        Field("usage_churn_risk", Kind.NUMBER, "Churn risk", "Probability to cancel or downgrade, 0 to 100"),
        Field("usage_churn_tier", Kind.CHOICE, "Churn tier", "Who needs attention first", ("red", "yellow", "green")),
        Field(
            "usage_churn_reasons", Kind.LONG_TEXT, "Churn reasons", "What weighs most, compared with similar accounts"
        ),
        Field("usage_expansion_likelihood", Kind.NUMBER, "Expansion likelihood", "Probability to buy more, 0 to 100"),
        Field(
            "usage_expansion_tier", Kind.CHOICE, "Expansion tier", "Who may be ready to grow", ("high", "medium", "low")
        ),
        Field(
            "usage_expansion_reasons",
            Kind.LONG_TEXT,
            "Expansion reasons",
            "What weighs most, compared with similar accounts",
        ),
        Field("usage_cohort", Kind.CHOICE, "Usage cohort", "Which kind of account it is by its usage", COHORTS),
        Field("usage_health", Kind.NUMBER, "Usage health", "Weighted mean of its parts, 0 to 100"),
        Field(
            "usage_health_tier",
            Kind.CHOICE,
            "Usage health tier",
            "",
            ("Red", "Orange", "Yellow", "Green", "Dark-Green"),
        ),
        Field(
            "usage_evidence",
            Kind.CHOICE,
            "Evidence behind the score",
            "Why there is a score, or why there is none",
            EVIDENCE,
        ),
        Field("usage_scored_at", Kind.DATE, "Scored at", "Morning whose knowledge the fields rest on"),
        Field("usage_recommended_play", Kind.LONG_TEXT, "Recommended play", "What to do next"),
        Field("usage_model_version", Kind.TEXT, "Model version", "Which models gave the scores"),
    )
)
