"""How `mlflow.pyfunc` loads and asks a registered model, wherever this package is installed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from usage_pipeline.models import model
from usage_pipeline.models.model import Model

FILE = "model.json"


@dataclass(frozen=True, eq=False)
class Packaged:
    """Snapshots in, one probability per row out."""

    model: Model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        del params  # the interface has them, this model has none
        return pd.DataFrame({"probability": self.model.probability(model_input)}, index=model_input.index)


def _load_pyfunc(path: str) -> Packaged:
    """Called by MLflow with the file or folder that was logged as the model's data."""
    place = Path(path)
    return Packaged(model.loaded((place / FILE if place.is_dir() else place).read_text(encoding="utf-8")))
