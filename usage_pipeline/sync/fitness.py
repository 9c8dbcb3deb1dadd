"""Whether a plan may be applied: it is of this CRM and this moment, and nothing has moved that should not."""

from datetime import datetime, timedelta

from usage_pipeline.crm.client import Instance
from usage_pipeline.crm.contract import Contract
from usage_pipeline.errors import Rejected
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import breaker
from usage_pipeline.sync.plans import Plan

STALE_AFTER = timedelta(days=1)
# A morning further back is a back-fill or a mistake; real people read a real CRM.
OLDEST_MORNING = timedelta(days=3)


class Tripped(Rejected):
    """The circuit breaker has stopped a delivery before anything was written."""


def check(
    plan: Plan,
    instance: Instance,
    contract: Contract,
    ledger: Ledger,
    moment: datetime,
    *,
    allow_old_morning: bool = False,
    override: str | None = None,
) -> None:
    """`Rejected` where the plan is stale or not this CRM's, `Tripped` by the circuit breaker; sends nothing."""
    _refuse_unfit(plan, instance, contract, moment, allow_old_morning=allow_old_morning)
    _refuse_stale(plan, ledger, allow_old_morning=allow_old_morning)
    kept = ledger.last_measures(plan.instance)
    why = breaker.trips(plan.measures, None if kept is None else breaker.Measures(**kept))
    if why and not override:
        raise Tripped(
            f"nothing was written to {plan.instance}, because the morning of {plan.as_of} is unlike the last one: "
            + "; ".join(why),
            fix="look at what has changed (docs/runbook.md); if it is right, `usage-pipeline apply --override REASON`",
        )


def _refuse_unfit(
    plan: Plan, instance: Instance, contract: Contract, moment: datetime, *, allow_old_morning: bool
) -> None:
    if plan.is_redacted:
        raise Rejected("the plan is redacted: it does not hold what it would write", fix="plan again without --redact")
    if plan.instance != instance.key:
        raise Rejected(f"the plan is for {plan.instance}, and this is {instance.key}", fix="plan again for this CRM")
    if plan.contract_version != contract.fingerprint:
        raise Rejected("the fields of the contract have changed since the plan was made", fix="plan again")
    if moment - plan.created_at > STALE_AFTER:
        raise Rejected(f"the plan was made at {plan.created_at:%Y-%m-%d %H:%M}, more than a day ago", fix="plan again")
    if not (instance.is_sandbox or allow_old_morning) and moment.date() - plan.as_of > OLDEST_MORNING:
        raise Rejected(
            f"the plan is of the morning of {plan.as_of}, and {instance.key} is a real CRM",
            fix="bring the data up to date and plan again, or set USAGE_ALLOW_OLD_MORNING=true for this one command",
        )


def _refuse_stale(plan: Plan, ledger: Ledger, *, allow_old_morning: bool) -> None:
    sequence, newest = ledger.sequence(plan.instance), ledger.last_as_of(plan.instance)
    if sequence != plan.ledger_sequence:
        raise Rejected(
            f"what is known of {plan.instance} has changed since the plan was made "
            f"({plan.ledger_sequence}, now {sequence})",
            fix="plan again",
        )
    if newest is not None and plan.as_of < newest and not allow_old_morning:
        raise Rejected(
            f"the morning of {newest} was applied already, after that of {plan.as_of}",
            fix="deliver the newest morning, or set USAGE_ALLOW_OLD_MORNING=true for this one command",
        )
