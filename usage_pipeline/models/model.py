"""A trained model of one outcome: a probability for an account's snapshot, and what it rests on."""

import json
from dataclasses import dataclass, replace
from datetime import date
from typing import Self

import numpy as np
import pandas as pd

from usage_pipeline.company import Kind
from usage_pipeline.models import ladder
from usage_pipeline.models.calibration import Calibration
from usage_pipeline.models.encoding import Encoder

BASE = "base"
"""The column of contributions that belongs to no input: the average account."""


@dataclass(frozen=True, eq=False)
class Model:
    """Encoder, rung and calibration as fitted, with the verdict on them.

    One JSON file holds all of it, so that a model can be read, compared and loaded without pickle.
    """

    outcome: str
    kind: Kind
    version: str
    """Registered version; empty before it is registered."""
    run_id: str
    """MLflow run; empty before it is logged."""
    rung: str
    has_skill: bool
    skill_reason: str
    base_rate: float
    """Share of the rows it was fitted on in which it happened."""
    trained_as_of: date
    fitted_until: date
    """Last morning whose label it has seen."""
    encoder: Encoder
    ranker: ladder.Ranker
    calibration: Calibration

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.encoder.inputs

    def log_odds(self, snapshots: pd.DataFrame) -> np.ndarray:
        """Raw log-odds, which the contributions sum to and of which the probability is a rising function."""
        return self.ranker.log_odds(self.encoder.matrix(snapshots))

    def probability(self, snapshots: pd.DataFrame) -> np.ndarray:
        """Calibrated probability of the outcome, one per row."""
        return self.calibration.probability(self.log_odds(snapshots))

    def contributions(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        """Log-odds by input, and "base"; each row sums to the raw log-odds."""
        parts = self.ranker.contributions(self.encoder.matrix(snapshots))
        return pd.DataFrame(parts, columns=[*self.inputs, BASE], index=snapshots.index)

    def registered(self, *, version: str, run_id: str) -> Self:
        return replace(self, version=version, run_id=run_id)

    def document(self) -> str:
        """The model as JSON, without the version, which the registry gives."""
        return json.dumps(
            {
                "format": 1,
                "outcome": self.outcome,
                "kind": self.kind.value,
                "rung": self.rung,
                "has_skill": self.has_skill,
                "skill_reason": self.skill_reason,
                "base_rate": self.base_rate,
                "trained_as_of": self.trained_as_of.isoformat(),
                "fitted_until": self.fitted_until.isoformat(),
                "encoder": self.encoder.state(),
                "calibration": self.calibration.state(),
                "ranker": self.ranker.state(),
            }
        )


def loaded(document: str, *, version: str = "", run_id: str = "") -> Model:
    """The model that `document()` was taken of."""
    content = json.loads(document)
    encoder = Encoder.restored(content["encoder"])
    return Model(
        outcome=content["outcome"],
        kind=Kind(content["kind"]),
        version=version,
        run_id=run_id,
        rung=content["rung"],
        has_skill=content["has_skill"],
        skill_reason=content["skill_reason"],
        base_rate=content["base_rate"],
        trained_as_of=date.fromisoformat(content["trained_as_of"]),
        fitted_until=date.fromisoformat(content["fitted_until"]),
        encoder=encoder,
        ranker=ladder.restored(content["rung"], content["ranker"], encoder),
        calibration=Calibration.restored(content["calibration"]),
    )
