"""The tables behind the reports, counted once and shown as a page or as Markdown."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.company import Company, Kind
from usage_pipeline.plays import holdout, playbook

# Best news last, as the tiers are read.
_TIERS = ("red", "yellow", "green", "high", "medium", "low")
TASK_STATES = ("open", "done", "dismissed", "withdrawn", "not opened")

_READINGS = {
    "good": "Better than without the play, beyond what chance alone can do.",
    "bad": "Worse than without the play, beyond what chance alone can do.",
    "open": "Within what chance alone can do: nothing is shown yet.",
}

_GATES = {
    "play_enabled": "the play is not turned on",
    "data_quality": "usage data failed their quality check",
    "skill": "the model behind it shows no skill",
    "evidence": "too little to go by",
    "crm_link": "no CRM record with an owner",
    "health": "health is Red or Orange",
    "right_for_cohort": "the wrong thing to do for its cohort",
    "contract": "a multi-year contract is running",
    "one_churn_play": "another play against churn speaks first",
    "recently_done": "a person closed such a task lately",
    "capacity": "the owner's week is full",
}


@dataclass(frozen=True)
class Share:
    """How many of how many."""

    happened: int
    of: int

    @property
    def share(self) -> float | None:
        return self.happened / self.of if self.of else None


@dataclass(frozen=True)
class EffectLine:
    """What one play did to one outcome."""

    play: str
    outcome: str
    assigned: Share
    """To act, whether or not a task was opened (intention to treat)."""
    held_out: Share
    difference: float | None
    low: float | None
    high: float | None
    reading: str
    """good, bad or open: what the interval says of the play; waiting where nothing is known yet."""
    text: str
    """The whole in one sentence."""
    words: str
    """The reading alone, for where the figures stand beside it."""


@dataclass(frozen=True)
class FlagLine:
    """What happened to the accounts of one tier, over all earlier mornings of one origin."""

    outcome: str
    origin: str
    tier: str
    mornings: int
    known: Share
    not_yet_known: int
    next_known_on: date | None


@dataclass(frozen=True)
class PlayLine:
    """What one play decided on one morning."""

    play: str
    is_enabled: bool
    called_for: int
    """Accounts on which its trigger fired: those of `do`, `hold_out` and `refusals`."""
    do: int
    goes_on: int
    hold_out: int
    not_called_for: int
    refusals: tuple[tuple[str, int], ...]
    """Why it does not act on accounts that call for it, commonest first."""


@dataclass(frozen=True)
class TaskLine:
    """What became of a play's tasks."""

    play: str
    assigned: int
    states: Mapping[str, int]
    held_out: int


def title(play: str) -> str:
    """The play's title; all plays together for `*`."""
    titles = {one.name: one.title for one in playbook.shipped()}
    return "All plays together" if play == holdout.EVERY_PLAY else titles.get(play, play)


def effects(frame: pd.DataFrame, company: Company, as_of: date | None = None) -> list[EffectLine]:
    """One line per play and outcome, in the order of the effects."""
    found = []
    for row in frames.rows(frame):
        kind = company.outcomes[row["outcome"]].kind if row["outcome"] in company.outcomes else Kind.CHURN
        reading = _reading(row, kind)
        found.append(
            EffectLine(
                play=title(row["play"]),
                outcome=row["outcome"],
                assigned=Share(int(row["treated_happened"]), int(row["treated"])),
                held_out=Share(int(row["held_out_happened"]), int(row["held_out"])),
                difference=row["difference"],
                low=row["low"],
                high=row["high"],
                reading=reading,
                text=row["text"],
                words=row["text"] if reading == "waiting" else _READINGS[reading] + _rest(row, as_of),
            )
        )
    return found


def flags(frame: pd.DataFrame) -> list[FlagLine]:
    """One line per outcome, origin and tier, in the order in which tiers are read."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in frames.rows(frame):
        groups.setdefault((row["outcome"], row["origin"], row["tier"]), []).append(row)
    ordered = sorted(
        groups, key=lambda key: (key[0], key[1], _TIERS.index(key[2]) if key[2] in _TIERS else len(_TIERS))
    )
    return [_flag_line(*key, groups[key]) for key in ordered]


def plays(frame: pd.DataFrame) -> list[PlayLine]:
    """One line per play of a morning's decisions, in the order of the book."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in frames.rows(frame):
        groups.setdefault(row["play"], []).append(row)
    order = [one.name for one in playbook.shipped()]
    return [
        _play_line(name, groups[name])
        for name in sorted(groups, key=lambda name: order.index(name) if name in order else 99)
    ]


