"""The tables of `segments`: which kind of account it is, and of person, and why."""

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

USER_PERSONA = Table(
    "segments",
    "user_persona",
    "user, account and morning",
    (
        Column("account_id", "string", "Account"),
        Column("user_id", "string", "Person"),
        Column("persona", "string", "New, Stuck-New, Power, Specialist, Regular, Occasional or Dormant"),
        Column("persona_rule", "string", "The row of the decision table that gave it, in words"),
        Column("active_days_28d", "int64", "Days of use in 28 days", "days"),
        Column("features_28d", "int64", "Different features used in 28 days", "features"),
        Column("first_used_on", "date", "First day of use that was known; NULL: never"),
        Column("last_used_on", "date", "Last day of use that became known in the 16 weeks before; NULL: none in them"),
        Column("as_of", "date", "Morning"),
    ),
    partition="as_of",
)

TABLES = (ACCOUNT_SEGMENT, USER_PERSONA)
"""In the order of the documents."""
