"""Before an apply: fields in place, and a plan made from what the ledger knows."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

import pandas as pd

from usage_pipeline.company import Mode
from usage_pipeline.crm.client import Contacts, Crm, Lists, Provisioned
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.crm.rejections import Cause
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import audiences, people, planning
from usage_pipeline.sync.holding import Held
from usage_pipeline.sync.plans import MOVES_PER_CALL, SHAPES, Plan
from usage_pipeline.sync.wanted import COHORT_FIELD

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
    account_key: str = "",
    mode: Mode = "update_only",
    wanted_people: pd.DataFrame | None = None,
) -> Plan:
    """`planning.plan` with the ledger's side filled in for this CRM.

    Before the first apply to an instance nothing is confirmed: `present` is the baseline, and nobody
    gets more than `first_tasks_per_owner` tasks at once (None: no such limit).
    """
    instance = crm.instance()
    # Read first: whatever changes after it makes the plan stale, never wrong.
    sequence = ledger.sequence(instance.key)
    quarantine = ledger.quarantine(instance.key)
    made = planning.plan(
        wanted_fields,
        wanted_tasks,
        links,
        ledger.records(instance.key, [field.name for field in contract.fields]),
        ledger.episodes(instance.key),
        quarantine,
        instance=instance,
        as_of=as_of,
        sequence=sequence,
        created_at=created_at,
        shape=SHAPES[crm.name],
        contract=contract,
        present=present,
        calls_left=crm.calls_left(),
        account_key=account_key,
        mode=mode,
        tasks_per_owner=first_tasks_per_owner if ledger.last_as_of(instance.key) is None else None,
    )
    held = Held(quarantine, as_of)
    if crm.contacts and wanted_people is not None:
        made = _with_people(made, crm.contacts, ledger, wanted_people, held, contract.of_contacts)
    if crm.lists:
        strays = dict(made.strays)
        matched = links[(links["instance"] == instance.key) & (links["state"] == "matched")]
        linked = {
            account: crm_id
            for account, crm_id in zip(matched["account_id"], matched["crm_id"], strict=True)
            if account not in strays
        }
        made = _with_lists(made, crm.lists, wanted_fields, linked, held, contract)
    return replace(
        made,
        released=made.released + held.obsolete((people.KIND, audiences.KIND)),
        waiting_in_quarantine=made.waiting_in_quarantine + len(held.waiting),
        calls_left=crm.calls_left(),
    )


def _with_people(
    made: Plan, contacts: Contacts, ledger: Ledger, wanted_people: pd.DataFrame, held: Held, contract: Contract
) -> Plan:
    """With what contacts get; they are found by their address and read as they are now."""
    found = contacts.find(wanted_people[people.EMAIL].tolist(), people.EMAIL)
    names = [field.name for field in contract.fields]
    confirmed = ledger.records(made.instance, names, "contact")
    ids = {one for own in found.values() if len(own) == 1 for one in own} | set(confirmed["crm_id"])
    values = contacts.values(sorted(ids), contract)
    some = people.changes(wanted_people, found, values, confirmed, held, made.as_of, contract)
    shape = SHAPES[made.crm]
    return replace(
        made,
        people=some.changes,
        adoptions=made.adoptions + some.adoptions,
        api_calls=made.api_calls + shape.calls(len({one.crm_id for one in some.changes}), 0, 0, 0),
    )


def _with_lists(
    made: Plan,
    lists: Lists,
    wanted_fields: pd.DataFrame,
    linked: Mapping[str, str],
    held: Held,
    contract: Contract,
) -> Plan:
    """With who joins and leaves the cohorts' lists; a list that does not exist has nobody on it."""
    cohorts = next((field.options for field in contract.fields if field.name == COHORT_FIELD), ())
    members = {}
    for name in map(audiences.list_of, cohorts):
        list_id = lists.find_list(name)
        members[name] = lists.members(list_id) if list_id else set()
    moves = audiences.moves(wanted_fields, linked, members, held)
    by_list = Counter(move.list for move in moves)
    calls = sum(math.ceil(count / MOVES_PER_CALL) for count in by_list.values())
    return replace(made, moves=tuple(moves), api_calls=made.api_calls + calls)
