"""Accounts that a person keeps out: from when, until when, and in again."""

from datetime import date, datetime

import pytest
from sqlalchemy import insert

from usage_pipeline.ledger import schema, suppressing

AT = datetime(2026, 5, 4, 9)
MORNING = date(2026, 5, 4)


@pytest.fixture
def engine(tmp_path):
    with suppressing.opened(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as engine:
        yield engine


def suppress(engine, account="a", until=None, reason=None):
    suppressing.suppress(engine, account, until=until, reason=reason, asked_by="me", at=AT)


def test_an_account_is_out_through_its_last_day(engine):
    suppress(engine, until=MORNING)
    assert suppressing.suppressed(engine, MORNING) == {"a"}
    assert suppressing.suppressed(engine, date(2026, 5, 5)) == set()


@pytest.fixture
def delivered(engine):
    def on(as_of, at):
        told = {"run": str(at), "instance": "hubspot:1", "contract_version": "1", "state": "done"}
        with engine.begin() as connection:
            connection.execute(insert(schema.run).values(as_of=as_of, started_at=at, **told))

    return on


def test_a_morning_made_again_has_whom_it_had(engine, delivered):
    delivered(MORNING, datetime(2026, 5, 4, 6))
    suppress(engine)
    delivered(date(2026, 5, 20), datetime(2026, 5, 20, 6))
    assert suppressing.suppressed(engine, date(2026, 3, 2)) == set()
    assert suppressing.suppressed(engine, MORNING) == {"a"}


def test_a_simulated_morning_of_the_past_knows_who_is_out_now(engine, delivered):
    delivered(date(2020, 1, 6), datetime(2026, 5, 4, 6))
    suppress(engine)
    assert suppressing.suppressed(engine, date(2020, 1, 6)) == {"a"}


def test_without_a_day_it_is_out_for_good(engine):
    suppress(engine)
    assert suppressing.suppressed(engine, date(2036, 5, 4)) == {"a"}


def test_saying_it_again_replaces_what_was_said(engine):
    suppress(engine, until=MORNING, reason="lawsuit")
    suppress(engine, reason="partner")
    (row,) = suppressing.listed(engine)
    assert (row["until"], row["reason"]) == (None, "partner")


def test_an_account_may_come_in_again(engine):
    suppress(engine)
    assert suppressing.lift(engine, "a")
    assert not suppressing.lift(engine, "a")
    assert suppressing.suppressed(engine, MORNING) == set()
