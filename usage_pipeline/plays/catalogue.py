"""The table of `plays`: what to do about it, and what not."""

from usage_pipeline.lake import Column, Table

DECISION = Table(
    "plays",
    "decision",
    "account, play and morning",
    (
        Column("account_id", "string", "Account"),
        Column("play", "string", "Play"),
        Column("play_version", "int64", "Version of its definition"),
        Column("decision", "string", "do, hold_out or not"),
        Column("reason", "string", "What decided, in words: a reason for each non-action"),
        Column(
            "gates",
            "string",
            "Every gate's answer as JSON: [{gate, passed, why}]; passed is null where it was not asked",
        ),
        Column("is_eligible", "boolean", "The trigger fired, whatever the gates said"),
        Column(
            "episode",
            "string",
            "Episode of the play on the account (account, play, first morning); NULL for not, but where bad data or no skill leave an open task as it is",
        ),
        Column("assigned_on", "date", "Morning the arm was drawn; NULL for not eligible"),
        Column("stratum", "string", "Stratum of the draw"),
        Column("outcome", "string", "Outcome that triggers the play; NULL: a cohort does"),
        Column("role", "string", "Who acts: csm or sales"),
        Column("subject", "string", "Subject of the task"),
        Column("body", "string", "What happened, how similar accounts do, what to do, as plain text"),
        Column("priority", "string", "high, medium or low"),
        Column("due_on", "date", "When it should be done"),
        Column("expected_outcome", "string", "What should come of it"),
        Column("order", "int64", "Rank among what the owner could do; 1 first"),
        Column("as_of", "date", "Morning"),
    ),
    partition="as_of",
)

TABLES = (DECISION,)
"""In the order of the documents."""
