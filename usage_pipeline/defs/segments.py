"""`segments`: which kind of account it is, and why."""

import dagster as dg
import ibis
import ibis.expr.types as ir

from usage_pipeline.defs import partitions, tables
from usage_pipeline.features import catalogue as features
from usage_pipeline.segments import catalogue, cohorts


@tables.asset(
    catalogue.ACCOUNT_SEGMENT, **tables.MORNING, owner=tables.SUCCESS, inputs={"snapshots": features.ACCOUNT_SNAPSHOT}
)
def account_segment(context: dg.AssetExecutionContext, snapshots: ir.Table) -> ir.Table:
    """One row per account and morning: activation, breadth, curve, cohort and the rule that gave it."""
    return ibis.union(
        *(cohorts.segment(snapshots.filter(snapshots.as_of == as_of), as_of) for as_of in partitions.mornings(context)),
        distinct=False,
    )
