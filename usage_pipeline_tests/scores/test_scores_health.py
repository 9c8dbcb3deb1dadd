"""Health, and the worked examples of SCO-09 and SCO-10."""

import json

import pandas as pd
import pyarrow as pa
import pytest

from usage_pipeline.scores import catalogue, health
from usage_pipeline_tests import company

NO_SCORES = catalogue.ACCOUNT_SCORE.schema.to_pyarrow().empty_table().to_pandas()

# SCO-09: five weeks of logins, features used, active users, tickets, and whether the integration stands.
FIVE = {
    "A": ([45, 42, 38, 35, 28], [8, 8, 7, 6, 5], [12, 11, 10, 9, 7], [0, 1, 1, 2, 3], "yyyyy"),
    "B": ([23, 25, 28, 32, 35], [4, 5, 6, 7, 8], [5, 6, 7, 8, 9], [2, 1, 0, 0, 0], "nnyyy"),
    "C": ([67, 65, 68, 66, 64], [12, 12, 13, 12, 12], [18, 18, 19, 18, 18], [0, 0, 1, 0, 0], "yyyyy"),
    "D": ([34, 33, 31, 18, 15], [9, 9, 8, 5, 4], [8, 8, 7, 4, 3], [1, 0, 2, 3, 4], "yyynn"),
    "E": ([12, 14, 15, 16, 18], [3, 4, 4, 5, 6], [3, 3, 4, 4, 5], [1, 1, 0, 0, 0], "nnnyy"),
}


def after_five_weeks(name: str) -> dict:
    """The customer's snapshot, as far as five weekly figures tell it: the last against the first."""
    logins, features, users, tickets, integration = FIVE[name]
    change = {key: of[-1] / of[0] - 1 for key, of in {"uses": logins, "features": features, "users": users}.items()}
    return company.snapshot(
        name,
        uses_vs_usual=logins[-1] / (sum(logins[:-1]) / 4),
        uses_change_28d=change["uses"],
        features_change_28d=change["features"],
        features_28d=features[-1],
        users_change_28d=change["users"],
        wau_change_2w=users[-1] / users[-3] - 1,
        tickets_28d=sum(tickets[1:]),
        tickets_rise_28d=tickets[-1] - tickets[0],
        tickets_open=tickets[-1],
        integrations=int(integration[-1] == "y"),
        integrations_removed_90d=int("yn" in integration),
        features_percentile_28d=None,
        nps_last=None,
        satisfaction_90d=None,
        seat_use_28d=None,
    )


def of(*snapshots: dict, scores: pd.DataFrame = NO_SCORES) -> pd.DataFrame:
    return health.health(company.frame(*snapshots), scores, company.AS_OF).set_index("account_id")


def churn_scores(**probability: float) -> pd.DataFrame:
    rows = [{"account_id": name, "kind": "churn", "probability": p, "tier": "green"} for name, p in probability.items()]
    return pd.DataFrame(rows)


def test_the_five_customers_come_out_as_a_csm_would_rank_them():
    """SCO-09: D at highest risk, A moderate, C stable, B and E on a good path."""
    found = of(*(after_five_weeks(name) for name in FIVE))
    assert list(found.sort_values("health").index[:3]) == ["D", "A", "C"]
    assert found.health_tier.to_dict() == {
        "A": "Orange",
        "B": "Dark-Green",
        "C": "Green",
        "D": "Red",
        "E": "Dark-Green",
    }


def test_the_parts_of_the_highest_risk_say_that_everything_declines():
    parts = {part["part"]: part["value"] for part in json.loads(of(*(after_five_weeks(n) for n in FIVE)).parts["D"])}
    assert set(parts) == {"use against its own usual", "breadth", "people and seats", "support"}
    assert max(parts.values()) < 40


def test_daily_advanced_use_outranks_a_sign_up_of_three_months_ago_that_never_returned():
    """SCO-10."""
    daily = company.snapshot("daily", active_days_28d=28, premium_features_28d=3, features_percentile_28d=0.9)
    gone = company.silent(
        "gone", history_days=90, tenure_days=90, days_since_last_use=90, nps_last=None, satisfaction_90d=None
    )
    found = of(daily, gone)
    assert found.health["daily"] > found.health["gone"]
    assert found.health_tier["gone"] == "Red"


def test_a_steady_account_is_green_and_silence_is_not():
    found = of(company.snapshot("steady"), company.silent("silent"))
    assert found.health_tier["steady"] == "Green"
    assert found.health["silent"] < found.health["steady"] - 30


def test_health_is_the_weighted_mean_of_the_parts_it_shows():
    row = of(company.snapshot("a"), scores=churn_scores(a=0.1)).loc["a"]
    parts = json.loads(row.parts)
    mean = sum(part["value"] * part["weight"] for part in parts) / sum(part["weight"] for part in parts)
    assert row.health == pytest.approx(mean, abs=0.1)
    assert [part["value"] for part in parts if part["part"] == "churn score"] == [75.0]


def test_a_churn_score_moves_health_and_a_red_tier_caps_its_part():
    calm, worried = churn_scores(a=0.02), churn_scores(a=0.3)
    red = churn_scores(a=0.02).assign(tier="red")
    assert of(company.snapshot("a"), scores=worried).health["a"] < of(company.snapshot("a"), scores=calm).health["a"]
    assert of(company.snapshot("a"), scores=red).health["a"] < of(company.snapshot("a"), scores=worried).health["a"]


def test_an_account_of_which_nothing_is_known_has_no_health():
    nothing = dict.fromkeys(
        [measure.column for part in health.PARTS for measure in part.measures if measure.column != "active_share"]
    )
    found = of(company.never_used("new", tenure_days=3, tickets_90d=0, **nothing)).loc["new"]
    assert pd.isna(found.health)
    assert pd.isna(found.health_tier)
    assert found.parts == "[]"


def test_no_tickets_anywhere_is_no_merit():
    quiet = {"tickets_28d": 0, "tickets_90d": 0}
    parts = json.loads(of(company.snapshot("a", **quiet)).parts["a"])
    assert "support" not in [part["part"] for part in parts]


def test_health_fits_the_table_of_its_catalogue():
    rows = health.health(company.frame(company.snapshot("a"), company.never_used("b")), NO_SCORES, company.AS_OF)
    pa.Table.from_pandas(rows, schema=catalogue.ACCOUNT_HEALTH.schema.to_pyarrow(), preserve_index=False)
