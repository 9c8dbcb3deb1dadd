"""Which sentence each feature of the catalogue has: the words of the reasons, in one table."""

from usage_pipeline import periods
from usage_pipeline.scores import sentences
from usage_pipeline.scores.sentences import (
    FOUR_WEEKS,
    ONE_WEEK,
    QUARTER,
    TWO_WEEKS,
    WEEKS,
    Sentence,
    count,
    level,
    people,
)
from usage_pipeline.scores.wording import Account, money, share

_USES = sentences.moved_from("feature events", "uses_28d_before", "uses_28d", FOUR_WEEKS, sentences.change_of_uses)
_USERS = sentences.of_people(
    sentences.moved_from("active users", "users_28d_before", "users_28d", FOUR_WEEKS, sentences.change_of_users)
)
_WAU = sentences.of_people(
    sentences.moved_from(
        "weekly active users", "wau_two_weeks_ago", "users_7d", TWO_WEEKS, lambda a: a.peer("wau_change_2w")
    )
)
_WAU_TREND = sentences.of_people(sentences.trend("weekly active users", "wau_slope_90d", WEEKS, f"{WEEKS} weeks"))
_STICKY_TREND = sentences.trend("the share of its users active on a day", "dau_mau_slope_90d", WEEKS, f"{WEEKS} weeks")

