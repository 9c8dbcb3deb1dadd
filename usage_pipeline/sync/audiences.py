"""Cohorts as static lists of companies: who joins and who leaves.

An account that is held out of a play is on no list that would give the play away: its cohort field is empty,
and the lists follow the field.
"""

from collections.abc import Collection, Mapping

import pandas as pd

from usage_pipeline.accounts import CrmId
from usage_pipeline.sync.holding import Held
from usage_pipeline.sync.plan_rows import Move
from usage_pipeline.sync.wanted import COHORT_FIELD

KIND = "list_move"


def list_of(cohort: str) -> str:
    """The name of a cohort's list, as people see it."""
    return f"Usage cohort: {cohort}"


def moves(
    wanted_fields: pd.DataFrame,
    linked: Mapping[str, str],
    members: Mapping[str, Collection[CrmId]],
    held: Held,
) -> list[Move]:
    """The fewest changes that bring the lists to what the cohorts say.

    `linked` has the record of each matched account, `members` the companies that are on each list now. A
    company that is no account's was put there by somebody else, and stays.
    """
    if COHORT_FIELD not in wanted_fields:
        return []
    cohort = dict(zip(wanted_fields["account_id"], wanted_fields[COHORT_FIELD], strict=True))
    belongs = {account: list_of(cohort[account]) for account in linked if cohort.get(account)}
    found = [
        Move(account, linked[account], name, joins=True)
        for account, name in sorted(belongs.items())
        if linked[account] not in members.get(name, ())
    ]
    account_of = {crm_id: account for account, crm_id in linked.items()}
    found += [
        Move(account_of[crm_id], crm_id, name, joins=False)
        for name, there in sorted(members.items())
        for crm_id in sorted(there)
        if crm_id in account_of and belongs.get(account_of[crm_id]) != name
    ]
    return [move for move in found if not held.waits(KIND, move.key, move.payload)]
