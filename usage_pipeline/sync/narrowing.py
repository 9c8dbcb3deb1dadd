"""A plan for some accounts: for one that a person asks about, for a first few, for a segment."""

from collections.abc import Collection
from dataclasses import replace

from usage_pipeline.sync.plans import Plan


def narrowed(plan: Plan, *, accounts: Collection[str] | None = None, limit: int | None = None) -> Plan:
    """The plan with the changes of these accounts, or of the first `limit` accounts that it changes.

    What it would have let go of quarantine stays there: that is judged over all accounts.
    """
    kept = set(touched(plan)) if accounts is None else set(accounts)
    if limit is not None:
        kept = set([account for account in touched(plan) if account in kept][:limit])
    return replace(
        plan,
        creations=tuple(one for one in plan.creations if one.account_id in kept),
        fields=tuple(change for change in plan.fields if change.account_id in kept),
        people=tuple(one for one in plan.people if one.account_id in kept),
        moves=tuple(one for one in plan.moves if one.account_id in kept),
        new_tasks=tuple(task for task in plan.new_tasks if task.account_id in kept),
        rewordings=tuple(task for task in plan.rewordings if task.account_id in kept),
        closings=tuple(task for task in plan.closings if task.account_id in kept),
        released=plan.released if accounts is None and limit is None else (),
    )


def touched(plan: Plan) -> list[str]:
    """Accounts that the plan changes, the ones with tasks first."""
    accounts = [
        *(task.account_id for task in plan.new_tasks),
        *(task.account_id for task in plan.rewordings),
        *(task.account_id for task in plan.closings),
        *(one.account_id for one in plan.creations),
        *(change.account_id for change in plan.fields),
        *(one.account_id for one in plan.people),
        *(one.account_id for one in plan.moves),
    ]
    return list(dict.fromkeys(accounts))
