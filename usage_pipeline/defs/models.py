"""`models`: what we learned, tracked and registered in MLflow."""

import base64
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import dagster as dg
import ibis
import pandas as pd

from usage_pipeline.defs import tables
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.features import catalogue as features
from usage_pipeline.labels import catalogue as labels
from usage_pipeline.models import catalogue, plots, tracking, training
from usage_pipeline.periods import ONE_DAY
from usage_pipeline.usage import catalogue as usage

# One seed for all trainings, so that two of the same data are the same.
SEED = 20_26


@dg.multi_asset(
    name="trained_models",
    specs=[
        tables.spec(
            table,
            owner=tables.ML,
            kinds={"xgboost", "mlflow", "sklearn"},
            deps=[features.TRAINING_SNAPSHOT, labels.OUTCOME],
        )
        for table in catalogue.TABLES
    ],
)
def trained(context: dg.AssetExecutionContext, place: Place) -> Iterator[dg.MaterializeResult[None]]:
    """Train, judge and register a model per outcome, or say why there cannot be one yet."""
    opened = place.opened
    backend = opened.lake.backend
    as_of = opened.lake.partitions(usage.ACCOUNT_DAY)[-1] + ONE_DAY
    inputs = features.inputs(opened.company)
    snapshots = backend.to_pandas(opened.lake.read(features.of_company(features.TRAINING_SNAPSHOT, opened.company)))
    stated = backend.to_pandas(opened.lake.read(labels.OUTCOME))
    rows, judged, pictures = [], [], []
    for name, outcome in opened.company.outcomes.items():
        context.log.info("training %s", name)
        one = training.train(
            name, outcome, snapshots, stated, as_of=as_of, seed=SEED, threads=opened.settings.threads, features=inputs
        )
        run_id, version = tracking.log(
            one, opened.settings.mlflow_uri, str(opened.home.mlflow / "artifacts"), experiment=name
        )
        rows.append(one.row(run_id=run_id, model_version=version))
        judged.append(one.judged(model_version=version))
        pictures += [(f"{name}: {title}", png) for title, png in plots.plots(one).items()]
    told = pd.concat(rows, ignore_index=True)
    _keep(opened, as_of, told)
    opened.lake.replace(catalogue.JUDGED, tables.memtable(catalogue.JUDGED, pd.concat(judged, ignore_index=True)))
    yield dg.MaterializeResult(
        asset_key=["models", "training"],
        metadata={
            "dagster/row_count": len(told),
            "in_short": "; ".join(_in_short(row) for row in told.to_dict("records")),
            "figures": dg.MarkdownMetadataValue(
                tables.markdown(told.set_index("outcome").T.reset_index(names="outcome"))
            ),
            "plots": dg.MarkdownMetadataValue("\n\n".join(_picture(title, png) for title, png in pictures)),
            **{f"mlflow_run_{row['outcome']}": str(row["run_id"]) for row in told.to_dict("records")},
        },
    )
    yield dg.MaterializeResult(
        asset_key=["models", "judged"], metadata={"dagster/row_count": sum(len(frame) for frame in judged)}
    )


def _keep(opened: Opened, as_of: date, told: pd.DataFrame) -> None:
    """The history of trainings: this morning's rows in place of an earlier attempt at them."""
    before = opened.lake.read(catalogue.TRAINING)
    kept = before.filter(before.trained_as_of != as_of)
    opened.lake.replace(
        catalogue.TRAINING,
        ibis.union(kept, catalogue.TRAINING.conform(tables.memtable(catalogue.TRAINING, told)), distinct=False),
    )


def _in_short(row: Mapping[Any, Any]) -> str:
    if row["state"] != "trained":
        return f"{row['outcome']}: no model"
    verdict = "skill" if row["has_skill"] else "no skill"
    return f"{row['outcome']}: AUC {row['auc']:.2f}, {verdict}"


def _picture(title: str, png: bytes) -> str:
    return f"**{title}**\n\n![{title}](data:image/png;base64,{base64.b64encode(png).decode()})"
