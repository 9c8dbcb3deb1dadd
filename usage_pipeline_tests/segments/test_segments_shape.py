"""Curve, bucket and renewal stage."""

import ibis
import pytest

from usage_pipeline.segments import buckets, curves, renewals
from usage_pipeline_tests import company


def curve_of(**columns) -> str:
    t = company.table(company.snapshot("a", **columns))
    return t.select(curve=curves.curve(t)).to_pyarrow()["curve"][0].as_py()


def bucket_of(subject: dict, *others: dict) -> str:
    t = company.table(subject, *others).mutate(is_in_use=ibis._.uses_28d > 0)
    found = t.select("account_id", bucket=buckets.bucket(t)).to_pyarrow().to_pylist()
    return next(row["bucket"] for row in found if row["account_id"] == subject["account_id"])


def test_people_decide_growth_even_where_their_habits_stay_the_same():
    """Conflict 1: 5 to 20 users with equal habits has a flat DAU/MAU and is growth."""
    assert curve_of(wau_slope_90d=0.09, wau_slope_t_90d=9.0, dau_mau_slope_90d=0.0) == "growing"
    assert (
        curve_of(wau_slope_90d=0.09, wau_slope_t_90d=9.0, dau_mau_slope_90d=-0.05, dau_mau_slope_t_90d=-5.0)
        == "growing"
    )


def test_stickiness_decides_only_between_flat_and_declining():
    assert curve_of(dau_mau_slope_90d=-0.05, dau_mau_slope_t_90d=-5.0) == "declining"
    assert curve_of(dau_mau_slope_90d=0.05, dau_mau_slope_t_90d=5.0) == "flat"


def test_noise_is_flat_however_steep_and_a_sure_but_tiny_slope_is_flat_too():
    assert curve_of(wau_slope_90d=-0.05, wau_slope_t_90d=-1.2) == "flat"
    assert curve_of(wau_slope_90d=-0.001, wau_slope_t_90d=-8.0) == "flat"


def test_a_perfect_line_has_no_t_value_and_is_a_trend():
    assert curve_of(wau_slope_90d=-0.05, wau_slope_t_90d=None) == "declining"


def test_below_four_weeks_of_history_there_is_no_curve():
    assert curve_of(history_days=27, wau_slope_90d=0.09, wau_slope_t_90d=9.0) == "unknown"
    assert curve_of(history_days=28, wau_slope_90d=0.09, wau_slope_t_90d=9.0) == "growing"


def test_an_account_younger_than_a_quarter_has_the_curve_of_its_last_four_weeks():
    young = {"tenure_days": 60, "history_days": 60, "uses_28d": 400}
    young |= dict.fromkeys(["wau_slope_90d", "wau_slope_t_90d", "uses_slope_90d"])
    assert curve_of(uses_slope_28d=-0.04, **young) == "declining"
    assert curve_of(uses_slope_28d=0.04, **young) == "growing"
    assert curve_of(uses_slope_28d=-0.01, **young) == "flat"


@pytest.mark.parametrize("nobody", [0, None])
def test_where_events_name_no_people_the_events_themselves_have_the_curve(nobody):
    people = {
        "users_7d": nobody,
        "users_28d": nobody,
        "users_90d": nobody,
        "wau_slope_90d": None,
        "wau_slope_t_90d": None,
    }
    assert curve_of(uses_slope_90d=-0.006, uses_90d=1200, **people) == "declining"
    assert curve_of(uses_slope_90d=0.006, uses_90d=1200, **people) == "growing"
    assert curve_of(uses_slope_90d=-0.006, uses_90d=20, **people) == "flat"


def test_the_edges_of_the_renewal_stages_belong_to_the_nearer_one():
    """Conflict 13."""
    stages = {
        (181, None): "Renewal-Far",
        (180, None): "Pre-Window",
        (91, None): "Pre-Window",
        (90, None): "Window-Open",
        (31, None): "Window-Open",
        (30, None): "Active-Negotiation",
        (0, None): "Active-Negotiation",
        (-1, True): "Past-Renewal-Auto",
        (-1, False): "Past-Renewal-Lapsed",
        (-1, None): "Past-Renewal-Lapsed",
        (None, True): "none",
    }
    t = company.table(
        *(company.snapshot(f"{days} {auto}", days_to_renewal=days, is_auto_renew=auto) for days, auto in stages)
    )
    found = t.select("account_id", stage=renewals.renewal_stage(t)).to_pyarrow().to_pylist()
    assert {row["account_id"]: row["stage"] for row in found} == {
        f"{days} {auto}": stage for (days, auto), stage in stages.items()
    }


def test_buckets_weigh_recency_with_frequency_intensity_and_breadth():
    fleet = [
        company.snapshot(f"n{n:02}", active_days_28d=n, uses_per_user_28d=10.0 * n, features_28d=n)
        for n in range(1, 21)
    ]
    assert bucket_of(fleet[-1], *fleet[:-1]) == "Heavy"
    assert bucket_of(fleet[9], *fleet[:9], *fleet[10:]) == "Occasional"
    assert bucket_of(company.silent("gone"), *fleet) == "Dormant"
    assert bucket_of(company.never_used("never"), *fleet) == "Dormant"


def test_intense_use_long_ago_is_not_heavy():
    """SEG-14: never a single metric, and recency is in."""
    fleet = [
        company.snapshot(f"n{n:02}", active_days_28d=10, uses_per_user_28d=1.0 * n, features_28d=3)
        for n in range(1, 11)
    ]
    once = company.snapshot("o", active_days_28d=2, days_since_last_use=26, uses_per_user_28d=500.0, features_28d=9)
    assert bucket_of(once, *fleet) == "Occasional"


def test_recency_is_measured_by_the_usual_pause_of_the_active_base():
    """SEG-11: where everyone comes once in ten days, twenty days are no absence."""
    slow = [company.snapshot(f"n{n}", days_since_last_use=10) for n in range(9)]
    fast = [company.snapshot(f"n{n}", days_since_last_use=1) for n in range(9)]
    subject = company.snapshot("subject", days_since_last_use=20)
    assert bucket_of(subject, *slow) == "Occasional"
    assert bucket_of(subject, *fast) == "Dormant"
