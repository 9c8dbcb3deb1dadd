"""The SQL of one table of the mapping, a column a line, each with why it was taken."""

import re
from dataclasses import dataclass, field
from functools import cache

import duckdb

from usage_pipeline.events import fields
from usage_pipeline.run.init.columns import Column
from usage_pipeline.run.init.files import Source
from usage_pipeline.run.init.kinds import Taken

_PRIORITIES = {
    "low": {"low", "lowest", "p4"},
    "normal": {"normal", "medium", "p3", "moderate"},
    "high": {"high", "p2"},
    "urgent": {"urgent", "critical", "highest", "p1", "blocker"},
}


@dataclass
class Select:
    """A SELECT being put together."""

    table: str
    columns: list[tuple[str, str, str]] = field(default_factory=list)
    """Expression, name, and why."""
    joins: list[str] = field(default_factory=list)
    where: str = ""
    group: str = ""

    def add(self, expression: str, name: str, why: str = "") -> None:
        self.columns.append((expression, name, why))

    def sql(self) -> str:
        """The statement, with the reasons as comments."""
        shown = []
        for number, (expression, name, why) in enumerate(self.columns):
            same = expression.rpartition(".")[2] == name
            item = (expression if same else f"{expression} AS {name}") + ("," if number < len(self.columns) - 1 else "")
            shown.append(f"  {item}" + (f"  -- {why}" if why else ""))
        source = quoted(self.table) + (" AS e" if self.joins else "")
        parts = ["SELECT", *shown, f"FROM {source}", *self.joins]
        parts += [f"WHERE {self.where}"] if self.where else []
        parts += [f"GROUP BY {self.group}"] if self.group else []
        return "\n".join(parts)


@cache
def _keywords() -> frozenset[str]:
    with duckdb.connect() as connection:
        return frozenset(
            str(row[0]) for row in connection.execute("SELECT keyword_name FROM duckdb_keywords()").fetchall()
        )


def quoted(name: str) -> str:
    """The name in SQL, in quotation marks where it needs them."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in _keywords():
        return name
    return '"' + name.replace('"', '""') + '"'


def ref(column: Column, of: str = "") -> str:
    """The column, of the table with that alias; whole numbers that are held as fractions as whole ones."""
    name = f"{of}.{quoted(column.name)}" if of else quoted(column.name)
    return f"CAST({name} AS BIGINT)" if column.type in {"DOUBLE", "FLOAT"} and column.is_whole else name


def moment(column: Column, of: str = "", *, as_moment: bool = False) -> str:
    """The column's times as `sources` read them; texts too become times where the SQL reckons with them."""
    name = f"{of}.{quoted(column.name)}" if of else quoted(column.name)
    times = column.times
    if times is not None and times.way == "epoch":
        unit = {8: "1000000", 11: "1000", 14: "1"}
        size = len(str(int(column.highest or 0)))
        factor = unit[max(digits for digits in unit if digits <= size)]
        return f"make_timestamp(CAST({name} AS BIGINT) * {factor})"
    if times is not None and times.way == "iso" and as_moment:
        # By way of a zone: a cast to TIMESTAMP would drop an offset without a word.
        return f"CAST({name} AS TIMESTAMPTZ)"
    if times is not None and times.way == "formats":
        return f"strptime(CAST({name} AS VARCHAR), {fields.text(times.formats[0])})"
    return name


def plain(taken: Taken, source: Source, names: tuple[str, ...]) -> Select:
    """A table whose columns are taken as they are."""
    select = Select(source.table)
    for name in names:
        column = taken.columns.get(name)
        if column is None:
            continue
        if column.times is not None and column.times.is_sure:
            select.add(moment(column), name, column.says_when())
        elif column.times is None:
            select.add(ref(column), name)
    return select


def priority(column: Column) -> str:
    """The priorities as low, normal, high and urgent; what is none of them stays as it is."""
    name, held = quoted(column.name), {value.lower() for value in column.common}
    whens = " ".join(
        f"WHEN {fields.text(word)} THEN '{meaning}'"
        for meaning, words in _PRIORITIES.items()
        for word in sorted(words & held - {meaning})
    )
    return f"CASE lower({name}) {whens} ELSE lower({name}) END" if whens else f"lower({name})"


def satisfaction(column: Column) -> str | None:
    """1 to 5; good and bad, as Zendesk has them, are its ends. None: neither."""
    words = {value.lower() for value in column.common}
    if column.is_number and (column.highest or 0) <= 5:
        return f"CAST({quoted(column.name)} AS BIGINT)"
    if words & {"good", "bad"}:
        return f"CASE lower({quoted(column.name)}) WHEN 'good' THEN 5 WHEN 'bad' THEN 1 END"
    return None
