"""Which plays act, and what the CRMs are told and asked."""

from typing import Literal

from pydantic import Field

from usage_pipeline.mapping.part import Part


class Plays(Part):
    """Which plays act, and how many may."""

    enabled: tuple[str, ...] = ("red_churn_risk",)
    """Names of the plays that act; every other one decides `not`. By default the one with the clearest cause."""
    hold_out_share: float = Field(default=0.2, ge=0, lt=1)
    """Share of the eligible accounts of a play that is held out of it."""
    global_hold_out_share: float = Field(default=0.05, ge=0, lt=1)
    """Share of all accounts that is held out of every play."""
    holdout_visibility: Literal["hidden", "shown"] = "hidden"
    """`hidden`: the fields that would give a play away stay empty for accounts held out of it; `shown`: they
    do not, and every effect says so."""
    tasks_per_owner_and_week: int = Field(default=10, gt=0)
    """New tasks an owner gets in seven days; what is worth most comes first, the rest waits."""
    channels: dict[str, tuple[Literal["webhook", "slack"], ...]] = {}  # noqa: RUF012 - pydantic copies it
    """By play, where a message goes besides the task, once per episode: `webhook` and `slack`."""


Mode = Literal["update_only", "upsert", "create_only"]


class Terms(Part):
    """Where a CRM keeps the terms of a contract: names of its properties or fields; an empty one is not kept there."""

    status: str = ""
    """Draft, active, ended, ..., as the CRM has it."""
    starts_on: str = ""
    """First day of the term."""
    renews_on: str = ""
    """Day on which it ends or renews."""
    term_months: str = ""
    """Length of a term in months."""
    seats: str = ""
    """Seats agreed."""
    arr: str = ""
    """Annual recurring revenue, in whole units of the currency."""
    auto_renew: str = ""
    """Whether it renews by itself."""

    @property
    def named(self) -> dict[str, str]:
        """Only what is kept there."""
        return {name: field for name, field in self.model_dump().items() if field}


class Crm(Part):
    """What is written to the CRMs, and where they keep the product's account id."""

    companies: Mode = "update_only"
    """`update_only`: records that are there are written, and none is created; `upsert`: an account without a record
    gets one; `create_only`: it gets one, and records that are there keep what they have. Tasks are opened in each."""

    hubspot_contacts: bool = False
    """Write how each person uses the product to the contact with their e-mail address; none is ever created."""
    hubspot_cohort_lists: bool = False
    """Keep a static list of companies per cohort, for filters and campaigns."""
    hubspot_account_key: str = "product_account_id"
    """Property of a HubSpot company that holds it."""
    salesforce_account_key: str = "Product_Account_Id__c"
    """Field of a Salesforce account that holds it."""
    deals: bool = False
    """Read deals (HubSpot, scope crm.objects.deals.read) and opportunities (Salesforce) into `sources/deal`."""
    hubspot_terms: Terms = Terms()
    """Properties of a HubSpot company that hold its contract: `{renews_on: renewal_date, seats: seats, arr: arr}`."""
    salesforce_terms: Terms = Terms()
    """Fields of Salesforce's Contract: `{starts_on: StartDate, renews_on: EndDate, term_months: ContractTerm,
    status: Status, seats: Seats__c, arr: ARR__c}`; of Account, where `salesforce_terms_of` says so."""
    salesforce_terms_of: Literal["Contract", "Account"] = "Contract"
    """Which object of Salesforce holds them."""
