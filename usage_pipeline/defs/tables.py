"""Every table of the lake by its key, and how an asset of it is declared."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import ibis
import ibis.expr.types as ir
import pandas as pd

from usage_pipeline import spans
from usage_pipeline.defs import partitions
from usage_pipeline.events import catalogue as events
from usage_pipeline.features import catalogue as features
from usage_pipeline.labels import catalogue as labels
from usage_pipeline.lake import Table
from usage_pipeline.models import catalogue as models
from usage_pipeline.outcomes import catalogue as outcomes
from usage_pipeline.plays import catalogue as plays
from usage_pipeline.scores import catalogue as scores
from usage_pipeline.segments import catalogue as segments
from usage_pipeline.signals import catalogue as signals
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sync import catalogue as sync
from usage_pipeline.usage import catalogue as usage

STAGES = (sources, events, usage, features, labels, segments, models, scores, signals, plays, sync, outcomes)
"""In the data's order."""

TABLES = tuple(table for stage in STAGES for table in stage.TABLES)
BY_KEY = {table.key: table for table in TABLES}

DATA, ML, SUCCESS = "team:data", "team:ml", "team:success"
"""Who answers for an asset."""


def described(table: Table) -> dict[str, Any]:
    """What every asset of a table says of itself: key, group, and its columns with their meaning."""
    columns = [
        dg.TableColumn(
            column.name, column.type, description=f"{column.meaning}{f' ({column.unit})' if column.unit else ''}"
        )
        for column in table.columns
    ]
    return {
        "key": dg.AssetKey([table.stage, table.name]),
        "group_name": table.stage,
        "metadata": {"dagster/column_schema": dg.TableSchema(columns=columns), "grain": f"one row per {table.grain}"},
    }


def asset(
    table: Table,
    *,
    owner: str,
    kinds: set[str],
    inputs: Mapping[str, Table] | None = None,
    mappings: Mapping[str, dg.PartitionMapping] | None = None,
    deps: Sequence[Table] = (),
    days_before: Sequence[Table] = (),
    **more: Any,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`@dg.asset` for a table of the lake, its inputs named by argument.

    `deps` are read by the step itself, `days_before` too: the known days before a morning.
    """
    ins = {
        argument: dg.AssetIn(
            key=[source.stage, source.name],
            partition_mapping=(mappings or {}).get(argument),
            # Whose engine reads it.
            metadata={"stage": table.stage},
        )
        for argument, source in (inputs or {}).items()
    }
    declare: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
        **described(table),
        ins=ins,
        deps=[
            *(dg.AssetDep(dg.AssetKey([source.stage, source.name])) for source in deps),
            *(
                dg.AssetDep(dg.AssetKey([source.stage, source.name]), partition_mapping=partitions.DAYS_BEFORE)
                for source in days_before
            ),
        ],
        owners=[owner],
        kinds=kinds | {"deltalake"},
        **more,
    )
    return lambda function: declare(spans.traced(table.key)(function))


def spec(table: Table, *, owner: str, kinds: set[str], deps: Sequence[Table] = (), **more: Any) -> dg.AssetSpec:
    """The same for a table that its step writes itself."""
    return dg.AssetSpec(
        **described(table),
        deps=[dg.AssetKey([source.stage, source.name]) for source in deps],
        owners=[owner],
        kinds=kinds | {"deltalake"},
        description=f"One row per {table.grain}.",
        **more,
    )


MORNING: dict[str, Any] = {
    "kinds": {"ibis", "duckdb"},
    "partitions_def": partitions.MORNINGS,
    "backfill_policy": partitions.IN_ONE_RUN,
    "automation_condition": dg.AutomationCondition.eager(),
}
"""What the tables of a morning have in common."""


def of_morning(frame: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """The rows of one morning."""
    return frame[pd.to_datetime(frame["as_of"]).dt.date == as_of].reset_index(drop=True)


def markdown(frame: pd.DataFrame) -> str:
    """A frame as a Markdown table, unknown values left empty."""
    head = "| " + " | ".join(str(name) for name in frame.columns) + " |"
    rows = ["| " + " | ".join("" if pd.isna(value) else str(value) for value in row) + " |" for row in frame.to_numpy()]
    return "\n".join([head, "|---" * len(frame.columns) + "|", *rows])


def memtable(table: Table, frame: pd.DataFrame) -> ir.Table:
    """A frame with the table's columns and types; what pandas calls missing is NULL."""
    return ibis.memtable(frame[list(table.schema.names)].astype(object).where(frame.notna(), None), schema=table.schema)
