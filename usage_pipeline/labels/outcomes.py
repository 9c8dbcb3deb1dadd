"""Labels of an outcome: which accounts were at risk on a morning, and what then happened to them.

A label can be stated on the morning `horizon + silence` days after its own, from what was known
before that morning, and not earlier: a "yes" that shows at once would otherwise enter training
months before the "no" beside it, and a model would learn that young rows are churners.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from usage_pipeline import periods
from usage_pipeline.company import Outcome
from usage_pipeline.errors import Rejected
from usage_pipeline.labels import milestones, silence, subscriptions
from usage_pipeline.labels.catalogue import OUTCOME


@dataclass(frozen=True)
class Facts:
    """What labels are made of; columns as in the catalogues of `sources` and `usage`."""

    subscription: ir.Table
    milestone: ir.Table
    label: ir.Table
    account: ir.Table
    account_day: ir.Table


def label(name: str, outcome: Outcome, mornings: list[date], facts: Facts, *, known_before: date) -> ir.Table:
    """One row per account at risk and morning, with what was known before the morning `known_before`.

    `known_at` is the midnight `horizon + silence` days after the morning, later only where the
    deciding fact itself came later; `happened` is NULL while that lies after `known_before`.
    """
    if not mornings:
        return OUTCOME.empty()
    calendar = _calendar(mornings, outcome)
    found = _SOURCES[outcome.source](name, outcome, calendar, facts, known_before)
    known_at = ibis.greatest(found.stated_at, found.fact_known_at.fill_null(found.stated_at))
    is_known = found.stated_at <= ibis.literal(periods.morning(known_before))
    rows = found.select(
        "account_id",
        "as_of",
        outcome=ibis.literal(name),
        kind=ibis.literal(outcome.kind.value),
        happened=ibis.ifelse(is_known, found.happened, ibis.null("boolean")),
        happened_on=ibis.ifelse(is_known & found.happened, found.happened_on, ibis.null("date")),
        known_at=known_at,
        # Whether a play had acted is decided by the caller, who knows the ledger.
        is_treated=ibis.literal(False),  # noqa: FBT003 - the value itself, not a switch
    )
    return OUTCOME.conform(rows)


def _calendar(mornings: list[date], outcome: Outcome) -> ir.Table:
    """One row per morning: its instant, the end of its horizon, and when its labels can be stated."""
    days = sorted(set(mornings))
    content = pa.table(
        {
            "as_of": pa.array(days, pa.date32()),
            "morning": pa.array([periods.morning(day) for day in days], pa.timestamp("us")),
            "until": pa.array([day + timedelta(days=outcome.horizon_days) for day in days], pa.date32()),
            "stated_at": pa.array(
                [periods.morning(day + timedelta(days=outcome.known_after_days)) for day in days], pa.timestamp("us")
            ),
        }
    )
    return ibis.memtable(content)


Source = Callable[[str, Outcome, ir.Table, Facts, date], ir.Table]
"""Gives account_id, as_of, stated_at, happened, happened_on and fact_known_at (NULL: nothing came late)."""


def _from_subscriptions(_: str, outcome: Outcome, calendar: ir.Table, facts: Facts, known_before: date) -> ir.Table:
    return subscriptions.outcomes(outcome.kind, calendar, facts.subscription, known_before=known_before)


def _from_milestones(_: str, outcome: Outcome, calendar: ir.Table, facts: Facts, known_before: date) -> ir.Table:
    counted = outcome.milestone or outcome.kind.value
    return milestones.outcomes(
        counted, outcome.kind, calendar, facts.milestone, facts.account, known_before=known_before
    )


def _from_silence(name: str, outcome: Outcome, calendar: ir.Table, facts: Facts, known_before: date) -> ir.Table:
    if outcome.kind != "churn" or outcome.silence_days == 0:
        raise Rejected(
            f"outcome {name} cannot be read from silence: it is {outcome.kind} with {outcome.silence_days} silent days",
            fix="silence tells churn alone, and needs silence_days above 0",
        )
    return silence.outcomes(outcome.silence_days, calendar, facts.account_day, known_before=known_before)


def _from_labels(name: str, _: Outcome, calendar: ir.Table, facts: Facts, known_before: date) -> ir.Table:
    """The rows of the labels file are the accounts at risk; what they say holds once it can be stated."""
    del known_before
    rows = facts.label.filter(facts.label.outcome == name)
    return rows.inner_join(calendar, "as_of").select(
        "account_id",
        "as_of",
        "stated_at",
        "happened",
        happened_on=ibis.null("date"),
        fact_known_at=ibis.null("timestamp"),
    )


_SOURCES: dict[str, Source] = {
    "subscriptions": _from_subscriptions,
    "milestones": _from_milestones,
    "silence": _from_silence,
    "labels": _from_labels,
}
