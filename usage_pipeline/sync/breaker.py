"""The circuit breaker: stops before any write when a morning has moved as no real fleet moves.

Compared with the last morning that was delivered to the same instance. A broken feed, a wrong model or
a lost match shows here before it shows to a customer success manager.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from usage_pipeline.crm.contract import Contract, Kind

# Population stability index: 0.25 is taken for a clear shift of a score; a fleet that is scored day by day
# stays below 0.1, and a new model may reach 0.3.
MOST_SHIFT = 0.5
LEAST_MATCHED_KEPT = 0.8
LEAST_ACCOUNTS_KEPT, MOST_ACCOUNTS_GROWN = 0.7, 1.5
# Of all matched accounts, on one morning, once the first delivery is past.
MOST_NEW_TASKS = 0.25
# Below so many accounts every share jumps by chance.
FEWEST = 50
TENTHS = 10


@dataclass(frozen=True)
class Measures:
    """What is compared of a morning; kept with each run."""

    accounts: int
    """Accounts that were to be delivered."""
    matched: int
    new_tasks: int
    scores: Mapping[str, Sequence[int]]
    """Per number field, how many accounts lie in each tenth of its range 0 to 100."""


def measures(wanted: pd.DataFrame, contract: Contract, *, matched: int, new_tasks: int) -> Measures:
    """The measures of a morning's wanted fields."""
    numbers = [field.name for field in contract.fields if field.kind is Kind.NUMBER and field.name in wanted.columns]
    return Measures(len(wanted), matched, new_tasks, {name: _tenths(wanted[name]) for name in numbers})


def trips(now: Measures, before: Measures | None) -> list[str]:
    """Why nothing may be written, in words; empty where all is as a fleet moves, and on the first delivery."""
    if before is None or before.accounts < FEWEST:
        return []
    found = []
    if not LEAST_ACCOUNTS_KEPT * before.accounts <= now.accounts <= MOST_ACCOUNTS_GROWN * before.accounts:
        found.append(f"{now.accounts:,} accounts are delivered, {before.accounts:,} were last time")
    rate, rate_before = (one.matched / max(one.accounts, 1) for one in (now, before))
    if rate < LEAST_MATCHED_KEPT * rate_before:
        found.append(f"{rate:.0%} of the accounts are matched, {rate_before:.0%} were last time")
    if now.new_tasks > max(FEWEST, MOST_NEW_TASKS * now.matched):
        found.append(f"{now.new_tasks:,} tasks would be opened at once on {now.matched:,} matched accounts")
    for name, counts in now.scores.items():
        if name in before.scores and min(sum(counts), sum(before.scores[name])) >= FEWEST:
            shift = stability(before.scores[name], counts)
            if shift > MOST_SHIFT:
                found.append(f"{name} has shifted by {shift:.2f} (population stability index; {MOST_SHIFT} is allowed)")
        elif sum(before.scores.get(name, ())) >= FEWEST:
            found.append(f"{name} has {sum(counts):,} scores, {sum(before.scores[name]):,} last time")
    return found


def stability(before: Sequence[int], now: Sequence[int]) -> float:
    """Population stability index: sum over the bins of (q - p) ln(q / p), each share at least half an account."""

    def shares(counts: Sequence[int]) -> list[float]:
        smoothed = [max(count, 0.5) for count in counts]
        return [count / sum(smoothed) for count in smoothed]

    return sum((q - p) * math.log(q / p) for p, q in zip(shares(before), shares(now), strict=True))


def _tenths(values: pd.Series) -> list[int]:
    # Many texts, few different ones: only those are parsed.
    told = values.dropna().value_counts()
    numbers = pd.to_numeric(pd.Series(told.index.astype(object), dtype=object), errors="coerce")
    known = numbers.notna().to_numpy()
    places = (numbers[known] / 100 * TENTHS).clip(0, TENTHS - 1).astype(int)
    counts = pd.Series(told.to_numpy()[known]).groupby(places.to_numpy()).sum()
    return [int(counts.get(place, 0)) for place in range(TENTHS)]
