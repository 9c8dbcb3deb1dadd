"""What the vendor's CSMs and sellers do with the tasks they find in the CRM."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from usage_pipeline.sources.simulated import draws, health
from usage_pipeline.sources.simulated.activity import EPOCH
from usage_pipeline.sources.simulated.draws import Purpose

DONE, DISMISSED = 0.60, 0.10
"""Shares of the open tasks that are completed, and dismissed, each time somebody looks; the rest stay open."""

_DONE = (
    "Called. They miss a report that exists; showed it, next call in two weeks.",
    "Met the team lead: a new person is in charge, sent the training links.",
    "Good call, they want to try what we proposed.",
    "Wrote and called; they will restart with the next project.",
)
_DISMISSED = (
    "Already in touch with them about this.",
    "Seasonal, they told us in spring.",
    "Wrong contact, nobody reached.",
)
_ACCOUNT = re.compile(r"acc-\d{6,}")


@dataclass(frozen=True)
class Answer:
    """What became of one task: how it was closed, and what the person wrote."""

    crm: str
    id: str
    status: Literal["done", "dismissed"]
    answer: str
    account_id: str | None
    """Account of the task; None where neither the record nor the task names one."""
    play: str | None


def take_up(tasks: Iterable[Mapping[str, Any]], day: date, seed: int) -> list[Answer]:
    """The open tasks that are completed or dismissed this week, in the order given.

    `tasks` are rows of the sandbox's `GET /_sandbox/tasks`. The same task in two CRMs (one
    `task_key`) meets the same fate in both.
    """
    answers = []
    for task in tasks:
        if task.get("status", "open") != "open":
            continue
        key = str(task.get("task_key") or f"{task['crm']}:{task['id']}")
        whom = draws.keys([int.from_bytes(hashlib.sha256(key.encode()).digest()[:7], "big")])
        number = (day - EPOCH).days
        chance, word = (float(draws.uniform(seed, number, Purpose.TASK, whom, again=n)[0]) for n in (0, 1))
        if chance >= DONE + DISMISSED:
            continue
        said = _DONE if chance < DONE else _DISMISSED
        answers.append(
            Answer(
                crm=str(task["crm"]),
                id=str(task["id"]),
                status="done" if chance < DONE else "dismissed",
                answer=said[int(word * len(said))],
                account_id=_account(task),
                play=_play(task),
            )
        )
    return answers


def treatments(answers: Sequence[Answer]) -> dict[str, str]:
    """What was thereby done: the play per account, as `Company.advance` takes it. A dismissed task does nothing."""
    return {
        answer.account_id: answer.play or "a call"
        for answer in answers
        if answer.status == "done" and answer.account_id is not None
    }


def _account(task: Mapping[str, Any]) -> str | None:
    if task.get("account_key"):
        return str(task["account_key"])
    named = _ACCOUNT.search(f"{task.get('task_key')} {task.get('body')}")
    return named.group() if named else None


def _play(task: Mapping[str, Any]) -> str | None:
    """The play whose name the task's key holds, or else its subject or body."""
    for field in ("task_key", "subject", "body"):
        text = str(task.get(field) or "")
        for play in health.EFFECTS:
            if play in text:
                return play
    return None
