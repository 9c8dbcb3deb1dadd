"""Which column of one table names the rows of another: told by what they hold, not by their names alone."""

from dataclasses import dataclass

import duckdb

from usage_pipeline.run.init.columns import Column, text
from usage_pipeline.run.init.files import Source

# Below this share of its values a column does not name the rows of the other table.
JOINS = 0.5
# From here on a join is whole for a person's purposes.
WHOLE = 0.995
_SAMPLED = 50_000


@dataclass(frozen=True)
class Join:
    """A column whose values are in a column of another table."""

    column: Column
    source: Source
    """The table that it leads to."""
    key: Column
    share: float
    """Share of its different values that are there."""
    values: int

    @property
    def in_words(self) -> str:
        return (
            f"`{self.column.name}` joins `{self.source.table}.{self.key.name}`: "
            f"{self.share:.0%} of {self.values:,} values are there"
        )

    @property
    def thin(self) -> str:
        """What a person is to be asked of a join that is not whole."""
        return (
            f"{1 - self.share:.0%} of the values of `{self.column.name}` are not in {self.source.name}: what are they?"
        )


def join(
    connection: duckdb.DuckDBPyConnection, source: Source, column: Column, other: Source, key: Column
) -> Join | None:
    """How much of the column's values the key of the other table holds; None: too little to be one."""
    here, there = text(column.name, column.type), text(key.name, key.type)
    found = connection.execute(
        f"""SELECT count(*), count(k) FROM (SELECT DISTINCT {here} AS v FROM {source.sample} LIMIT {_SAMPLED}) AS one
        LEFT JOIN (SELECT DISTINCT {there} AS k FROM {other.sample}) AS two ON v = k WHERE v IS NOT NULL"""
    ).fetchone()
    values, held = found or (0, 0)
    if not values or held / values < JOINS:
        return None
    return Join(column, other, key, held / values, values)


def best(
    connection: duckdb.DuckDBPyConnection, source: Source, other: Source, key: Column, *, likely: Column | None
) -> Join | None:
    """The column of `source` that most likely names the rows of `other`: `likely` by its name if its values are there."""
    if likely is not None:
        named = join(connection, source, likely, other, key)
        if named is not None:
            return named
    # Small numbers are in every other column of small numbers.
    able = [column for column in source.columns if _is_id(column) and (not key.is_number or column.distinct > 20)]
    joins = [found for column in able if (found := join(connection, source, column, other, key)) is not None]
    return max(joins, key=lambda found: (found.share, found.values), default=None)


def _is_id(column: Column) -> bool:
    return column.filled > 0 and column.times is None and not column.is_flag and not column.is_nested
