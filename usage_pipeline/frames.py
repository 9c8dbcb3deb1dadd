"""Rows of a frame as plain values: None for whatever is missing, a day for whatever pandas made of it."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The frame's rows by column name, with None for everything that is missing."""
    names = [str(name) for name in frame.columns]
    # By column: text out of Arrow one value at a time took five times as long.
    columns = (values(column) for _, column in frame.items())
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def as_day(moment: Any) -> date:
    """The day of a date, a timestamp or an ISO text."""
    return moment if type(moment) is date else pd.Timestamp(moment).date()


def values(column: pd.Series) -> np.ndarray:
    """The values of a column, None for what is missing."""
    plain = column.to_numpy(dtype=object, copy=True)
    plain[column.isna().to_numpy()] = None
    return plain
