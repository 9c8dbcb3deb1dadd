"""No feature of a morning depends on anything that became known on or after it."""

import random
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import ibis
import pyarrow as pa
import pytest
from random_product import OWN, START, Product, facts, product

from usage_pipeline.features import snapshot
from usage_pipeline.features.sight import TABLES, Facts

LATER = ("known_at", "known_day")


def rows_of(known: Facts, as_of: date, backend) -> list[dict]:
    """The snapshot's rows in a fixed order."""
    [(_, rows)] = snapshot.snapshots(known, [as_of], OWN, backend)
    return rows.sort_by("account_id").to_pylist()


def changed(dice: random.Random, name: str, rows: list[dict], as_of: date) -> list[dict]:
    """The same rows as long as they were known by then; of the others some go, some change, and many come."""
    clock = next(column for column in LATER if column in rows[0])
    morning = as_of if clock == "known_day" else datetime.combine(as_of, time.min)
    early = [row for row in rows if row[clock] < morning]
    late = [_other(dice, row) for row in rows if row[clock] >= morning and dice.random() < 0.7]
    # Corrections: what was known by then is told again, differently, from the morning on.
    late += [
        _other(dice, row) | {clock: morning + timedelta(days=dice.randrange(9))} for row in early if dice.random() < 0.5
    ]
    if name == "ticket":
        early = [_closed_otherwise(dice, row, morning) for row in early]
    return dice.sample([*early, *late], len(early) + len(late))


def _closed_otherwise(dice: random.Random, row: dict, morning: datetime) -> dict:
    """A ticket that was open on the morning may be closed at any time after it, with any rating."""
    if row["closed_at"] and row["closed_at"] < morning:
        return row
    closed = dice.choice([None, morning + timedelta(hours=dice.randrange(500))])
    return row | {"closed_at": closed, "satisfaction": dice.choice([None, 1, 5]) if closed else None}


def _other(dice: random.Random, row: dict) -> dict:
    """The row with other numbers, texts, truths and earlier days; sometimes of an account nobody knew."""
    made = {}
    for column, value in row.items():
        if column in LATER or value is None or dice.random() < 0.3:
            made[column] = value
        elif isinstance(value, bool):
            made[column] = not value
        elif isinstance(value, int):
            made[column] = value + dice.randrange(1, 50)
        elif isinstance(value, str):
            made[column] = dice.choice(
                [value, "f1", "active", "cancelled", "nps", "shared", f"unknown{dice.randrange(3)}"]
            )
        elif isinstance(value, date):
            made[column] = value - timedelta(days=dice.randrange(60))
        else:
            made[column] = value
    return made


@pytest.mark.parametrize("seed", range(10, 18))
def test_nothing_known_on_or_after_the_morning_changes_a_feature_of_it(backend, seed):
    dice = random.Random(seed)
    as_of = START + timedelta(days=dice.randrange(30, 140))
    known = facts(product(seed), backend, OWN)
    expected = rows_of(known, as_of, backend)
    assert expected
    tampered = {}
    for name, table in TABLES.items():
        rows = backend.to_pyarrow(getattr(known, name)).to_pylist()
        other = changed(dice, name, rows, as_of)
        assert other != rows
        tampered[name] = ibis.memtable(
            pa.Table.from_pylist(other, schema=table.schema.to_pyarrow()), schema=table.schema
        )
    assert rows_of(Facts(**tampered), as_of, backend) == expected


@pytest.mark.parametrize("seed", [30, 31])
def test_what_lands_later_changes_no_earlier_morning_even_through_the_rollups(backend, seed):
    dice = random.Random(seed)
    as_of = START + timedelta(days=100)
    made = product(seed)
    other = Product(**{name: changed(dice, name, getattr(made, name), as_of) for name in Product.__annotations__})
    # A row's known day is that of its known_at, whatever became of it.
    for number, row in enumerate(other.event):
        row |= {"known_at": max(row["known_at"], row["ts"]), "line": number}
        row["known_day"] = row["known_at"].date()
    assert rows_of(facts(other, backend, OWN), as_of, backend) == rows_of(facts(made, backend, OWN), as_of, backend)


def test_what_the_morning_did_know_does_change_it(backend):
    made = product(40)
    as_of = START + timedelta(days=100)
    known = facts(made, backend, OWN)
    kept = known.event_day.filter(known.event_day.known_day < as_of - timedelta(days=20))
    assert rows_of(replace(known, event_day=kept), as_of, backend) != rows_of(known, as_of, backend)
