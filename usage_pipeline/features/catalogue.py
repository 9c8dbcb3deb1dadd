"""The catalogue of features: what each column of a snapshot means, and which thing it speaks of.

The table's columns, the model's inputs, the reasons and the documents are all made from it.
"""

from dataclasses import dataclass

from usage_pipeline.lake import Column, Table


@dataclass(frozen=True)
class Feature:
    """One column of an account's snapshot.

    `group` is what a person would call one thing; contributions of a group are shown as one
    reason. `is_input` is False for what describes an account but must not enter a model.
    """

    name: str
    type: str
    group: str
    meaning: str
    unit: str = ""
    requirement: str = ""
    is_input: bool = True

    @property
    def column(self) -> Column:
        return Column(self.name, self.type, self.meaning, self.unit)


F, N, S, B = "float64", "int64", "string", "boolean"

FEATURES = (
    # recency
    Feature(
        "days_since_last_use",
        N,
        "recency",
        "Days from the last event to the morning; NULL: never used",
        "days",
        "MET-01",
    ),
    Feature(
        "days_since_new_feature",
        N,
        "adoption",
        "Days since the account used a feature for the first time",
        "days",
        "MET-03",
    ),
    Feature(
        "silent_days_28d", N, "recency", "Days without any event among the last 28 since the sign-up", "days", "MET-08"
    ),
    # frequency
    Feature("active_days_7d", N, "frequency", "Days with an event among the last 7", "days", "MET-14"),
    Feature("active_days_28d", N, "frequency", "Days with an event among the last 28", "days", "MET-14"),
    Feature("active_days_90d", N, "frequency", "Days with an event among the last 90", "days", "MET-14"),
    Feature("logins_28d", N, "frequency", "Logins in 28 days", "logins", "MET-01"),
    Feature("sessions_7d", N, "frequency", "Sessions in 7 days", "sessions", "MET-05"),
    Feature("sessions_28d", N, "frequency", "Sessions in 28 days", "sessions", "MET-05"),
    # volume and intensity
    Feature("uses_7d", N, "volume", "Events in which a feature fired, 7 days", "events", "MET-21"),
    Feature("uses_28d", N, "volume", "Events in which a feature fired, 28 days", "events", "MET-21"),
    Feature("uses_90d", N, "volume", "Events in which a feature fired, 90 days", "events", "MET-21"),
    Feature(
        "uses_per_user_28d", F, "intensity", "Feature events per active person, 28 days", "events per person", "MET-14"
    ),
    Feature("minutes_28d", F, "intensity", "Stated durations, 28 days", "minutes", "MET-05"),
    Feature("minutes_per_session_28d", F, "intensity", "Minutes per session, 28 days", "minutes", "MET-05"),
    Feature("quantity_28d", F, "volume", "Stated quantities (API calls, rows, ...), 28 days", "as stated", "MET-06"),
    # people
    Feature("users_7d", N, "active users", "People active in 7 days (WAU)", "people", "MET-02"),
    Feature("users_28d", N, "active users", "People active in 28 days (MAU)", "people", "MET-02"),
    Feature("users_90d", N, "active users", "People active in 90 days", "people", "MET-02"),
    Feature(
        "dau_mau_28d", F, "stickiness", "Mean daily active users over monthly active users, 28 days", "ratio", "MET-02"
    ),
    Feature(
        "new_users_28d",
        N,
        "active users",
        "People active in the last 28 days and never before, not even before the sign-up",
        "people",
        "MET-09",
    ),
    Feature(
        "lost_users_28d",
        N,
        "active users",
        "People active in the 28 days before the last 28, not since",
        "people",
        "MET-09",
    ),
    Feature(
        "top_user_share_28d",
        F,
        "concentration",
        "Share of feature events by the most active person, 28 days",
        "ratio",
        "MET-18",
    ),
    Feature("power_users_28d", N, "active users", "People active on 12 days or more of 28", "people", "MET-18"),
    Feature(
        "users_on_record",
        N,
        "seats",
        "People the account is known to have; NULL where the input has no users table",
        "people",
        "MET-09",
    ),
    Feature(
        "users_active_share_28d", F, "seats", "Active people of 28 days over the people on record", "ratio", "MET-18"
    ),
    # trends against its own past
    Feature(
        "uses_change_28d",
        F,
        "volume",
        "Feature events of 28 days over those of the 28 before, minus 1",
        "ratio",
        "MET-17",
    ),
    Feature(
        "users_change_28d",
        F,
        "active users",
        "Active people of 28 days over those of the 28 before, minus 1",
        "ratio",
        "MET-17",
    ),
    Feature(
        "sessions_change_28d",
        F,
        "frequency",
        "Sessions of 28 days over those of the 28 before, minus 1",
        "ratio",
        "MET-01",
    ),
    Feature(
        "features_change_28d",
        F,
        "features",
        "Distinct features of 28 days over those of the 28 before, minus 1",
        "ratio",
        "MET-03",
    ),
    Feature(
        "wau_two_weeks_ago",
        N,
        "active users",
        "People active in the 7 days that ended two weeks before the morning",
        "people",
        "MET-02",
    ),
    Feature(
        "wau_change_2w",
        F,
        "active users",
        "Weekly active people now over those of two weeks ago, minus 1",
        "ratio",
        "ACT-05",
    ),
    Feature(
        "wau_slope_90d",
        F,
        "active users",
        "Slope of weekly active people over 13 weeks, per week, over their mean",
        "ratio",
        "MET-26",
    ),
    Feature("wau_slope_t_90d", F, "active users", "t value of that slope; tells a trend from noise", "t", "MET-26"),
    Feature(
        "uses_slope_28d",
        F,
        "volume",
        "Slope of daily feature events over 28 days, per day, over their mean",
        "ratio",
        "MET-26",
    ),
    Feature(
        "uses_slope_90d",
        F,
        "volume",
        "Slope of daily feature events over 90 days, per day, over their mean",
        "ratio",
        "MET-26",
    ),
    Feature(
        "dau_mau_slope_90d",
        F,
        "stickiness",
        "Slope of weekly mean DAU over MAU across 13 weeks, over its mean",
        "ratio",
        "MET-26",
    ),
    Feature("dau_mau_slope_t_90d", F, "stickiness", "t value of that slope", "t", "MET-26"),
    Feature(
        "uses_vs_usual",
        F,
        "volume",
        "Feature events of 7 days over a usual week of the 84 days before",
        "ratio",
        "MET-16",
    ),
    Feature(
        "uses_deviation_7d",
        F,
        "volume",
        "(Feature events of 7 days - weekly mean) / standard deviation of 12 weeks",
        "deviations",
        "MET-16",
    ),
    Feature(
        "weekend_share_28d", F, "time of use", "Share of events on Saturday and Sunday, 28 days", "ratio", "MET-15"
    ),
    Feature("working_share_28d", F, "time of use", "Share of events in working hours, 28 days", "ratio", "MET-15"),
    Feature("evening_share_28d", F, "time of use", "Share of events from 18 to 24, 28 days", "ratio", "MET-15"),
    Feature(
        "weekday_fall_28d",
        F,
        "time of use",
        "Largest fall of any weekday (UTC), 28 days over the 28 before, minus 1",
        "ratio",
        "MET-15",
    ),
    # breadth and depth
    Feature("features_7d", N, "features", "Distinct features used in 7 days", "features", "MET-03"),
    Feature("features_28d", N, "features", "Distinct features used in 28 days", "features", "MET-03"),
    Feature("features_90d", N, "features", "Distinct features used in 90 days", "features", "MET-03"),
    Feature(
        "features_share_28d",
        F,
        "features",
        "Of all features that anyone used in 90 days, the share used in 28",
        "ratio",
        "MET-25",
    ),
    Feature(
        "features_per_user_28d",
        F,
        "features",
        "Mean of distinct features per active person, 28 days",
        "features",
        "MET-04",
    ),
    Feature(
        "features_lost_28d",
        N,
        "features",
        "Features used in the 28 days before the last 28, not since",
        "features",
        "ALR-02",
    ),
    Feature(
        "features_new_28d",
        N,
        "adoption",
        "Features used in the last 28 days and never before, not even before the sign-up",
        "features",
        "MET-03",
    ),
    Feature(
        "top_feature_share_28d",
        F,
        "concentration",
        "Share of feature events by the most used feature, 28 days",
        "ratio",
        "MET-04",
    ),
    Feature(
        "premium_features_28d", N, "premium features", "Distinct premium features used in 28 days", "features", "MET-03"
    ),
    Feature(
        "premium_share_28d",
        F,
        "premium features",
        "Share of feature events on premium features, 28 days",
        "ratio",
        "ACT-05",
    ),
    Feature("value_events_28d", N, "value", "Value events in 28 days", "events", "MET-17"),
    Feature(
        "value_change_28d",
        F,
        "value",
        "Value events of 28 days over those of the 28 before, minus 1",
        "ratio",
        "MET-17",
    ),
    # activation
    Feature(
        "is_activated",
        B,
        "activation",
        "Crossed the activation event within 30 days of sign-up (of the first day on record, if older); NULL: not yet decided",
        "",
        "MET-22",
    ),
    Feature(
        "days_to_activation",
        N,
        "activation",
        "Days from sign-up to activation; NULL: not activated, or older than the record",
        "days",
        "MET-12",
    ),
    Feature(
        "days_to_value",
        N,
        "activation",
        "Days from sign-up to the first value event; NULL: none, or older than the record",
        "days",
        "MET-12",
    ),
    # seats, invites, integrations
    Feature("seats", N, "seats", "Seats paid for on the morning", "seats", "MET-07"),
    Feature("seat_use_28d", F, "seats", "Active people of 28 days over seats", "ratio", "MET-18"),
    Feature("seats_change_90d", N, "seats", "Seats now minus seats 90 days ago", "seats", "MET-07"),
    Feature("invites_28d", N, "invites", "Teammates invited in 28 days", "invites", "MET-07"),
    Feature("invites_90d", N, "invites", "Teammates invited in 90 days", "invites", "MET-07"),
    Feature(
        "integrations",
        N,
        "integrations",
        "Integrations added minus removed, ever, never below 0",
        "integrations",
        "MET-11",
    ),
    Feature("integrations_removed_90d", N, "integrations", "Integrations removed in 90 days", "integrations", "MET-11"),
    # tickets and surveys
    Feature("tickets_28d", N, "support tickets", "Tickets opened in 28 days", "tickets", "MET-13"),
    Feature("tickets_90d", N, "support tickets", "Tickets opened in 90 days", "tickets", "MET-13"),
    Feature(
        "tickets_rise_28d", N, "support tickets", "Tickets of 28 days minus those of the 28 before", "tickets", "MET-13"
    ),
    Feature("tickets_open", N, "support tickets", "Tickets open on the morning", "tickets", "MET-13"),
    Feature(
        "tickets_urgent_90d", N, "support tickets", "Tickets of priority high or urgent in 90 days", "tickets", "MET-13"
    ),
    Feature("satisfaction_90d", F, "satisfaction", "Mean rating of tickets closed in 90 days", "1-5", "COL-02"),
    Feature("nps_last", N, "satisfaction", "Last NPS answer within a year", "0-10", "COL-02"),
    Feature("nps_change", N, "satisfaction", "Last NPS answer minus the one before it", "points", "COL-02"),
    # contract
    Feature("mrr_minor", N, "contract", "Monthly recurring revenue on the morning", "minor units", "COL-02"),
    Feature("mrr_change_180d", F, "contract", "MRR over that of 180 days ago, minus 1", "ratio", "COL-03"),
    Feature("plan_rank", N, "contract", "Plan, 0 the smallest", "", "COL-02"),
    Feature("term_months", N, "contract", "Length of the running term", "months", "COL-02"),
    Feature("days_to_renewal", N, "renewal", "Days from the morning to the end of the running term", "days", "IDN-06"),
    Feature("is_auto_renew", B, "renewal", "The contract renews by itself", "", "COL-02"),
    Feature("mrr_per_user_28d", F, "value", "MRR per active person of 28 days", "minor units per person", "MET-17"),
    Feature("tenure_days", N, "tenure", "Days since sign-up, else since the first event", "days", "COL-13"),
    # context and peers
    Feature("industry", S, "industry", "Industry or use case", "", "COL-06"),
    Feature("size_band", S, "company size", "1-19, 20-99, 100-499, 500+ employees, or unknown", "", "SEG-17"),
    Feature(
        "users_change_vs_peers",
        F,
        "active users",
        "users_change_28d minus the median of similar accounts",
        "ratio",
        "ALR-04",
    ),
    Feature(
        "uses_change_vs_peers", F, "volume", "uses_change_28d minus the median of similar accounts", "ratio", "ALR-04"
    ),
    Feature(
        "uses_percentile_28d",
        F,
        "volume",
        "Share of similar accounts with no more feature events, 28 days",
        "ratio",
        "ALR-04",
    ),
    Feature(
        "features_percentile_28d",
        F,
        "features",
        "Share of similar accounts with no more features, 28 days",
        "ratio",
        "ALR-04",
    ),
    # for people and rules, never for a model
    Feature(
        "is_subscribed",
        B,
        "contract",
        "An active, paid subscription on the morning; NULL where the input has none",
        "",
        "IDN-05",
        is_input=False,
    ),
    Feature(
        "peer_group",
        S,
        "peers",
        "Similar accounts: industry and size band, size band alone below 10 of them",
        "",
        "SEG-17",
        is_input=False,
    ),
    Feature("peers", N, "peers", "Accounts in the peer group", "accounts", "SEG-17", is_input=False),
    Feature(
        "history_days",
        N,
        "evidence",
        "Days since the first event known by then, the sign-up at the earliest",
        "days",
        "COL-13",
        is_input=False,
    ),
    Feature("events_90d", N, "evidence", "Events of any kind in 90 days", "events", "COL-13", is_input=False),
    Feature(
        "users_28d_before",
        N,
        "active users",
        "People active in the 28 days before the last 28",
        "people",
        "MET-02",
        is_input=False,
    ),
    Feature(
        "uses_28d_before",
        N,
        "volume",
        "Feature events in the 28 days before the last 28",
        "events",
        "MET-21",
        is_input=False,
    ),
    Feature(
        "features_28d_before",
        N,
        "features",
        "Distinct features used in the 28 days before the last 28",
        "features",
        "MET-03",
        is_input=False,
    ),
    Feature(
        "events_before_signup",
        N,
        "evidence",
        "Events dated before the sign-up; marked, counted in no other feature",
        "events",
        "COL-16",
        is_input=False,
    ),
    Feature("owner_email", S, "owner", "Who looks after the account", "", "IDN-06", is_input=False),
    Feature("account_name", S, "account", "Company name", "", "", is_input=False),
)

INPUTS = tuple(feature for feature in FEATURES if feature.is_input)
"""What a model may see."""

BY_NAME = {feature.name: feature for feature in FEATURES}

_COLUMNS = (
    Column("account_id", "string", "Account"),
    *(feature.column for feature in FEATURES),
    Column("as_of", "date", "Morning"),
)

ACCOUNT_SNAPSHOT = Table("features", "account_snapshot", "account and scored morning", _COLUMNS, partition="as_of")

TRAINING_SNAPSHOT = Table("features", "training_snapshot", "account and training morning", _COLUMNS, partition="as_of")
"""The same columns by the same function, for the weekly mornings that models learn from."""

TABLES = (ACCOUNT_SNAPSHOT, TRAINING_SNAPSHOT)
"""In the order of the documents."""
