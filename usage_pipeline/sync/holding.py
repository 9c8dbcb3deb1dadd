"""What waits in quarantine and must not be tried again today, and what waits there for nothing."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.crm.rejections import PASSING
from usage_pipeline.ledger.operations import hash_of


class Held:
    """The quarantine of one CRM instance, as one morning meets it."""

    def __init__(self, quarantine: pd.DataFrame, as_of: date) -> None:
        passing = {str(cause) for cause in PASSING}
        rows = frames.rows(quarantine)
        self._all = {(row["kind"], row["key"]) for row in rows}
        self._hash = {
            (row["kind"], row["key"]): row["payload_hash"]
            for row in rows
            if row["cause"] not in passing and row["as_of"] == as_of
        }
        self._asked: set[tuple[str, str]] = set()
        self.waiting: set[tuple[str, str]] = set()

    def waits(self, kind: str, key: str, payload: Mapping[str, Any]) -> bool:
        """Whether this very content was refused this morning."""
        self._asked.add((kind, key))
        if (kind, key) not in self._hash or self._hash[kind, key] != hash_of(payload):
            return False
        self.waiting.add((kind, key))
        return True

    def obsolete(self, kinds: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Rejections of these kinds that nobody asked about: what they were for is not wanted any more."""
        return tuple(sorted((kind, key) for kind, key in self._all - self._asked if kind in kinds))
