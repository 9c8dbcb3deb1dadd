"""On which mornings an outcome is asked: weekly, or those of a labels file."""

from datetime import date

import ibis.expr.types as ir

from usage_pipeline import periods
from usage_pipeline.company import Company, Outcome


def mornings_for(name: str, outcome: Outcome, first: date, last: date, label_rows: ir.Table) -> list[date]:
    """Mornings from `first` to `last` on which `outcome` is asked, in order.

    Mondays; for an outcome out of a labels file the mornings that file speaks of.
    """
    if outcome.source != "labels":
        return periods.mondays(first, last)
    stated = label_rows.filter(label_rows.outcome == name, label_rows.as_of.between(first, last))
    days = stated.select("as_of").distinct().to_pyarrow()["as_of"].to_pylist()
    return sorted(days)


def training_mornings(company: Company, first: date, last: date, label_rows: ir.Table) -> list[date]:
    """Every morning that some outcome of the company is asked on, in order."""
    asked: set[date] = set()
    for name, outcome in company.outcomes.items():
        asked.update(mornings_for(name, outcome, first, last, label_rows))
    return sorted(asked)