SENTENCES: dict[str, Sentence] = {
    "days_since_last_use": sentences.last_use,
    "days_since_last_login": level("days_since_last_login", "the last login was {}", form=sentences.days_ago),
    "silent_days_28d": level("silent_days_28d", "no use on {} of the last 28 days"),
    "days_since_new_feature": level(
        "days_since_new_feature", "the last new feature was tried {}", form=sentences.days_ago
    ),
    "features_new_28d": count(
        "features_new_28d", f"{{}} tried for the first time in {FOUR_WEEKS}", "feature", "features"
    ),
    "active_days_7d": level("active_days_7d", "used on {} of the last 7 days"),
    "active_days_28d": level("active_days_28d", "used on {} of the last 28 days"),
    "active_days_90d": level("active_days_90d", "used on {} of the last 90 days"),
    "logins_28d": count("logins_28d", f"{{}} in {FOUR_WEEKS}", "login", "logins"),
    "logins_change_28d": sentences.moved_by("logins", "logins_28d", "logins_change_28d"),
    "sessions_7d": count("sessions_7d", f"{{}} in {ONE_WEEK}", "session", "sessions"),
    "sessions_28d": count("sessions_28d", f"{{}} in {FOUR_WEEKS}", "session", "sessions"),
    "sessions_change_28d": sentences.moved_by("sessions", "sessions_28d", "sessions_change_28d"),
    "uses_7d": sentences.usual_week,
    "uses_vs_usual": sentences.usual_week,
    "uses_deviation_7d": sentences.usual_week,
    "uses_28d": _USES,
    "uses_change_28d": _USES,
    "uses_change_vs_peers": _USES,
    "uses_90d": count("uses_90d", f"{{}} in {QUARTER}", "feature event", "feature events"),
    "uses_182d": count("uses_182d", "{} in half a year", "feature event", "feature events"),
    "uses_364d": count("uses_364d", "{} in a year", "feature event", "feature events"),
    "uses_vs_year": sentences.usual_month,
    "active_weeks_182d": level("active_weeks_182d", "used in {} of the last 26 weeks"),
    "active_weeks_364d": level("active_weeks_364d", "used in {} of the last 52 weeks"),
    "uses_slope_28d": sentences.trend("feature use", "uses_slope_28d", periods.MONTH, FOUR_WEEKS),
    "uses_slope_90d": sentences.trend("feature use", "uses_slope_90d", periods.QUARTER, QUARTER),
    "uses_percentile_28d": sentences.rank("uses_percentile_28d", "uses the product more", "use the product more"),
    "quantity_28d": sentences.unless_zero(
        "quantity_28d", level("quantity_28d", f"measured volume of {{}} in {FOUR_WEEKS}")
    ),
    "quantity_change_28d": sentences.moved_by("measured volume", "quantity_28d", "quantity_change_28d"),
    "uses_vs_last_year": sentences.since_last_year,
    "uses_per_user_28d": count(
        "uses_per_user_28d", f"{{}} per active person in {FOUR_WEEKS}", "feature event", "feature events"
    ),
    "minutes_28d": sentences.unless_zero(
        "minutes_28d", count("minutes_28d", f"{{}} of use in {FOUR_WEEKS}", "minute", "minutes")
    ),
    "minutes_per_session_28d": sentences.unless_zero(
        "minutes_per_session_28d", count("minutes_per_session_28d", "{} per session", "minute", "minutes")
    ),
    "users_7d": _WAU,
    "wau_two_weeks_ago": _WAU,
    "wau_change_2w": _WAU,
    "wau_slope_90d": _WAU_TREND,
    "wau_slope_t_90d": _WAU_TREND,
    "users_28d": _USERS,
    "users_change_28d": _USERS,
    "users_change_vs_peers": _USERS,
    "users_percentile_28d": sentences.of_people(
        sentences.rank("users_percentile_28d", "has more active people", "have more active people")
    ),
    "users_90d": people("users_90d", f"{{}} active in {QUARTER}"),
    "users_ever": people("users_ever", "{} seen so far"),
    "dormant_users": people("dormant_users", f"{{}} seen before, but not in {QUARTER}"),
    "new_users_28d": people("new_users_28d", f"{{}} new in {FOUR_WEEKS}"),
    "lost_users_28d": people("lost_users_28d", f"{{}} stopped in {FOUR_WEEKS}"),
    "power_users_28d": people("power_users_28d", "{} active on 12 or more of 28 days"),
    "dau_mau_28d": level("dau_mau_28d", "{} of its monthly users are active on a usual day", form=share),
    "dau_mau_slope_90d": _STICKY_TREND,
    "dau_mau_slope_t_90d": _STICKY_TREND,
    "top_user_share_28d": level("top_user_share_28d", "{} of its use is one person's", form=share),
    "top_feature_share_28d": level("top_feature_share_28d", "{} of its use is one feature", form=share),
    "weekend_share_28d": level("weekend_share_28d", "{} of its use is at weekends", form=share),
    "working_share_28d": level("working_share_28d", "{} of its use is in working hours", form=share),
    "working_share_change_28d": sentences.points(
        "working_share_28d", "working_share_change_28d", "use in working hours"
    ),
    "evening_share_28d": level("evening_share_28d", "{} of its use is in the evening", form=share),
    "weekday_fall_28d": sentences.weekday,
    "features_7d": count("features_7d", f"{{}} used in {ONE_WEEK}", "feature", "features"),
    "features_28d": sentences.features_moved,
    "features_change_28d": sentences.features_moved,
    "features_90d": count("features_90d", f"{{}} used in {QUARTER}", "feature", "features"),
    "features_share_28d": sentences.of_all_features,
    "features_per_user_28d": count("features_per_user_28d", "{} per active person", "feature", "features"),
    "combined_share_28d": level("combined_share_28d", "{} of its people combine features", form=share),
    "features_first_7d": count("features_first_7d", "{} used in its first week", "feature", "features"),
    "workflow_completion_28d": level(
        "workflow_completion_28d", f"{{}} of the workflows begun in {FOUR_WEEKS} were completed", form=share
    ),
    "workflow_completion_change_28d": sentences.points(
        "workflow_completion_28d", "workflow_completion_change_28d", "completion of workflows"
    ),
    "workflows_28d": count("workflows_28d", f"{{}} completed in {FOUR_WEEKS}", "kind of workflow", "kinds of workflow"),
    "features_lost_28d": count("features_lost_28d", f"{{}} dropped in {FOUR_WEEKS}", "feature", "features"),
    "features_percentile_28d": sentences.rank("features_percentile_28d", "uses more features", "use more features"),
    "premium_features_28d": count(
        "premium_features_28d", f"{{}} used in {FOUR_WEEKS}", "premium feature", "premium features"
    ),
    "premium_share_28d": level("premium_share_28d", "{} of its use is premium features", form=share),
    "value_events_28d": count("value_events_28d", f"{{}} in {FOUR_WEEKS}", "value event", "value events"),
    "value_change_28d": sentences.moved_by("value events", "value_events_28d", "value_change_28d"),
    "value_per_use_28d": level("value_per_use_28d", "{} value events per feature event"),
    "mrr_per_user_28d": level("mrr_per_user_28d", "pays {} a month per active person", form=money),
    "is_activated": sentences.activated,
    "days_to_activation": sentences.activated,
    "days_to_value": level("days_to_value", "the first value event came {} after sign-up", form=sentences.in_days),
    "days_from_login_to_value": level(
        "days_from_login_to_value", "the first value event came {} after the first login", form=sentences.in_days
    ),
    "seats": count("seats", "pays for {}", "seat", "seats"),
    "seat_use_28d": sentences.seats_used,
    "seats_change_90d": sentences.seats_moved,
    "users_on_record": count("users_on_record", "{} on record", "person", "people"),
    "users_active_share_28d": level(
        "users_active_share_28d", f"{{}} of the people on record active in {FOUR_WEEKS}", form=share
    ),
    "invites_28d": count("invites_28d", f"{{}} in {FOUR_WEEKS}", "invite", "invites"),
    "invites_90d": count("invites_90d", f"{{}} in {QUARTER}", "invite", "invites"),
    "invites_first_7d": count("invites_first_7d", "{} in its first week", "invite", "invites"),
    "content_views_28d": count(
        "content_views_28d", f"{{}} of prices or premium features in {FOUR_WEEKS}", "page view", "page views"
    ),
    "content_use_days_28d": count(
        "content_use_days_28d",
        f"prices or premium features looked up in the midst of use on {{}} in {FOUR_WEEKS}",
        "day",
        "days",
        none="no day",
    ),
    "integrations": sentences.integrations,
    "integrations_removed_90d": sentences.integrations,
    "tickets_28d": count("tickets_28d", f"{{}} in {FOUR_WEEKS}", "support ticket", "support tickets"),
    "tickets_90d": count("tickets_90d", f"{{}} in {QUARTER}", "support ticket", "support tickets"),
    "tickets_rise_28d": sentences.tickets_moved,
    "tickets_open": count("tickets_open", "{} open", "support ticket", "support tickets"),
    "tickets_urgent_90d": count("tickets_urgent_90d", f"{{}} in {QUARTER}", "urgent ticket", "urgent tickets"),
    "satisfaction_90d": level("satisfaction_90d", "rates its support tickets {} of 5"),
    "nps_last": level("nps_last", "its last NPS answer was {} of 10"),
    "nps_change": sentences.nps_moved,
    "mrr_minor": level("mrr_minor", "pays {} a month", form=money),
    "mrr_change_180d": sentences.paid_before,
    "plan_rank": sentences.plan,
    "term_months": count("term_months", "has a term of {}", "month", "months"),
    "days_to_renewal": sentences.term_end,
    "is_auto_renew": sentences.auto_renew,
    "tenure_days": sentences.customer_for,
    "industry": sentences.in_industry,
    "size_band": sentences.of_size,
}


def sentence(account: Account, feature: str) -> str | None:
    """What the feature says of the account; None where the snapshot knows too little, or it has no sentence."""
    speak = SENTENCES.get(feature)
    return speak(account) if speak is not None else None
