"""A feature: one column of a snapshot, what it means, and which thing it speaks of."""

from dataclasses import dataclass
from typing import Literal

from usage_pipeline.lake import Column

F, N, S, B = "float64", "int64", "string", "boolean"
"""The types that a feature may have."""


@dataclass(frozen=True)
class Feature:
    """One column of an account's snapshot.

    `group` is what a person would call one thing; contributions of a group are shown as one
    reason. `is_input` is False for what describes an account but must not enter a model.
    `against` says of a comparison with what: `itself` (the account's own past) or `peers`;
    `compares` is the column compared. A company's own metric has its `words` for a reason.
    """

    name: str
    type: str
    group: str
    meaning: str
    unit: str = ""
    requirement: str = ""
    is_input: bool = True
    compares: str = ""
    against: Literal["", "itself", "peers"] = ""
    words: str = ""
    days: int = 0
    """The window of an own metric."""

    @property
    def column(self) -> Column:
        return Column(self.name, self.type, self.meaning, self.unit)
