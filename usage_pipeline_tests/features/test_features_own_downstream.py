"""An own metric reaches the models and the reasons like any shipped feature."""

from datetime import date

import pandas as pd
import pytest
from random_product import OWN, facts, product

from usage_pipeline.company import Kind
from usage_pipeline.features import catalogue, snapshot
from usage_pipeline.models.encoding import Encoder
from usage_pipeline.scores import reasons

AS_OF = date(2026, 5, 4)
INPUTS = catalogue.inputs(OWN)
NAMES = [feature.name for feature in INPUTS[len(catalogue.INPUTS) :]]


def reason(name: str, *, usual: dict[str, float] | None = None, **values: float) -> str | None:
    """What the reasons of an account say where this one figure moves its score."""
    row = pd.DataFrame([{"account_id": "acme", "peers": 40, **values}])
    weights = pd.DataFrame([{feature.name: 0.0 for feature in INPUTS} | {name: 0.9, "base": -3.0}])
    peers = pd.DataFrame([usual or {}])
    [told] = reasons.reasons(row, peers, weights, kind=Kind.CHURN, is_high=[True], inputs=INPUTS)
    return told[0].text if told else None


@pytest.fixture(scope="module")
def snapshots(backend) -> pd.DataFrame:
    [(_, rows)] = snapshot.snapshots(facts(product(21, accounts=40), backend, OWN), [AS_OF], OWN, backend)
    return rows.to_pandas()


def test_the_figures_of_an_own_metric_are_inputs_of_a_model(snapshots):
    encoder = Encoder.fit(snapshots, features=INPUTS)
    assert set(NAMES) <= set(encoder.inputs)
    assert encoder.matrix(snapshots).shape == (len(snapshots), len(encoder.inputs))


def test_a_company_without_metrics_has_none_of_them_among_its_inputs(snapshots):
    assert not set(NAMES) & set(Encoder.fit(snapshots).inputs)


def test_a_reason_says_an_own_metric_in_the_words_of_the_mapping():
    assert reason("pdfs", pdfs=3.0, usual={"pdfs": 7.0}) == (
        "reports exported as PDF: 3 in 28 days; similar accounts 7"
    )
    assert reason("pdfs_change", pdfs=3.0, pdfs_change=-0.5, usual={"pdfs_change": 0.04}) == (
        "reports exported as PDF fell from 6 to 3 in 28 days; similar accounts grew 4 %"
    )
    assert reason("pdfs_change", pdfs=0.0, pdfs_change=-1.0) == (
        "reports exported as PDF: none in 28 days, but some in the 28 before"
    )
    assert reason("pdfs_percentile", pdfs=3.0, pdfs_percentile=0.2) == (
        "reports exported as PDF: 20 % of similar accounts have no more"
    )
    assert reason("drift", drift=-0.02) == "amount handled fell by about 56 % over 28 days"


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_that_is_not_known_is_no_reason(name):
    assert reason(name) is None
