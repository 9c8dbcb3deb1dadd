"""Metrics of the company's own."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from usage_pipeline.mapping.part import Names, Part


def _listed(values: object) -> object:
    return tuple(values) if isinstance(values, list | tuple) else (values,)


Scalar = str | bool | int | float


class Metric(Part):
    """A metric of the company's own, by name: a figure of the events that a filter picks.

    It becomes three columns of an account's snapshot: `NAME`, `NAME_change` (against the account's own window before,
    minus 1) and `NAME_percentile` (the share of similar accounts with no more). See docs/input.md.
    """

    class Where(Part):
        """Which events; every stated key must hold, any of its values will do."""

        name: Names = ()
        feature: Names = ()
        properties: dict[str, Annotated[tuple[Scalar, ...], BeforeValidator(_listed)]] = {}  # noqa: RUF012 - pydantic copies it

    kind: Literal["count", "sum", "distinct", "ratio", "trend"]
    """`count` (events), `sum` and `distinct` of `of`, `ratio` (events, or the sum of `of`, over another metric),
    `trend` (rise per day of the events, or of the sum of `of`, over their daily mean)."""
    where: Where = Where()
    """Which events: `name`, `feature` and `properties`, each one value or several; empty: every event."""
    of: str = Field(default="", pattern=r"^(quantity|duration|user|feature|property\..+|)$")
    """`quantity`, `duration` (minutes) or `property.PLACE` to sum; `user`, `feature` or `property.PLACE` to tell apart.
    A place is a key (`pages`), keys in one another (`size.pages`), or a JSON pointer (`/size/pages`)."""
    over: str = ""
    """For a ratio: the metric below the line, over the window of this one; NULL where that is 0."""
    window_days: int = Field(default=28, ge=1, le=90)
    """Days before the morning that are looked at."""
    meaning: str = Field(min_length=3)
    """What it is, in the words of a reason: "Reports exported as PDF per active person"."""
    unit: str = ""
    """Unit of the figure."""
    group: str = ""
    """What a person would call one thing; figures of a group make one reason. By default the metric's name."""

    @model_validator(mode="after")
    def _fits(self) -> "Metric":
        """Each kind has what it needs, and nothing that would do nothing."""
        if self.kind in ("sum", "distinct") and not self.of:
            raise ValueError(f"{self.kind} needs of: what to {'sum' if self.kind == 'sum' else 'tell apart'}")
        if self.kind == "count" and self.of:
            raise ValueError("count counts events; of belongs to sum, distinct, ratio and trend")
        if self.kind != "distinct" and self.of in ("user", "feature"):
            raise ValueError(
                f"of: {self.of} is text, which has no sum; use quantity, duration, property.PLACE, or distinct"
            )
        if self.kind == "distinct" and self.of in ("quantity", "duration"):
            raise ValueError(
                f"of: {self.of} is an amount, not a thing to tell apart; use user, feature or property.PLACE"
            )
        if bool(self.over) != (self.kind == "ratio"):
            raise ValueError("over names the metric below the line of a ratio, and of nothing else")
        if self.kind == "trend" and self.window_days < 7:
            raise ValueError("a trend needs a window_days of 7 or more")
        return self


def _over_others(metrics: dict[str, Metric]) -> dict[str, Metric]:
    for name, metric in metrics.items():
        below = metrics.get(metric.over)
        if metric.over and (below is None or below.kind in ("ratio", "trend")):
            known = [other for other, one in metrics.items() if one.kind not in ("ratio", "trend")]
            what = "no metric of the mapping" if below is None else f"a {below.kind}"
            raise ValueError(
                f"{name} is a ratio over {metric.over}, which is {what}; "
                f"counts, sums and distincts are: {', '.join(known) or 'none'}"
            )
    return metrics


MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,47}$")]
Metrics = Annotated[dict[MetricName, Metric], AfterValidator(_over_others)]
