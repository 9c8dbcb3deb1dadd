"""From rows as stated to events: times in UTC, units in one measure, a typed reason for each refusal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from usage_pipeline.company import Clock
from usage_pipeline.events import fields
from usage_pipeline.events.reasons import WORDS, Reason

# A sender's clock may be fast, or in another zone than it says; beyond a day it is wrong.
_TOLERANCE = "INTERVAL 1 DAY"
# Before any product that sends events: the mark of a clock that was never set.
_EARLIEST = "TIMESTAMP '1971-01-01'"
# What delta-rs can hold, and no sensible quantity reaches.
_QUANTITY = "DECIMAL(18, 6)"
_ADDRESS = "lower(coalesce(email, user_id))"
_EXCLUDED = {
    "user_agents": (Reason.EXCLUDED_USER_AGENT, "contains(lower(user_agent), lower({}))"),
    "email_domains": (
        Reason.EXCLUDED_EMAIL_DOMAIN,
        f"(ends_with({_ADDRESS}, lower('@' || {{0}})) OR (contains({_ADDRESS}, '@') AND ends_with({_ADDRESS}, lower('.' || {{0}}))))",
    ),
    "accounts": (Reason.EXCLUDED_ACCOUNT, "account_id = {}"),
    "users": (Reason.EXCLUDED_USER, "user_id = {}"),
    "names": (Reason.EXCLUDED_NAME, "name = {}"),
}
"""What the mapping may exclude: the reason, and the test of one value."""


@dataclass(frozen=True)
class Origin:
    """Where rows came from, and how their times are to be read."""

    source: str
    batch: str
    landed_at: datetime
    history: bool
    clock: Clock
    start: date | None = None
    """The first day that counts: what was known before it counts as known on it, and is history to every morning."""
    time_formats: tuple[str, ...] = ()
    """How times are written that need to be told."""
    exclude: Mapping[Any, tuple[str, ...]] = field(default_factory=dict)
    """Whose rows are nobody's use, as the mapping lists them."""


def cleaned(stated: str, origin: Origin) -> str:
    """SQL from rows as stated (a select) to judged rows.

    `reason` is NULL for a valid row; `detail` says what was found.
    """
    clock = origin.clock
    landed = f"TIMESTAMP '{origin.landed_at.isoformat(sep=' ')}'"
    # greatest passes over NULL.
    begun = "NULL" if origin.start is None else f"TIMESTAMP '{origin.start}'"
    known = f"greatest(happened, received, {begun}{'' if origin.history else f', {landed}'})"
    return f"""
        WITH stated AS ({stated}), read AS (
            SELECT * EXCLUDE (quantity, duration), ts AS ts_stated, received_at AS received_stated,
                quantity AS quantity_stated, duration AS duration_stated,
                {fields.moment("ts", origin.time_formats)} AS happened,
                {fields.moment("received_at", origin.time_formats)} AS received_claim,
                CASE WHEN quantity IS NULL THEN 1 ELSE TRY_CAST(quantity AS {_QUANTITY}) END AS quantity,
                TRY_CAST(round(TRY_CAST(duration AS DOUBLE) * duration_unit_ms) AS BIGINT) AS duration_ms
            FROM stated
        ), judged AS (
            SELECT *, CASE
                {_whens(landed, origin.exclude)}
                END AS reason
            FROM read
        ), dated AS (
            SELECT *, CASE WHEN reason IS NULL
                THEN coalesce(received_claim, happened + INTERVAL '{round(clock.delay_days * 86400)} seconds') END AS received
            FROM judged
        )
        SELECT line, kind, reason, {_detail()} AS detail,
            CASE WHEN reason IS NOT NULL THEN rtrim(raw, chr(13) || chr(10)) END AS raw,
            coalesce(event_id, md5(raw)) AS event_id,
            happened AS ts,
            received AS received_at,
            received_claim IS NULL AS received_assumed,
            {landed} AS landed_at,
            {known} AS known_at,
            account_id, user_id, anonymous_id, previous_id, name, feature,
            CAST(quantity AS {_QUANTITY}) AS quantity, duration_ms, session_id, CAST(properties AS VARCHAR) AS properties,
            to_hex(hash(raw)) AS content_hash,
            {fields.text(origin.source)} AS source, {fields.text(origin.batch)} AS batch,
            CAST({known} AS DATE) AS known_day
        FROM dated
    """


