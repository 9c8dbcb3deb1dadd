"""How an account stands on a morning: its scores, cohort, health, owners and tasks, side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.company import Kind

# A task lives in each CRM that knows the account. What a person did in one of them counts for
# the episode, and one that is still open anywhere is open.
_STATUS_ORDER = ("done", "dismissed", "open", "withdrawn")


@dataclass(frozen=True)
class Score:
    """One outcome's score of the morning."""

    outcome: str
    evidence: str
    evidence_detail: str
    probability: float | None
    score: float | None
    tier: str | None
    tier_rule: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """An episode's task, over all CRMs it lives in."""

    play: str
    episode: str
    status: str
    opened_on: date | None
    closed_on: date | None

    @property
    def is_closed_by_a_person(self) -> bool:
        return self.status in {"done", "dismissed"}


@dataclass(frozen=True)
class Standing:
    """One account on the morning; `snapshot` is its row of features by name."""

    account_id: str
    name: str
    snapshot: Mapping[str, Any]
    scores: Mapping[Kind, Score]
    cohort: str | None
    cohort_rule: str
    health_tier: str | None
    owners: tuple[str, ...]
    """Who gets its tasks, one per CRM at most, each named once."""
    link_detail: str
    """Why it has no owner in any CRM, in words."""
    tasks: tuple[Task, ...]

    def tasks_of(self, play: str) -> tuple[Task, ...]:
        """The play's tasks, oldest first."""
        return tuple(task for task in self.tasks if task.play == play)


def read(
    snapshots: pd.DataFrame,
    scores: pd.DataFrame,
    segments: pd.DataFrame,
    health: pd.DataFrame,
    links: pd.DataFrame,
    past: pd.DataFrame,
    *,
    primary: Mapping[Kind, str],
) -> list[Standing]:
    """Every account of the snapshots, by account id."""
    scores_of = {kind: _by_account(scores[scores["outcome"] == outcome]) for kind, outcome in primary.items()}
    segment_of = _by_account(segments)
    health_of = _by_account(health)
    links_of = _grouped(links)
    tasks_of = tasks_by_account(past)
    found = []
    for account_id, snapshot in sorted(_by_account(snapshots).items()):
        segment = segment_of.get(account_id, {})
        owners, detail = _owners(links_of.get(account_id, []))
        found.append(
            Standing(
                account_id=account_id,
                name=_name(account_id, snapshot, links_of.get(account_id, [])),
                snapshot=snapshot,
                scores={kind: _score(rows[account_id]) for kind, rows in scores_of.items() if account_id in rows},
                cohort=segment.get("cohort"),
                cohort_rule=segment.get("cohort_rule") or "",
                health_tier=health_of.get(account_id, {}).get("health_tier"),
                owners=owners,
                link_detail=detail,
                tasks=tasks_of.get(account_id, ()),
            )
        )
    return found


def tasks_by_account(past: pd.DataFrame) -> dict[str, tuple[Task, ...]]:
    """Every account's tasks, oldest first, out of what one morning knew of past actions."""
    return {account: _tasks(found) for account, found in _grouped(past).items()}


def _by_account(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {str(row["account_id"]): row for row in frames.rows(frame)}


def _grouped(frame: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in frames.rows(frame):
        grouped.setdefault(str(row["account_id"]), []).append(row)
    return grouped


def _score(row: dict[str, Any]) -> Score:
    return Score(
        outcome=row["outcome"],
        evidence=row["evidence"],
        evidence_detail=row.get("evidence_detail") or "",
        probability=row.get("probability"),
        score=row.get("score"),
        tier=row.get("tier"),
        tier_rule=row.get("tier_rule") or "",
        reasons=tuple(text for text in (row.get(f"reason_{n}") for n in (1, 2, 3)) if text),
    )


def _owners(links: list[dict[str, Any]]) -> tuple[tuple[str, ...], str]:
    matched = [link for link in links if link["state"] == "matched"]
    named = sorted(
        (link["crm"], link.get("owner_email") or f"{link['crm']}:{link['owner_id']}")
        for link in matched
        if link["owner_id"]
    )
    if named:
        return tuple(dict.fromkeys(owner for _, owner in named)), ""
    if matched:
        return (), f"nobody owns its record in {' or '.join(sorted({str(link['crm']) for link in matched}))}"
    told = "; ".join(
        f"{link['crm']}: {link.get('detail') or link['state']}"
        for link in sorted(links, key=lambda link: str(link["crm"]))
    )
    return (), "no CRM knows the account" + (f" ({told})" if told else "")


def _name(account_id: str, snapshot: dict[str, Any], links: list[dict[str, Any]]) -> str:
    names = [snapshot.get("account_name"), *(link.get("crm_name") for link in links if link["state"] == "matched")]
    return next((str(name) for name in names if name), account_id)


def _tasks(found: list[dict[str, Any]]) -> tuple[Task, ...]:
    episodes: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in found:
        if row["arm"] == "do" and row["status"] in _STATUS_ORDER:
            episodes.setdefault((row["play"], row["episode"]), []).append(row)
    tasks = []
    for (play, episode), copies in episodes.items():
        leading = min(copies, key=lambda row: _STATUS_ORDER.index(row["status"]))
        opened = [frames.as_day(row["opened_on"]) for row in copies if row["opened_on"] is not None]
        closed = leading["closed_at"]
        tasks.append(
            Task(
                play=play,
                episode=episode,
                status=leading["status"],
                opened_on=min(opened) if opened else None,
                closed_on=None if closed is None else frames.as_day(closed),
            )
        )
    return tuple(sorted(tasks, key=lambda task: (task.opened_on or date.min, task.episode)))
