"""`segments`: which kind of account it is, and of person, and why."""

from datetime import date

import dagster as dg
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from usage_pipeline import engine
from usage_pipeline.defs import partitions, tables
from usage_pipeline.defs.place import Place
from usage_pipeline.features import catalogue as features
from usage_pipeline.lake import Lake
from usage_pipeline.segments import catalogue, cohorts, personas
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue as usage


@tables.asset(
    catalogue.ACCOUNT_SEGMENT, **tables.MORNING, owner=tables.SUCCESS, inputs={"snapshots": features.ACCOUNT_SNAPSHOT}
)
def account_segment(context: dg.AssetExecutionContext, snapshots: ir.Table) -> ir.Table:
    """One row per account and morning: activation, breadth, curve, cohort and the rule that gave it."""
    return ibis.union(
        *(cohorts.segment(snapshots.filter(snapshots.as_of == as_of), as_of) for as_of in partitions.mornings(context)),
        distinct=False,
    )


@tables.asset(
    catalogue.USER_PERSONA,
    **tables.MORNING,
    owner=tables.SUCCESS,
    inputs={"segmented": catalogue.ACCOUNT_SEGMENT},
    deps=(sources.USER,),
    days_before=(usage.USER_DAY, usage.USER_FEATURE_DAY, usage.FIRST_USE),
)
def user_persona(context: dg.AssetExecutionContext, place: Place, segmented: ir.Table) -> pa.Table:
    """One row per person, account and morning: new, stuck, at home, occasional or dormant, and the rule that gave it.

    Everybody on record for a customer of that morning, and everybody who used the product in the 16 weeks before.
    """
    lake, wanted = place.opened.wide_lake, partitions.mornings(context)
    facts = _facts(lake, wanted[0], wanted[-1])
    if len(wanted) > 1:
        facts = _held(lake, facts)
    made = (personas.personas(facts, segmented.filter(segmented.as_of == as_of), as_of) for as_of in wanted)
    return pa.concat_tables([lake.backend.to_pyarrow(rows) for rows in made])


def _facts(lake: Lake, first: date, last: date) -> personas.Facts:
    spans = personas.needed(first, last)
    return personas.Facts(**{name: lake.read(table, spans.get(name)) for name, table in personas.TABLES.items()})


def _held(lake: Lake, facts: personas.Facts) -> personas.Facts:
    """The same, read once into the engine: for many mornings that halves the time, for one it doubles it."""
    backend = lake.backend
    return personas.Facts(
        **{name: engine.held(backend, f"persona_{name}", getattr(facts, name)) for name in personas.TABLES}
    )
