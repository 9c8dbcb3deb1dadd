"""What may happen to an account, as the files can tell it: subscriptions, labels, milestones, or silence."""

import re

import duckdb

from usage_pipeline.run.init.columns import Column
from usage_pipeline.run.init.files import Source

_CHURN, _EXPANSION = r"churn|cancel|lost|leave", r"expan|upgrad|upsell|grow"
_UNITS = {"d": 1, "w": 7, "m": 30}
_ASSUMED_DAYS = 90
_SHORTEST, _LONGEST = 28, 182
_WEEK = 7
# A pause that only one in a hundred pauses of accounts that came back was longer than.
_QUANTILE = 0.99


def from_subscriptions(milestones: dict[str, str]) -> list[str]:
    """The defaults, spelt out; milestones that tell of the same wait beside them."""
    return [
        "outcomes:",
        "  # Told by the subscriptions: cancelled or downgraded is churn; seats, plan or add-ons up is expansion.",
        "  churn_30d: {kind: churn, source: subscriptions, horizon_days: 30}",
        "  churn_90d: {kind: churn, source: subscriptions, horizon_days: 90}",
        "  expansion_90d: {kind: expansion, source: subscriptions, horizon_days: 90}",
        *(
            f"  # or by the milestones: {{kind: {kind}, source: milestones, milestone: {milestone}, horizon_days: 90}}"
            for kind, milestone in milestones.items()
        ),
    ]


def from_labels(names: list[str]) -> tuple[list[str], list[str]]:
    """Outcomes as a labels file states them, and what its names do not say."""
    primary: dict[str, str] = {}
    lines, questions = ["outcomes:"], []
    for name in names:
        kind = "expansion" if re.search(_EXPANSION, name) else "churn"
        if not re.search(f"{_CHURN}|{_EXPANSION}", name):
            questions.append(f"is the outcome {name} churn (bad news) or expansion (good news)? Taken as churn")
        found = re.search(r"(\d+)_?([dwm])", name)
        days = int(found.group(1)) * _UNITS[found.group(2)] if found else _ASSUMED_DAYS
        if not found:
            questions.append(f"within how many days of its morning does {name} happen? Taken as {days}")
        lines += [f"  {name}:", f"    kind: {kind}", "    source: labels"]
        lines.append(f"    horizon_days: {days}" + ("  # by its name" if found else "  # a guess"))
        lines.append("    # silence_days: 182   # further days that must pass before it can be stated")
        primary.setdefault(kind, name)
    questions.append(
        "how long after a morning can each label be stated (horizon_days and silence_days)? Nothing in the file says it"
    )
    return [*lines, *_primary(primary)], questions


def from_milestones(kinds: dict[str, str]) -> list[str]:
    """Outcomes that are rows of the milestones: kind of outcome to kind of milestone."""
    lines = ["outcomes:"]
    for kind, milestone in kinds.items():
        lines += [
            f"  {kind}_90d:",
            f"    kind: {kind}",
            "    source: milestones",
            f"    milestone: {milestone}",
            "    horizon_days: 90",
        ]
    return lines


def from_silence(days: int, why: str) -> list[str]:
    """Churn told by silence, where nobody cancels anything."""
    return [
        "outcomes:",
        "  # No file tells who left, so silence does: an account has churned with its last event before a pause of at",
        f"  # least silence_days. {why}",
        "  # A subscriptions file would tell it better (docs/input.md).",
        f"  churn_{_SHORTEST}d:",
        "    kind: churn",
        "    source: silence",
        f"    horizon_days: {_SHORTEST}",
        f"    silence_days: {days}",
        *_primary({"churn": f"churn_{_SHORTEST}d"}),
    ]


def silent_days(
    connection: duckdb.DuckDBPyConnection, source: Source | None, account: Column | None, day: str
) -> tuple[int, str]:
    """A pause after which an account is gone, by the pauses after which accounts came back; and why."""
    if source is None or account is None:
        return _SHORTEST, "Four weeks are a guess: state a pause after which your customers rarely come back."
    name = '"' + account.name.replace('"', '""') + '"'
    found = connection.execute(
        f"""WITH days AS (SELECT DISTINCT {name} AS account, TRY_CAST({day} AS DATE) AS day FROM {source.whole}),
        pauses AS (SELECT day - lag(day) OVER (PARTITION BY account ORDER BY day) AS pause FROM days WHERE day IS NOT NULL)
        SELECT quantile_cont(pause, {_QUANTILE}), count(pause), median(pause) FROM pauses WHERE pause IS NOT NULL"""
    ).fetchone()
    pause, count, usual = found or (None, 0, None)
    if pause is None:
        return _SHORTEST, "Four weeks are a guess: state a pause after which your customers rarely come back."
    weeks = -(-int(pause) // _WEEK) * _WEEK
    days = min(max(weeks, _SHORTEST), _LONGEST)
    return days, f"Of {count:,} pauses that ended (median {usual:.0f} days), 99 % were no longer than {pause:.0f} days."


def _primary(names: dict[str, str]) -> list[str]:
    return ["primary:", *(f"  {kind}: {name}" for kind, name in names.items())] if names else []
