"""`plays`: what to do about it, and what not."""

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from usage_pipeline.defs import partitions, tables
from usage_pipeline.defs.place import Place
from usage_pipeline.defs.scores import data_quality
from usage_pipeline.events import catalogue as events
from usage_pipeline.features import catalogue as features
from usage_pipeline.models import catalogue as models
from usage_pipeline.models import registry
from usage_pipeline.plays import catalogue, deciding
from usage_pipeline.scores import catalogue as scores
from usage_pipeline.segments import catalogue as segments
from usage_pipeline.sources import catalogue as sources


@tables.asset(
    catalogue.DECISION,
    **tables.MORNING | {"kinds": {"python"}},
    owner=tables.SUCCESS,
    inputs={
        "score": scores.ACCOUNT_SCORE,
        "health": scores.ACCOUNT_HEALTH,
        "segment": segments.ACCOUNT_SEGMENT,
        "snapshot": features.ACCOUNT_SNAPSHOT,
        "past": sources.PAST_ACTION,
        "links": sources.CRM_LINK,
    },
    deps=[events.FINDING, models.TRAINING],
)
def decision(
    context: dg.AssetExecutionContext,
    place: Place,
    score: ir.Table,
    health: ir.Table,
    segment: ir.Table,
    snapshot: ir.Table,
    past: ir.Table,
    links: ir.Table,
) -> pd.DataFrame:
    """One row per account, play and morning: do, hold out or not, with every gate's answer.

    An arm that is drawn is stored in the ledger before anything is done about it.
    """
    opened = place.opened
    company = opened.company
    frames = {
        name: opened.lake.backend.to_pandas(table)
        for name, table in {
            "scores": score, "segments": segment, "health": health, "snapshots": snapshot, "past": past,
        }.items()
    }  # fmt: skip
    known_links = opened.lake.backend.to_pandas(links)
    champions = {name: registry.champion(opened.settings.mlflow_uri, name) for name in company.outcomes}
    rows = []
    for as_of in partitions.mornings(context):
        decided = deciding.decide(
            as_of,
            company,
            tables.of_morning(frames["scores"], as_of),
            tables.of_morning(frames["segments"], as_of),
            tables.of_morning(frames["health"], as_of),
            tables.of_morning(frames["snapshots"], as_of),
            known_links,
            tables.of_morning(frames["past"], as_of),
            opened.ledger.assignments(),
            data_quality=data_quality(opened),
            skill={name: model is not None and model.has_skill for name, model in champions.items()},
            seed=company.company,
        )
        opened.ledger.record_assignments(decided.assignments)
        rows.append(decided.decisions)
    decisions = pd.concat(rows, ignore_index=True)
    counts = decisions["decision"].value_counts()
    context.add_output_metadata(
        {
            "in_short": f"{counts.get('do', 0)} to do, {counts.get('hold_out', 0)} held out, {counts.get('not', 0)} not",
            "by_play": dg.MarkdownMetadataValue(
                tables.markdown(decisions.groupby(["play", "decision"]).size().unstack(fill_value=0).reset_index())
            ),
        }
    )
    return decisions
