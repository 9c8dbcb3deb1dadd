"""The tables of `outcomes`: what came of it."""

from usage_pipeline.lake import Column, Table

FLAG = Table(
    "outcomes",
    "flag",
    "outcome, morning and tier",
    (
        Column("outcome", "string", "Which outcome"),
        Column("as_of", "date", "Earlier morning"),
        Column("origin", "string", "judged (back-filled, used for nothing but judging) or live"),
        Column("tier", "string", "Tier on that morning"),
        Column("accounts", "int64", "Accounts in it whose outcome is known by now", "accounts"),
        Column("happened", "int64", "Of those, in which it happened", "accounts"),
        Column("not_yet_known", "int64", "Accounts in it whose outcome is not yet known", "accounts"),
        Column("known_on", "date", "When all of this morning is known"),
    ),
)

EPISODE = Table(
    "outcomes",
    "episode",
    "play, account, episode and outcome",
    (
        Column("play", "string", "Play"),
        Column("account_id", "string", "Account"),
        Column("episode", "string", "Episode"),
        Column("arm", "string", "do or hold_out"),
        Column("assigned_on", "date", "Morning the arm was drawn"),
        Column(
            "status",
            "string",
            "State of the task: open, done, dismissed, withdrawn or not opened; NULL for a hold-out and for all plays",
        ),
        Column("outcome", "string", "Which outcome is looked at"),
        Column("happened", "boolean", "What happened within the horizon; NULL: not yet known"),
        Column("known_on", "date", "When it will be (was) known"),
    ),
)

EFFECT = Table(
    "outcomes",
    "effect",
    "play and outcome",
    (
        Column("play", "string", "Play; * for all plays together against the global hold-out"),
        Column("outcome", "string", "Which outcome"),
        Column(
            "treated",
            "int64",
            "Accounts assigned to act (intention to treat: whether or not a task was opened) with a known outcome",
            "accounts",
        ),
        Column("treated_happened", "int64", "Of those, in which it happened", "accounts"),
        Column("held_out", "int64", "Held-out accounts with a known outcome", "accounts"),
        Column("held_out_happened", "int64", "Of those, in which it happened", "accounts"),
        Column(
            "difference", "float64", "Rate of those assigned to act minus rate of the held-out; NULL: not yet known"
        ),
        Column("low", "float64", "Lower end of its 95 % interval (Newcombe)"),
        Column("high", "float64", "Upper end of its 95 % interval (Newcombe)"),
        Column("state", "string", "known, or not yet known"),
        Column("known_on", "date", "When the first (state not yet known) or last (known) outcome is known"),
        Column("text", "string", "That in one sentence"),
    ),
)

TABLES = (FLAG, EPISODE, EFFECT)
"""In the order of the documents."""
