"""MLflow's store, opened for the first time by one process at once: two that make its tables together break them."""

from functools import lru_cache
from pathlib import Path

from filelock import FileLock

_SQLITE = "sqlite:///"


@lru_cache(maxsize=8)
def prepare(tracking_uri: str) -> None:
    """Let MLflow make or bring up to date its tables, once per process; other processes wait meanwhile."""
    if not tracking_uri.startswith(_SQLITE):
        # A server sees to its own.
        return
    from mlflow import MlflowClient  # noqa: PLC0415 - four seconds to import, so never at definition load

    file = Path(tracking_uri.removeprefix(_SQLITE))
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)
