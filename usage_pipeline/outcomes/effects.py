"""What the plays changed: the accounts assigned to act against the held-out, by intention to treat.

An account counts in the arm that was drawn for it, whether or not its task was opened or done,
and once per play: with its first episode, the one that the draw was made for. Where it was
drawn anew later, what had been done to it before would count twice.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.outcomes import catalogue, intervals

SHOWN = "People see the scores of held-out accounts and may act on them all the same: the true effect may be larger."


def effects(
    episodes: pd.DataFrame, as_of: date, *, holdout_visibility: Literal["hidden", "shown"] = "hidden"
) -> pd.DataFrame:
    """One row per play and outcome: both arms' counts, the difference with its interval, and a sentence.

    Where an arm has no known outcome, the difference and its interval are NULL: not yet known is
    not zero.
    """
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    first: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in frames.rows(episodes):
        row["assigned_on"], row["known_on"] = frames.as_day(row["assigned_on"]), frames.as_day(row["known_on"])
        key = (row["play"], row["outcome"], row["account_id"])
        if key not in first or (row["assigned_on"], row["episode"]) < (
            first[key]["assigned_on"],
            first[key]["episode"],
        ):
            first[key] = row
    for (play, outcome, _), row in first.items():
        found.setdefault((play, outcome), []).append(row)
    effects = [_effect(play, outcome, rows, as_of) for (play, outcome), rows in sorted(found.items())]
    for effect in effects if holdout_visibility == "shown" else ():
        effect["text"] += f" {SHOWN}"
    return pd.DataFrame(effects, columns=list(catalogue.EFFECT.schema.names), dtype=object)


def _effect(play: str, outcome: str, rows: Sequence[dict[str, Any]], as_of: date) -> dict[str, Any]:
    known = [row for row in rows if row["happened"] is not None and row["known_on"] <= as_of]
    assigned = [bool(row["happened"]) for row in known if row["arm"] == "do"]
    held = [bool(row["happened"]) for row in known if row["arm"] == "hold_out"]
    effect: dict[str, Any] = {
        "play": play,
        "outcome": outcome,
        "treated": len(assigned),
        "treated_happened": sum(assigned),
        "held_out": len(held),
        "held_out_happened": sum(held),
        "difference": None,
        "low": None,
        "high": None,
    }
    if assigned and held:
        difference, low, high = intervals.newcombe(sum(assigned), len(assigned), sum(held), len(held))
        last = max(row["known_on"] for row in rows)
        text = _known(effect, difference, low, high) + _rest(len(rows) - len(known), last)
        return effect | {
            "difference": difference,
            "low": low,
            "high": high,
            "state": "known",
            "known_on": last,
            "text": text,
        }
    return effect | {"state": "not yet known", **_not_yet(rows, known, as_of)}


def _known(effect: dict[str, Any], difference: float, low: float, high: float) -> str:
    verdict = "fewer" if high < 0 else "more" if low > 0 else None
    reading = f"{verdict} than without the play" if verdict else "within what chance alone can do"
    return (
        f"It happened to {_share(effect['treated_happened'], effect['treated'])} accounts assigned to act and to "
        f"{_share(effect['held_out_happened'], effect['held_out'])} held out: a difference of {_points(difference)} "
        f"percentage points (95 % interval {_points(low)} to {_points(high)}), {reading}."
    )


def _rest(waiting: int, last: date) -> str:
    return f" {waiting} more account{'' if waiting == 1 else 's'} will be known by {last}." if waiting else ""


def _not_yet(rows: Sequence[dict[str, Any]], known: Sequence[dict[str, Any]], as_of: date) -> dict[str, Any]:
    """Why there is no difference yet, and from when there can be one."""
    drawn = {arm: [row for row in rows if row["arm"] == arm] for arm in ("do", "hold_out")}
    so_far = f"so far {_accounts(len(drawn['do']))} assigned to act and {len(drawn['hold_out'])} held out"
    for arm, absent in (("do", "nobody was assigned to act"), ("hold_out", "nobody was held out")):
        if not drawn[arm]:
            return {
                "known_on": None,
                "text": f"Not yet known: {absent}, so there is nothing to compare with ({so_far}).",
            }
    # Of the arm that is known last, the first one: from then on there is a difference to speak of.
    still = [min(row["known_on"] for row in drawn[arm]) for arm in drawn if not any(row["arm"] == arm for row in known)]
    until = max(still)
    when = f"Not yet known until {until}" if until > as_of else "Not yet known"
    return {"known_on": until, "text": f"{when}; {so_far}."}


def _share(happened: int, of: int) -> str:
    return f"{happened} of {of} ({happened / of:.1%})".replace("%", " %")


def _points(share: float) -> str:
    return f"{share * 100:+.1f}"


def _accounts(count: int) -> str:
    return f"{count} account{'' if count == 1 else 's'}"
