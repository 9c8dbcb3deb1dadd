"""The tables of `models`: what was learned, and how good it is on mornings used for nothing else."""

from usage_pipeline.lake import Column, Table

TRAINING = Table(
    "models",
    "training",
    "outcome and training",
    (
        Column("outcome", "string", "Which outcome"),
        Column("trained_as_of", "date", "Morning whose knowledge the training used"),
        Column("state", "string", "trained, or insufficient (no model: the reason says why)"),
        Column("reason", "string", "Why there is no model, or how mornings were cut"),
        Column("rung", "string", "Rung of the ladder that was chosen"),
        Column("run_id", "string", "MLflow run"),
        Column("model_version", "string", "Registered version; NULL without a model"),
        Column("has_skill", "boolean", "Skill shown on judged mornings"),
        Column("skill_reason", "string", "Which test of skill failed, in words"),
        Column("judged_accounts", "int64", "Accounts on the judged mornings"),
        Column("judged_rows", "int64", "Accounts and mornings judged"),
        Column("judged_positives", "int64", "Of those, rows in which it happened"),
        Column("base_rate", "float64", "Share of judged rows in which it happened"),
        Column("auc", "float64", "Area under the ROC curve"),
        Column("auc_low", "float64", "Lower end of its one-sided 99 % interval, bootstrap by account"),
        Column("auc_high", "float64", "Upper end of its two-sided 95 % interval"),
        Column("average_precision", "float64", "Area under precision and recall"),
        Column("average_precision_low", "float64", "Lower end of its 95 % interval"),
        Column("average_precision_high", "float64", "Upper end of its 95 % interval"),
        Column("rule_auc", "float64", "The rule of thumb's AUC on the same rows"),
        Column("rule_average_precision", "float64", "The rule of thumb's average precision on the same rows"),
        Column("logistic_average_precision", "float64", "The logistic regression's on the same rows"),
        Column("lift_at_tenth", "float64", "Share that happened in the highest tenth over the base rate"),
        Column("brier_skill", "float64", "1 - Brier score over that of the base rate"),
        Column("brier_skill_low", "float64", "Lower end of its 95 % interval"),
        Column("calibration_error", "float64", "Expected calibration error, ten equal-count bins"),
        Column("calibration_slope", "float64", "Slope of the outcome on the predicted log-odds"),
    ),
)

JUDGED = Table(
    "models",
    "judged",
    "outcome, judged morning and account",
    (
        Column("outcome", "string", "Which outcome"),
        Column("account_id", "string", "Account"),
        Column("as_of", "date", "Judged morning: used for nothing but judging"),
        Column("probability", "float64", "Calibrated probability by the chosen rung"),
        Column("rule_score", "float64", "The rule of thumb as a continuous score"),
        Column("tier", "string", "Tier the probability would have had that morning"),
        Column("happened", "boolean", "What then happened"),
        Column("model_version", "string", "Registered version"),
    ),
)

TABLES = (TRAINING, JUDGED)
"""In the order of the documents."""
