"""Figures and comparisons as a person would say them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from usage_pipeline.company import Kind


@dataclass(frozen=True)
class Account:
    """An account's snapshot beside its peers' medians, and which way a reason pushes."""

    values: Mapping[Any, Any]
    peers: Mapping[Any, Any]
    kind: Kind
    is_up: bool

    def number(self, name: str) -> float | None:
        """The column's value; None for whatever means unknown."""
        return _number(self.values.get(name))

    def peer(self, name: str) -> float | None:
        """What is usual for similar accounts; None below ten of them."""
        return _number(self.peers.get(name))

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return value if isinstance(value, str) and value else None

    def claim(self, name: str) -> bool | None:
        value = self.values.get(name)
        return None if value is None or pd.isna(value) else bool(value)

    def usual_change(self, change: str, against_peers: str) -> float | None:
        """The peers' median change; where no peers are given, from the account's own and its distance to them."""
        if self.peer(change) is not None:
            return self.peer(change)
        own, distance, peers = self.number(change), self.number(against_peers), self.number("peers")
        if own is None or distance is None or peers is None or peers < 10:
            return None
        return own - distance


def figure(value: float) -> str:
    """12,400; 7; 2.5; 0.25: as many digits as say something."""
    if value == round(value) or abs(value) >= 10:
        return f"{round(value):,}"
    text = f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def share(value: float) -> str:
    """0.12 as "12 %"."""
    if 0 < abs(value) < 0.005:
        return "under 1 %"
    return f"{round(100 * value):,} %"


def money(minor: float) -> str:
    """1,250 for 125000 minor units; the currency is the company's own."""
    return f"{round(minor / 100):,}" if abs(minor) >= 1000 else f"{minor / 100:.2f}"


def counted(value: float, one: str, many: str) -> str:
    """A count with its noun: "1 person", "7 people"."""
    return f"{figure(value)} {one if figure(value) == '1' else many}"


def moved(what: str, before: float | None, now: float | None, span: str) -> str | None:
    """As in "active users fell from 12 to 7 in four weeks"; None where a side is unknown, or nothing was and is."""
    if before is None or now is None or min(before, now) < 0 or before == now == 0:
        return None
    was, is_now = figure(before), figure(now)
    if was == is_now:
        return f"{what} stayed at {is_now} for {span}"
    return f"{what} {'rose' if now > before else 'fell'} from {was} to {is_now} in {span}"


def changed(what: str, change: float | None, span: str) -> str | None:
    """As in "feature use fell by about 30 % over 90 days"; None where unknown."""
    if change is None:
        return None
    if abs(change) < 0.03:
        return f"{what} stayed level over {span}"
    # A fitted line may fall by more than the mean it is measured in.
    size = share(min(abs(change), 1.0) if change < 0 else change)
    return f"{what} {'rose' if change > 0 else 'fell'} by about {size} over {span}"


def beside(text: str | None, change: float | None) -> str | None:
    """`text` with how similar accounts changed, where that is known."""
    if text is None or change is None:
        return text
    if abs(change) < 0.005:
        return f"{text}; similar accounts stayed level"
    return f"{text}; similar accounts {'grew' if change > 0 else 'fell'} {share(abs(change))}"


def level(
    account: Account,
    name: str,
    say: Callable[[float], str],
    *,
    brief: Callable[[float], str] = figure,
) -> str | None:
    """The column's value in a sentence, beside what is usual for similar accounts.

    `brief` says the peers' value alone; None where the account's own is unknown.
    """
    own, usual = account.number(name), account.peer(name)
    if own is None:
        return None
    if usual is None:
        return say(own)
    if brief(own) == brief(usual):
        return f"{say(own)}, like similar accounts"
    return f"{say(own)}; similar accounts {brief(usual)}"


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, str) or pd.isna(value):
        return None
    found = float(value)
    return found if math.isfinite(found) else None
