"""The features of random customers, family by family, against the plainest possible reckoning."""

from datetime import date, timedelta

import by_hand
import pandas as pd
import pytest
from random_product import COMPANY, START, facts, product

from usage_pipeline.features import catalogue, snapshot

MORNINGS = [(seed, START + timedelta(days=day)) for seed, day in ((1, 60), (2, 110), (4, 145))]
GROUPS = sorted({feature.group for feature in catalogue.FEATURES})


@pytest.fixture(scope="module")
def both(backend):
    """Per morning: what the pipeline says, and what hands reckon."""
    pairs = []
    for seed, as_of in MORNINGS:
        made = product(seed, accounts=30 * seed, last_year=seed == 4)
        rows = backend.to_pyarrow(snapshot.snapshot(facts(made, backend), as_of, COMPANY)).to_pylist()
        pairs.append(({row["account_id"]: row for row in rows}, by_hand.snapshot(made, as_of)))
    return pairs


def test_a_morning_speaks_of_the_customers_known_by_then(both):
    for said, expected in both:
        assert sorted(said) == sorted(expected)
        assert len(said) > 5


@pytest.mark.parametrize("group", GROUPS)
def test_every_feature_of_the_group_is_what_hands_reckon(both, group):
    names = [feature.name for feature in catalogue.FEATURES if feature.group == group]
    for said, expected in both:
        wrong = [
            f"{account_id}.{name}: {said[account_id][name]} instead of {row[name]}"
            for account_id, row in expected.items()
            for name in names
            if not _equal(said[account_id][name], row[name])
        ]
        assert wrong == []


def test_the_random_customers_exercise_every_feature(both):
    rows = pd.DataFrame([row for said, _ in both for row in said.values()])
    constant = [f.name for f in catalogue.FEATURES if rows[f.name].nunique(dropna=False) < 2]
    assert constant == []


def _equal(said, expected):
    if expected is None or isinstance(expected, str | bool):
        return said is expected or (isinstance(expected, str) and said == expected)
    return said == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_one_query_for_many_mornings_gives_what_each_alone_gives(backend):
    made = product(5)
    known = facts(made, backend)
    mornings = [START + timedelta(days=day) for day in (40, 141)]
    for as_of, rows in snapshot.snapshots(known, mornings, COMPANY, backend):
        alone = backend.to_pyarrow(snapshot.snapshot(known, as_of, COMPANY))
        assert rows.schema == alone.schema
        assert rows.sort_by("account_id").equals(alone.sort_by("account_id"))
    assert as_of == date(2026, 5, 26)
