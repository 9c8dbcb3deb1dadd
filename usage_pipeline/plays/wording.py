"""The words of a task: what happened, how similar accounts do, what to do, what should come of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

from usage_pipeline.company import Kind
from usage_pipeline.plays.gates import Case
from usage_pipeline.plays.standing import Standing

# Salesforce's limit of a task's subject; HubSpot takes more.
SUBJECT_LENGTH = 255
# Fewer accounts than this are anecdotes.
PEERS_AT_LEAST = 10


@dataclass(frozen=True)
class Peers:
    """How the accounts similar to one do."""

    accounts: int
    who: str
    users_change: float | None
    uses_change: float | None
    features: float | None
    tiers: Mapping[Kind, Mapping[str, int]]


def peer_groups(accounts: Sequence[Standing]) -> dict[str, Peers]:
    """Similar accounts by peer group; "" stands for all, and for groups of fewer than ten."""
    groups: dict[str, list[Standing]] = {"": list(accounts)}
    for account in accounts:
        if name := account.snapshot.get("peer_group"):
            groups.setdefault(str(name), []).append(account)
    return {
        name: _peers(name, members) for name, members in groups.items() if not name or len(members) >= PEERS_AT_LEAST
    }


def subject(case: Case) -> str:
    """The task's subject; stays the same while the task is open."""
    filled = case.play.subject.format(account=case.account.name, cohort=case.account.cohort)
    return filled if len(filled) <= SUBJECT_LENGTH else filled[: SUBJECT_LENGTH - 1] + "…"


def body(case: Case, groups: Mapping[str, Peers]) -> str:
    """The task's text, plain, with the morning's numbers."""
    account, play, score = case.account, case.play, case.score
    peers = groups.get(str(account.snapshot.get("peer_group")), groups[""])
    return play.message.format(
        account=account.name,
        cohort=account.cohort,
        cohort_rule=account.cohort_rule or "see its use below",
        expected_outcome=play.expected_outcome,
        figures=figures(account.snapshot, case.morning.as_of),
        peers=comparison(account.snapshot, peers, play.trigger.outcome),
        reasons=_bullets(score.reasons if score and score.reasons else ("No single thing weighs most.",)),
        score="?" if score is None or score.score is None else f"{score.score:.0f}",
        steps="\n".join(f"{n}. {step}" for n, step in enumerate(play.steps, start=1)),
        tier=(score.tier if score else None) or "without evidence today",
        tier_rule=(score.tier_rule if score else "") or "too little to go by",
        wrong_actions=_bullets(play.wrong_actions),
    ).strip()


def figures(snapshot: Mapping[str, Any], as_of: date) -> str:
    """What an account's use, seats, tickets and contract look like, one line each; unknown ones are left out."""
    told = [_used(snapshot)]
    if (since := snapshot.get("days_since_last_use")) is not None:
        told.append(f"Last used {_days(since)} before {as_of}.")
    if (seats := snapshot.get("seats")) and (people := snapshot.get("users_28d")) is not None:
        told.append(f"Seats paid for: {seats:g}; people active in 28 days: {people:g}.")
    if opened := snapshot.get("tickets_28d"):
        told.append(
            f"Support tickets opened in 28 days: {opened:g}; still open: {snapshot.get('tickets_open') or 0:g}."
        )
    if (left := snapshot.get("days_to_renewal")) is not None:
        told.append(_renewal(left, as_of))
    if mrr := snapshot.get("mrr_minor"):
        told.append(f"Monthly recurring revenue: {mrr / 100:,.0f}.")
    return "\n".join(line for line in told if line)


def comparison(snapshot: Mapping[str, Any], peers: Peers, kind: Kind | None) -> str:
    """How similar accounts do in what this one is compared in."""
    if peers.accounts < PEERS_AT_LEAST:
        return f"Only {peers.accounts} accounts are on the list this morning: too few to compare with."
    told = []
    for what, middle, own in (
        ("active people", peers.users_change, snapshot.get("users_change_28d")),
        ("uses of features", peers.uses_change, snapshot.get("uses_change_28d")),
    ):
        if middle is not None:
            here = f"; here {_change(own)}" if own is not None else ""
            told.append(f"In four weeks their {what} changed by {_change(middle)}{here}.")
    if peers.features is not None:
        own = snapshot.get("features_28d")
        told.append(f"They use {peers.features:g} features{f'; this account {own:g}' if own is not None else ''}.")
    if kind is not None and (tiers := peers.tiers.get(kind)):
        told.append(f"Their {kind} tiers: {', '.join(f'{count} {tier}' for tier, count in tiers.items())}.")
    return f"The middle of {peers.accounts} accounts ({peers.who}): " + " ".join(told)


def due(as_of: date, working_days: int) -> date:
    """The day after so many working days."""
    day = as_of
    while working_days:
        day += timedelta(days=1)
        working_days -= day.weekday() < 5
    return day


def _used(snapshot: Mapping[str, Any]) -> str:
    parts = []
    for what, now, before in (
        ("active people", "users_28d", "users_28d_before"),
        ("uses of features", "uses_28d", "uses_28d_before"),
        ("different features", "features_28d", "features_28d_before"),
    ):
        if (count := snapshot.get(now)) is not None:
            earlier = snapshot.get(before)
            parts.append(f"{what} {count:g}{f' (28 days before: {earlier:g})' if earlier is not None else ''}")
    return f"In the last 28 days: {', '.join(parts)}." if parts else ""


def _renewal(left: float, as_of: date) -> str:
    day = as_of + timedelta(days=int(left))
    return (
        f"The contract's term ends in {_days(left)}, on {day}." if left >= 0 else f"The contract's term ended on {day}."
    )


def _days(count: float) -> str:
    return "1 day" if count == 1 else f"{count:g} days"


def _change(ratio: float) -> str:
    return f"{ratio:+.0%}".replace("%", " %")


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _peers(name: str, members: Sequence[Standing]) -> Peers:
    return Peers(
        accounts=len(members),
        who=name or "all accounts of this morning",
        users_change=_median(members, "users_change_28d"),
        uses_change=_median(members, "uses_change_28d"),
        features=_median(members, "features_28d"),
        tiers={kind: _tiers(members, kind) for kind in Kind},
    )


def _median(members: Sequence[Standing], column: str) -> float | None:
    known = [value for account in members if (value := account.snapshot.get(column)) is not None]
    return float(median(known)) if known else None


def _tiers(members: Sequence[Standing], kind: Kind) -> dict[str, int]:
    order = ("red", "yellow", "green") if kind is Kind.CHURN else ("high", "medium", "low")
    found = [score.tier for account in members if (score := account.scores.get(kind))]
    return {tier: found.count(tier) for tier in order if tier in found}
