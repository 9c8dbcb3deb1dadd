"""A back-fill of a range gives what day after day gave."""

import random
from datetime import date, datetime, timedelta

import ibis
import pyarrow as pa
import pytest
from usage_rows import accounts, event, events

from usage_pipeline import periods
from usage_pipeline.company import Metric
from usage_pipeline.usage import catalogue, metrics, rollups

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 10)
DEFINITIONS = metrics.definitions(
    {
        "boards": Metric(kind="count", where={"feature": "board"}, meaning="Boards opened"),
        "people": Metric(kind="distinct", of="user", meaning="People there"),
        "amount": Metric(kind="sum", of="quantity", where={"name": "used"}, meaning="Amount handled"),
    }
)
ZONES = rollups.zones(accounts(a0="America/New_York", a1="Asia/Kolkata"))


def random_events(seed: int) -> list[dict]:
    dice = random.Random(seed)
    rows = []
    for number in range(160):
        known = datetime.combine(FIRST, datetime.min.time()) + timedelta(minutes=dice.randrange(9 * 24 * 60))
        ts = known - timedelta(days=dice.choice([0, 0, 0, 0, 1, 3, 8]), minutes=dice.randrange(90))
        rows.append(
            event(
                ts.isoformat(),
                known=known.isoformat(),
                event_id=f"e{number}",
                account_id=f"a{dice.randrange(3)}",
                user_id=dice.choice(["ann", "bob", None]),
                feature=dice.choice(["board", "chart", None]),
                session_id=dice.choice([None, None, f"s{dice.randrange(9)}"]),
                duration_ms=dice.choice([None, 10, 999]),
            )
        )
    return rows


def cuts(seed: int) -> list[tuple[date, date]]:
    """The days in runs of random length; the first seed takes them one by one."""
    dice = random.Random(seed)
    days = periods.days(FIRST, LAST)
    ends = [day for day in days if seed == 0 or dice.random() < 0.5 or day == LAST]
    starts = [FIRST, *(end + periods.ONE_DAY for end in ends[:-1])]
    return list(zip(starts, ends, strict=True))


class Rollups:
    """The rollups as the lake keeps them: partitions by known day, the earlier ones read as documented."""

    def __init__(self, backend, rows: list[dict]) -> None:
        self.backend, self.rows = backend, rows
        self.kept = {
            table.name: table.schema.to_pyarrow().empty_table() for table in (*catalogue.ROLLUPS, catalogue.METRIC_DAY)
        }

    def add(self, span: tuple[date, date]) -> None:
        first, last = span
        seen = events(*(row for row in self.rows if first <= row["known_day"] <= last))
        parts = self._keep(catalogue.USER_FEATURE_DAY, rollups.user_feature_day(seen, ZONES))
        oldest = self.backend.execute(parts.day.min())
        reach = rollups.reach(None if oldest is None else date.fromisoformat(str(oldest)[:10]), first)
        everything = (date.min, first - periods.ONE_DAY)
        people = self._keep(catalogue.USER_DAY, rollups.user_day(parts, self._earlier(catalogue.USER_DAY, reach)))
        self._keep(catalogue.FEATURE_DAY, rollups.feature_day(parts, self._earlier(catalogue.FEATURE_DAY, reach)))
        self._keep(catalogue.EVENT_DAY, rollups.event_day(seen))
        held = metrics.looked_at(seen, DEFINITIONS, rollups.USED)
        self._keep(catalogue.METRIC_DAY, metrics.metric_day(held, DEFINITIONS))
        self._keep(catalogue.ACCOUNT_DAY, rollups.account_day(parts, people))
        self._keep(catalogue.FIRST_USE, rollups.first_use(parts, self._earlier(catalogue.FIRST_USE, everything)))
        self._keep(catalogue.LAST_USE, rollups.last_use(parts, self._earlier(catalogue.LAST_USE, reach)))

    def _keep(self, table, rows: ibis.Table) -> ibis.Table:
        made = self.backend.to_pyarrow(rows)
        self.kept[table.name] = pa.concat_tables([self.kept[table.name], made])
        return ibis.memtable(made, schema=table.schema)

    def _earlier(self, table, reach: tuple[date, date] | None) -> ibis.Table:
        if reach is None:
            return table.empty()
        kept = ibis.memtable(self.kept[table.name], schema=table.schema)
        return kept.filter(kept.known_day.between(*reach))

    def sorted(self) -> dict[str, list]:
        return {name: sorted(map(repr, kept.to_pylist())) for name, kept in self.kept.items()}


@pytest.mark.parametrize("seed", range(4))
def test_a_range_in_one_call_gives_what_its_days_gave_one_by_one(backend, seed):
    rows = random_events(seed)
    whole, piecewise = Rollups(backend, rows), Rollups(backend, rows)
    whole.add((FIRST, LAST))
    for span in cuts(seed):
        piecewise.add(span)
    for name, made in whole.sorted().items():
        assert made, name
        assert piecewise.sorted()[name] == made, name


@pytest.mark.parametrize("seed", range(4))
def test_sums_over_the_parts_of_a_day_are_those_of_the_events(backend, seed):
    rows = random_events(seed)
    made = Rollups(backend, rows)
    made.add((FIRST, LAST))
    account = made.kept["account_day"].to_pylist()
    person = made.kept["user_day"].to_pylist()
    assert sum(row["events"] for row in account) == len(rows)
    assert sum(row["uses"] for row in account) == sum(row["feature"] is not None for row in rows)
    people = {(row["account_id"], row["user_id"], row["ts"].date()) for row in rows if row["user_id"]}
    assert sum(row["is_first"] for row in person) == len(people)
    assert sum(row["active_users"] for row in account) == len(people)
