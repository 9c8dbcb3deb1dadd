"""Many mornings at once, from weeks of use in place of days, give what each gives alone."""

from datetime import timedelta

import pytest
from random_product import COMPANY, OWN, START, facts, product

from usage_pipeline.features import snapshot, walk

WEEKLY = [START + timedelta(days=40 + 7 * week) for week in (0, 1, 2, 5, 8, 14)]


def different(known, mornings, looked_at, company, backend):
    """The mornings and columns that are not among others what they are alone."""
    among = dict(snapshot.snapshots(known, mornings, company, backend))
    assert list(among) == mornings
    found = set()
    for as_of in looked_at:
        [(_, alone)] = snapshot.snapshots(known, [as_of], company, backend)
        rows, alone = among[as_of].sort_by("account_id"), alone.sort_by("account_id")
        assert rows.schema == alone.schema
        assert len(rows) == len(alone) > 0
        found |= {(as_of, name) for name in rows.column_names if not rows[name].equals(alone[name])}
    return found


def test_a_morning_among_others_is_what_it_is_alone(backend):
    known = facts(product(6, accounts=30), backend)
    assert different(known, WEEKLY, [WEEKLY[3]], COMPANY, backend) == set()


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "at_once"), [(5, 2), (9, 4)])
def test_each_morning_of_many_is_what_it_is_alone_own_metrics_and_last_year_included(
    backend, monkeypatch, seed, at_once
):
    monkeypatch.setattr(walk, "MORNINGS_AT_ONCE", at_once)
    monkeypatch.setattr(walk, "DAYS_AT_ONCE", 20)
    known = facts(product(seed, accounts=40, last_year=True), backend, OWN)
    assert different(known, WEEKLY, WEEKLY, OWN, backend) == set()


@pytest.mark.slow
def test_mornings_come_in_the_order_they_were_asked_for_whatever_their_weekdays(backend):
    known = facts(product(7), backend)
    asked = [*WEEKLY[:4], WEEKLY[4] + timedelta(days=2), WEEKLY[1]]
    assert [as_of for as_of, _ in snapshot.snapshots(known, asked, COMPANY, backend)] == asked


def test_nothing_is_left_in_the_engine_also_when_nobody_wants_the_rest(backend):
    known = facts(product(8), backend)
    before = _own(backend)
    made = snapshot.snapshots(known, WEEKLY, COMPANY, backend)
    next(made)
    assert _own(backend) > before
    made.close()
    assert _own(backend) == before


def _own(backend):
    """The engine's tables but for rows in memory, which Ibis names and lets go of with their expression."""
    return {name for name in backend.list_tables() if not name.startswith("ibis_")}
