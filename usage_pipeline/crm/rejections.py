"""Why a CRM would not do what it was asked, sorted by what must happen next.

Rejected
└── Refused          the CRM said no, with a typed reason
Unavailable
├── BudgetSpent      the day's API calls are used up: the rest waits
└── OutcomeUnknown   it may have been done: read before sending again
"""

from dataclasses import dataclass
from enum import StrEnum

from usage_pipeline.errors import Rejected, Unavailable


class Cause(StrEnum):
    """Kinds of rejection; the first and last go away by waiting."""

    TRANSIENT = "transient"
    IDENTITY = "identity"
    SCHEMA = "schema"
    PERMISSION = "permission"
    BUSINESS_RULE = "business_rule"
    BUDGET = "budget"


PASSING = frozenset({Cause.TRANSIENT, Cause.BUDGET})
"""Rejections that the same request may outlive."""

FIXES = {
    Cause.TRANSIENT: "nothing: it is sent again by the next apply",
    Cause.IDENTITY: "look for the record in the CRM: it was deleted, merged or doubled; the next reading matches it anew",
    Cause.SCHEMA: "run the apply again so that the fields are provisioned, or undo the change of the field in the CRM",
    Cause.PERMISSION: "grant the integration the scope or field permission that the message names",
    Cause.BUSINESS_RULE: "fill in what the CRM's own rule asks for on this record, or exempt the integration user from the rule",
    Cause.BUDGET: "nothing: the CRM's daily limit is used up and the rest is sent after it is renewed",
}


@dataclass(frozen=True)
class Rejection:
    """Why one row was not done, and what a person can do."""

    cause: Cause
    detail: str
    fix: str = ""

    @classmethod
    def of(cls, cause: Cause, detail: str) -> "Rejection":
        return cls(cause, detail, FIXES[cause])


class Refused(Rejected):
    """The CRM refused a whole request."""

    def __init__(self, rejection: Rejection, *, status: int, concerns_all: bool = False) -> None:
        super().__init__(rejection.detail, fix=rejection.fix)
        self.rejection = rejection
        self.status = status
        self.concerns_all = concerns_all
        """Every row of the request would be refused on its own, too."""


def rejection_of(problem: Refused | Unavailable) -> Rejection:
    """The typed rejection that a whole request ended with."""
    if isinstance(problem, Refused):
        return problem.rejection
    return Rejection.of(Cause.BUDGET if isinstance(problem, BudgetSpent) else Cause.TRANSIENT, problem.cause)


class BudgetSpent(Unavailable):
    """The day's API calls are used up."""


class OutcomeUnknown(Unavailable):
    """The request may have been carried out: the connection or the server failed after it was sent."""
