"""`labels`: what happened next."""

import ibis
import ibis.expr.types as ir

from usage_pipeline.defs import tables
from usage_pipeline.defs.place import Place
from usage_pipeline.features import catalogue as features
from usage_pipeline.labels import catalogue, mornings, outcomes, treatment
from usage_pipeline.periods import ONE_DAY
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue as usage


@tables.asset(
    catalogue.OUTCOME,
    owner=tables.ML,
    kinds={"ibis", "duckdb"},
    inputs={
        "account": sources.ACCOUNT,
        "subscription": sources.SUBSCRIPTION,
        "milestone": sources.MILESTONE,
        "label": sources.LABEL,
        "account_day": usage.ACCOUNT_DAY,
    },
    deps=[features.TRAINING_SNAPSHOT, features.ACCOUNT_SNAPSHOT],
)
def outcome(
    place: Place,
    account: ir.Table,
    subscription: ir.Table,
    milestone: ir.Table,
    label: ir.Table,
    account_day: ir.Table,
) -> ir.Table:
    """One row per account, morning and outcome: whether it happened, or that this is not yet known.

    For the training mornings and for every morning that was scored.
    """
    opened = place.opened
    company, lake = opened.company, opened.lake
    days = lake.partitions(usage.ACCOUNT_DAY)
    trained = set(lake.partitions(features.TRAINING_SNAPSHOT))
    scored = set(lake.partitions(features.ACCOUNT_SNAPSHOT))
    facts = outcomes.Facts(
        subscription=subscription, milestone=milestone, label=label, account=account, account_day=account_day
    )
    known_before = days[-1] + ONE_DAY
    stated = []
    for name, one in company.outcomes.items():
        asked = set(mornings.mornings_for(name, one, days[0], known_before, label)) & trained
        # A labels file speaks of its own mornings alone.
        asked |= scored if one.source != "labels" else set()
        stated.append(outcomes.label(name, one, sorted(asked), facts, known_before=known_before))
    return treatment.marked(ibis.union(*stated, distinct=False), opened.ledger.episodes(), company.outcomes)