def tasks(frame: pd.DataFrame) -> list[TaskLine]:
    """One line per play over all its episodes so far."""
    episodes: dict[str, dict[str, dict[str, Any]]] = {}
    for row in frames.rows(frame):
        if row["play"] != holdout.EVERY_PLAY:
            episodes.setdefault(row["play"], {})[row["episode"]] = row
    lines = []
    for play, found in sorted(episodes.items()):
        assigned = [row for row in found.values() if row["arm"] == "do"]
        states = Counter(row["status"] for row in assigned)
        lines.append(
            TaskLine(
                title(play), len(assigned), {state: states[state] for state in TASK_STATES}, len(found) - len(assigned)
            )
        )
    return lines


def trainings(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The newest training of each outcome, as rows of `models/training`."""
    newest: dict[str, dict[str, Any]] = {}
    for row in sorted(frames.rows(frame), key=lambda row: str(row["trained_as_of"])):
        newest[row["outcome"]] = row
    return [newest[outcome] for outcome in sorted(newest)]


def silence(frame: pd.DataFrame) -> str | None:
    """Why no play acts on the whole morning; None where at least one could."""
    rows = frames.rows(frame)
    gates = {gate for row in rows if (gate := refusal(row)) not in {None, "play_enabled"}}
    if rows and gates and gates <= {"data_quality", "skill"} and not any(row["decision"] == "do" for row in rows):
        reasons = sorted(
            {row["reason"] for row in rows if refusal(row) in {"data_quality", "skill"} and row["decision"] == "not"}
        )
        return "; ".join(reasons) or None
    return None


def refusal(decision: Mapping[str, Any]) -> str | None:
    """The first gate that said no to a decision's account."""
    return next((answer["gate"] for answer in json.loads(decision["gates"]) if answer["passed"] is False), None)


def _rest(row: Mapping[str, Any], as_of: date | None) -> str:
    if as_of is None or row["known_on"] is None or frames.as_day(row["known_on"]) <= as_of:
        return ""
    return f" All of it will be known by {frames.as_day(row['known_on'])}."


def _reading(row: Mapping[str, Any], kind: Kind) -> str:
    if row["difference"] is None:
        return "waiting"
    fewer, more = row["high"] < 0, row["low"] > 0
    wanted, unwanted = (fewer, more) if kind is Kind.CHURN else (more, fewer)
    return "good" if wanted else "bad" if unwanted else "open"


def _flag_line(outcome: str, origin: str, tier: str, rows: Sequence[Mapping[str, Any]]) -> FlagLine:
    waiting = [frames.as_day(row["known_on"]) for row in rows if row["not_yet_known"] and row["known_on"] is not None]
    return FlagLine(
        outcome=outcome,
        origin=origin,
        tier=tier,
        mornings=len(rows),
        known=Share(sum(int(row["happened"]) for row in rows), sum(int(row["accounts"]) for row in rows)),
        not_yet_known=sum(int(row["not_yet_known"]) for row in rows),
        next_known_on=min(waiting) if waiting else None,
    )


def _play_line(play: str, rows: Sequence[Mapping[str, Any]]) -> PlayLine:
    refused = [(bool(row["is_eligible"]), gate) for row in rows if row["decision"] == "not" and (gate := refusal(row))]
    against = Counter(_GATES.get(gate, gate) for is_called, gate in refused if is_called)
    return PlayLine(
        play=title(play),
        is_enabled=all(gate != "play_enabled" for _, gate in refused),
        called_for=sum(bool(row["is_eligible"]) for row in rows),
        do=sum(row["decision"] == "do" for row in rows),
        goes_on=sum(row["decision"] == "do" and str(row["reason"]).startswith("goes on") for row in rows),
        hold_out=sum(row["decision"] == "hold_out" and bool(row["is_eligible"]) for row in rows),
        not_called_for=sum(not row["is_eligible"] for row in rows),
        refusals=tuple(against.most_common()),
    )
