"""Signals: deviations from an account's own usual, and moves of tier and cohort."""

import pandas as pd
import pyarrow as pa
import pytest

from usage_pipeline.scores import catalogue as scores_catalogue
from usage_pipeline.segments import catalogue as segments_catalogue
from usage_pipeline.segments import cohorts
from usage_pipeline.signals import catalogue, changes
from usage_pipeline_tests import company

NO_SCORES = scores_catalogue.ACCOUNT_SCORE.schema.to_pyarrow().empty_table().to_pandas()
NO_SEGMENTS = segments_catalogue.ACCOUNT_SEGMENT.schema.to_pyarrow().empty_table().to_pandas()

DROP = {"uses_7d": 40, "uses_vs_usual": 0.4, "uses_deviation_7d": -2.6}
LOST = {
    "users_28d": 7,
    "users_28d_before": 12,
    "users_change_28d": 7 / 12 - 1,
    "users_change_vs_peers": 7 / 12 - 1.04,
    "wau_slope_t_90d": -4.0,
}


def signals(
    *snapshots: dict, now: tuple = (NO_SCORES, NO_SEGMENTS), before: tuple = (NO_SCORES, NO_SEGMENTS)
) -> pd.DataFrame:
    return changes.signals(company.frame(*snapshots), now[0], before[0], now[1], before[1], company.AS_OF)


def kinds(**columns) -> list[str]:
    return signals(company.snapshot("a", **columns)).kind.tolist()


def score(tier: str, points: float, *, outcome: str = "churn_90d") -> pd.DataFrame:
    row = {"account_id": "a", "outcome": outcome, "kind": outcome.partition("_")[0], "tier": tier, "score": points}
    return pd.DataFrame([row])


def segment(cohort: str) -> pd.DataFrame:
    return pd.DataFrame(
        [{"account_id": "a", "cohort": cohort, "cohort_rule": "use is declining, whatever its breadth"}]
    )


def test_a_steady_account_gives_no_signal():
    assert kinds() == []


def test_a_week_far_below_its_own_usual_is_a_drop_with_both_figures():
    row = signals(company.snapshot("a", **DROP)).iloc[0]
    assert (row.kind, row.severity, row.value, row.own_usual) == ("usage_drop", "medium", 40.0, 100.0)
    assert row.text == "feature events fell to 40 in the last week, from a usual 100"
    assert row.suggestion


def test_a_large_fall_within_its_own_noise_is_none():
    """ALR-06: deviation from learned normal, not "drop 20 %"."""
    assert kinds(uses_7d=50, uses_vs_usual=0.5, uses_deviation_7d=-1.2) == []


def test_a_small_account_does_not_flap():
    assert kinds(uses_7d=2, uses_vs_usual=0.2, uses_deviation_7d=-2.5, uses_90d=120) == []


def test_an_account_that_never_varied_has_no_deviation_and_is_still_heard_when_it_stops():
    assert kinds(uses_7d=0, uses_vs_usual=0.0, uses_deviation_7d=None) == ["usage_drop"]


def test_lost_people_are_told_beside_the_peers():
    row = signals(company.snapshot("a", **LOST)).iloc[0]
    assert (row.kind, row.value, row.own_usual) == ("users_lost", 7.0, 12.0)
    assert row.peer_usual == pytest.approx(12 * 1.04)
    assert row.text == "active users fell from 12 to 7 in four weeks; similar accounts grew 4 %"


def test_two_people_fewer_or_a_fall_within_the_noise_is_no_loss():
    assert kinds(**(LOST | {"users_28d": 10})) == []
    assert kinds(**(LOST | {"wau_slope_t_90d": -1.0})) == []


def test_features_that_nobody_uses_any_more_are_told_and_one_rare_one_is_not():
    assert kinds(features_lost_28d=4, features_28d=4, features_28d_before=8) == ["feature_abandoned"]
    assert kinds(features_lost_28d=1, features_28d=7, features_28d_before=8) == []
    assert kinds(features_lost_28d=3, features_28d=8, features_28d_before=8) == []
    assert kinds(features_lost_28d=3, features_28d=0, features_28d_before=3) == []


def test_the_last_integration_taken_out_is_grave():
    row = signals(company.snapshot("a", integrations=0, integrations_removed_90d=1)).iloc[0]
    assert (row.kind, row.severity) == ("integration_removed", "high")
    assert row.text == "1 integration removed in 90 days, none left"


def test_similar_accounts_stand_beside_a_drop_where_there_are_ten():
    fleet = [company.snapshot(f"b{n:02}", uses_vs_usual=0.98) for n in range(12)]
    row = signals(company.snapshot("a", **DROP), *fleet).iloc[0]
    assert row.text.endswith("; similar accounts were at 98 % of their usual")
    assert row.peer_usual == pytest.approx(98.0)


def test_a_tier_that_moved_with_its_own_score_is_a_signal():
    row = signals(
        company.snapshot("a"), now=(score("red", 71.2), NO_SEGMENTS), before=(score("yellow", 38.0), NO_SEGMENTS)
    ).iloc[0]
    assert (row.kind, row.severity, row.value, row.own_usual) == ("tier_change", "high", 71.2, 38.0)
    assert row.text == "churn risk (churn_90d) went from yellow to red: 38 to 71 of 100"


def test_a_tier_that_moved_because_others_did_is_none():
    assert signals(
        company.snapshot("a"), now=(score("yellow", 12.2), NO_SEGMENTS), before=(score("green", 12.0), NO_SEGMENTS)
    ).empty


def test_moves_of_two_outcomes_are_one_signal_with_the_gravest_first():
    now = pd.concat([score("low", 2.0, outcome="expansion_90d"), score("red", 75.0)])
    before = pd.concat([score("high", 30.0, outcome="expansion_90d"), score("green", 5.0)])
    found = signals(company.snapshot("a"), now=(now, NO_SEGMENTS), before=(before, NO_SEGMENTS))
    assert len(found) == 1
    assert found.severity[0] == "high"
    assert found.text[0].startswith("churn risk")
    assert "expansion likelihood" in found.text[0]


def test_a_cohort_that_moved_says_by_which_rule():
    found = signals(
        company.snapshot("a"), now=(NO_SCORES, segment("Risk-Inactive")), before=(NO_SCORES, segment("Activated-Power"))
    ).iloc[0]
    assert (found.kind, found.severity) == ("cohort_change", "high")
    assert found.text == "cohort went from Activated-Power to Risk-Inactive: use is declining, whatever its breadth"


def test_the_first_morning_has_nothing_to_be_compared_with():
    now = (score("red", 71.0), cohorts.segment(company.table(company.snapshot("a")), company.AS_OF).to_pandas())
    assert signals(company.snapshot("a"), now=now).empty


def test_a_former_customer_gives_no_signal():
    assert kinds(is_subscribed=False, **DROP) == []


def test_the_table_takes_the_signals_and_an_empty_morning():
    for rows in (signals(company.snapshot("a", **DROP, **LOST)), signals(company.snapshot("a"))):
        pa.Table.from_pandas(rows, schema=catalogue.SIGNAL.schema.to_pyarrow(), preserve_index=False)
