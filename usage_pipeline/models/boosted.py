"""The rung of gradient-boosted trees: XGBoost on all inputs, missing values and categories as they are."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

# Modest on purpose: weekly rows of one account repeat each other, so that the number of accounts,
# not of rows, is what there is to learn from. Log-loss without class weights: weights raised the
# calibration error from .002 to .35 on real data.
PARAMETERS: dict[str, Any] = {
    "objective": "binary:logistic",
    "eta": 0.05,
    "max_depth": 3,
    "min_child_weight": 5.0,
    "subsample": 0.5,
    "colsample_bytree": 0.5,
    "reg_lambda": 5.0,
    "max_bin": 64,
    "tree_method": "hist",
    "max_cat_to_onehot": 16,
}
TREES = 200
# Smaller matrices (rows x inputs) are trained on one thread: with two it takes two thirds of the
# time on an idle machine, and twenty times as long where another process wants the second core,
# since threads that meet after each node of a small tree mostly wait for each other.
_MANY_VALUES = 20_000_000


@dataclass(frozen=True)
class Boosted:
    """The booster as XGBoost's own JSON, so that a model is one readable file and no pickle."""

    booster: str
    is_category: tuple[bool, ...]

    @classmethod
    def fit(
        cls, values: np.ndarray, happened: np.ndarray, *, is_category: tuple[bool, ...], seed: int, threads: int
    ) -> Self:
        import xgboost  # noqa: PLC0415 - seconds to import, so never at definition load

        threads = threads if values.size >= _MANY_VALUES else 1
        rows = _rows(values, is_category, happened, threads)
        fitted = xgboost.train(PARAMETERS | {"seed": seed, "nthread": threads}, rows, num_boost_round=TREES)
        return cls(fitted.save_raw("json").decode(), is_category)

    @cached_property
    def _loaded(self) -> Any:
        import xgboost  # noqa: PLC0415 - seconds to import, so never at definition load

        booster = xgboost.Booster()
        booster.load_model(bytearray(self.booster, "utf-8"))
        return booster

    def log_odds(self, values: np.ndarray) -> np.ndarray:
        margins = self._loaded.predict(_rows(values, self.is_category), output_margin=True)
        return np.asarray(margins, dtype=np.float64)

    def contributions(self, values: np.ndarray) -> np.ndarray:
        """XGBoost's own (SHAP) contributions; the base comes last."""
        parts = self._loaded.predict(_rows(values, self.is_category), pred_contribs=True)
        return np.asarray(parts, dtype=np.float64)

    def state(self) -> dict[str, Any]:
        return {"booster": json.loads(self.booster), "is_category": list(self.is_category)}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        return cls(json.dumps(state["booster"]), tuple(state["is_category"]))


def _rows(
    values: np.ndarray, is_category: tuple[bool, ...], happened: np.ndarray | None = None, threads: int = 0
) -> Any:
    import xgboost  # noqa: PLC0415 - seconds to import, so never at definition load

    return xgboost.DMatrix(
        values,
        label=happened,
        feature_types=["c" if category else "q" for category in is_category],
        enable_categorical=True,
        nthread=threads or None,
    )
