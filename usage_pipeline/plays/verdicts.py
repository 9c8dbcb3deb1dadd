"""What has been found out about one account and one play, and the row that it becomes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from usage_pipeline.plays import wording
from usage_pipeline.plays.gates import Answer, Case
from usage_pipeline.plays.holdout import Assignment
from usage_pipeline.plays.playbook import Play

# Gates that say nothing of the account: the morning itself cannot be trusted.
NO_JUDGEMENT = frozenset({"data_quality", "skill"})


@dataclass
class Verdict:
    """What has been found out about a case so far."""

    case: Case
    answers: list[Answer]
    assignment: Assignment | None = None
    """The newest arm of the account in this play."""
    held: Assignment | None = None
    """The hold-out that binds on this morning: of this play or of all."""
    speaking: Play | None = None
    """The play against churn that has the account already."""
    rank: int | None = None
    owner_is_full: bool = False
    decision: Literal["do", "hold_out", "not"] = "not"
    new: list[Assignment] = field(default_factory=list)
    """Arms drawn for it on this morning."""

    @property
    def refusal(self) -> Answer | None:
        return next((answer for answer in self.answers if answer.passed is False), None)

    @property
    def is_triggered(self) -> bool:
        return any(answer.gate == "trigger" and bool(answer.passed) for answer in self.answers)

    @property
    def is_open(self) -> bool:
        """Whether the task of this very episode is open."""
        task = self.case.open_task
        return task is not None and self.assignment is not None and task.episode == self.assignment.episode

    @property
    def reason(self) -> str:
        """What decided, in words."""
        refusal = self.refusal
        if self.decision == "do":
            why = next(answer.why for answer in self.answers if answer.gate == "trigger")
            return f"goes on: {why}" if self.is_open else why
        if self.held is not None:
            first = next(answer.why for answer in self.answers if answer.gate == "hold_out")
        else:
            first = refusal.why if refusal else ""
        # That the morning cannot be trusted is said of every account and play, whatever else stands against it.
        whys = (answer.why for answer in self.answers if answer.gate in NO_JUDGEMENT and answer.passed is False)
        return "; besides, ".join(dict.fromkeys([first, *whys]))


def row(verdict: Verdict, groups: Mapping[str, wording.Peers]) -> dict[str, Any]:
    """The decision as a row of `plays/decision`."""
    case, assignment = verdict.case, verdict.held or verdict.assignment
    play, acts, as_of = case.play, verdict.decision == "do", case.morning.as_of
    task = case.open_task if verdict.is_open else None
    # A morning that cannot judge leaves open tasks as they are: its `not` keeps their episode.
    cannot_judge = verdict.refusal is not None and verdict.refusal.gate in NO_JUDGEMENT and task is not None
    has_episode = verdict.decision != "not" or cannot_judge
    if not has_episode and not verdict.owner_is_full:
        assignment = None
    since = (task.opened_on if task else None) or as_of
    return {
        "account_id": case.account.account_id,
        "play": play.name,
        "play_version": play.version,
        "decision": verdict.decision,
        "reason": verdict.reason,
        "gates": json.dumps([vars(answer) for answer in verdict.answers], ensure_ascii=False),
        "is_eligible": verdict.is_triggered,
        "episode": assignment.episode if assignment and has_episode else None,
        "assigned_on": assignment.assigned_on if assignment else None,
        "stratum": assignment.stratum if assignment else None,
        "outcome": play.outcome(case.morning.primary),
        "role": play.role,
        "subject": wording.subject(case) if acts else None,
        "body": wording.body(case, groups) if acts else None,
        "priority": play.priority,
        "due_on": wording.due(since, play.due_in_days) if acts else None,
        "expected_outcome": play.expected_outcome,
        "order": verdict.rank,
        "as_of": as_of,
    }
