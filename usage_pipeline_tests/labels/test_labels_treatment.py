"""Which labels speak of accounts that a play may have changed."""

from datetime import date, timedelta

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from usage_pipeline.company import Kind, Outcome
from usage_pipeline.labels import treatment
from usage_pipeline.labels.catalogue import OUTCOME

MORNING = date(2026, 3, 2)
OUTCOMES = {"churn_30d": Outcome(kind=Kind.CHURN, source="subscriptions", horizon_days=30)}


def is_treated(*opened: int) -> bool:
    """Whether the account's label of the morning is, with tasks opened so many days after the morning."""
    schema = OUTCOME.schema.to_pyarrow()
    label = dict.fromkeys(schema.names) | {"account_id": "acme", "outcome": "churn_30d", "as_of": MORNING}
    labels = ibis.memtable(pa.Table.from_pylist([label], schema=schema))
    rows = [("acme", MORNING + timedelta(days=days)) for days in opened]
    tasks = pd.DataFrame([("other", MORNING), *rows], columns=["account_id", "opened_on"], dtype=object)
    (row,) = treatment.marked(labels, tasks, OUTCOMES).to_pyarrow().to_pylist()
    return bool(row["is_treated"])


@pytest.mark.parametrize("days", [-30, 0, 30])
def test_a_label_within_a_horizon_of_a_task_is_treated(days):
    assert is_treated(days)


@pytest.mark.parametrize("days", [-31, 31])
def test_a_label_further_from_a_task_than_its_horizon_is_not(days):
    assert not is_treated(days)


def test_an_account_for_which_no_task_was_opened_is_not_treated_whatever_arm_it_drew():
    assert not is_treated()


def test_a_task_in_two_crms_marks_its_label_once():
    assert is_treated(3, 3)
