"""MLflow: every training comparable (data, parameters, figures, plots, model), every model registered.

MLflow takes seconds to import, so it is imported inside functions, never at definition load.
"""

import importlib.metadata
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from usage_pipeline.models import ladder, packaged, promotion, registry, store
from usage_pipeline.models.model import Model
from usage_pipeline.models.plots import plots
from usage_pipeline.models.training import Training

_SQLITE = "sqlite:///"
# Longer than the slowest first migration seen (6 s) on a machine that is busy with other things.
_LOCK_SECONDS = 180.0
_EXAMPLES = 5
# Tag by which the same training is recognised when it is logged again.
_TRAINING = "usage_pipeline.training"


def prepare(tracking_uri: str) -> None:
    """Make the tracking store, or bring it up to date; safe to call from several processes at once.

    MLflow migrates a new SQLite store for some seconds, and two processes that do so together
    break it: one does, the others wait. A lock file of SQLite's own falls away with its process.
    """
    if not tracking_uri.startswith(_SQLITE):
        _client(tracking_uri).search_experiments(max_results=1)
        return
    store = Path(tracking_uri.removeprefix(_SQLITE))
    store.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(store.with_suffix(".lock"), timeout=_LOCK_SECONDS, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        _client(tracking_uri).search_experiments(max_results=1)
        lock.execute("ROLLBACK")


def log(training: Training, tracking_uri: str, artifact_root: str, experiment: str) -> tuple[str, str | None]:
    """Log a training, register its model and give it an alias; gives run id and version (None without a model).

    One parent run with a child per rung. Logging the same training again gives the run and version
    that exist.
    """
    prepare(tracking_uri)
    known = _logged_before(training, tracking_uri)
    if known:
        return known
    import mlflow  # noqa: PLC0415 - four seconds to import, so never at definition load

    with _tracking(tracking_uri):
        experiment_id = _experiment(tracking_uri, artifact_root, experiment)
        run_name = f"{training.outcome} as of {training.as_of}"
        with mlflow.start_run(experiment_id=experiment_id, run_name=run_name, tags=_tags(training)) as run:
            run_id = str(run.info.run_id)
            mlflow.log_params(training.parameters | {"data_fingerprint": training.fingerprint})
            mlflow.log_metrics(_figures(training))
            if training.model is None or training.choice is None:
                return run_id, None
            _log_rungs(training, tracking_uri, experiment_id, run_id)
            version = _log_model(training, training.model)
        _give_alias(training, tracking_uri, run_id, version)
    return run_id, version


def _client(tracking_uri: str) -> Any:
    from mlflow import MlflowClient  # noqa: PLC0415 - four seconds to import, so never at definition load

    store.prepare(tracking_uri)
    return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


@contextmanager
def _tracking(tracking_uri: str) -> Iterator[None]:
    """MLflow's process-wide address for the length of a block."""
    import mlflow  # noqa: PLC0415 - four seconds to import, so never at definition load

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tracking_uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


def _experiment(tracking_uri: str, artifact_root: str, name: str) -> str:
    client = _client(tracking_uri)
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    root = artifact_root if "://" in artifact_root else Path(artifact_root).resolve().as_uri()
    return str(client.create_experiment(name, artifact_location=f"{root.rstrip('/')}/{name}"))


def _tags(training: Training) -> dict[str, str]:
    tags = {_TRAINING: _identity(training), "outcome": training.outcome, "state": training.state}
    tags |= {"mlflow.note.content": training.reason, "as_of": str(training.as_of)}
    if training.judgement:
        tags |= {
            "has_skill": str(training.judgement.has_skill).lower(),
            "skill_reason": training.judgement.skill_reason,
        }
    return tags


def _identity(training: Training) -> str:
    return (
        f"{training.as_of}/{training.fingerprint}/{training.parameters['seed']}/{training.parameters.get('rung', '')}"
    )


def _logged_before(training: Training, tracking_uri: str) -> tuple[str, str | None] | None:
    client = _client(tracking_uri)
    if training.model is None:
        return None
    for version in client.search_model_versions(f"name='{training.outcome}'"):
        if version.tags.get(_TRAINING) == _identity(training):
            return str(version.run_id), str(version.version)
    return None


def _figures(training: Training) -> dict[str, float]:
    if training.judgement is None:
        return {}
    figures = {name: float(value) for name, value in asdict(training.judgement).items() if not isinstance(value, str)}
    return {name: value for name, value in figures.items() if value == value}  # noqa: PLR0124 - NaN is no metric


def _log_rungs(training: Training, tracking_uri: str, experiment_id: str, parent: str) -> None:
    """A child run per rung, with its figures where it was chosen and where it was judged."""
    from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415 - four seconds to import

    client = _client(tracking_uri)
    now = int(time.time() * 1000)
    for trial in training.choice.trials if training.choice else ():
        chosen = {f"choose_{name}": value for name, value in asdict(trial).items() if name != "rung"}
        judged = {f"judge_{name}": value for name, value in training.rungs_judged[trial.rung].items()}
        tags = [RunTag("mlflow.parentRunId", parent), RunTag("mlflow.runName", trial.rung)]
        run_id = client.create_run(experiment_id).info.run_id
        client.log_batch(
            run_id,
            metrics=[Metric(name, float(value), now, 0) for name, value in (chosen | judged).items()],
            params=[Param("rung", trial.rung), Param("weight", str(ladder.RUNGS.index(trial.rung)))],
            tags=tags,
        )
        client.set_terminated(run_id)


def _log_model(training: Training, model: Model) -> str:
    """Model, plots and feature list as artefacts of the active run; gives the registered version."""
    import mlflow  # noqa: PLC0415 - four seconds to import, so never at definition load

    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder)
        document = aside / packaged.FILE
        document.write_text(model.document(), encoding="utf-8")
        shown = aside / "shown"
        (shown / "plots").mkdir(parents=True)
        for name, picture in plots(training).items():
            (shown / "plots" / f"{name}.png").write_bytes(picture)
        (shown / "features.txt").write_text("\n".join(model.inputs) + "\n", encoding="utf-8")
        mlflow.log_artifacts(str(shown))
        logged = mlflow.pyfunc.log_model(
            name="model",
            loader_module=packaged.__name__,
            data_path=str(document),
            signature=_signature(model),
            input_example=example(model, training.judged_rows),
            pip_requirements=_requirements(),
        )
    return _registered(training.outcome, logged)


