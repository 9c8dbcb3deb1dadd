"""Before an apply: fields in place, and a plan made from what the ledger knows."""

from datetime import date, datetime

import pandas as pd

from usage_pipeline.crm.client import Crm, Provisioned
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.crm.rejections import Cause
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import planning
from usage_pipeline.sync.plans import SHAPES, Plan

# The first morning finds everything that has gathered; people who get it all at once do none of it.
FIRST_TASKS_PER_OWNER = 5


def provision(crm: Crm, ledger: Ledger, contract: Contract = CONTRACT) -> Provisioned:
    """Create what the CRM lacks of the contract; what was refused for the lack of it may be sent again."""
    done = crm.provision(contract)
    if done.created:
        ledger.release(crm.instance().key, (Cause.SCHEMA, Cause.PERMISSION))
    return done


def plan(
    crm: Crm,
    ledger: Ledger,
    wanted_fields: pd.DataFrame,
    wanted_tasks: pd.DataFrame,
    links: pd.DataFrame,
    *,
    as_of: date,
    created_at: datetime,
    present: pd.DataFrame | None = None,
    contract: Contract = CONTRACT,
    first_tasks_per_owner: int | None = FIRST_TASKS_PER_OWNER,
) -> Plan:
    """`planning.plan` with the ledger's side filled in for this CRM.

    Before the first apply to an instance nothing is confirmed: `present` is the baseline, and nobody
    gets more than `first_tasks_per_owner` tasks at once (None: no such limit).
    """
    instance = crm.instance()
    # Read first: whatever changes after it makes the plan stale, never wrong.
    sequence = ledger.sequence(instance.key)
    return planning.plan(
        wanted_fields,
        wanted_tasks,
        links,
        ledger.records(instance.key, [field.name for field in contract.fields]),
        ledger.episodes(instance.key),
        ledger.quarantine(instance.key),
        instance=instance,
        as_of=as_of,
        sequence=sequence,
        created_at=created_at,
        shape=SHAPES[crm.name],
        contract=contract,
        present=present,
        calls_left=crm.calls_left(),
        tasks_per_owner=first_tasks_per_owner if ledger.last_as_of(instance.key) is None else None,
    )
