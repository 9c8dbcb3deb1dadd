"""Pictures of a judged model as PNG, for MLflow and Dagster alike."""

import io
from typing import Any

import numpy as np

from usage_pipeline.models import judging, resampling
from usage_pipeline.models.training import Training

# Legible next to each other in a browser, and about 25 kB each.
_SIZE, _DPI = (5.6, 4.2), 90


def plots(training: Training) -> dict[str, bytes]:
    """Reliability, gain, precision against recall, and the distribution of scores, on the judged rows.

    By name; empty where there is no model.
    """
    if training.model is None:
        return {}
    told = training.judged()
    probability = told["probability"].to_numpy(dtype=np.float64)
    happened = told["happened"].to_numpy(dtype=bool)
    rule = told["rule_score"].to_numpy(dtype=np.float64)
    title = f"{training.outcome}, {training.model.rung}"
    return {
        "reliability": _reliability(title, probability, happened),
        "gain": _gain(title, probability, happened, rule),
        "precision_recall": _precision_recall(title, probability, happened, rule),
        "scores": _distribution(title, probability, happened),
    }


def _reliability(title: str, probability: np.ndarray, happened: np.ndarray) -> bytes:
    parts = judging.bins(probability, happened)
    said, seen = [part[0] for part in parts], [part[1] for part in parts]
    figure, axes = _sheet(
        f"{title}: what it said and what came", "said (mean probability of a tenth)", "happened (share)"
    )
    top = max(*said, *seen) * 1.05
    axes.plot([0, top], [0, top], color="grey", linewidth=1, label="as said")
    axes.plot(said, seen, marker="o", label="judged")
    return _png(figure, axes)


def _gain(title: str, probability: np.ndarray, happened: np.ndarray, rule: np.ndarray) -> bytes:
    figure, axes = _sheet(
        f"{title}: found by looking at the highest", "share of accounts looked at", "share of cases found"
    )
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, label="at random")
    for label, score in (("model", probability), ("rule of thumb", rule)):
        curve = resampling.curve(score, happened)
        taken = curve.hits + curve.misses
        axes.plot([0.0, *taken / taken[-1]], [0.0, *curve.hits / curve.hits[-1]], label=label)
    return _png(figure, axes)


def _precision_recall(title: str, probability: np.ndarray, happened: np.ndarray, rule: np.ndarray) -> bytes:
    figure, axes = _sheet(f"{title}: precision and recall", "share of cases found", "share of the found that are cases")
    axes.axhline(float(happened.mean()), color="grey", linewidth=1, label="base rate")
    for label, score in (("model", probability), ("rule of thumb", rule)):
        curve = resampling.curve(score, happened)
        axes.plot(curve.hits / curve.hits[-1], curve.hits / (curve.hits + curve.misses), label=label)
    return _png(figure, axes)


def _distribution(title: str, probability: np.ndarray, happened: np.ndarray) -> bytes:
    figure, axes = _sheet(f"{title}: scores", "score", "share of its accounts")
    edges = np.linspace(0, max(100 * float(probability.max()), 1.0), 31)
    for label, chosen in (("did not happen", ~happened), ("happened", happened)):
        score = 100 * probability[chosen]
        axes.hist(score, bins=edges, weights=np.full(len(score), 1 / len(score)), alpha=0.55, label=label)
    return _png(figure, axes)


def _sheet(title: str, across: str, up: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second to import, needed to draw only

    # Figure without pyplot: no window, no global state, nothing left open.
    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(across, fontsize=9)
    axes.set_ylabel(up, fontsize=9)
    return figure, axes


def _png(figure: Any, axes: Any) -> bytes:
    axes.legend(fontsize=8)
    target = io.BytesIO()
    figure.savefig(target, format="png")
    return target.getvalue()