def _registered(name: str, logged: Any) -> str:
    """The logged model as a version of the registered model `name`.

    By the client, because `log_model` prints a line per registration into whatever runs it.
    """
    from mlflow import MlflowClient  # noqa: PLC0415 - four seconds to import, so never at definition load
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - four seconds to import

    client = MlflowClient()
    try:
        client.create_registered_model(name)
    except MlflowException as refused:
        if refused.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version = client.create_model_version(name, logged.model_uri, logged.run_id, model_id=logged.model_id)
    return str(version.version)


def _signature(model: Model) -> Any:
    """Numbers as doubles, none required: an integer column of a signature refuses missing values."""
    from mlflow.models import ModelSignature  # noqa: PLC0415 - four seconds to import
    from mlflow.types import ColSpec, Schema, TensorSpec  # noqa: PLC0415 - four seconds to import

    kinds = zip(model.inputs, model.encoder.is_category(), strict=True)
    given: list[ColSpec | TensorSpec] = [
        ColSpec("string" if category else "double", name, required=False) for name, category in kinds
    ]
    return ModelSignature(inputs=Schema(given), outputs=Schema([ColSpec("double", "probability")]))


def example(model: Model, rows: pd.DataFrame, *, rows_shown: int = _EXAMPLES) -> pd.DataFrame:
    """The first rows as the model's signature wants them: numbers as floats, categories as text."""
    head = rows.head(rows_shown)
    values = pd.DataFrame(model.encoder.matrix(head), columns=list(model.inputs))
    for name in model.encoder.levels:
        values[name] = head[name].astype(object).where(head[name].notna(), None).to_numpy()
    return values


def _requirements() -> list[str]:
    """What loading needs, at the versions that fitted it; given, because MLflow guesses slowly."""
    return [f"{name}=={importlib.metadata.version(name)}" for name in ("numpy", "pandas", "xgboost")]


def _give_alias(training: Training, tracking_uri: str, run_id: str, version: str) -> None:
    """Champion where there is none or this one is not worse on the same mornings, else challenger."""
    client = _client(tracking_uri)
    present = registry.champion(tracking_uri, training.outcome)
    decided = promotion.decide(training, present, seed=training.parameters["seed"])
    client.set_model_version_tag(training.outcome, version, _TRAINING, _identity(training))
    client.set_model_version_tag(training.outcome, version, "promotion", decided.why)
    client.set_tag(run_id, "promotion", f"{decided.alias}: {decided.why}")
    client.set_registered_model_alias(training.outcome, decided.alias, version)
