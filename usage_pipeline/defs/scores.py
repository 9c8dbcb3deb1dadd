"""`scores`: what we believe today, and why; health."""

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from usage_pipeline.defs import partitions, tables
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.events import catalogue as events
from usage_pipeline.features import catalogue as features
from usage_pipeline.ledger import suppressing
from usage_pipeline.models import catalogue as models
from usage_pipeline.models import registry
from usage_pipeline.scores import catalogue, health, scoring


def data_quality(opened: Opened) -> str | None:
    """Why no play may act on the product data, in words; None: they may."""
    findings = opened.lake.backend.to_pandas(opened.lake.read(events.FINDING))
    failed = findings[findings["stops_plays"] & ~findings["passed"]]
    return "; ".join(failed["words"]) or None


@tables.asset(
    catalogue.ACCOUNT_SCORE,
    **tables.MORNING | {"kinds": {"xgboost", "mlflow"}},
    owner=tables.ML,
    inputs={"snapshots": features.ACCOUNT_SNAPSHOT},
    deps=[models.TRAINING, events.FINDING],
)
def account_score(context: dg.AssetExecutionContext, place: Place, snapshots: ir.Table) -> pd.DataFrame:
    """One row per account, morning and outcome: 0-100 with tier and reasons, or what is missing for it."""
    opened = place.opened
    company = opened.company
    champions = {name: registry.champion(opened.settings.mlflow_uri, name) for name in company.outcomes}
    frame = opened.wide_lake.backend.to_pandas(snapshots)
    quality = data_quality(opened)
    return pd.concat(
        [
            scoring.score(
                tables.of_morning(frame, as_of),
                champions,
                company,
                as_of,
                data_quality=quality,
                suppressed=suppressing.on(opened.settings.ledger, as_of),
            )
            for as_of in partitions.mornings(context)
        ],
        ignore_index=True,
    )


@tables.asset(
    catalogue.ACCOUNT_HEALTH,
    **tables.MORNING,
    owner=tables.SUCCESS,
    inputs={"snapshots": features.ACCOUNT_SNAPSHOT, "scores": catalogue.ACCOUNT_SCORE},
)
def account_health(
    context: dg.AssetExecutionContext, place: Place, snapshots: ir.Table, scores: ir.Table
) -> pd.DataFrame:
    """One row per account and morning: health 0-100 in five tiers, with every part it is made of."""
    backend = place.opened.wide_lake.backend
    frame, scored = backend.to_pandas(snapshots), backend.to_pandas(scores)
    return pd.concat(
        [
            health.health(tables.of_morning(frame, as_of), tables.of_morning(scored, as_of), as_of)
            for as_of in partitions.mornings(context)
        ],
        ignore_index=True,
    )
