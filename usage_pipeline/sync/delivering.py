"""A delivery to one CRM, whole: the fields in place, then the plan, all at once or a first few before the rest."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from usage_pipeline import spans
from usage_pipeline.crm.client import Crm, Provisioned
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.errors import Rejected
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import applying, fitness, preparing
from usage_pipeline.sync.applied import Applied
from usage_pipeline.sync.applying import Progress, quiet
from usage_pipeline.sync.narrowing import narrowed
from usage_pipeline.sync.plans import Plan


@dataclass(frozen=True)
class Terms:
    """On which terms a person lets a plan be carried out."""

    accounts: Collection[str] | None = None
    """Only these; None: all."""
    limit: int | None = None
    """At most so many accounts; those with tasks come first."""
    canary: int | None = None
    """So many accounts first, and the rest only if none of them was refused."""
    approved_by: str | None = None
    override: str | None = None
    """Why the circuit breaker is overruled."""
    allow_old_morning: bool = False


def deliver(
    plan: Plan,
    crm: Crm,
    ledger: Ledger,
    terms: Terms,
    *,
    now: Callable[[], datetime],
    replan: Callable[[], Plan],
    progress: Progress = quiet,
    pause: Callable[[float], None] = time.sleep,
    contract: Contract = CONTRACT,
) -> tuple[Applied, Provisioned]:
    """Provision and apply; `replan` makes the plan anew after a canary. Errors are those of `applying.apply`."""
    fitness.check(
        plan,
        crm.instance(),
        contract,
        ledger,
        now(),
        allow_old_morning=terms.allow_old_morning,
        override=terms.override,
    )
    provisioned = preparing.provision(crm, ledger, contract)
    for created in provisioned.created:
        progress(f"{crm.name}: created {created}")

    def apply(made: Plan, limit: int | None) -> Applied:
        part = narrowed(made, accounts=terms.accounts, limit=limit)
        with spans.span(f"sync apply {crm.name}", as_of=made.as_of.isoformat()):
            return applying.apply(
                part,
                crm,
                ledger,
                now=now,
                progress=progress,
                pause=pause,
                contract=contract,
                allow_old_morning=terms.allow_old_morning,
                approved_by=terms.approved_by,
                override=terms.override,
            )

    if terms.canary is None:
        return apply(plan, terms.limit), provisioned
    first = apply(plan, terms.canary)
    if first.failed or first.quarantined:
        raise Rejected(
            f"{crm.name}: of the first {terms.canary} accounts {first.failed + first.quarantined} were refused; "
            "the others got nothing",
            fix="`usage-pipeline rejections` says why; mend it and deliver again",
        )
    rest = None if terms.limit is None else max(terms.limit - terms.canary, 0)
    return first.and_then(apply(replan(), rest)), provisioned
