"""Builders for what tests say often: an account's snapshot, a morning's table of them.

The account of `snapshot` is middling and steady in every column, so that a test states
only what it is about.
"""

from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from usage_pipeline.features import catalogue

AS_OF = date(2026, 5, 4)

_STEADY: dict[str, Any] = {
    "days_since_last_use": 1,
    "days_since_new_feature": 60,
    "silent_days_28d": 8,
    "days_since_last_login": 1,
    "active_days_7d": 5,
    "active_days_28d": 20,
    "active_days_90d": 64,
    "logins_28d": 120,
    "logins_change_28d": 0.0,
    "sessions_7d": 40,
    "sessions_28d": 160,
    "uses_7d": 100,
    "uses_28d": 400,
    "uses_90d": 1286,
    "uses_182d": 2400,
    "uses_364d": 4700,
    "uses_vs_year": 1.1,
    "active_weeks_182d": 26,
    "active_weeks_364d": 50,
    "users_ever": 15,
    "dormant_users": 2,
    "uses_per_user_28d": 40.0,
    "minutes_28d": 2400.0,
    "minutes_per_session_28d": 15.0,
    "quantity_28d": 5000.0,
    "quantity_change_28d": 0.0,
    "uses_vs_last_year": 0.05,
    "users_7d": 8,
    "users_28d": 10,
    "users_90d": 11,
    "dau_mau_28d": 0.4,
    "new_users_28d": 0,
    "lost_users_28d": 0,
    "top_user_share_28d": 0.25,
    "power_users_28d": 3,
    "uses_change_28d": 0.0,
    "users_change_28d": 0.0,
    "sessions_change_28d": 0.0,
    "features_change_28d": 0.0,
    "wau_two_weeks_ago": 8,
    "wau_change_2w": 0.0,
    "wau_slope_90d": 0.0,
    "wau_slope_t_90d": 0.1,
    "uses_slope_28d": 0.0,
    "uses_slope_90d": 0.0,
    "dau_mau_slope_90d": 0.0,
    "dau_mau_slope_t_90d": 0.1,
    "uses_vs_usual": 1.0,
    "uses_deviation_7d": 0.0,
    "weekend_share_28d": 0.05,
    "working_share_28d": 0.85,
    "evening_share_28d": 0.1,
    "working_share_change_28d": 0.0,
    "weekday_fall_28d": -0.1,
    "features_7d": 5,
    "features_28d": 6,
    "features_90d": 7,
    "features_share_28d": 6 / 14,
    "features_per_user_28d": 3.0,
    "combined_share_28d": 0.6,
    "features_first_7d": 4,
    "features_lost_28d": 0,
    "workflow_completion_28d": 0.8,
    "workflow_completion_change_28d": 0.0,
    "workflows_28d": 2,
    "features_new_28d": 0,
    "top_feature_share_28d": 0.35,
    "premium_features_28d": 1,
    "premium_share_28d": 0.1,
    "value_events_28d": 30,
    "value_change_28d": 0.0,
    "value_per_use_28d": 30 / 400,
    "is_activated": True,
    "days_to_activation": 9,
    "days_to_value": 5,
    "days_from_login_to_value": 5,
    "seats": 14,
    "seat_use_28d": 10 / 14,
    "seats_change_90d": 0,
    "users_on_record": 13,
    "users_active_share_28d": 10 / 13,
    "invites_28d": 0,
    "invites_90d": 1,
    "invites_first_7d": 2,
    "content_views_28d": 1,
    "content_use_days_28d": 1,
    "integrations": 1,
    "integrations_removed_90d": 0,
    "tickets_28d": 1,
    "tickets_90d": 3,
    "tickets_rise_28d": 0,
    "tickets_open": 0,
    "tickets_urgent_90d": 0,
    "satisfaction_90d": 4.0,
    "nps_last": 8,
    "nps_change": 0,
    "mrr_minor": 250_000,
    "mrr_change_180d": 0.0,
    "plan_rank": 1,
    "term_months": 12,
    "days_to_renewal": 200,
    "is_auto_renew": True,
    "mrr_per_user_28d": 25_000.0,
    "tenure_days": 400,
    "industry": "Retail",
    "size_band": "20-99",
    "users_change_vs_peers": -0.04,
    "uses_change_vs_peers": -0.04,
    "uses_percentile_28d": 0.5,
    "features_percentile_28d": 0.5,
    "users_percentile_28d": 0.5,
    "is_subscribed": True,
    "peer_group": "Retail, 20-99",
    "peers": 40,
    "history_days": 390,
    "events_90d": 1700,
    "users_28d_before": 10,
    "uses_28d_before": 400,
    "features_28d_before": 6,
    "events_before_signup": 0,
    "owner_email": "owner@example.com",
}

