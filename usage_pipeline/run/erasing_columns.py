"""Which columns of the landed tables say whose a row is, and what of an export is read, by the mapping's SQL."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import duckdb

from usage_pipeline.company import Company
from usage_pipeline.events.persons import COLUMNS
from usage_pipeline.mapping import ready

# In the exports that tools write, a row is an account's; a survey's is the person's who answered.
_OF_PEOPLE = "survey"
# How a ready select reads a column, and something in it.
_POINTER = re.compile(r"->>?'/?((?:[^']|'')+)'")


@dataclass(frozen=True)
class Columns:
    """Of one file, in lower case."""

    theirs: frozenset[str] = COLUMNS
    """They say whose a row is."""
    about: frozenset[str] = frozenset()
    """They say whom a row of an account's export is about."""
    read: frozenset[str] = frozenset()
    """Whatever the mapping reads of the file by name."""


def unread() -> Columns:
    """Of a file that the mapping does not read: whatever tools call the people in it."""
    return Columns(COLUMNS | _lower(ready.PEOPLE[_OF_PEOPLE]))


def of(company: Company) -> dict[str, Columns]:
    """By the table that a file is."""
    found: dict[str, Columns] = {}
    selects = [*company.tables.items(), *(("", events.select) for events in company.events if events.select)]
    with duckdb.connect() as connection:
        for name, select in selects:
            told = connection.execute("SELECT json_serialize_sql(?)", [select]).fetchone()
            seen = _Seen()
            seen.walk(json.loads(told[0]) if told else {})
            pointed = {one.replace("''", "'").replace("~1", "/").replace("~0", "~") for one in _POINTER.findall(select)}
            for table in seen.tables:
                people = ready.PEOPLE.get(name, ()) if table in seen.exported else ()
                before = found.get(table, Columns())
                found[table] = Columns(
                    before.theirs | _lower(seen.people) | _lower(people if name == _OF_PEOPLE else ()),
                    before.about | _lower(() if name == _OF_PEOPLE else people),
                    before.read | _lower(seen.columns | pointed),
                )
    return found


def _lower(names: Any) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


@dataclass
class _Seen:
    """What a statement names."""

    tables: set[str] = field(default_factory=set)
    exported: set[str] = field(default_factory=set)
    """Of the tables the one whose rows a ready select reads."""
    columns: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    """Of the columns those from which one of `COLUMNS` is made."""

    def walk(self, node: Any, *, is_person: bool = False) -> None:
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                self.tables.add(node["table_name"])
                self.exported |= {node["table_name"]} if node.get("alias") == "exported" else set()
            is_person = is_person or node.get("alias") in COLUMNS
            if node.get("class") == "COLUMN_REF":
                self.columns.add(node["column_names"][-1])
                self.people |= {node["column_names"][-1]} if is_person else set()
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            self.walk(value, is_person=is_person)
