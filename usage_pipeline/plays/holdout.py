"""The draw: who is held out of a play, once, by a hash that nobody can influence.

An arm is drawn at an account's first eligibility for a play and stored before any action.
It depends on the seed, the play and the account alone, so that running again, another order
of rows or more accounts change nothing. Held out is held out for the play's horizon; whoever
is eligible after it is drawn anew.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import pandas as pd

from usage_pipeline import frames

EVERY_PLAY = "*"
"""Stands for all plays: the global hold-out."""

# A year holds at least one renewal of most contracts, and what plays do together takes that long to show.
GLOBAL_HORIZON_DAYS = 365

COLUMNS = ("account_id", "play", "arm", "stratum", "assigned_on", "held_until", "episode")


@dataclass(frozen=True)
class Assignment:
    """An account's arm in a play, drawn on the morning of its first eligibility."""

    account_id: str
    play: str
    arm: Literal["do", "hold_out"]
    stratum: str
    assigned_on: date
    held_until: date | None
    """Last morning of a hold-out; None for `do`."""
    episode: str

    def holds_out(self, as_of: date) -> bool:
        """Whether the play must not act on `as_of`."""
        return self.arm == "hold_out" and (self.held_until is None or as_of <= self.held_until)


def episode(account_id: str, play: str, assigned_on: date) -> str:
    """The id of an episode: account, play and first morning."""
    return f"{account_id}:{play}:{assigned_on.isoformat()}"


def draw(
    account_id: str,
    play: str,
    as_of: date,
    *,
    share: float,
    stratum: str,
    horizon_days: int,
    seed: str,
    earlier: int = 0,
) -> Assignment:
    """The arm of an account in a play; `earlier` counts the draws before this one."""
    again = f"|{earlier}" if earlier else ""
    digest = hashlib.sha256(f"{seed}|{play}|{account_id}{again}".encode()).digest()
    held = int.from_bytes(digest[:8], "big") < share * 2**64
    return Assignment(
        account_id=account_id,
        play=play,
        arm="hold_out" if held else "do",
        stratum=stratum,
        assigned_on=as_of,
        held_until=as_of + timedelta(days=horizon_days - 1) if held else None,
        episode=episode(account_id, play, as_of),
    )


def read(assignments: pd.DataFrame) -> dict[tuple[str, str], list[Assignment]]:
    """The stored assignments by play and account, oldest first."""
    found: dict[tuple[str, str], list[Assignment]] = {}
    for row in frames.rows(assignments):
        one = Assignment(
            account_id=str(row["account_id"]),
            play=row["play"],
            arm=row["arm"],
            stratum=row["stratum"],
            assigned_on=frames.as_day(row["assigned_on"]),
            held_until=None if row["held_until"] is None else frames.as_day(row["held_until"]),
            episode=row["episode"],
        )
        found.setdefault((one.play, one.account_id), []).append(one)
    for history in found.values():
        history.sort(key=lambda one: (one.assigned_on, one.episode))
    return found


def frame(assignments: Iterable[Assignment]) -> pd.DataFrame:
    """Assignments as rows for the ledger, in a fixed order."""
    ordered = sorted(assignments, key=lambda one: (one.play, one.account_id, one.assigned_on))
    rows = [{column: getattr(one, column) for column in COLUMNS} for one in ordered]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
