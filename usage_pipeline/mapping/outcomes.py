"""What may happen to an account, and which events mean what."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from usage_pipeline.mapping.part import Part


class Kind(StrEnum):
    """What an outcome is about."""

    CHURN = "churn"
    EXPANSION = "expansion"


class Outcome(Part):
    """Something that may happen to an account after a morning."""

    kind: Kind
    """`churn` (bad news) or `expansion` (good news): which tiers, fields and plays it may feed."""
    source: Literal["subscriptions", "milestones", "labels", "silence"]
    """`subscriptions`: cancelled or downgraded (churn), seats, plan or add-ons up (expansion);
    `milestones`: a row of that table; `labels`: a row of a labels file; `silence`: no event any more."""
    horizon_days: int = Field(gt=0)
    """Days from the morning on within which it may happen."""
    silence_days: int = Field(default=0, ge=0)
    """Further days that must pass before the outcome can be stated."""
    milestone: str = ""
    """Which milestones count, for `milestones`."""

    @property
    def known_after_days(self) -> int:
        """Days from the morning until the outcome can be stated; the embargo between splits."""
        return self.horizon_days + self.silence_days


class Primary(Part):
    """The outcomes that feed fields, tiers and plays."""

    churn: str = "churn_90d"
    """Name of the churn outcome: a quarter leaves a CSM time to act."""
    expansion: str = "expansion_90d"
    """Name of the expansion outcome; a name that is not among the outcomes: none."""


class Roles(Part):
    """Which event names mean what; an empty role means the product has no such event."""

    activation: tuple[str, ...] = ()
    """Crossing one of these within 30 days of sign-up activates an account; empty: three distinct features."""
    value: tuple[str, ...] = ()
    """Events in which a customer gets what the product is for."""
    invite: tuple[str, ...] = ()
    """Somebody asks a colleague in."""
    integration_added: tuple[str, ...] = ()
    """The product is connected with another one."""
    integration_removed: tuple[str, ...] = ()
    """Such a connection is taken out."""
    login: tuple[str, ...] = ()
    """Being there without doing anything: not counted as the use of a feature."""
    non_interaction: tuple[str, ...] = ()
    """What happens to an account and is nothing that its people do (an invoice fell due, a deadline was missed): counted
    by name, by metrics and by roles, but no use, no activity and no session."""
    workflows: tuple[tuple[str, str], ...] = ()
    """Pairs of the event that begins a workflow and the one that completes it: `[Import Started, Data Imported]`."""
    content: tuple[str, ...] = ()
    """Pages and documents that somebody looks at who thinks of buying more: prices, the docs of a premium feature."""
