"""Which ids have landed near a day: 8 bytes each, kept for a run, so that a part costs what is in it.

An id is a hash here, so what is found may be another one, and what is not found is not there. Whoever asks
looks at the few rows that are found in the lake, on the few days that are told.
"""

from datetime import date, timedelta

import duckdb
import ibis
import numpy as np
import pyarrow as pa

from usage_pipeline.events import catalogue, copies
from usage_pipeline.lake import Lake

# An era is 32 known days, which is no less than copies reach; a day's place in it takes the lowest bits of a key.
_BITS = 5
_DAYS = 1 << _BITS
_OF_DAY = np.uint64(_DAYS - 1)
_EPOCH = date(1970, 1, 1)
# 160 MB of ids; eras that were not asked for lately are read again when they are.
_MOST_KEYS = 20_000_000

if copies.REACH_DAYS > _DAYS:
    raise AssertionError("copies reach further than the eras before and after")


class Seen:
    """The ids of all rows in the lake, and of those that are on their way into it."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._eras: dict[int, np.ndarray] = {}
        self._connection = duckdb.connect(config={"threads": 1})

    def several(self, hashes: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, list[date]]:
        """Which of these rows may have a copy, among them or in the lake near their days, and on what days it holds one."""
        self._forget()
        keys = hashes & ~_OF_DAY
        order = np.argsort(keys)
        ordered = keys[order]
        is_copied = np.zeros(len(keys), dtype=bool)
        is_copied[1:] |= ordered[1:] == ordered[:-1]
        is_copied[:-1] |= is_copied[1:]
        found: set[int] = set()
        own = days[order] >> _BITS
        for era in sorted({int(one) + step for one in np.unique(own) for step in (-1, 0, 1)}):
            held = self._era(era)
            if not len(held):
                continue
            # Only what is of this era or of one beside it.
            near = np.flatnonzero(np.abs(own - era) <= 1)
            place = np.searchsorted(held, ordered[near])
            while len(near):
                within = place < len(held)
                near, place = near[within], place[within]
                same = (held[place] & ~_OF_DAY) == ordered[near]
                near, place = near[same], place[same]
                is_copied[near] = True
                found.update((np.unique(held[place] & _OF_DAY).astype(np.int64) + (era << _BITS)).tolist())
                # The next day on which this id came.
                place = place + 1
        told = np.empty_like(is_copied)
        told[order] = is_copied
        return told, [_EPOCH + timedelta(days=day) for day in sorted(found)]

    def keys(self, rows: pa.Table, *, is_event: bool) -> tuple[np.ndarray, np.ndarray]:
        """The rows' ids as 64 bits, in which a call is not the event of the same id, and their known days since 1970."""
        self._connection.register("rows", rows.select(["event_id"]))
        found = self._connection.execute(f"SELECT hash(event_id, {is_event}) AS key FROM rows").fetchnumpy()
        self._connection.unregister("rows")
        days = rows["known_day"].cast(pa.int32()).to_numpy().astype(np.int64)
        return np.asarray(found["key"], dtype=np.uint64), days

    def add(self, hashes: np.ndarray, days: np.ndarray) -> None:
        """From now on these rows are seen."""
        keys = _packed(hashes, days)
        eras = days >> _BITS
        for era in np.unique(eras).tolist():
            self._eras[era] = _merged([self._era(era), np.sort(keys[eras == era])])

    def _era(self, era: int) -> np.ndarray:
        if era not in self._eras:
            self._eras[era] = self._read(era)
        else:
            # Asked for last, forgotten last.
            self._eras[era] = self._eras.pop(era)
        return self._eras[era]

    def _read(self, era: int) -> np.ndarray:
        """All rows of the era, those of batches that a killed run left half written too."""
        first = _EPOCH + timedelta(days=era << _BITS)
        span = (first, first + timedelta(days=_DAYS - 1))
        keys = [np.empty(0, np.uint64)]
        for table, is_event in ((catalogue.EVENT, True), (catalogue.IDENTITY_CALL, False)):
            if not self._lake.files(table, span):
                continue
            rows = self._lake.read(table, span)
            rows = rows.filter(rows["known_day"].between(*map(ibis.literal, span))).select("event_id", "known_day")
            keys += [
                np.sort(_packed(*self.keys(pa.Table.from_batches([batch]), is_event=is_event)))
                for batch in self._lake.backend.to_pyarrow_batches(rows)
            ]
        return _merged(keys)

    def _forget(self) -> None:
        held = sum(map(len, self._eras.values()))
        for era in list(self._eras):
            if held <= _MOST_KEYS:
                break
            held -= len(self._eras.pop(era))


def _merged(keys: list[np.ndarray]) -> np.ndarray:
    """All keys in order, each once: an id that every row repeats is one of a day."""
    # Runs in order are only merged by a stable sort.
    ordered = np.sort(np.concatenate(keys), kind="stable")
    is_new = np.ones(len(ordered), dtype=bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    return ordered if is_new.all() else ordered[is_new]


def _packed(hashes: np.ndarray, days: np.ndarray) -> np.ndarray:
    return (hashes & ~_OF_DAY) | (days & (_DAYS - 1)).astype(np.uint64)
