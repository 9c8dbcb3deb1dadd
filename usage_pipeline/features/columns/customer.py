"""What the account pays, asks, answers, and what kind of company it is."""

from usage_pipeline.features.feature import B, F, Feature, N, S

FEATURES = (
    Feature("tickets_28d", N, "support tickets", "Tickets opened in 28 days", "tickets", "MET-13"),
    Feature("tickets_90d", N, "support tickets", "Tickets opened in 90 days", "tickets", "MET-13"),
    Feature(
        "tickets_rise_28d",
        N,
        "support tickets",
        "Tickets of 28 days minus those of the 28 before",
        "tickets",
        "MET-13",
        compares="tickets_28d",
        against="itself",
    ),
    Feature("tickets_open", N, "support tickets", "Tickets open on the morning", "tickets", "MET-13"),
    Feature(
        "tickets_urgent_90d", N, "support tickets", "Tickets of priority high or urgent in 90 days", "tickets", "MET-13"
    ),
    Feature("satisfaction_90d", F, "satisfaction", "Mean rating of tickets closed in 90 days", "1-5", "COL-02"),
    Feature("nps_last", N, "satisfaction", "Last NPS answer within a year", "0-10", "COL-02"),
    Feature(
        "nps_change",
        N,
        "satisfaction",
        "Last NPS answer minus the one before it",
        "points",
        "COL-02",
        compares="nps_last",
        against="itself",
    ),
    Feature("mrr_minor", N, "contract", "Monthly recurring revenue on the morning", "minor units", "COL-02"),
    Feature(
        "mrr_change_180d",
        F,
        "contract",
        "MRR over that of 180 days ago, minus 1",
        "ratio",
        "COL-03",
        compares="mrr_minor",
        against="itself",
    ),
    Feature("plan_rank", N, "contract", "Plan, 0 the smallest", "", "COL-02"),
    Feature("term_months", N, "contract", "Length of the running term", "months", "COL-02"),
    Feature("days_to_renewal", N, "renewal", "Days from the morning to the end of the running term", "days", "IDN-06"),
    Feature("is_auto_renew", B, "renewal", "The contract renews by itself", "", "COL-02"),
    Feature("tenure_days", N, "tenure", "Days since sign-up, else since the first event", "days", "COL-13"),
    Feature("industry", S, "industry", "Industry or use case", "", "COL-06"),
    Feature("size_band", S, "company size", "1-19, 20-99, 100-499, 500+ employees, or unknown", "", "SEG-17"),
)
