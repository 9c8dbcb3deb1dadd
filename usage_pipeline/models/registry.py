"""Which model is in force: the registered version with the alias `champion`."""

from functools import lru_cache
from pathlib import Path

from usage_pipeline.models import model, packaged, store
from usage_pipeline.models.model import Model


def champion(tracking_uri: str, outcome: str) -> Model | None:
    """The champion of `outcome`; None before there is one."""
    from mlflow import MlflowClient  # noqa: PLC0415 - four seconds to import, so never at definition load
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - four seconds to import

    store.prepare(tracking_uri)
    client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    try:
        version = client.get_model_version_by_alias(outcome, "champion")
    except MlflowException as absent:
        # No model of that name is "does not exist", a model without the alias "invalid parameter".
        if absent.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise
    return _version(tracking_uri, outcome, str(version.version), str(version.run_id))


@lru_cache(maxsize=32)
def _version(tracking_uri: str, outcome: str, version: str, run_id: str) -> Model:
    """A version never changes, so that a process reads each once."""
    from mlflow.artifacts import download_artifacts  # noqa: PLC0415 - four seconds to import

    place = download_artifacts(artifact_uri=f"{_location(tracking_uri, outcome, version)}/data/{packaged.FILE}")
    return model.loaded(Path(place).read_text(encoding="utf-8"), version=version, run_id=run_id)


def _location(tracking_uri: str, outcome: str, version: str) -> str:
    """Where a version's files lie.

    Asked of the store that is named: `models:/` addresses are looked up in the process's own.
    """
    from mlflow import MlflowClient  # noqa: PLC0415 - four seconds to import, so never at definition load

    client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    place = str(client.get_model_version_download_uri(outcome, version))
    model_id = place.removeprefix("models:/")
    return str(client.get_logged_model(model_id).artifact_location) if place.startswith("models:/m-") else place


def champion_versions(tracking_uri: str, outcomes: list[str]) -> dict[str, str]:
    """The version with the alias `champion`, by outcome; an outcome without one is missing."""
    found = {name: champion(tracking_uri, name) for name in outcomes}
    return {name: one.version for name, one in found.items() if one is not None}
