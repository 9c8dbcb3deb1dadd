"""The tables of `usage`: what an account, its users and its features did in a day.

Partitioned by the day on which it became known; the rows carry the day it happened. Only
counted copies of events with an account are in them; an event whose account became known
later is part of the day on which it did. Sums over the parts of a day are exact;
`is_first` marks the part of a person's (feature's) day that became known first, so that
counting it counts the person (feature) once.
"""

from usage_pipeline.lake import Column, Table

ACCOUNT_ID = Column("account_id", "string", "Account")
DAY = Column("day", "date", "Day it happened (UTC)")
KNOWN_DAY = Column("known_day", "date", "Day it became known; never before `day`")
EVENTS = Column("events", "int64", "Events, logins included", "events")
USES = Column("uses", "int64", "Events in which a feature fired", "events")
SESSIONS = Column(
    "sessions", "int64", "Sessions (stated, or ended by a pause of 30 minutes); over midnight on both days", "sessions"
)
DURATION = Column("duration_ms", "int64", "Stated durations", "milliseconds")
QUANTITY = Column("quantity", "decimal(38, 6)", "Stated quantities")
WORKING = Column("working_events", "int64", "Events from 9 to 18 on weekdays of the account's zone", "events")
EVENING = Column("evening_events", "int64", "Events from 18 to 24 of the account's zone", "events")
WEEKEND = Column("weekend_events", "int64", "Events on Saturday and Sunday of the account's zone", "events")
IS_FIRST = Column("is_first", "boolean", "The part of this day that became known first")

USER_FEATURE_DAY = Table(
    "usage",
    "user_feature_day",
    "account, user, feature, day and known day",
    (
        ACCOUNT_ID,
        Column("user_id", "string", "Person; NULL: none stated"),
        Column("feature", "string", "Feature; NULL: an event without one"),
        DAY,
        EVENTS,
        SESSIONS,
        DURATION,
        QUANTITY,
        WORKING,
        EVENING,
        WEEKEND,
        KNOWN_DAY,
    ),
    partition="known_day",
)

USER_DAY = Table(
    "usage",
    "user_day",
    "account, user, day and known day",
    (
        ACCOUNT_ID,
        Column("user_id", "string", "Person; never NULL"),
        DAY,
        EVENTS,
        USES,
        SESSIONS,
        DURATION,
        IS_FIRST,
        KNOWN_DAY,
    ),
    partition="known_day",
)

FEATURE_DAY = Table(
    "usage",
    "feature_day",
    "account, feature, day and known day",
    (
        ACCOUNT_ID,
        Column("feature", "string", "Feature; never NULL"),
        DAY,
        EVENTS,
        Column("users", "int64", "People who used it in this part of the day", "people"),
        QUANTITY,
        DURATION,
        IS_FIRST,
        KNOWN_DAY,
    ),
    partition="known_day",
)

EVENT_DAY = Table(
    "usage",
    "event_day",
    "account, event name, day and known day",
    (
        ACCOUNT_ID,
        Column("name", "string", "Event name"),
        DAY,
        EVENTS,
        QUANTITY,
        KNOWN_DAY,
    ),
    partition="known_day",
)

ACCOUNT_DAY = Table(
    "usage",
    "account_day",
    "account, day and known day",
    (
        ACCOUNT_ID,
        DAY,
        EVENTS,
        USES,
        SESSIONS,
        DURATION,
        QUANTITY,
        WORKING,
        EVENING,
        WEEKEND,
        Column(
            "active_users", "int64", "People whose first part of this day this is; sums to the day's people", "people"
        ),
        KNOWN_DAY,
    ),
    partition="known_day",
)

FIRST_USE = Table(
    "usage",
    "first_use",
    "account, user and feature, and the day it first became known",
    (
        ACCOUNT_ID,
        Column("user_id", "string", "Person; NULL: none stated"),
        Column("feature", "string", "Feature; NULL: an event without one"),
        Column("first_day", "date", "First day of use known by then; several rows where an earlier one came later"),
        KNOWN_DAY,
    ),
    partition="known_day",
)

LAST_USE = Table(
    "usage",
    "last_use",
    "account, and the known day on which its last use advanced",
    (
        ACCOUNT_ID,
        Column("last_day", "date", "Last day of use known by then"),
        KNOWN_DAY,
    ),
    partition="known_day",
)

METRIC_DAY = Table(
    "usage",
    "metric_day",
    "account, own metric, day and known day, and thing told apart where the metric is a distinct count",
    (
        ACCOUNT_ID,
        Column("metric", "string", "Metric of the mapping"),
        Column("definition", "string", "Fingerprint of what it counts, so that two definitions are never mixed"),
        DAY,
        Column("member", "string", "MD5 of the thing that a distinct count tells apart; NULL for counts and sums"),
        Column("value", "decimal(38, 6)", "Events, or the sum of what the metric sums (durations in milliseconds)"),
        KNOWN_DAY,
    ),
    partition="known_day",
)

METRIC = Table(
    "usage",
    "metric",
    "own metric of the mapping that `metric_day` holds for every known day",
    (
        Column("metric", "string", "Metric of the mapping"),
        Column("definition", "string", "Fingerprint of what it counts"),
        Column("counts", "string", "What it counts, as JSON"),
        Column("first_known_day", "date", "First known day when it was filled in; NULL: there was no event yet"),
        Column("last_known_day", "date", "Last known day when it was filled in; later ones came day by day"),
        Column("unreadable", "int64", "Values found then that are no numbers, and are left out of the sum", "events"),
    ),
)

ROLLUPS = (USER_FEATURE_DAY, USER_DAY, FEATURE_DAY, EVENT_DAY, ACCOUNT_DAY, FIRST_USE, LAST_USE)
"""What every company has."""

TABLES = (*ROLLUPS, METRIC_DAY, METRIC)
"""In the order of the documents."""
