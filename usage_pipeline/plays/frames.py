"""Rows of a frame as plain values: None for whatever is missing, a day for whatever pandas made of it."""

from datetime import date
from typing import Any

import pandas as pd


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The frame's rows by column name, with None for everything that is missing."""
    plain = frame.astype(object)
    return [
        {str(name): value for name, value in row.items()} for row in plain.where(plain.notna(), None).to_dict("records")
    ]


def as_day(moment: Any) -> date:
    """The day of a date, a timestamp or an ISO text."""
    return moment if type(moment) is date else pd.Timestamp(moment).date()
