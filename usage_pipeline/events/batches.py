"""What lands: a file as a batch, and the judged rows of a part of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import pyarrow as pa

from usage_pipeline.company import Events
from usage_pipeline.sources.landing import Delivery, File

REPLAYED = "replay"
"""How the digest of a batch begins that is no file, but refused rows judged again."""


@dataclass(frozen=True)
class Batch:
    """A file to be landed (for a select: the files it reads together)."""

    source: str
    digest: str
    name: str
    bytes: int
    landed_at: datetime
    history: bool
    delivery: Delivery
    files: dict[str, File]
    events: Events
    reading: str = ""
    """By what its rows are judged: of a file that is read otherwise, what a killed run wrote counts no more."""
    turns: Mapping[str, int] = field(default_factory=dict)
    """By table how often rows of it that a killed run left were taken out again."""


@dataclass(frozen=True)
class Part:
    """Some consecutive rows of a batch, judged."""

    first_line: int
    events: pa.Table
    calls: pa.Table
    """Those that say who is who, with the same columns."""
    rejected: pa.Table

    @property
    def valid(self) -> pa.Table:
        """Events, then calls."""
        return pa.concat_tables([self.events, self.calls])


@dataclass(frozen=True)
class Account:
    """What became of a batch's rows."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    days: frozenset[date] = frozenset()

    @property
    def received(self) -> int:
        return self.accepted + self.duplicates + self.rejected

    def __add__(self, other: "Account") -> "Account":
        return Account(
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            self.rejected + other.rejected,
            self.days | other.days,
        )


@dataclass(frozen=True)
class Piece:
    """A part of a batch on its way into the lake; an empty batch has one without rows."""

    batch: Batch
    number: int
    part: Part | None
    is_last: bool = False

    @property
    def rows(self) -> int:
        return 0 if self.part is None else self.valid + self.part.rejected.num_rows

    @property
    def valid(self) -> int:
        return 0 if self.part is None else self.part.events.num_rows + self.part.calls.num_rows
