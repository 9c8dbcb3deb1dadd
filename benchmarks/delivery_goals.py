"""What a delivery must reach, and whether the measured one does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Results = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """A figure and the range it must lie in."""

    name: str
    wanted: str
    figure: Callable[[Results], float]
    most: float = float("inf")
    least: float = 0.0
    shown: str = "{:,.0f}"

    def missed(self, results: Results) -> str:
        """How it is missed, in words; empty where it is met."""
        found = self.figure(results)
        return "" if self.least <= found <= self.most else f"{self.name}: {self.told(results)}, wanted: {self.wanted}"

    def told(self, results: Results) -> str:
        return self.shown.format(self.figure(results))


def _writes(crm: str, what: str) -> Callable[[Results], float]:
    return lambda results: results["ours"][crm][what]["writes"]


def _unchanged(results: Results) -> float:
    return sum(
        results["ours"][crm][f"{what}_again"]["writes"] for crm in results["ours"] for what in ("fields", "tasks")
    )


def _undone(results: Results) -> float:
    """Rows of any of our deliveries that the CRM does not hold as they were wanted."""
    applies = [one for crm in results["ours"].values() for one in crm.values()]
    return sum(one["rows_that_differ"] for one in [*applies, results["bulk"]]) + sum(
        one["changes_lost"] for one in results["speed"].values()
    )


def _bulk(results: Results) -> float:
    """Every call of that delivery but polls and the login, those that look for earlier jobs included."""
    return results["bulk"]["writes"] + results["bulk"]["reads"]


def _speed(name: str, figure: str) -> Callable[[Results], float]:
    return lambda results: results["speed"][name][figure]


GOALS = (
    Goal("HubSpot, 1,000 changed companies: write calls for fields", "at most 10", _writes("hubspot", "fields"), 10),
    Goal("HubSpot, 1,000 tasks on companies: write calls", "at most 20", _writes("hubspot", "tasks"), 20),
    Goal("Salesforce, 1,000 changed accounts: write calls for fields", "at most 5", _writes("salesforce", "fields"), 5),
    Goal("Salesforce, 1,000 tasks on accounts: write calls", "at most 5", _writes("salesforce", "tasks"), 5),
    Goal("Write calls for the same rows again, both CRMs", "0", _unchanged, 0),
    Goal("Salesforce, 100,000 changed accounts: calls besides polls", "at most 8", _bulk, 8),
    Goal("Rows or changes that did not arrive, all deliveries here", "0", _undone, 0),
    Goal(
        "HubSpot at 190 calls in 10 s, 50,000 changed companies: share of 1,900 rows a second",
        "at least 90 %",
        _speed("alone", "share_of_ceiling"),
        least=0.9,
        shown="{:.1%}",
    ),
    Goal("The same: calls refused with 429", "0", _speed("alone", "write_calls_refused"), 0),
    Goal(
        "The same while another client takes half of the window: share of our calls refused",
        "at most 1 %",
        _speed("beside_another", "share_refused"),
        0.01,
        shown="{:.2%}",
    ),
    Goal(
        "The same where each answer comes 0.3 s late: share of 1,900 rows a second",
        "at least 90 %",
        _speed("late_answers", "share_of_ceiling"),
        least=0.9,
        shown="{:.1%}",
    ),
    Goal("The same: calls refused with 429", "0", _speed("late_answers", "write_calls_refused"), 0),
    Goal(
        "Plan of 1,000,000 accounts, 1 % moved, ledger read included: seconds",
        "at most 30",
        lambda results: results["planner"]["seconds"],
        30,
        shown="{:.1f}",
    ),
    Goal(
        "The same: peak memory in GB",
        "at most 2",
        lambda results: results["planner"]["peak_gb"],
        2,
        shown="{:.2f}",
    ),
)
