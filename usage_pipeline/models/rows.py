"""Rows to learn from: snapshots of accounts at risk, with the outcomes that were known by then."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Self

import numpy as np
import pandas as pd

from usage_pipeline import periods


@dataclass(frozen=True, eq=False)
class Rows:
    """Snapshots by morning and account, and beside them what training asks for most."""

    frame: pd.DataFrame
    happened: np.ndarray
    account: np.ndarray
    morning: np.ndarray
    """datetime.date of each row."""

    @classmethod
    def known(cls, name: str, snapshots: pd.DataFrame, labels: pd.DataFrame, *, as_of: date) -> Self:
        """Snapshots whose label of the outcome `name` could be stated on `as_of`."""
        told = labels[labels["outcome"] == name]
        told = told[told["happened"].notna() & (pd.to_datetime(told["known_at"]) <= periods.morning(as_of))]
        told = told[["account_id", "as_of", "happened", "is_treated"]].assign(as_of=_days(told["as_of"]))
        seen = snapshots.assign(as_of=_days(snapshots["as_of"]))
        frame = seen.merge(told, on=["account_id", "as_of"], how="inner", validate="one_to_one")
        frame = frame.sort_values(["as_of", "account_id"], ignore_index=True)
        return cls(
            frame,
            frame["happened"].to_numpy(dtype=bool),
            frame["account_id"].to_numpy(dtype=object),
            frame["as_of"].dt.date.to_numpy(),
        )

    def some(self, chosen: np.ndarray) -> Self:
        """Those of the rows."""
        frame = self.frame[chosen].reset_index(drop=True)
        return replace(
            self,
            frame=frame,
            happened=self.happened[chosen],
            account=self.account[chosen],
            morning=self.morning[chosen],
        )

    def on(self, days: Sequence[date]) -> np.ndarray:
        """Which rows are of the mornings `days`."""
        return np.isin(self.morning, np.array(days, dtype=object))

    def count(self, days: Sequence[date]) -> int:
        return int(self.on(days).sum())

    def positives(self, days: Sequence[date]) -> int:
        """Accounts in which it happened on one of the mornings `days`."""
        return self.accounts(self.on(days) & self.happened)

    def accounts(self, chosen: np.ndarray) -> int:
        return len(set(self.account[chosen]))

    def fingerprint(self) -> str:
        """Hash of the rows, whatever their order: equal for equal data, so that trainings can be compared."""
        each = pd.util.hash_pandas_object(self.frame.astype({"happened": bool}), index=False).to_numpy()
        return hashlib.sha256(np.sort(each).tobytes()).hexdigest()[:16]

    def folds(self, chosen: np.ndarray, count: int, *, seed: int) -> np.ndarray:
        """Fold of each chosen row, the same for all rows of an account; -1 for the others.

        Accounts are dealt out in turn, first those in which it happened, so that every fold has
        its share of them.
        """
        ever = set(self.account[chosen & self.happened])
        names = np.array(sorted(set(self.account[chosen])), dtype=object)
        names = np.random.default_rng(seed).permutation(names)
        dealt = [name for name in names if name in ever] + [name for name in names if name not in ever]
        fold_of = {name: place % count for place, name in enumerate(dealt)}
        return np.where(chosen, [fold_of.get(name, -1) for name in self.account], -1)


def _days(column: pd.Series) -> pd.Series:
    return pd.to_datetime(column).astype("datetime64[us]")
