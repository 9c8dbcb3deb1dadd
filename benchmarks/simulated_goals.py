"""What the churn model must reach on simulated companies, and whether the measured seeds do."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Goal:
    """A figure over all seeds and the range it must lie in."""

    name: str
    wanted: str
    figure: Callable[[list[dict]], float]
    lowest: float
    highest: float = float("inf")

    def missed(self, seeds: list[dict]) -> str:
        """How it is missed, in words; empty where it is met."""
        found = self.figure(seeds)
        return "" if self.lowest <= found <= self.highest else f"{self.name} is {found:.3f}, wanted: {self.wanted}"


def over_rule(seeds: list[dict]) -> float:
    """The model's median average precision over the rule's."""
    return median(one["average_precision"] for one in seeds) / median(one["rule_average_precision"] for one in seeds)


def of_median(name: str) -> Callable[[list[dict]], float]:
    return lambda seeds: median(one[name] for one in seeds)


GOALS = (
    Goal("median average precision over that of the rule", "at least 1.3", over_rule, 1.3),
    Goal("lift in the first tenth", "at least 2", of_median("lift_at_tenth"), 2.0),
    Goal("calibration slope", "0.8 to 1.25", of_median("calibration_slope"), 0.8, 1.25),
    Goal("lower end of the Brier skill's 95 % interval", "above 0", of_median("brier_skill_low"), 1e-9),
)
