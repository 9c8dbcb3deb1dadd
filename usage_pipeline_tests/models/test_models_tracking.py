"""MLflow: what is logged, what is registered, and which version is in force."""

from dataclasses import replace
from datetime import timedelta

import models_fleet
import numpy as np
import pytest

from usage_pipeline.models import promotion, registry, tracking, training
from usage_pipeline.models.calibration import Calibration

WEEKS = 52


def train(*, seed=3, signal=1.0):
    snapshots, labels = models_fleet.fleet(accounts=120, weeks=WEEKS, signal=signal)
    as_of = models_fleet.FIRST + timedelta(weeks=WEEKS)
    return training.train("churn_90d", models_fleet.CHURN, snapshots, labels, as_of=as_of, seed=seed, threads=1)


@pytest.fixture(scope="module")
def trained():
    return train()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    home = tmp_path_factory.mktemp("mlflow")
    return f"sqlite:///{home / 'mlflow.sqlite'}", str(home / "artifacts")


@pytest.fixture(scope="module")
def logged(trained, store):
    return tracking.log(trained, *store, "churn_90d")


def test_before_the_first_training_there_is_no_champion(store):
    tracking.prepare(store[0])
    assert registry.champion(store[0], "never_trained") is None


def test_the_first_model_is_champion_and_scores_the_same_when_loaded(trained, store, logged):
    run_id, version = logged
    found = registry.champion(store[0], "churn_90d")
    assert (found.version, found.run_id, found.has_skill) == (version, run_id, trained.model.has_skill)
    rows = trained.judged_rows
    np.testing.assert_array_equal(found.probability(rows), trained.model.probability(rows))
    assert registry.champion(store[0], "churn_90d") is found


def test_plain_mlflow_loads_it_and_takes_rows_with_gaps(trained, store, logged):
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store[0])
    try:
        plain = mlflow.pyfunc.load_model("models:/churn_90d@champion")
    finally:
        mlflow.set_tracking_uri(before)
    rows = tracking.example(trained.model, trained.judged_rows, rows_shown=50)
    assert rows.isna().any(axis=None)
    said = plain.predict(rows)["probability"].to_numpy()
    np.testing.assert_allclose(said, trained.model.probability(trained.judged_rows.head(50)))
    assert plain.metadata.signature.inputs.input_names() == list(trained.model.inputs)


def test_the_run_holds_figures_data_and_a_child_per_rung(trained, store, logged):
    from mlflow import MlflowClient

    client = MlflowClient(store[0])
    run = client.get_run(logged[0])
    assert run.data.params["data_fingerprint"] == trained.fingerprint
    assert run.data.metrics["auc_low"] == pytest.approx(trained.judgement.auc_low)
    children = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{logged[0]}'")
    assert {child.data.params["rung"] for child in children} == set(trained.rungs_judged)
    plots = {file.path for file in client.list_artifacts(logged[0], "plots")}
    assert plots == {f"plots/{name}.png" for name in ("gain", "precision_recall", "reliability", "scores")}


def test_logging_the_same_training_again_registers_nothing(trained, store, logged):
    assert tracking.log(trained, *store, "churn_90d") == logged


def test_a_worse_model_is_only_a_challenger_and_the_reason_is_kept(trained, store, logged):
    from mlflow import MlflowClient

    backwards = replace(
        trained.model,
        calibration=Calibration("platt", slope=-1.0, intercept=-2.0),
        has_skill=False,
        skill_reason="backwards",
    )
    worse = replace(trained, model=backwards, fingerprint="another")
    _, version = tracking.log(worse, *store, "churn_90d")
    client = MlflowClient(store[0])
    assert client.get_model_version_by_alias("churn_90d", "challenger").version == int(version)
    assert registry.champion(store[0], "churn_90d").version == logged[1]
    assert "ranks worse" in client.get_model_version("churn_90d", version).tags["promotion"]


def test_a_model_as_good_takes_over(trained):
    champion = trained.model.registered(version="1", run_id="r")
    decided = promotion.decide(trained, champion, seed=1)
    assert decided.alias == "champion"
    assert "not shown to be worse" in decided.why


def test_a_training_without_a_model_is_logged_with_its_reason(trained, store):
    from mlflow import MlflowClient

    none = replace(trained, state="insufficient", reason="too little", model=None, choice=None, judgement=None)
    run_id, version = tracking.log(none, *store, "churn_90d")
    assert version is None
    assert MlflowClient(store[0]).get_run(run_id).data.tags["state"] == "insufficient"
