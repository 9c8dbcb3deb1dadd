"""Wanted tasks against those that were opened: what to open, reword and withdraw."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline import frames
from usage_pipeline.sync.plan_rows import TaskClosing, TaskNew, TaskRewording

Waits = Callable[[str, str, Mapping[str, Any]], bool]
URGENCY = {"high": 0, "medium": 1, "low": 2}


@dataclass(frozen=True)
class Changes:
    """Tasks to open, reword and withdraw."""

    new: list[TaskNew]
    rewordings: list[TaskRewording]
    closings: list[TaskClosing]
    closed: int
    """Wanted, but closed by a person or withdrawn by us: an episode is opened once."""


def changes(
    wanted: pd.DataFrame, matched: pd.DataFrame, episodes: pd.DataFrame, waits: Waits, account_key: str = ""
) -> Changes:
    """The changes that bring the open tasks to the wanted ones.

    `matched` has crm_id and owner_id by account; `waits` says whether a change waits in quarantine; `account_key`
    is where the CRM keeps our account id.
    """
    known = {row["task_key"]: row for row in frames.rows(episodes)}
    asked = {row["task_key"]: row for row in frames.rows(wanted)}
    new, rewordings, closed = [], [], 0
    # By Arrow: pandas' `isin` makes an object of every account's id.
    accounts = pa.array(matched.index.to_series(), pa.string())
    is_asked = pc.is_in(accounts, value_set=pa.array(wanted["account_id"], pa.string()))
    asked_for = matched[is_asked.to_numpy(zero_copy_only=False)].rename_axis("account_id").reset_index()
    links = {row["account_id"]: row for row in frames.rows(asked_for)}
    for key, row in sorted(asked.items()):
        if row["state"] != "wanted" or row["account_id"] not in links:
            continue
        link, there = links[row["account_id"]], known.get(key)
        if there is None:
            task = _new_task(row, link, account_key)
            if not waits("task_open", key, task.payload):
                new.append(task)
        elif there["status"] != "open":
            closed += 1
        # A task stays on the record on which it was opened; an account that has moved gets no new words there.
        elif not there["is_touched"] and there["crm_id"] == link["crm_id"] and _text(row) != _text(there):
            rewording = TaskRewording(
                key, row["account_id"], there["crm_id"], there["task_id"], *_text(there), *_text(row)
            )
            if not waits("task_update", key, rewording.payload):
                rewordings.append(rewording)
    closings = [
        TaskClosing(key, row["account_id"], row["crm_id"], row["task_id"], *_text(row))
        for key, row in sorted(known.items())
        if row["status"] == "open" and key not in asked
    ]
    open_closings = [one for one in closings if not waits("task_withdraw", one.key, one.payload)]
    return Changes(new, rewordings, open_closings, closed)


def at_most(tasks: list[TaskNew], per_owner: int | None) -> tuple[list[TaskNew], int]:
    """The most urgent tasks of each owner, and how many wait."""
    if per_owner is None:
        return tasks, 0
    opened: Counter[str | None] = Counter()
    kept = set()
    for task in sorted(tasks, key=lambda task: (URGENCY.get(task.priority, len(URGENCY)), task.due_on, task.key)):
        if opened[task.owner_id] < per_owner:
            opened[task.owner_id] += 1
            kept.add(task.key)
    return [task for task in tasks if task.key in kept], len(tasks) - len(kept)


def _new_task(row: Mapping[str, Any], link: Mapping[str, Any], account_key: str) -> TaskNew:
    return TaskNew(
        key=row["task_key"],
        account_id=row["account_id"],
        crm_id=link["crm_id"],
        play=row["play"],
        episode=row["episode"],
        subject=row["subject"],
        body=row["body"],
        priority=row["priority"],
        due_on=row["due_on"],
        owner_id=link["owner_id"],
        account_key=account_key,
    )


def _text(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """What a task says; its due date is a promise and stays."""
    return str(row["subject"]).strip(), str(row["body"]).strip(), str(row["priority"])