def events(stated: str, origin: Origin) -> str:
    """SQL from rows as stated to the valid events among them, with all that `cleaned` gives of a valid row."""
    # No filter is pushed below a LIMIT: here it would have the whole row computed twice.
    return f"""
        SELECT * EXCLUDE (reason, detail, raw) FROM ({cleaned(stated, origin)} LIMIT {2**63 - 1})
        WHERE reason IS NULL AND kind = 'event'
    """


def _whens(landed: str, exclude: Mapping[str, tuple[str, ...]]) -> str:
    latest = f"(least({landed}, coalesce(received_claim, {landed})) + {_TOLERANCE})"
    tests = {
        # First: a bot's or a colleague's broken row is no fault of the data.
        **_excluded(exclude),
        Reason.MISSING_EVENT_NAME: "name IS NULL",
        Reason.MISSING_TIMESTAMP: "ts_stated IS NULL",
        Reason.BAD_TIMESTAMP: f"happened IS NULL OR happened < {_EARLIEST} "
        f"OR (received_stated IS NOT NULL AND (received_claim IS NULL OR received_claim < {_EARLIEST}))",
        Reason.FUTURE_TIMESTAMP: f"happened > {latest} OR received_claim > {landed} + {_TOLERANCE}",
        Reason.MISSING_IDENTITY: """CASE kind
            WHEN 'event' THEN coalesce(account_id, user_id, anonymous_id) IS NULL
            WHEN 'identify' THEN coalesce(user_id, anonymous_id) IS NULL
            WHEN 'account' THEN account_id IS NULL
            WHEN 'group' THEN account_id IS NULL OR coalesce(user_id, anonymous_id) IS NULL
            ELSE user_id IS NULL OR coalesce(previous_id, anonymous_id) IS NULL END""",
        Reason.BAD_QUANTITY: "kind = 'event' AND (quantity IS NULL OR quantity < 0)",
        Reason.BAD_DURATION: "kind = 'event' AND duration_stated IS NOT NULL AND (duration_ms IS NULL OR duration_ms < 0)",
    }
    unreadable = "WHEN unreadable IS NOT NULL THEN unreadable"
    return "\n".join([unreadable, *(f"WHEN {test} THEN '{reason}'" for reason, test in tests.items())])


def _excluded(exclude: Mapping[str, tuple[str, ...]]) -> dict[Reason, str]:
    """The tests of what the mapping excludes; where it excludes nothing, nothing is asked of a row."""
    return {
        reason: " OR ".join(test.format(fields.text(value)) for value in exclude[name])
        for name, (reason, test) in _EXCLUDED.items()
        if exclude.get(name)
    }


def _detail() -> str:
    """What is wrong in words, with the value that was found where there is one."""
    found = {
        Reason.UNKNOWN_TYPE: "coalesce(type, 'no type')",
        Reason.BAD_TIMESTAMP: "concat_ws(', received ', CAST(ts_stated AS VARCHAR), CAST(received_stated AS VARCHAR))",
        Reason.FUTURE_TIMESTAMP: "concat_ws(', received ', CAST(ts_stated AS VARCHAR), CAST(received_stated AS VARCHAR))",
        Reason.EXCLUDED_ACCOUNT: "account_id",
        Reason.EXCLUDED_USER: "user_id",
        Reason.EXCLUDED_NAME: "name",
        Reason.BAD_QUANTITY: "quantity_stated",
        Reason.BAD_DURATION: "duration_stated",
    }
    words = "\n".join(
        f"WHEN '{reason}' THEN {fields.text(text)}" + (f" || ': ' || {found[reason]}" if reason in found else "")
        for reason, text in WORDS.items()
    )
    return f"CASE reason {words} END"
