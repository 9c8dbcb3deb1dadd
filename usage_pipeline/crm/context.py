"""What a CRM knows of a customer besides the record: who looks after it, its deals, its terms.

Read only. Amounts come as the CRM writes them, in whole units of a currency.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.client import Owner


@dataclass(frozen=True)
class Deal:
    """A deal (HubSpot) or opportunity (Salesforce) as it is now."""

    id: str
    crm_id: CrmId | None
    """The company it is with; None for none, and for several of which none is the primary one."""
    name: str | None
    pipeline: str | None
    stage: str | None
    is_closed: bool | None
    is_won: bool | None
    amount: str | None
    currency: str | None
    closes_on: date | None
    owner_id: str | None
    created_at: datetime | None
    modified_at: datetime
    """By the CRM's own clock (naive UTC)."""


@dataclass(frozen=True)
class Contract:
    """A record that holds terms: a contract, or the company itself."""

    id: str
    crm_id: CrmId | None
    values: Mapping[str, str | None]
    """By the names of the mapping's `Terms`, as text."""
    currency: str | None
    modified_at: datetime


@dataclass(frozen=True)
class Deals:
    """The deals that changed, and what became of those asked for."""

    changed: tuple[Deal, ...]
    gone: frozenset[str] = frozenset()
    """Archived or deleted."""
    companies: Mapping[str, CrmId | None] = field(default_factory=dict)
    """The companies of the open deals that were asked for; joining two records changes neither."""


@dataclass(frozen=True)
class Contracts:
    """The contracts that changed, and those that are gone."""

    changed: tuple[Contract, ...]
    gone: frozenset[str] = frozenset()


Holder = Literal["Contract", "Account"]
"""Which object of Salesforce holds terms; HubSpot has one place for them."""


class Context(Protocol):
    """Questions that both CRMs answer; `since` None asks for everything there is."""

    def owners(self) -> list[Owner]:
        """Everybody whom records were given to, those who left included."""

    def deals(self, since: datetime | None, opened: Collection[str] = ()) -> Deals:
        """The deals changed at `since` or later; of the `opened` ones the company too."""

    def contracts(self, terms: Mapping[str, str], since: datetime | None, *, of: Holder = "Contract") -> Contracts:
        """The records that hold `terms` (our name to theirs), changed at `since` or later."""
