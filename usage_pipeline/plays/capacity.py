"""Who comes first, where an owner can take only so many new tasks in a week."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from usage_pipeline.company import Kind
from usage_pipeline.periods import WEEK
from usage_pipeline.plays.gates import Answer, Morning
from usage_pipeline.plays.standing import Standing
from usage_pipeline.plays.verdicts import Verdict


@dataclass(frozen=True)
class Worth:
    """What a morning's accounts are worth to act on: likelihood times monthly revenue.

    An account without a score or a revenue counts with the morning's middle one, so that
    what is not known puts nobody first or last.
    """

    likelihood: dict[Kind, float]
    revenue: float

    def of(self, account: Standing, kind: Kind) -> float:
        score = account.scores.get(kind)
        likelihood = score.probability if score and score.probability is not None else self.likelihood.get(kind, 1.0)
        return likelihood * (account.snapshot.get("mrr_minor") or self.revenue)


def worth_of(accounts: Sequence[Standing]) -> Worth:
    """The morning's middle likelihoods and revenue."""
    likelihood = {
        kind: _middle(
            [
                score.probability
                for account in accounts
                if (score := account.scores.get(kind)) and score.probability is not None
            ]
        )
        for kind in Kind
    }
    return Worth(
        likelihood,
        _middle([account.snapshot["mrr_minor"] for account in accounts if account.snapshot.get("mrr_minor")]),
    )


def opened_lately(accounts: Iterable[Standing], as_of: date) -> Counter[str]:
    """Tasks opened for each owner in the seven days up to the morning, whatever became of them."""
    since = as_of - timedelta(days=WEEK)
    counts: Counter[str] = Counter()
    for account in accounts:
        opened = sum(1 for task in account.tasks if task.opened_on is not None and since < task.opened_on <= as_of)
        for owner in account.owners:
            counts[owner] += opened
    return counts


def fill_weeks(verdicts: Sequence[Verdict], accounts: Sequence[Standing], morning: Morning) -> None:
    """Give each owner's room to what is worth most; open tasks keep the room that they have."""
    limit = morning.company.plays.tasks_per_owner_and_week
    middle = worth_of(accounts)
    used = opened_lately(accounts, morning.as_of)
    ranks: Counter[str] = Counter()
    ready = [verdict for verdict in verdicts if verdict.decision == "do"]
    for verdict in sorted(ready, key=lambda verdict: _worth_first(verdict, middle)):
        owners = verdict.case.account.owners
        ranks[owners[0]] += 1
        verdict.rank = ranks[owners[0]]
        if verdict.is_open:
            verdict.answers.append(Answer("capacity", passed=True, why="the task is open already"))
            continue
        full = [owner for owner in owners if used[owner] >= limit]
        if full:
            why = f"{' and '.join(full)} has {limit} new tasks this week; this is number {verdict.rank} on the list, next week again"
            verdict.answers.append(Answer("capacity", passed=False, why=why))
            verdict.decision, verdict.owner_is_full = "not", True
        else:
            used.update(owners)
            left = min(limit - used[owner] for owner in owners)
            verdict.answers.append(Answer("capacity", passed=True, why=f"room this week; {left} more after it"))
    _leave_open_what_nothing_replaces(verdicts)
    for verdict in verdicts:
        if verdict.answers[-1].gate != "capacity":
            verdict.answers.append(Answer("capacity", passed=None, why="not asked"))


def _leave_open_what_nothing_replaces(verdicts: Sequence[Verdict]) -> None:
    """An open task is not withdrawn for a play that speaks first but for which there is no room yet."""
    full = {(verdict.case.account.account_id, verdict.case.play.name) for verdict in verdicts if verdict.owner_is_full}
    for verdict in verdicts:
        refusal = verdict.refusal
        waits_for = (verdict.case.account.account_id, verdict.speaking.name) if verdict.speaking else None
        if refusal and refusal.gate == "one_churn_play" and waits_for in full and verdict.is_open:
            others = [answer for answer in verdict.answers if answer.passed is False and answer is not refusal]
            if not others:
                kept = Answer(
                    "one_churn_play",
                    passed=True,
                    why=f"{waits_for[1]} has no room yet; the open task stays until it has",
                )
                verdict.answers[verdict.answers.index(refusal)] = kept
                verdict.answers[-1] = Answer("hold_out", passed=True, why="drawn when its task was opened")
                verdict.answers.append(Answer("capacity", passed=True, why="the task is open already"))
                verdict.decision = "do"


def _worth_first(verdict: Verdict, middle: Worth) -> tuple[float, str, int]:
    case = verdict.case
    return -middle.of(case.account, case.play.measured), case.account.account_id, case.play.precedence


def _middle(values: list[float]) -> float:
    ordered = sorted(values)
    return float(ordered[len(ordered) // 2]) if ordered else 1.0
