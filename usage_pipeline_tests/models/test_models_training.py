"""From snapshots and labels to a judged model: nothing learned from what was not yet known."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import models_fleet
import numpy as np
import pandas as pd
import pytest

from usage_pipeline.models import catalogue, ladder, model, training
from usage_pipeline.models.rows import Rows

WEEKS = 64
AS_OF = models_fleet.FIRST + timedelta(weeks=WEEKS)


def train(snapshots, labels, *, as_of=AS_OF, outcome=models_fleet.CHURN):
    return training.train("churn_90d", outcome, snapshots, labels, as_of=as_of, seed=3, threads=1)


@pytest.fixture(scope="module")
def fleet():
    return models_fleet.fleet(accounts=160, weeks=WEEKS)


@pytest.fixture(scope="module")
def trained(fleet):
    return train(*fleet)


def test_a_signal_that_is_there_is_found_and_beats_the_rule(trained):
    told = trained.judgement
    assert trained.state == "trained"
    assert told.has_skill, told.skill_reason
    assert told.auc > 0.65
    assert told.average_precision > 1.3 * told.rule_average_precision
    assert 0.4 < told.calibration_slope < 2.0
    assert told.auc_low < told.auc < told.auc_high


def test_noise_shows_no_skill_and_says_why():
    told = train(*models_fleet.fleet(accounts=160, weeks=WEEKS, signal=0.0)).judgement
    assert not told.has_skill
    assert told.skill_reason


def test_outcomes_dealt_to_other_accounts_show_no_skill(fleet):
    snapshots, labels = fleet
    names = snapshots["account_id"].unique()
    dealt = dict(zip(names, np.random.default_rng(5).permutation(names), strict=True))
    assert not train(snapshots, labels.assign(account_id=labels["account_id"].map(dealt))).judgement.has_skill


def test_a_label_not_yet_known_changes_nothing(fleet, trained):
    snapshots, labels = fleet
    unknown = pd.to_datetime(labels["known_at"]) > pd.Timestamp(AS_OF)
    assert unknown.any()
    turned = labels.assign(happened=np.where(unknown, ~labels["happened"], labels["happened"]))
    again = train(snapshots, turned)
    assert again.fingerprint == trained.fingerprint
    assert again.judgement == trained.judgement
    assert again.model.document() == trained.model.document()


def test_unknown_is_left_out_not_taken_for_no(fleet):
    snapshots, labels = fleet
    some = labels.assign(happened=labels["happened"].astype(object).where(labels.index % 2 == 0, None))
    rows = Rows.known("churn_90d", snapshots, some, as_of=AS_OF).frame
    known = pd.to_datetime(labels["known_at"]) <= pd.Timestamp(AS_OF)
    assert len(rows) == (known & (labels.index % 2 == 0)).sum()


def test_judged_rows_are_used_for_nothing_but_judging(fleet, trained):
    snapshots, labels = fleet
    is_judged = snapshots["as_of"].dt.date.isin(trained.cut.judge)
    rng = np.random.default_rng(1)
    spoiled = snapshots.assign(users_28d=snapshots["users_28d"].where(~is_judged, rng.random(len(snapshots))))
    other = labels.assign(happened=labels["happened"].where(~is_judged, rng.random(len(labels)) < 0.3))
    again = train(spoiled, other)
    assert again.model.encoder == trained.model.encoder
    assert again.model.ranker.state() == trained.model.ranker.state()
    assert again.model.calibration == trained.model.calibration
    assert again.judgement.auc != trained.judgement.auc


def test_the_same_data_give_the_same_model_in_any_order(fleet, trained):
    snapshots, labels = fleet
    again = train(snapshots.sample(frac=1, random_state=1), labels.sample(frac=1, random_state=2))
    assert again.fingerprint == trained.fingerprint
    assert again.model.document() == trained.model.document()


@pytest.mark.parametrize("rung", ladder.RUNGS)
def test_contributions_sum_to_the_log_odds_and_a_saved_rung_scores_the_same(fleet, trained, rung):
    rows = trained.judged_rows.head(200)
    encoder = trained.model.encoder
    fit_rows = Rows.known("churn_90d", *fleet, as_of=AS_OF).frame.head(1500)
    told = fit_rows["happened"].to_numpy(dtype=bool)
    rungs = ladder.fit(encoder.matrix(fit_rows), told, encoder, trained.model.kind, independent=0.1, seed=1, threads=1)
    given = replace(trained.model, rung=rung, ranker=rungs[rung])
    parts = given.contributions(rows)
    assert list(parts.columns) == [*given.inputs, "base"]
    np.testing.assert_allclose(parts.sum(axis=1), given.log_odds(rows), atol=1e-5)
    np.testing.assert_array_equal(model.loaded(given.document()).probability(rows), given.probability(rows))
    order = np.argsort(given.log_odds(rows), kind="stable")
    assert (np.diff(given.probability(rows)[order]) >= 0).all()


def test_gaps_and_levels_never_seen_get_a_score(trained):
    rows = trained.judged_rows.head(5).copy()
    rows["industry"] = "Space mining"
    for name in trained.model.inputs:
        if name not in trained.model.encoder.levels:
            rows[name] = np.nan
    said = trained.model.probability(rows)
    assert ((said > 0) & (said < 1)).all()


def test_the_rows_have_the_columns_of_the_catalogue(trained):
    row = trained.row(run_id="r", model_version="7")
    assert list(row.columns) == [column.name for column in catalogue.TRAINING.columns]
    assert row["auc"].notna().all()
    told = trained.judged(model_version="7")
    assert list(told.columns) == [column.name for column in catalogue.JUDGED.columns]
    assert set(told["as_of"]) == set(trained.cut.judge)
    assert set(told["tier"]) <= {"red", "yellow", "green"}


def test_too_short_a_history_gives_no_model_but_the_reason():
    short = train(*models_fleet.fleet(accounts=60, weeks=24), as_of=models_fleet.FIRST + timedelta(weeks=24))
    assert (short.state, short.model) == ("insufficient", None)
    assert "history is too short" in short.reason
    assert short.row()["has_skill"].isna().all()
    assert short.judged().empty


def test_too_few_cases_give_no_model_but_the_number(fleet):
    snapshots, labels = fleet
    churned = labels.loc[labels["happened"], "account_id"].unique()
    kept = ~labels["account_id"].isin(churned[5:])
    few = train(snapshots, labels[kept])
    assert few.state == "insufficient"
    assert "at least 10" in few.reason


def test_no_label_at_all_gives_no_model(fleet):
    snapshots, labels = fleet
    assert train(snapshots, labels.head(0)).state == "insufficient"


def test_nothing_heavy_is_imported_with_the_package():
    code = (
        "import importlib, pkgutil, sys, usage_pipeline.models as m\n"
        "[importlib.import_module(f'{m.__name__}.{each.name}') for each in pkgutil.iter_modules(m.__path__)]\n"
        "assert not {'mlflow', 'xgboost', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
