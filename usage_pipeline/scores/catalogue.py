"""The tables of `scores`: what we believe today, and why."""

from usage_pipeline.lake import Column, Table

ACCOUNT_SCORE = Table(
    "scores",
    "account_score",
    "account, morning and outcome",
    (
        Column("account_id", "string", "Account"),
        Column("outcome", "string", "Which outcome (`churn_90d`, ...)"),
        Column("kind", "string", "churn or expansion"),
        Column(
            "evidence",
            "string",
            "sufficient, insufficient_history, insufficient_use, not_at_risk, no_model, no_skill or poor_data",
        ),
        Column("evidence_detail", "string", "That in words"),
        Column("probability", "float64", "Calibrated probability; NULL without sufficient evidence"),
        Column("score", "float64", "Probability times 100, one decimal; NULL without sufficient evidence", "0-100"),
        Column("rank", "int64", "1 for the highest of the morning; ties by account id"),
        Column("tier", "string", "churn: red, yellow, green; expansion: high, medium, low; NULL without a score"),
        Column("tier_rule", "string", "Which of the two rules gave the tier, in words"),
        Column("reason_1", "string", "What weighs most, in words with numbers and a comparison with similar accounts"),
        Column("reason_2", "string", "What weighs second"),
        Column("reason_3", "string", "What weighs third"),
        Column("reasons", "string", "All shown reasons as JSON: [{group, text, contribution (log-odds)}]"),
        Column("model_version", "string", "Registered model version"),
        Column("run_id", "string", "MLflow run of that model"),
        Column("as_of", "date", "Morning"),
    ),
    partition="as_of",
)

ACCOUNT_HEALTH = Table(
    "scores",
    "account_health",
    "account and morning",
    (
        Column("account_id", "string", "Account"),
        Column("health", "float64", "Weighted mean of its parts; NULL where no part is known", "0-100"),
        Column("health_tier", "string", "Red, Orange, Yellow, Green or Dark-Green"),
        Column("parts", "string", "Each part with value and weight, as JSON"),
        Column("as_of", "date", "Morning"),
    ),
    partition="as_of",
)

TABLES = (ACCOUNT_SCORE, ACCOUNT_HEALTH)
"""In the order of the documents."""
