"""How far a table has been read: the last cursor, and the rows close to it that were brought.

Rows come late: one that was stamped before the last may be committed after it, and several
share a stamp. So the next fetch begins an overlap before the last cursor, and leaves out the
rows that are here already, each known by a digest. Rows older than the overlap are not looked
at again.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from usage_pipeline.errors import Rejected
from usage_pipeline.sources.fetched import Content

# A transaction stamps its rows when it begins and shows them when it ends; ten minutes is long for one of a product.
LATE = timedelta(minutes=10)
# As many numbers of a sequence are rarely drawn by transactions that are still open.
LATE_NUMBERS = 1000

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Position:
    """Where the next fetch begins; a table that was never read has no `last`."""

    last: Any = None
    start: Any = None
    """`last` less the overlap: rows from here on are read."""
    seen: tuple[tuple[Any, str], ...] = ()
    """Cursor and digest of each row from `start` on that was brought."""


class Brought:
    """Rows that are here already, each as often as it was brought: two equal rows may both be meant."""

    def __init__(self, seen: Sequence[tuple[Any, str]], digest_of: Callable[[Any], str]) -> None:
        self._left = Counter(digest for _, digest in seen)
        self._count = len(seen)
        self._digest_of = digest_of

    def takes(self, row: Any) -> bool:
        """Whether the row is one of them; it then counts no more."""
        # Once all are found no digest is needed: of a first fetch none is.
        if not self._count or not self._left[name := self._digest_of(row)]:
            return False
        self._left[name] -= 1
        self._count -= 1
        return True


def begin(memory: Content, overlap: str, now: datetime, source: str) -> Position:
    """Where a fetch begins: where the one before said, or earlier if the overlap has been made longer since.

    Never later, though the clock has moved on: the last cursor may lie in the future.
    """
    if not memory.get("last"):
        return Position()
    last = _decoded(memory["last"])
    start = min(_decoded(memory["start"]), _start(last, overlap, now, source))
    return Position(last, start, tuple((_decoded(cursor), digest) for cursor, digest in memory["seen"]))


def written(position: Position, new: Sequence[tuple[Any, str]]) -> Content:
    """What a delivery adds to the memory: where the next begins, and the `new` rows from there on."""
    return {
        "last": _encoded(position.last),
        "start": _encoded(position.start),
        "seen": [[_encoded(cursor), digest] for cursor, digest in new],
    }


def absorb(memory: Content, added: Content) -> Content:
    """The memory after a delivery."""
    if "last" not in added:
        return memory | added
    start = _decoded(added["start"])
    old = [[cursor, digest] for cursor, digest in memory.get("seen", []) if _decoded(cursor) >= start]
    return memory | added | {"seen": old + added["seen"]}


def after(position: Position, last: Any, overlap: str, now: datetime, source: str) -> Position:
    """The position after rows up to `last`; the seen rows are the memory's to keep."""
    if position.last is not None and not isinstance(last, str):
        last = max(last, position.last)
    return Position(last, _start(last, overlap, now, source))


def _start(last: Any, overlap: str, now: datetime, source: str) -> Any:
    number, unit = overlap.rstrip("smhd"), overlap[-1:] if overlap[-1:].isalpha() else ""
    if isinstance(last, date):
        if overlap and not unit:
            raise Rejected(
                f"{source}: overlap {overlap} on a cursor of times", fix=f"write it with its unit: {overlap}m"
            )
        back = timedelta(**{_UNITS[unit]: int(number)}) if overlap else LATE
        if isinstance(last, datetime):
            # A row from the future must not hide the rows from now until then.
            ends = now if last.tzinfo is None else now.replace(tzinfo=UTC)
            return min(last, ends) - back
        return min(last, now.date()) - timedelta(days=-(-back // timedelta(days=1)) if overlap else 0)
    if unit or (overlap and isinstance(last, str)):
        raise Rejected(
            f"{source}: overlap {overlap} on a cursor such as {last!r}, which is no time",
            fix="name a column of times as cursor, or state overlap as a plain number where the cursor counts",
        )
    return last if isinstance(last, str) else last - int(overlap or LATE_NUMBERS)


def digest(values: Sequence[Any]) -> str:
    """Names a row by some of its values, the same in every process."""
    text = json.dumps([_encoded(value) for value in values], ensure_ascii=False)
    return blake2b(text.encode(), digest_size=12).hexdigest()


def words(value: Any) -> str:
    """A cursor for a person."""
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)


def usable(value: Any, column: str, source: str) -> None:
    """`Rejected` unless rows can be told new by such a value."""
    if isinstance(value, bool) or not isinstance(value, date | int | Decimal | str):
        raise Rejected(
            f"{source}: {column} is {type(value).__name__} ({value!r}), by which rows cannot be told new",
            fix="name a column of times or numbers that only grow as cursor",
        )


def _encoded(value: Any) -> list[str]:
    if isinstance(value, datetime):
        return ["moment", (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()]
    if isinstance(value, date):
        return ["day", value.isoformat()]
    if isinstance(value, bool | None):
        return ["value", str(value)]
    if isinstance(value, dict | list):
        return ["json", json.dumps(value, sort_keys=True, default=str)]
    return [type(value).__name__, str(value)]


def _decoded(stated: Sequence[str]) -> Any:
    kind, text = stated
    read_as: dict[str, Any] = {
        "moment": datetime.fromisoformat,
        "day": date.fromisoformat,
        "int": int,
        "Decimal": Decimal,
        "str": str,
    }
    return read_as[kind](text)
