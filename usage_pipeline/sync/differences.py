"""Wanted against what the CRM holds, a field of all records at a time: what is written, what is held back.

A record is written when one of its fields has changed enough, or when one has differed for too long;
whatever else differs then goes along, for the same call. A million records take seconds: nothing here
is done row by row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.crm.contract import Contract, Field, Ownership

AT_ONCE = 100_000
Flags = np.ndarray
"""One boolean per record."""


@dataclass(frozen=True)
class Side:
    """One side of the comparison: texts of fields, in the order of the records that are compared."""

    frame: pd.DataFrame
    places: pa.Array
    """Where each record's row stands; missing for one that the frame lacks: all its fields are missing."""

    @classmethod
    def of(cls, frame: pd.DataFrame, key: str, keys: pd.Series) -> "Side":
        """Rows of `frame` by its column `key`."""
        # By Arrow: an index of pandas makes an object of every text.
        return cls(frame, pc.index_in(_texts(keys), value_set=_texts(frame[key])))

    def __contains__(self, name: object) -> bool:
        return name in self.frame.columns

    def text(self, name: str, rows: np.ndarray | None = None) -> pa.Array:
        """The field as text, of some rows or all; empty for missing: no field of ours has an empty text of its own."""
        places = self.places if rows is None else self.places.take(pa.array(rows))
        values = pa.array(self.frame[name], from_pandas=True)
        taken = values.take(places)
        if isinstance(taken, pa.ChunkedArray):
            taken = taken.combine_chunks()
        return pc.fill_null(taken.cast(pa.string()), "")

    def days(self, name: str) -> np.ndarray:
        """A column of days, as days since 1970; NaN for missing."""
        return _numbers(pa.array(self.frame[name], pa.date32(), from_pandas=True).take(self.places).cast(pa.int32()))

    def part(self, start: int) -> "Side":
        """The same of the next `AT_ONCE` records."""
        return Side(self.frame, self.places.slice(start, AT_ONCE))


def _texts(column: pd.Series) -> pa.Array:
    values = pa.array(column, from_pandas=True)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    return values.cast(pa.string())


@dataclass(frozen=True)
class Records:
    """Records that are compared."""

    accounts: np.ndarray
    crm_ids: np.ndarray
    age_days: np.ndarray
    """Since the record was last brought to what was wanted; NaN: never."""
    wanted: Side
    confirmed: Side
    """What the CRM last confirmed."""
    present: Side | None
    """What it holds now, where that was read."""

    def parts(self) -> Iterator["Records"]:
        """So many at a time that their texts, of which several copies are made, take little memory."""
        for start in range(0, max(len(self.crm_ids), 1), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            yield Records(
                self.accounts[some],
                self.crm_ids[some],
                self.age_days[some],
                self.wanted.part(start),
                self.confirmed.part(start),
                None if self.present is None else self.present.part(start),
            )

    @property
    def now(self) -> Side:
        return self.confirmed if self.present is None else self.present


@dataclass(frozen=True)
class Differences:
    """What differs and is written, and how much was not."""

    writes: Flags
    """Records that are written."""
    by_field: Mapping[str, Flags]
    """The records in which a field differs and may be written."""
    agreed: Mapping[str, Flags]
    """The records in which the CRM has what is wanted, and the ledger does not know it."""
    held_back: int
    """Records that differ, but not enough."""
    restored: int
    """Fields that somebody edited and that get our value again."""
    left_edited: int
    """Fields that somebody edited and that stay so."""


def differences(records: Records, contract: Contract) -> Differences:
    """Compare the records' fields by their rules in the contract."""
    found = [_differences(some, contract) for some in records.parts()]
    return Differences(
        writes=np.concatenate([one.writes for one in found]),
        by_field={name: np.concatenate([one.by_field[name] for one in found]) for name in found[0].by_field},
        agreed={name: np.concatenate([one.agreed[name] for one in found]) for name in found[0].agreed},
        held_back=sum(one.held_back for one in found),
        restored=sum(one.restored for one in found),
        left_edited=sum(one.left_edited for one in found),
    )


def _differences(records: Records, contract: Contract) -> Differences:
    age, size = records.age_days, len(records.crm_ids)
    is_new = np.isnan(age)
    writes, differing = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    restored = left = 0
    by_field: dict[str, Flags] = {}
    agreed: dict[str, Flags] = {}
    for field in contract.fields:
        if field.name not in records.wanted:
            continue
        want, now = records.wanted.text(field.name), records.now.text(field.name)
        differs = _flags(pc.not_equal(want, now))
        if records.present is not None:
            ours = records.confirmed.text(field.name)
            is_news = _flags(pc.not_equal(now, ours))
            edited = ~is_new & differs & is_news & _flags(pc.equal(want, ours))
            agreed[field.name] = ~differs & is_news
        else:
            edited = np.zeros(size, dtype=bool)
        if field.ownership is Ownership.FILL_IF_EMPTY:
            differs = differs & _flags(pc.equal(now, ""))
        elif field.ownership is Ownership.THEIRS_IF_EDITED:
            left += int(edited.sum())
            differs = differs & ~edited
        put_right = differs & edited
        restored += int(put_right.sum())
        too_old = age >= field.max_age_days if field.max_age_days else np.zeros(size, dtype=bool)
        writes |= differs & (is_new | put_right | too_old | _is_enough(field, want, now, records, contract))
        differing |= differs
        by_field[field.name] = differs
    return Differences(writes, by_field, agreed, int((differing & ~writes).sum()), restored, left)


def _is_enough(field: Field, want: pa.Array, now: pa.Array, records: Records, contract: Contract) -> Flags:
    """Where the change alone is worth a write."""
    if field.change == "rides":
        return np.zeros(len(want), dtype=bool)
    filled = _flags(pc.xor(pc.equal(want, ""), pc.equal(now, "")))
    if field.dead_band:
        return np.asarray(filled | _has_moved(want, now, band=field.dead_band))
    if field.follows:
        number = contract.field(field.follows)
        options = pa.array(field.options)
        wanted, present = (_numbers(pc.index_in(values, value_set=options)) for values in (want, now))
        behind = _has_moved(
            records.wanted.text(number.name), records.now.text(number.name), band=max(number.dead_band, 1e-9)
        )
        # What needs attention sooner is said at once; an option unknown to us compares as False.
        return np.asarray(filled | (wanted < present) | behind)
    return np.ones(len(want), dtype=bool)


def _has_moved(want: pa.Array, now: pa.Array, *, band: float) -> Flags:
    return np.asarray(np.abs(_parsed(want) - _parsed(now)) >= band)


def _parsed(texts: pa.Array) -> np.ndarray:
    """Numbers of texts; NaN for what is none."""
    filled = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    try:
        return _numbers(pc.cast(filled, pa.float64()))
    except pa.ArrowInvalid:
        # Somebody has written words into a number's place.
        return np.asarray(pd.to_numeric(filled.to_pandas(), errors="coerce"), dtype=float)


def _numbers(values: pa.Array) -> np.ndarray:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=float)


def _flags(values: pa.Array) -> Flags:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=bool)
