"""What a column of a sample holds: how full, how distinct, numbers, addresses, and how its times are written."""

import re
from dataclasses import dataclass
from datetime import datetime

import duckdb

from usage_pipeline.events import fields
from usage_pipeline.sources import moments

# Below this share of a column's values a reading does not count as the column's own.
FITS = 0.98
_TIME_NAME = re.compile(r"(^|_)(ts|time|timestamp|date|day|datetime|at|on|when|created|updated|start|end|since)(_|$)")
_DATES = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y",
    "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%Y.%m.%d", "%Y/%m/%d", "%Y%m%d",
)  # fmt: skip
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S", " %H:%M:%S.%f")
# Counts since 1970 that lie between 1990 and 2100, in seconds, milliseconds and microseconds.
_EPOCHS = tuple((6.3e8 * unit, 4.1e9 * unit) for unit in (1, 1e3, 1e6))
# What a written date looks like; to try every format on every text would take minutes.
_DATE_LIKE = re.compile(
    r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}\b|\d{8}$|[A-Za-z]{3,9} \d{1,2}, \d{4}|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{4}"
)
_ADDRESS = r"^[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}$"
_ZONE = r"(Z|[+-]\d\d(:?\d\d)?)$"
_SHOWN = 5


@dataclass(frozen=True)
class Times:
    """How a column's times are written."""

    way: str
    """iso, epoch (counted since 1970), or formats (one that must be told)."""
    fit: int
    """Values that can be read so."""
    formats: tuple[str, ...] = ()
    """The strptime formats that fit, where one must be told; several: the values do not say which."""
    has_zone: bool = False
    first: datetime | None = None
    last: datetime | None = None

    @property
    def is_sure(self) -> bool:
        return len(self.formats) <= 1


@dataclass(frozen=True)
class Column:
    """One column of a sample."""

    name: str
    type: str
    rows: int
    """Rows of the sample."""
    filled: int
    distinct: int
    whole: int
    """Values that are whole numbers."""
    numbers: int
    lowest: float | None
    highest: float | None
    median: float | None
    addresses: int
    """Values that are e-mail addresses."""
    common: tuple[str, ...]
    """The most frequent values."""
    times: Times | None

    @property
    def plain(self) -> str:
        """Its name in lower case with underlines: `Org ID` and `orgId` are `org_id`; a zone in it is left out."""
        spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name)
        return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_").removesuffix("_utc")

    @property
    def is_unique(self) -> bool:
        return self.filled == self.rows == self.distinct and self.rows > 0

    @property
    def is_whole(self) -> bool:
        return self.filled > 0 and self.whole == self.filled

    @property
    def is_number(self) -> bool:
        return self.filled > 0 and self.numbers == self.filled

    @property
    def is_flag(self) -> bool:
        yes_or_no = {"true", "false", "t", "f", "yes", "no", "y", "n", "0", "1"}
        return 0 < self.distinct <= 2 and {value.lower() for value in self.common} <= yes_or_no

    @property
    def is_address(self) -> bool:
        return self.filled > 0 and self.addresses >= FITS * self.filled

    @property
    def is_nested(self) -> bool:
        return self.type.startswith(("STRUCT", "MAP", "JSON")) or self.type.endswith("[]")

    def says_when(self) -> str:
        """The evidence for its times, in words."""
        if self.times is None:
            return "no times"
        how = {
            "iso": "times in ISO 8601" + ("" if self.times.has_zone else " without a zone"),
            "epoch": "counts since 1970",
            "formats": f"times written as {' or as '.join(self.times.formats)}",
        }[self.times.way]
        return f"{self.times.fit:,} of {self.filled:,} sampled values are {how}"


def text(column: str, kind: str = "") -> str:
    """SQL for a column's values as text, the same for 7 and 7.0; an empty text states nothing."""
    name = '"' + column.replace('"', '""') + '"'
    plain = f"CAST({name} AS VARCHAR)"
    if kind in {"DOUBLE", "FLOAT"}:
        plain = f"regexp_replace({plain}, '\\.0$', '')"
    return f"nullif(trim({plain}), '')"


