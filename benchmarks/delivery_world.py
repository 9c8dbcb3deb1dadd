"""Mornings of made-up accounts: what their fields should say, and which tasks should be open."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from usage_pipeline.crm.client import Crm, Instance
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import preparing, wanted
from usage_pipeline.sync.plans import Plan

FIRST_MORNING = date(2026, 5, 4)
TEXT = pd.StringDtype(na_value=np.nan)


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def morning(number: int) -> date:
    return FIRST_MORNING + timedelta(days=number)


def fields(accounts: Sequence[str], seed: int, as_of: date) -> pd.DataFrame:
    """A row per account as `sync.wanted.fields` gives it; with another seed nearly every account has moved.

    No account has a recommended play, as most have none on most mornings.
    """
    chance = np.random.default_rng(seed)
    count = len(accounts)
    risk, growth, health = (chance.integers(0, 101, count) for _ in range(3))
    weeks = chance.integers(1, 40, count)
    columns = {
        "account_id": np.array(accounts, dtype=object),
        "usage_churn_risk": risk,
        "usage_churn_tier": np.select([risk > 80, risk > 50], ["red", "yellow"], "green"),
        "usage_churn_reasons": [
            f"weekly active users fell from {week + 9} to {week}; similar accounts kept theirs\n"
            f"no administrator has logged in for {week} days"
            for week in weeks.tolist()
        ],
        "usage_expansion_likelihood": growth,
        "usage_expansion_tier": np.select([growth > 80, growth > 50], ["high", "medium"], "low"),
        "usage_expansion_reasons": [f"{100 * week // 40} % of the seats are in use" for week in weeks.tolist()],
        "usage_cohort": chance.choice(["Activated-Power", "Activated-Narrow", "Stuck-Activated"], count),
        "usage_health": health,
        "usage_health_tier": np.select([health > 80, health > 60, health > 40], ["Green", "Yellow", "Orange"], "Red"),
        "usage_evidence": np.full(count, "sufficient"),
        "usage_scored_at": np.full(count, as_of.isoformat()),
        "usage_recommended_play": np.full(count, None),
        "usage_model_version": np.full(count, "churn_90d v1, expansion_90d v1"),
    }
    told = {name: [None if one is None else str(one) for one in values] for name, values in columns.items()}
    return pd.DataFrame({name: pd.array(values, dtype=TEXT) for name, values in told.items()})


def a_few_moved(before: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """The next morning of a quiet fleet: the churn risk of a share of the accounts moves, far enough to be sent."""
    chance = np.random.default_rng(seed)
    rows = chance.choice(len(before), round(share * len(before)), replace=False)
    risk = before["usage_churn_risk"].astype(int).to_numpy().copy()
    risk[rows] = (risk[rows] + 40) % 101
    return before.assign(usage_churn_risk=pd.array([str(one) for one in risk.tolist()], dtype=TEXT))


def tasks(accounts: Sequence[str], as_of: date) -> pd.DataFrame:
    """A wanted task per account."""
    play = "red_churn_risk"
    rows = [
        {
            "account_id": account,
            "play": play,
            "episode": f"{account}:{play}:{as_of}",
            "task_key": wanted.task_key(account, play, f"{account}:{play}:{as_of}"),
            "state": "wanted",
            "subject": f"Call {account}",
            "body": "Weekly active users fell by half.\nAsk who uses it and for what.",
            "priority": "high",
            "due_on": as_of + timedelta(days=2),
            "expected_outcome": "it stays",
        }
        for account in accounts
    ]
    return pd.DataFrame(rows, columns=wanted.TASK_COLUMNS, dtype=object)


def links(accounts: Sequence[str], ids: Sequence[str], instance: Instance) -> pd.DataFrame:
    """Every account with its known record."""
    return pd.DataFrame(
        {
            "account_id": pd.array(list(accounts), dtype=TEXT),
            "state": "matched",
            "crm_id": pd.array(list(ids), dtype=TEXT),
            "owner_id": None,
            "detail": None,
            "instance": instance.key,
        }
    )


def plan(
    crm: Crm, ledger: Ledger, wants: pd.DataFrame, ids: Sequence[str], as_of: date, acts: pd.DataFrame | None = None
) -> Plan:
    """What an apply of the morning does; without `acts` no task is wanted."""
    return preparing.plan(
        crm,
        ledger,
        wants,
        tasks([], as_of) if acts is None else acts,
        links(wants["account_id"].tolist(), ids, crm.instance()),
        as_of=as_of,
        created_at=now(),
        first_tasks_per_owner=None,
    )


def rows_that_differ(state: list[dict], wants: pd.DataFrame, ids: Sequence[str], crm: str) -> int:
    """Records whose fields, as the sandbox holds them, are not what was wanted."""
    there = {one["id"]: one["fields"] for one in state}
    differing = 0
    for crm_id, row in zip(ids, wants.to_dict("records"), strict=True):
        told = {
            name if crm == "hubspot" else CONTRACT.field(name).salesforce: name for name in row if name != "account_id"
        }
        held = there.get(crm_id, {})
        differing += any(
            CONTRACT.field(name).canonical(held.get(theirs)) != CONTRACT.field(name).canonical(row[name])
            for theirs, name in told.items()
        )
    return differing
