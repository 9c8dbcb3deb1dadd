"""The parts of a training: cuts by time, calibration, choosing, judging, tiers."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from usage_pipeline.company import Kind
from usage_pipeline.models import choosing, judging, resampling, splits, tiers
from usage_pipeline.models.calibration import calibrate


def weekly(count):
    return [date(2020, 1, 6) + timedelta(weeks=week) for week in range(count)]


def cut(mornings, embargo, *, positives=500):
    return splits.cut(mornings, embargo, rows=len, positives=lambda _: positives)


@pytest.mark.parametrize(("count", "embargo"), [(300, 90), (84, 90), (154, 266), (30, 30), (60, 1)])
def test_every_label_of_a_part_is_known_on_the_first_morning_of_the_next(count, embargo):
    made = cut(weekly(count), embargo)
    parts = [part for part in (made.fit, made.calibrate, made.choose, made.judge) if part]
    for earlier, later in pairwise(parts):
        assert max(earlier) + timedelta(days=embargo) <= min(later)
    assert len(made.judge) >= splits.JUDGE_MORNINGS


def test_a_long_history_is_cut_in_four_and_a_short_one_in_two_with_the_reason():
    assert cut(weekly(300), 90).calibrate
    short = cut(weekly(84), 90)
    assert short.is_cross_fitted
    assert "cross-fitting" in short.why
    assert cut(weekly(300), 90, positives=49).is_cross_fitted


def test_without_a_morning_before_the_embargo_there_is_nothing_to_fit():
    assert cut(weekly(12), 90).fit == ()


def scored(rows=4000, seed=1):
    rng = np.random.default_rng(seed)
    raw = rng.normal(-2, 1.2, rows)
    happened = rng.random(rows) < 1 / (1 + np.exp(-(0.5 * raw - 0.5)))
    return raw, happened


@pytest.mark.parametrize(("accounts", "method"), [(199, "platt"), (200, "isotonic")])
def test_calibration_is_strictly_rising_and_means_what_it_says(accounts, method):
    raw, happened = scored()
    made = calibrate(raw, happened, positive_accounts=accounts)
    assert made.method == method
    said = made.probability(np.linspace(-8, 6, 2001))
    assert (np.diff(said) > 0).all()
    fresh_raw, fresh = scored(seed=2)
    assert judging.calibration_error(made.probability(fresh_raw), fresh) < 0.03


def test_calibration_of_an_order_that_says_nothing_gives_everybody_the_base_rate():
    raw, happened = scored()
    said = calibrate(-raw, happened, positive_accounts=100).probability(-raw)
    assert said.max() - said.min() < 0.01
    assert said.mean() == pytest.approx(happened.mean(), abs=0.01)


def test_figures_agree_with_scikit_learn_ties_and_weights_included():
    raw, happened = scored(500)
    score = np.round(raw, 1)
    weights = np.random.default_rng(3).integers(0, 4, (3, 500)).astype(np.float32)
    weights[0, score > 0.5] = 0  # the highest accounts were not drawn
    each = resampling.curve(score, happened, weights)
    for place in range(3):
        assert each.auc[place] == pytest.approx(roc_auc_score(happened, score, sample_weight=weights[place]))
        wanted = average_precision_score(happened, score, sample_weight=weights[place])
        assert each.average_precision[place] == pytest.approx(wanted)
    assert float(resampling.curve(score, happened).auc) == pytest.approx(roc_auc_score(happened, score))


def test_an_interval_over_accounts_is_wider_where_accounts_repeat_themselves():
    raw, happened = scored(300)
    own = np.arange(300)
    auc = lambda score, told: lambda weights: resampling.curve(score, told, weights).auc  # noqa: E731
    alone = resampling.resampled(own, 1, auc(raw, happened)).std()
    five_times = resampling.resampled(np.repeat(own, 5), 1, auc(np.repeat(raw, 5), np.repeat(happened, 5))).std()
    assert five_times == pytest.approx(alone, rel=0.15)


def test_the_lightest_rung_that_is_as_good_is_chosen():
    raw, happened = scored(2000)
    rng = np.random.default_rng(4)
    light, nearly = rng.normal(size=2000), raw + rng.normal(scale=0.05, size=2000)
    made = choosing.choose({"light": light, "middle": nearly, "heavy": raw}, happened, np.arange(2000), seed=1)
    assert made.rung == "middle"
    assert choosing.choose({"light": light, "heavy": raw}, happened, np.arange(2000), seed=1).rung == "heavy"


def test_lift_takes_a_share_of_equals():
    happened = np.array([True] * 10 + [False] * 90)
    assert judging.lift(np.zeros(100), happened, 0.1) == pytest.approx(1.0)
    assert judging.lift(happened.astype(float), happened, 0.1) == pytest.approx(10.0)


def names(probability, base_rate, kind=Kind.CHURN):
    return [tier for tier, _ in tiers.tiers(np.array(probability), base_rate, kind)]


def test_red_is_above_seventy_percent_or_in_the_highest_two_percent_at_four_times_the_base_rate():
    quiet = [0.01 + place / 100_000 for place in range(98)]
    assert names([*quiet, 0.20, 0.21], 0.05)[-2:] == ["red", "red"]
    assert names([*quiet, 0.20, 0.19], 0.05)[-2:] == ["red", "yellow"]  # 3.8 times the base rate
    assert names([*quiet, 0.69, 0.71], 0.5)[-2:] == ["yellow", "red"]
    assert names([0.70], 0.5) == ["yellow"]


def test_yellow_is_above_forty_percent_or_in_the_highest_tenth_at_twice_the_base_rate():
    quiet = [0.01 + place / 100_000 for place in range(90)]
    given = names([*quiet, *([0.10] * 10)], 0.05)
    assert given[-10:] == ["yellow"] * 10
    assert given[:90] == ["green"] * 90
    assert names([*quiet, *([0.09] * 10)], 0.05)[-10:] == ["green"] * 10
    assert names([0.41, 0.40], 0.3) == ["yellow", "green"]


def test_expansion_has_the_same_rules_by_other_names_and_the_rule_is_told():
    assert names([0.71, 0.41, 0.1], 0.3, Kind.EXPANSION) == ["high", "medium", "low"]
    (_, rule), *_ = tiers.tiers(np.array([0.9, 0.1]), 0.1, Kind.CHURN)
    assert rule == "probability above 70%"
    quiet = np.concatenate([[0.3], np.full(99, 0.01)])
    assert (
        tiers.tiers(quiet, 0.05, Kind.CHURN)[0][1]
        == "in the highest 2% of the morning, at 6.0 times the base rate of 5.0%"
    )


def test_among_few_accounts_nobody_is_red_by_rank():
    assert names([0.3] + [0.01] * 19, 0.05) == ["yellow"] + ["green"] * 19
    assert names([], 0.05) == []
