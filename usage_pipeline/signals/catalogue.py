"""The table of `signals`: what just changed."""

from usage_pipeline.lake import Column, Table

SIGNAL = Table(
    "signals",
    "signal",
    "account, morning and kind of change",
    (
        Column("account_id", "string", "Account"),
        Column(
            "kind",
            "string",
            "usage_drop, users_lost, feature_abandoned, integration_removed, tier_change or cohort_change",
        ),
        Column("severity", "string", "high, medium or low"),
        Column("text", "string", "What changed, against its own and its peers' usual, in words with numbers"),
        Column("suggestion", "string", "What to do about it, in a sentence"),
        Column("value", "float64", "What was observed"),
        Column("own_usual", "float64", "What is usual for this account; NULL: no such thing"),
        Column(
            "peer_usual",
            "float64",
            "What it would be had it moved as similar accounts did; NULL: fewer than 10 of them",
        ),
        Column("as_of", "date", "Morning"),
    ),
    partition="as_of",
)

TABLES = (SIGNAL,)
"""In the order of the documents."""
