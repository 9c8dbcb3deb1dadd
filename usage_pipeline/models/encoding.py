"""Snapshots as numbers: which inputs a model uses, and the stored levels of its categories.

Fitted on training rows and kept with the model, so that a level nobody had seen then, like a
value that is missing, is NaN, which every rung knows how to read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from usage_pipeline.errors import Rejected
from usage_pipeline.features import catalogue

# A category seen on fewer training rows than this teaches nothing but its own accounts.
_ROWS_PER_LEVEL = 30


@dataclass(frozen=True)
class Encoder:
    """The inputs in order, and for each category its levels; the code of a level is its place."""

    inputs: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]

    @classmethod
    def fit(
        cls,
        snapshots: pd.DataFrame,
        *,
        always: tuple[str, ...] = (),
        features: Sequence[catalogue.Feature] = catalogue.INPUTS,
    ) -> Self:
        """Those of the `features` that vary in `snapshots`, and those named in `always`."""
        inputs: list[str] = []
        levels: dict[str, tuple[str, ...]] = {}
        for feature in features:
            if feature.name not in snapshots:
                continue
            column = snapshots[feature.name]
            if feature.type == "string":
                counts = column.value_counts()
                known = tuple(sorted(str(level) for level in counts.index[counts >= _ROWS_PER_LEVEL]))
                if len(known) > 1:
                    inputs.append(feature.name)
                    levels[feature.name] = known
            elif feature.name in always or column.nunique(dropna=False) > 1:
                inputs.append(feature.name)
        return cls(tuple(inputs), levels)

    def matrix(self, snapshots: pd.DataFrame) -> np.ndarray:
        """One row per snapshot, one float column per input; NaN where missing or never seen."""
        missing = [name for name in self.inputs if name not in snapshots]
        if missing:
            raise Rejected(
                f"the snapshots lack the inputs {', '.join(missing)}",
                fix="score with the features the model was trained on, or train again",
            )
        values = np.empty((len(snapshots), len(self.inputs)), dtype=np.float64)
        for place, name in enumerate(self.inputs):
            column = snapshots[name]
            if name in self.levels:
                codes = pd.Index(self.levels[name], dtype=object).get_indexer(pd.Index(column, dtype=object))
                values[:, place] = np.where(codes < 0, np.nan, codes)
            else:
                values[:, place] = _numbers(column)
        return values

    def is_category(self) -> list[bool]:
        return [name in self.levels for name in self.inputs]

    def state(self) -> dict[str, Any]:
        return {"inputs": list(self.inputs), "levels": {name: list(known) for name, known in self.levels.items()}}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        return cls(tuple(state["inputs"]), {name: tuple(known) for name, known in state["levels"].items()})


def _numbers(column: pd.Series) -> np.ndarray:
    """As float64; booleans with NULL arrive as objects, and infinities are no measurement."""
    plain = pd.to_numeric(column, errors="raise") if column.dtype == object else column
    values = plain.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)
