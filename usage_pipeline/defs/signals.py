"""`signals`: what just changed."""

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from usage_pipeline.defs import partitions, tables
from usage_pipeline.defs.place import Place
from usage_pipeline.features import catalogue as features
from usage_pipeline.lake import Table
from usage_pipeline.scores import catalogue as scores
from usage_pipeline.segments import catalogue as segments
from usage_pipeline.signals import catalogue, changes


@tables.asset(
    catalogue.SIGNAL,
    **tables.MORNING,
    owner=tables.SUCCESS,
    inputs={
        "snapshots": features.ACCOUNT_SNAPSHOT,
        "scored": scores.ACCOUNT_SCORE,
        "segmented": segments.ACCOUNT_SEGMENT,
    },
)
def signal(
    context: dg.AssetExecutionContext, place: Place, snapshots: ir.Table, scored: ir.Table, segmented: ir.Table
) -> pd.DataFrame:
    """One row per account, morning and kind of change, against its own and its peers' usual.

    Scores and cohorts are compared with the newest earlier morning that is there: back-fills that run side by side
    may miss a change between them, until the later one is made again.
    """
    lake = place.opened.wide_lake
    frame, score, segment = (lake.backend.to_pandas(table) for table in (snapshots, scored, segmented))

    def before(table: Table, morning: object) -> pd.DataFrame:
        """The newest scored morning before this one."""
        earlier = [day for day in lake.partitions(table) if str(day) < str(morning)]
        found: pd.DataFrame = lake.backend.to_pandas(
            lake.read(table, (earlier[-1], earlier[-1])) if earlier else table.empty()
        )
        return found

    return pd.concat(
        [
            changes.signals(
                tables.of_morning(frame, as_of),
                tables.of_morning(score, as_of),
                before(scores.ACCOUNT_SCORE, as_of),
                tables.of_morning(segment, as_of),
                before(segments.ACCOUNT_SEGMENT, as_of),
                as_of,
            )
            for as_of in partitions.mornings(context)
        ],
        ignore_index=True,
    )
