"""Workflows: how many of those that were begun are completed, and how many different ones."""

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.company import Roles
from usage_pipeline.features import windows


def sums(day: ir.Table, roles: Roles) -> dict[str, ir.IntegerValue]:
    """For an aggregation of `event_day`: how often each workflow was begun and completed, in 28 days and before."""
    parts = {"now": windows.trailing(day.age, periods.MONTH), "before": windows.before(day.age)}
    return {
        f"{name}_{when}": engine.whole(day[name].sum(where=within))
        for name in ends(roles)
        for when, within in parts.items()
    }


def ends(roles: Roles) -> dict[str, str]:
    """The events that begin and complete each workflow, by a name for the count of them."""
    return {
        f"workflow_{number}_{end}": name
        for number, pair in enumerate(roles.workflows)
        for end, name in zip(("begun", "completed"), pair, strict=True)
    }


def rated(rows: ir.Table, roles: Roles) -> ir.Table:
    """The rows with what the columns of `sums` say; NULL where no workflow is named, or none was begun."""
    numbers = range(len(roles.workflows))
    if not roles.workflows:
        return rows.mutate(
            workflow_completion_28d=ibis.null("float64"),
            workflow_completion_change_28d=ibis.null("float64"),
            workflows_28d=ibis.null("int64"),
        )

    def count(number: int, end: str, when: str) -> ir.IntegerValue:
        return rows[f"workflow_{number}_{end}_{when}"].fill_null(0)

    def share(when: str) -> ir.FloatingValue:
        begun = sum((count(number, "begun", when) for number in numbers), start=ibis.literal(0, "int64"))
        # What was begun before the window may be completed in it: no more than was begun counts.
        completed = sum(
            (ibis.least(count(number, "begun", when), count(number, "completed", when)) for number in numbers),
            start=ibis.literal(0, "int64"),
        )
        return engine.ratio(completed, begun)

    different = sum(
        ((count(number, "completed", "now") > 0).cast("int64") for number in numbers), start=ibis.literal(0, "int64")
    )
    return rows.mutate(
        workflow_completion_28d=share("now"),
        workflow_completion_change_28d=windows.only_after(
            share("now") - share("before"), lived=rows.tenure_days, days=2 * periods.MONTH
        ),
        workflows_28d=different,
    )
