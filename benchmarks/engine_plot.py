"""The benchmark's figures as three drawings side by side."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.engine_goals import middle

_OURS, _PEER, _GOAL = "#1f5f8b", "#9aa5b1", "#c0392b"


def draw(results: dict[str, Any], target: Path) -> None:
    # No window system, no global state: the figure is made and saved here.
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    beside, days, accounts = figure.subplots(1, 3)
    _beside(beside, results)
    _days(days, results["days"])
    _accounts(accounts, results["features"]["one"])
    figure.savefig(target, dpi=110, metadata={"Software": None})


def _beside(axes: Axes, results: dict[str, Any]) -> None:
    landing, rollups = results["landing"], results["rollups"]
    bars = [
        ("rollups: pandas", middle(rollups["pandas"]), _PEER),
        ("rollups: Polars", middle(rollups["polars"]), _PEER),
        ("rollups: ours", middle(rollups["ours"]), _OURS),
        ("DuckDB only parsing", middle(landing["parse"]), _PEER),
        ("landing to rollups: ours", middle(landing["ours"]), _OURS),
    ]
    names, seconds, colours = zip(*bars, strict=True)
    axes.barh(names, seconds, color=colours)
    axes.plot([middle(landing["parse"]) * 4] * 2, [3.6, 4.4], color=_GOAL, label="goal")
    axes.plot([middle(rollups["polars"])] * 2, [1.6, 2.4], color=_GOAL)
    axes.set_xlabel(f"seconds, {results['events'] / 1e6:g} million events")
    axes.legend(frameon=False)


def _days(axes: Axes, days: dict[str, Any]) -> None:
    histories = sorted(days["histories"], key=int)
    took = [middle(days["histories"][one]) for one in histories]
    axes.bar(histories, took, color=_OURS)
    axes.axhline(took[0] * 1.2, color=_GOAL, label="goal")
    axes.set_xlabel("days before the one that is added")
    axes.set_ylabel("seconds to add it")
    axes.legend(frameon=False)


def _accounts(axes: Axes, one: dict[str, Any]) -> None:
    sizes = sorted(map(int, one))
    took = [middle(one[str(size)]) for size in sizes]
    axes.plot(sizes, took, "o-", color=_OURS)
    axes.plot(sizes, [took[0] * size / sizes[0] for size in sizes], color=_GOAL, label="goal: linear")
    axes.set_xlabel("accounts")
    axes.set_ylabel("seconds for one morning")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