def profile(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[Column, ...]:
    """The columns of a sample that the connection holds as `table`."""
    described = connection.execute(f"DESCRIBE {table}").fetchall()
    return tuple(_column(connection, table, name, kind) for name, kind, *_ in described)


def _column(connection: duckdb.DuckDBPyConnection, table: str, name: str, kind: str) -> Column:
    connection.execute(f"CREATE OR REPLACE TEMP VIEW looked_at AS SELECT {text(name, kind)} AS v FROM {table}")
    found = connection.execute(
        f"""SELECT count(*), count(v), count(DISTINCT v), count(TRY_CAST(v AS BIGINT)) FILTER (NOT contains(v, '.')),
            count(TRY_CAST(v AS DOUBLE)), min(TRY_CAST(v AS DOUBLE)), max(TRY_CAST(v AS DOUBLE)),
            median(TRY_CAST(v AS DOUBLE)), count(*) FILTER (regexp_matches(v, '{_ADDRESS}')) FROM looked_at"""
    ).fetchone()
    assert found is not None  # noqa: S101 - an aggregate gives one row
    rows, filled, distinct, whole, numbers, lowest, highest, median, addresses = found
    common = connection.execute(
        f"SELECT v FROM looked_at WHERE v IS NOT NULL GROUP BY v ORDER BY count(*) DESC, v LIMIT {_SHOWN}"
    ).fetchall()
    column = Column(
        name, kind, rows, filled, distinct, whole, numbers, lowest, highest, median, addresses,
        tuple(value for (value,) in common), None,
    )  # fmt: skip
    times = None if column.is_nested or column.is_flag or not filled else _times(connection, column)
    return Column(**{**column.__dict__, "times": times})


def _times(connection: duckdb.DuckDBPyConnection, column: Column) -> Times | None:
    if column.numbers >= FITS * column.filled:
        return _counted_times(connection, column)
    found = connection.execute(
        f"SELECT count(m), min(m), max(m), count(*) FILTER (m IS NOT NULL AND regexp_matches(v, '{_ZONE}') "
        f"AND contains(v, ':')) FROM (SELECT v, {moments.utc('v')} AS m FROM looked_at)"
    ).fetchone()
    if found and found[0] >= FITS * column.filled:
        return Times("iso", found[0], has_zone=found[3] >= FITS * column.filled, first=found[1], last=found[2])
    return _formatted(connection, column)


def _counted_times(connection: duckdb.DuckDBPyConnection, column: Column) -> Times | None:
    """Numbers are times only in a column that is called so, and of a size that fits."""
    if not _TIME_NAME.search(column.plain) or column.lowest is None or column.highest is None:
        return None
    if any(low <= column.lowest and column.highest <= high for low, high in _EPOCHS):
        found = connection.execute(
            f"SELECT count(m), min(m), max(m) FROM (SELECT {fields.epoch('v')} AS m FROM looked_at)"
        )
        fit, first, last = found.fetchone() or (0, None, None)
        return Times("epoch", fit, first=first, last=last)
    return _formatted(connection, column)


def _formatted(connection: duckdb.DuckDBPyConnection, column: Column) -> Times | None:
    """All formats that the values fit; of a long and a short year the one that gives a year after 1970."""
    fitting = {}
    if not all(_DATE_LIKE.match(value) for value in column.common):
        return None
    for written in (date + clock for date in _DATES for clock in _CLOCKS):
        if any(_tried(connection, value, written) for value in column.common):
            fits, first, last = _fits(connection, written)
            if fits >= FITS * column.filled:
                fitting[written] = (fits, first, last)
    if not fitting:
        return None
    fit, first, last = next(iter(fitting.values()))
    sure = len(fitting) == 1
    return Times("formats", fit, formats=tuple(fitting), first=first if sure else None, last=last if sure else None)


def _tried(connection: duckdb.DuckDBPyConnection, value: str, written: str) -> bool:
    found = connection.execute("SELECT TRY_STRPTIME(?, ?)", [value, written]).fetchone()
    return found is not None and found[0] is not None


def _fits(connection: duckdb.DuckDBPyConnection, written: str) -> tuple[int, datetime | None, datetime | None]:
    found = connection.execute(
        "SELECT count(m), min(m), max(m) FROM (SELECT TRY_STRPTIME(v, ?) AS m FROM looked_at) WHERE year(m) > 1970",
        [written],
    ).fetchone()
    return found or (0, None, None)
