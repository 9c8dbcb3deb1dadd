"""Whose a line or a row of a landed file is, and what is left of one that names the person."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from usage_pipeline.events.persons import Person


@dataclass(frozen=True)
class Whose:
    """Whose a line is, and what is left of a line that names the person."""

    person: Person
    lines: frozenset[int]
    """Numbers of lines of events that are theirs."""
    columns: frozenset[str]
    """Columns (lower case) of tables that say whose a row is."""
    about: frozenset[str] = frozenset()
    """Columns of exports that say whom a row is about that is an account's: of it stay the `facts`."""
    facts: frozenset[str] = frozenset()
    """Columns of exports that the pipeline reads: states, amounts, times."""

    def needles(self) -> tuple[bytes, ...]:
        every = {*self.person.needles, *(self.person.names if self.columns or self.about else ())}
        texts = {text for name in every for text in (name, json.dumps(name)[1:-1])}
        return tuple(text.lower().encode() for text in texts)

    def is_row(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of a table is the person's: by a column that says whose it is."""
        return self._is_in(row, self.columns)

    def is_about(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of an account's export is about the person."""
        return self._is_in(row, self.about)

    def is_fact(self, name: str) -> bool:
        return _plain(name) in self.facts

    def _is_in(self, row: Mapping[str, Any], columns: Collection[str]) -> bool:
        return any(value in self.person for name, value in row.items() if name and _plain(name) in columns)


def _plain(name: str) -> str:
    """A column's name as it is compared; before the first may stand the mark of UTF-8."""
    return name.lstrip("\ufeff").strip().lower()
