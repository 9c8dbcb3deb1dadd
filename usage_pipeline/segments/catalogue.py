"""The table of `segments`: which kind of account it is, and why."""

from usage_pipeline.lake import Column, Table

ACCOUNT_SEGMENT = Table(
    "segments",
    "account_segment",
    "account and morning",
    (
        Column("account_id", "string", "Account"),
        Column(
            "is_activated", "boolean", "Crossed the activation event within 30 days of sign-up; NULL: not yet decided"
        ),
        Column(
            "breadth_quintile",
            "int64",
            "1 to 5 by features used in 28 days among the accounts in use; NULL: not in use",
        ),
        Column("curve", "string", "growing, flat, declining, or unknown (too young)"),
        Column("cohort", "string", "Activated-Power, Activated-Narrow, Stuck-Activated, Risk-Inactive or New"),
        Column("cohort_rule", "string", "The row of the decision table that gave it, in words"),
        Column("bucket", "string", "Heavy, Occasional or Dormant"),
        Column(
            "renewal_stage", "string", "Renewal-Far, Pre-Window, Window-Open, Active-Negotiation, Past-Renewal or none"
        ),
        Column("as_of", "date", "Morning"),
    ),
    partition="as_of",
)

TABLES = (ACCOUNT_SEGMENT,)
"""In the order of the documents."""
