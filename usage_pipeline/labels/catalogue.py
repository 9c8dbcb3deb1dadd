"""The table of `labels`: what happened next."""

from usage_pipeline.lake import Column, Table

OUTCOME = Table(
    "labels",
    "outcome",
    "account, morning and outcome",
    (
        Column("account_id", "string", "Account, at risk of the outcome on that morning"),
        Column("outcome", "string", "Which outcome (`churn_90d`, ...)"),
        Column("kind", "string", "churn or expansion"),
        Column("happened", "boolean", "Whether it did; NULL: not yet known, which is not no"),
        Column("happened_on", "date", "When it did, where a day can be named"),
        Column("known_at", "timestamp", "When this could first be stated"),
        Column(
            "is_treated",
            "boolean",
            "A play's task was opened for the account in the horizon before or after the morning",
        ),
        Column("as_of", "date", "Morning"),
    ),
    partition="as_of",
)

TABLES = (OUTCOME,)
"""In the order of the documents."""
