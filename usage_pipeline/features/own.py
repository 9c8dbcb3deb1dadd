"""A company's own metrics as columns: the figure, against the account's own past, among similar accounts."""

from collections.abc import Sequence
from dataclasses import dataclass

from usage_pipeline.company import Company
from usage_pipeline.features.feature import F, Feature
from usage_pipeline.usage.metrics import definitions


@dataclass(frozen=True)
class Own:
    """A metric of the mapping, as far as a morning depends on it."""

    name: str
    definition: str
    kind: str
    days: int
    over: str
    is_duration: bool
    meaning: str
    unit: str
    group: str


def metrics(company: Company) -> tuple[Own, ...]:
    """The metrics of a mapping, in its order."""
    return tuple(
        Own(
            name=one.name,
            definition=one.fingerprint,
            kind=one.metric.kind,
            days=one.metric.window_days,
            over=one.metric.over,
            is_duration=one.of == "duration",
            meaning=one.metric.meaning,
            unit=one.metric.unit,
            group=one.metric.group or one.name.replace("_", " "),
        )
        for one in definitions(company.metrics)
    )


def features(metric: Own) -> tuple[Feature, ...]:
    """The columns that a metric becomes."""

    def feature(name: str, meaning: str, unit: str, against: str = "") -> Feature:
        compares = metric.name if against and name != metric.name else ""
        return Feature(
            name, F, metric.group, meaning, unit, "own", compares=compares, against=against,  # type: ignore[arg-type]
            words=metric.meaning, days=metric.days,
        )  # fmt: skip

    span = f"{metric.days} days"
    unit = "rise per day over the daily mean" if metric.kind == "trend" else metric.unit
    # A trend is the account against its own past already.
    figure = feature(metric.name, f"{metric.meaning}, {span}", unit, "itself" if metric.kind == "trend" else "")
    change = feature(
        f"{metric.name}_change", f"{metric.name} of {span} over that of the {metric.days} before, minus 1", "ratio",
        "itself",
    )  # fmt: skip
    rank = feature(
        f"{metric.name}_percentile", f"Share of similar accounts with no more {metric.name}", "ratio", "peers"
    )
    return (figure, rank) if metric.kind == "trend" else (figure, change, rank)


def ranked(several: Sequence[Own]) -> dict[str, str]:
    """The columns that are places among similar accounts, with what they are places by."""
    return {one.name: one.compares for metric in several for one in features(metric) if one.against == "peers"}
