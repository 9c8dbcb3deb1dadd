"""The reports' tables as Markdown, for the orchestrator's UI."""

from collections.abc import Sequence

import pandas as pd

from usage_pipeline.company import Company
from usage_pipeline.reports import views


def effects(frame: pd.DataFrame, company: Company) -> str:
    """What the plays changed, or when it will be known."""
    lines = [
        (line.play, line.outcome, share(line.assigned), share(line.held_out), points(line), line.text)
        for line in views.effects(frame, company)
    ]
    return table(("play", "outcome", "assigned to act", "held out", "difference (95 %)", "in words"), lines)


def flags(frame: pd.DataFrame) -> str:
    """Flags of earlier mornings against what then happened."""
    lines = [
        (
            line.outcome,
            line.origin,
            line.tier,
            line.mornings,
            share(line.known),
            line.not_yet_known,
            line.next_known_on or "",
        )
        for line in views.flags(frame)
    ]
    return table(("outcome", "origin", "tier", "mornings", "happened", "not yet known", "next known on"), lines)


def decisions(frame: pd.DataFrame) -> str:
    """What the plays decided on a morning, and the main reasons against."""
    lines = [
        (line.play, line.called_for, line.do, line.hold_out, line.not_called_for, reasons(line))
        for line in views.plays(frame)
    ]
    return table(("play", "called for", "do", "held out", "not called for", "not, because"), lines)


def training(frame: pd.DataFrame) -> str:
    """Model quality on judged mornings, beside the rule of thumb."""
    lines = [
        (
            row["outcome"],
            row["rung"] or row["state"],
            "yes" if row["has_skill"] else f"no: {row['skill_reason'] or row['reason']}",
            ranged(row["average_precision"], row["average_precision_low"], row["average_precision_high"]),
            number(row["rule_average_precision"]),
            ranged(row["auc"], row["auc_low"], row["auc_high"]),
            number(row["lift_at_tenth"], 1),
            number(row["calibration_slope"]),
        )
        for row in views.trainings(frame)
    ]
    header = (
        "outcome",
        "model",
        "skill",
        "average precision",
        "rule of thumb",
        "AUC",
        "lift in the first tenth",
        "calibration slope",
    )
    return table(header, lines)


def table(header: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """A Markdown table; a sentence where there is nothing to show."""
    if not lines:
        return "Nothing yet."
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows
    )


def share(known: views.Share) -> str:
    """How many of how many, with the share."""
    return (
        f"{known.happened} of {known.of} ({known.share:.1%})".replace("%", " %")
        if known.share is not None
        else "none known"
    )


def points(line: views.EffectLine) -> str:
    """The difference in percentage points with its interval."""
    if line.difference is None or line.low is None or line.high is None:
        return "not yet known"
    return f"{line.difference * 100:+.1f} ({line.low * 100:+.1f} to {line.high * 100:+.1f}) points"


def reasons(line: views.PlayLine) -> str:
    """The main reasons against acting, with their counts."""
    if not line.is_enabled:
        return "the play is not turned on"
    return "; ".join(f"{why}: {count}" for why, count in line.refusals)


def number(value: float | None, digits: int = 2) -> str:
    """A figure, or n/a where there is none."""
    return "n/a" if value is None else f"{value:.{digits}f}"


def ranged(value: float | None, low: float | None, high: float | None) -> str:
    """A figure with its interval where there is one."""
    return number(value) if None in {value, low, high} else f"{number(value)} ({number(low)} to {number(high)})"
