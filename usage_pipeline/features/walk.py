"""Many mornings, a few at a time: each step reads what became known since the one before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.engine import Backend
from usage_pipeline.features import parts, sight, weeks
from usage_pipeline.features.meanings import Meanings
from usage_pipeline.features.sight import Facts, Parts

# What is grouped by person on the way is then some fifty megabytes: more of it is slower, row by row.
PEOPLE_AT_ONCE = 600_000
MORNINGS_AT_ONCE = 13
# Fewer mornings are made one by one: dividing use into weeks costs as much as two or three of them.
FEW = 4
DAYS_AT_ONCE = 8 * periods.WEEK
_FACTS = {
    "account_features": "feature_day",
    "person_features": "user_feature_day",
    "account_week": "account_day",
    "content_day": "event_day",
}
# Days that are looked back on, where those are fewer than of the facts.
_LENGTHS = {"account_day": sight.WINDOW, "feature_day": periods.MONTH, "content_day": periods.MONTH}
_FROM_THE_BEGINNING = ("event_day", "account_week", "user_day")


@dataclass(frozen=True)
class Step:
    """Mornings of one query, and what they see."""

    mornings: list[date]
    parts: Parts
    names: ir.Table | None = None
    """The account of each `number`, where accounts are numbered."""


def steps(facts: Facts, mornings: list[date], meanings: Meanings, backend: Backend) -> Iterator[Step]:
    """The mornings in their order, those of one weekday together."""
    runs = list(_of_one_weekday(mornings))
    if sum(len(run) for run in runs if len(run) < FEW) >= FEW:
        # Opening thousands of small files for each morning takes a second.
        facts = Facts(**{name: engine.held(backend, f"facts_{name}", table) for name, table in vars(facts).items()})
    for run in runs:
        if len(run) < FEW:
            for as_of in run:
                yield Step([as_of], parts.parts(facts, as_of, meanings))
        else:
            walk = _Walk(facts, run, meanings, backend)
            try:
                yield from walk.steps()
            finally:
                walk.end()


def _of_one_weekday(mornings: list[date]) -> Iterator[list[date]]:
    """Mornings that follow each other by whole weeks, forwards."""
    run: list[date] = []
    for as_of in mornings:
        if run and (as_of <= run[-1] or (as_of - run[-1]).days % periods.WEEK):
            yield run
            run = []
        run.append(as_of)
    if run:
        yield run


class _Walk:
    """Mornings of one weekday, with the weeks of use that the next of them need held in the engine."""

    def __init__(self, facts: Facts, mornings: list[date], meanings: Meanings, backend: Backend) -> None:
        self.facts, self.mornings, self.meanings, self.backend = facts, mornings, meanings, backend
        self.spans = sight.needed(mornings[0], mornings[-1])
        self.turn = False
        self.made: set[str] = set()
        self.held: dict[str, list[tuple[date, ir.Table]]] = {}

    def steps(self) -> Iterator[Step]:
        account = self._hold("numbers_account", weeks.accounts(self.facts))
        person = self._hold("numbers_person", weeks.people(self.facts, account))
        feature = self._hold("numbers_feature", parts.numbered_features(self.facts.feature_day))
        numbers = weeks.Numbers(account, person, feature)
        people = self.backend.to_pyarrow(person.count()).as_py()
        whole = {
            name: self._hold(f"whole_{name}", table)
            for name, table in weeks.whole(self.facts, numbers, self.mornings[-1]).items()
        }
        at_once = max(1, min(MORNINGS_AT_ONCE, PEOPLE_AT_ONCE // max(people, 1)))
        since = date.min
        for first in range(0, len(self.mornings), at_once):
            chunk = self.mornings[first : first + at_once]
            for begin, end in self._pieces(since, chunk[-1] - periods.ONE_DAY):
                self._take_in(begin, end, numbers)
            since = chunk[-1]
            self._let_go(chunk[0])
            self.turn = not self.turn
            weekly = {name: _together(tables) for name, tables in self.held.items()}
            weekly["event_day"] = self._put_together(
                "event_day", weeks.long_past(weekly["event_day"], chunk[0], self.meanings.roles)
            )
            weekly["user_day"] = self._put_together("user_day", weeks.some_time_ago(weekly["user_day"], chunk[0]))
            weekly["account_day"] = weeks.account_days(weekly["account_day"])
            yield Step(chunk, Parts(**whole, **weekly), account.select("account_id", "number"))

    def _pieces(self, since: date, until: date) -> Iterator[tuple[date, date]]:
        """The known days from `since` in spans that are taken in at once."""
        begin = max(since, self.spans["user_day"][0])
        if since < begin:
            yield since, begin - periods.ONE_DAY
        while begin <= until:
            end = min(begin + timedelta(days=DAYS_AT_ONCE - 1), until)
            yield begin, end
            begin = end + periods.ONE_DAY

    def _take_in(self, begin: date, end: date, numbers: weeks.Numbers) -> None:
        """What became known on these days."""
        known = {
            name: parts.known_between(self.facts, name, max(begin, span[0]), end) for name, span in self.spans.items()
        }
        few = Facts(**(vars(self.facts) | known))
        for name, table in weeks.weekly(few, numbers, self.mornings[-1], self.meanings).items():
            tables = self.held.setdefault(name, [])
            source = _FACTS.get(name, name)
            if tables and end < self.spans[source][0]:
                continue
            tables.append((end, self._hold(f"weeks_{name}_{end:%Y%m%d}", table)))
            if name == "feature_day":
                features = weeks.account_features(tables[-1][1], numbers, self.mornings[-1])
                self.held.setdefault("account_features", []).append(
                    (end, self._hold(f"weeks_account_features_{end:%Y%m%d}", features))
                )

    def _let_go(self, first: date) -> None:
        """What no morning from `first` on looks back on."""
        back = sight.needed(first, first)
        for name, tables in self.held.items():
            if name in _FROM_THE_BEGINNING:
                continue
            oldest = first - timedelta(days=_LENGTHS[name]) if name in _LENGTHS else back[_FACTS.get(name, name)][0]
            gone = [table for end, table in tables[:-1] if end < oldest]
            self._drop(gone)
            del tables[: len(gone)]

    def _put_together(self, name: str, table: ir.Table) -> ir.Table:
        """One table in place of those held."""
        last, gone = self.held[name][-1][0], [table for _, table in self.held[name]]
        one = self._hold(f"weeks_{name}_{'ab'[self.turn]}", table)
        self._drop(gone)
        self.held[name] = [(last, one)]
        return one

    def end(self) -> None:
        """Nothing of it is left in the engine."""
        for name in sorted(self.made):
            self.backend.drop_table(name)

    def _drop(self, tables: list[ir.Table]) -> None:
        for table in tables:
            # Ibis names a temporary table in full, and would take all of it for one name.
            name = table.get_name().rpartition(".")[2]
            self.backend.drop_table(name)
            self.made.remove(name)

    def _hold(self, name: str, table: ir.Table) -> ir.Table:
        self.made.add(name)
        return self.backend.create_table(name, table, temp=True, overwrite=True)


def _together(tables: list[tuple[date, ir.Table]]) -> ir.Table:
    first, *rest = (table for _, table in tables)
    return first.union(*rest) if rest else first
