"""Mornings cut by time into fit, calibrate, choose and judge, with the outcome's embargo between.

The embargo is as long as a label takes to be known, so that on the first morning of a part every
label of the part before it could have been stated: each part stands to the next as the past does
to the future.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

# Judging rests on a quarter of the mornings: long enough for outcomes of its own.
_JUDGE_SHARE = 0.25
# Calibrating and choosing would take about a seventh each.
_INNER_SHARE = 0.15
# Four parts cost two embargoes more. They are worth it where fitting keeps three tenths of the rows.
_FIT_SHARE = 0.3
# Fewer accounts in which it happened than this choose and calibrate by luck.
_INNER_POSITIVES = 50
JUDGE_MORNINGS = 3


@dataclass(frozen=True)
class Cut:
    """The mornings of each part; `calibrate` and `choose` are empty where they are cross-fitted in `fit`."""

    fit: tuple[date, ...]
    calibrate: tuple[date, ...]
    choose: tuple[date, ...]
    judge: tuple[date, ...]
    embargo_days: int
    why: str

    @property
    def is_cross_fitted(self) -> bool:
        return not self.choose


def cut(
    mornings: Sequence[date],
    embargo_days: int,
    *,
    rows: Callable[[Sequence[date]], int],
    positives: Callable[[Sequence[date]], int],
) -> Cut:
    """The parts of `mornings` (those whose labels are known); `fit` is empty where history is too short.

    `rows` and `positives` count the rows, and the accounts in which it happened, on the mornings
    given. There are four parts where `fit` keeps three tenths of the rows, and `calibrate` and
    `choose` have 50 such accounts each; otherwise two, and calibrating and choosing go by
    cross-fitting inside `fit`.
    """
    days = sorted(set(mornings))
    if len(days) <= JUDGE_MORNINGS:
        return Cut((), (), (), tuple(days), embargo_days, f"{len(days)} mornings with known labels")
    judge = days[-max(JUDGE_MORNINGS, round(len(days) * _JUDGE_SHARE)) :]
    inner = max(1, round(len(days) * _INNER_SHARE))
    before_judge = _clear_of(days, judge[0], embargo_days)
    choose = before_judge[-inner:]
    before_choose = _clear_of(days, choose[0], embargo_days) if choose else []
    calibrate = before_choose[-inner:]
    fit = _clear_of(days, calibrate[0], embargo_days) if calibrate else []
    left = rows(fit) / rows(days)
    enough = left >= _FIT_SHARE
    if enough and min(positives(calibrate), positives(choose)) >= _INNER_POSITIVES:
        why = f"four parts by time, {embargo_days} days between them"
        return Cut(tuple(fit), tuple(calibrate), tuple(choose), tuple(judge), embargo_days, why)
    lack = (
        f"would calibrate or choose on fewer than {_INNER_POSITIVES} accounts in which it happened"
        if enough
        else f"would leave {left:.0%} of the rows to fit, below {_FIT_SHARE:.0%}"
    )
    why = (
        f"calibrated and chosen by cross-fitting over accounts inside fit: four parts {embargo_days} days apart {lack}"
    )
    return Cut(tuple(before_judge), (), (), tuple(judge), embargo_days, why)


def _clear_of(days: Sequence[date], later: date, embargo_days: int) -> list[date]:
    """The mornings whose labels could be stated on the morning `later`."""
    return [day for day in days if day + timedelta(days=embargo_days) <= later]