# What a day without any use looks like in every column that counts use.
_NOTHING: dict[str, Any] = {
    "silent_days_28d": 28,
    **dict.fromkeys(
        (
            *("active_days_7d", "active_days_28d", "active_days_90d", "logins_28d", "sessions_7d", "sessions_28d"),
            *("uses_182d", "uses_364d", "active_weeks_182d", "active_weeks_364d", "users_ever", "dormant_users"),
            *("uses_7d", "uses_28d", "uses_90d", "users_7d", "users_28d", "users_90d", "new_users_28d"),
            *("lost_users_28d", "power_users_28d", "features_7d", "features_28d", "features_90d", "features_share_28d"),
            *("features_lost_28d", "features_new_28d", "premium_features_28d", "value_events_28d", "minutes_28d"),
            *("seat_use_28d", "wau_two_weeks_ago", "users_28d_before", "uses_28d_before", "features_28d_before"),
            *("events_90d", "uses_percentile_28d", "features_percentile_28d", "invites_28d", "invites_90d"),
            *("users_percentile_28d", "workflows_28d", "content_views_28d", "content_use_days_28d", "quantity_28d"),
            "users_active_share_28d",
        ),
        0,
    ),
    **dict.fromkeys(
        (
            *("uses_per_user_28d", "minutes_per_session_28d", "dau_mau_28d", "top_user_share_28d", "uses_change_28d"),
            *("users_change_28d", "sessions_change_28d", "features_change_28d", "wau_change_2w", "wau_slope_90d"),
            *("wau_slope_t_90d", "uses_slope_28d", "uses_slope_90d", "dau_mau_slope_90d", "dau_mau_slope_t_90d"),
            *("uses_vs_usual", "uses_deviation_7d", "weekend_share_28d", "working_share_28d", "evening_share_28d"),
            *("weekday_fall_28d", "features_per_user_28d", "top_feature_share_28d", "premium_share_28d"),
            *("value_change_28d", "mrr_per_user_28d", "users_change_vs_peers", "uses_change_vs_peers"),
            *("logins_change_28d", "quantity_change_28d", "working_share_change_28d", "combined_share_28d"),
            *("workflow_completion_28d", "workflow_completion_change_28d", "value_per_use_28d"),
        ),
    ),
}


def snapshot(account_id: str, **overrides: Any) -> dict[str, Any]:
    """A middling, steady, subscribed account on the morning AS_OF; a name that is no column is an error."""
    row = {column.name: _STEADY.get(column.name) for column in catalogue.ACCOUNT_SNAPSHOT.columns}
    row |= {"account_id": account_id, "account_name": account_id.title(), "as_of": AS_OF}
    unknown = sorted(set(overrides) - set(row))
    assert not unknown, f"no columns of a snapshot: {unknown}"
    return row | overrides


def silent(account_id: str, **overrides: Any) -> dict[str, Any]:
    """An account that used the product and stopped 120 days ago."""
    return snapshot(account_id, **(_NOTHING | {"days_since_last_use": 120} | overrides))


def never_used(account_id: str, **overrides: Any) -> dict[str, Any]:
    """An account that signed up and has no event at all."""
    nothing = dict.fromkeys(
        (
            "days_since_last_use",
            "days_since_new_feature",
            "history_days",
            "days_to_activation",
            "days_to_value",
            "days_since_last_login",
            "days_from_login_to_value",
        )
    )
    return snapshot(account_id, **(_NOTHING | nothing | {"is_activated": False, "integrations": 0} | overrides))


def frame(*snapshots: dict[str, Any]) -> pd.DataFrame:
    """The snapshots as pandas gets them from the lake (NULL integers are float NaN)."""
    return _arrow(snapshots).to_pandas()


def table(*snapshots: dict[str, Any]) -> ir.Table:
    """The snapshots as an Ibis table with the catalogue's types."""
    return ibis.memtable(_arrow(snapshots), schema=catalogue.ACCOUNT_SNAPSHOT.schema)


def _arrow(snapshots: tuple[dict[str, Any], ...]) -> pa.Table:
    return pa.Table.from_pylist(list(snapshots), schema=catalogue.ACCOUNT_SNAPSHOT.schema.to_pyarrow())
