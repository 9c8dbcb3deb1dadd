"""What the data engine must reach, and whether the measured one does."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

Results = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """A figure and the most it may be."""

    name: str
    wanted: str
    figure: Callable[[Results], float | None]
    """None: this run did not measure it."""
    most: float
    shown: str = "{:,.2f}"

    def missed(self, results: Results) -> str:
        """How it is missed, in words; empty where it is met or was not measured."""
        found = self.figure(results)
        return (
            "" if found is None or found <= self.most else f"{self.name}: {self.told(results)}, wanted: {self.wanted}"
        )

    def told(self, results: Results) -> str:
        found = self.figure(results)
        return "not measured" if found is None else self.shown.format(found)

    def verdict(self, results: Results) -> str:
        return "" if self.figure(results) is None else "missed" if self.missed(results) else "met"


def middle(runs: list[dict], figure: str = "seconds") -> float:
    return median(one[figure] for one in runs)


def landing_ratio(results: Results) -> float:
    return middle(results["landing"]["ours"]) / middle(results["landing"]["parse"])


def rollups_over(peer: str) -> Callable[[Results], float]:
    return lambda results: middle(results["rollups"]["ours"]) / middle(results["rollups"][peer])


def day_growth(results: Results) -> float:
    """A day after the longest history over a day after the shortest."""
    took = {int(days): middle(runs) for days, runs in results["days"]["histories"].items()}
    return took[max(took)] / took[min(took)]


def account_growth(results: Results) -> float:
    """Time per account of one morning: the largest company's over the smallest's."""
    took = {int(accounts): middle(runs) / int(accounts) for accounts, runs in results["features"]["one"].items()}
    return took[max(took)] / took[min(took)]


def _full(figure: str) -> Callable[[Results], float | None]:
    return lambda results: results["full"]["landing"][figure] if results.get("full") else None


def _hundred_thousand(results: Results) -> float | None:
    runs = (results.get("full") or {}).get("one_morning")
    return middle(runs) if runs else None


def _many(figure: str) -> Callable[[Results], float]:
    return lambda results: middle(results["features"]["many"], figure)


GOALS = (
    Goal("Landing to rollups over DuckDB only parsing the same files", "at most 4.0 times", landing_ratio, 4.0),
    Goal("Rollups: our time over Polars' streaming engine", "below 1.0", rollups_over("polars"), 0.9999),
    Goal("Rollups: our time over pandas", "at most 0.25", rollups_over("pandas"), 0.25),
    Goal("Adding a day: after the longest history over after the shortest", "at most 1.20", day_growth, 1.2),
    Goal("Features, 52 mornings x 10,000 accounts: seconds", "at most 75", _many("seconds"), 75, "{:,.1f}"),
    Goal("The same: peak memory in GB", "at most 1", _many("peak_gb"), 1.0),
    Goal("Features of one morning: seconds per account, most accounts over fewest", "at most 1", account_growth, 1.0),
    Goal(
        "Opening the definitions: seconds, the start of Python included",
        "below 3",
        lambda results: middle(results["definitions"]),
        2.9999,
    ),
    Goal("100 million events, DuckDB limited to 2 GB: minutes", "at most 6", _full("minutes"), 6.0, "{:,.1f}"),
    Goal("The same: peak memory of the process in GB", "at most 6", _full("peak_gb"), 6.0),
    Goal("Features, one morning x 100,000 accounts: seconds", "at most 20", _hundred_thousand, 20.0, "{:,.1f}"),
)
