"""The decision table of the cohorts and the worked examples of the requirements."""

from itertools import product

import ibis

from usage_pipeline.segments import catalogue, cohorts
from usage_pipeline_tests import company

GROWING = {"wau_slope_90d": 0.04, "wau_slope_t_90d": 6.0}
DECLINING = {"wau_slope_90d": -0.04, "wau_slope_t_90d": -6.0}


def fleet() -> list[dict]:
    """Twenty accounts that use 1 to 10 of the product's 14 features."""
    return [
        company.snapshot(f"other-{n:02}", features_28d=1 + n // 2, features_share_28d=(1 + n // 2) / 14)
        for n in range(20)
    ]


def features(count: int) -> dict:
    return {"features_28d": count, "features_share_28d": count / 14}


def cohorts_among_the_fleet(*subjects: dict) -> dict[str, str]:
    rows = cohorts.segment(company.table(*subjects, *fleet()), company.AS_OF).to_pyarrow().to_pylist()
    return {row["account_id"]: row["cohort"] for row in rows if not row["account_id"].startswith("other")}


def segment_of(subject: dict) -> dict:
    """The subject's segment among the fleet."""
    rows = cohorts.segment(company.table(subject, *fleet()), company.AS_OF)
    return rows.filter(rows.account_id == subject["account_id"]).to_pyarrow().to_pylist()[0]


def cohort_of(subject: dict) -> str:
    return segment_of(subject)["cohort"]


def test_flat_use_of_one_feature_without_invites_is_at_risk_however_large_the_contract():
    """SEG-02: $90K, flat for 60 days, one feature, no invite in 90 days, renewal in four months."""
    found = segment_of(company.snapshot("ex1", mrr_minor=750_000, invites_90d=0, days_to_renewal=120, **features(1)))
    assert (found["cohort"], found["curve"], found["renewal_stage"]) == ("Risk-Inactive", "flat", "Pre-Window")
    assert "stagnant" in found["cohort_rule"]


def test_steep_use_of_seven_features_with_invites_is_power():
    """SEG-03: $36K, steep, seven features, four invites in 30 days."""
    assert (
        cohort_of(company.snapshot("ex2", mrr_minor=300_000, invites_28d=4, invites_90d=4, **GROWING, **features(7)))
        == "Activated-Power"
    )


def test_stable_use_of_two_of_fourteen_features_is_stuck():
    """SEG-04: $60K, stable, two of fourteen features."""
    assert cohort_of(company.snapshot("ex3", mrr_minor=500_000, invites_90d=0, **features(2))) == "Stuck-Activated"


def test_a_large_contract_with_one_feature_and_one_seat_is_at_risk_and_a_small_broad_one_is_not():
    """SEG-05: $80K with 1 feature and 1 seat against $24K with 6 features and 12 seats."""
    one_seat = {"seats": 1, "users_28d": 1, "users_7d": 1, "invites_90d": 0}
    assert cohort_of(company.snapshot("large", mrr_minor=666_667, **one_seat, **features(1))) == "Risk-Inactive"
    assert (
        cohort_of(company.snapshot("small", mrr_minor=200_000, seats=12, users_28d=12, **features(6)))
        == "Activated-Power"
    )


def test_narrow_growth_is_activated_narrow():
    assert cohort_of(company.snapshot("narrow", **GROWING, **features(2))) == "Activated-Narrow"


def test_an_account_that_went_quiet_is_at_risk_not_missing():
    found = segment_of(company.silent("gone"))
    assert (found["cohort"], found["curve"], found["breadth_quintile"]) == ("Risk-Inactive", "declining", None)


def test_accounts_that_did_not_activate_have_a_cohort_too():
    not_activated = {"is_activated": False}
    cohorts_of = {
        "growing": (company.snapshot("growing", **not_activated, **GROWING), "Activated-Narrow"),
        "broad": (company.snapshot("broad", **not_activated, **features(9)), "Stuck-Activated"),
        "narrow": (company.snapshot("narrow", **not_activated, **features(2)), "Risk-Inactive"),
        "declining": (company.snapshot("declining", **not_activated, **DECLINING), "Risk-Inactive"),
        "undecided": (company.snapshot("undecided", is_activated=None, history_days=20, tenure_days=20), "New"),
    }
    found = cohorts_among_the_fleet(*(subject for subject, _ in cohorts_of.values()))
    assert found == {name: cohort for name, (_, cohort) in cohorts_of.items()}


def test_narrow_use_that_is_loved_is_stuck_and_with_many_tickets_it_is_at_risk():
    """SEG-06 and SEG-07."""
    found = cohorts_among_the_fleet(
        company.snapshot("loved", invites_90d=0, nps_last=10, **features(1)),
        company.snapshot("unhappy", tickets_28d=5, nps_last=3, **features(2)),
    )
    assert found == {"loved": "Stuck-Activated", "unhappy": "Risk-Inactive"}


def test_new_is_the_first_three_sessions_or_fourteen_days_and_never_after_a_quarter():
    """SEG-12."""
    found = cohorts_among_the_fleet(
        company.snapshot("young", tenure_days=13, history_days=13),
        company.snapshot("two-sessions", tenure_days=40, history_days=20, sessions_28d=2, active_days_90d=2),
        company.snapshot("busy", tenure_days=20, history_days=20),
        company.never_used("started", tenure_days=5),
        company.never_used("shelfware", tenure_days=200),
    )
    assert found == {
        "young": "New",
        "two-sessions": "New",
        "busy": "Activated-Power",
        "started": "New",
        "shelfware": "Risk-Inactive",
    }


def test_every_account_has_exactly_one_cohort_whatever_is_unknown():
    axes = {
        "is_activated": (True, False, None),
        "features_28d": (0, 1, 3, 9, None),
        "wau_slope_90d": (0.04, 0.0, -0.04, None),
        "wau_slope_t_90d": (6.0, None),
        "uses_28d": (0, 400, None),
        "history_days": (10, 200, None),
        "tenure_days": (5, 200, None),
        "nps_last": (10, None),
        "invites_90d": (0, 2),
        "tickets_28d": (0, 5),
    }
    cube = [
        company.snapshot(f"{n}", **dict(zip(axes, values, strict=True)))
        for n, values in enumerate(product(*axes.values()))
    ]
    rows = cohorts.segment(company.table(*cube), company.AS_OF).to_pandas()
    assert len(rows) == rows.account_id.nunique() == len(cube)
    assert set(rows.cohort) == {cohort.value for cohort in cohorts.Cohort}
    assert rows[["cohort_rule", "curve", "bucket", "renewal_stage"]].notna().all().all()
    # A row of the table that no account of the cube can reach is a row too many.
    assert set(rows.cohort_rule) == {row.sentence for row in cohorts.TABLE}


def test_the_printed_table_has_every_row_of_the_running_one():
    printed = cohorts.markdown()
    assert all(row.sentence in printed and row.name.value in printed for row in cohorts.TABLE)


def test_segment_gives_the_columns_of_its_catalogue():
    assert cohorts.segment(company.table(company.snapshot("a")), company.AS_OF).schema() == ibis.schema(
        catalogue.ACCOUNT_SEGMENT.schema
    )
