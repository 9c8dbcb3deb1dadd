"""Alerts as a team lives with them: so many accounts on a morning, and whether the flag stood until it happened."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

# A fall (or rise) of weekly active users over two weeks that a person would call an alert.
RULE_ALERT = 0.40
BUDGET = 0.10
# Mornings further apart than this many of the usual steps do not follow each other.
_NEXT = 1.5


@dataclass(frozen=True)
class Alerts:
    """Rows of judged mornings with what happened; all arrays have one value per row."""

    account: np.ndarray
    morning: np.ndarray
    """datetime64[D]."""
    happened: np.ndarray
    happened_on: np.ndarray
    """datetime64[D], NaT where no day is named."""
    horizon_days: int

    def lead_days(self, flagged: np.ndarray) -> np.ndarray:
        """Per outcome the days from the first morning of the uninterrupted flag that ends at it; 0: not flagged then.

        An outcome is a run of an account's mornings whose horizon held it. It came on the day that is named, else
        within a step of the last of these mornings.
        """
        rows = pd.DataFrame(
            {"account": self.account, "morning": self.morning, "happened": self.happened, "on": self.happened_on}
        ).assign(flagged=flagged)
        rows = rows.sort_values(["account", "morning"], ignore_index=True)
        days = rows["morning"].to_numpy().astype("datetime64[D]")
        step = self.step_days()
        is_next = np.zeros(len(rows), dtype=bool)
        is_next[1:] = (rows["account"].to_numpy()[1:] == rows["account"].to_numpy()[:-1]) & (
            (days[1:] - days[:-1]).astype(int) <= step * _NEXT
        )
        told, flag = rows["happened"].to_numpy(dtype=bool), rows["flagged"].to_numpy(dtype=bool)
        # The first morning of the flag that stands on each morning; where none stands, the morning after.
        place = np.arange(len(rows))
        begins = flag & ~(is_next & np.roll(flag, 1))
        first = np.maximum.accumulate(np.where(begins, place, 0))
        ends_here = told & ~np.append(told[1:] & is_next[1:], False)
        last = np.flatnonzero(ends_here)
        named = rows["on"].to_numpy().astype("datetime64[D]")[last]
        came = np.where(np.isnat(named), days[last] + np.timedelta64(step, "D"), named)
        lead = (came - days[first[last]]).astype(int)
        return np.where(flag[last], np.maximum(lead, 0), 0)

    def step_days(self) -> int:
        """Usual days from one morning to the next."""
        days = np.unique(self.morning)
        return int(np.median(np.diff(days).astype(int))) if len(days) > 1 else self.horizon_days

    def highest(self, score: np.ndarray, counts: dict[np.datetime64, int]) -> np.ndarray:
        """The so many highest rows of each morning; of equal ones those that a draw by row picks."""
        flagged = np.zeros(len(score), dtype=bool)
        draw = np.random.default_rng(0).random(len(score))
        for day, places in pd.Series(range(len(score))).groupby(self.morning).indices.items():
            order = places[np.lexsort((draw[places], -score[places]))]
            flagged[order[: counts[np.datetime64(day, "D")]]] = True
        return flagged

    def budget(self, share: float) -> dict[np.datetime64, int]:
        """That share of each morning's rows."""
        days, counts = np.unique(self.morning, return_counts=True)
        return {day: round(share * count) for day, count in zip(days, counts, strict=True)}

    def counted(self, flagged: np.ndarray) -> dict[np.datetime64, int]:
        """How many are flagged on each morning."""
        return {day: int(flagged[self.morning == day].sum()) for day in np.unique(self.morning)}
