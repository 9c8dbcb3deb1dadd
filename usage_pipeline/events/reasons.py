"""Why a row was refused, each with what to do about it."""

from enum import StrEnum


class Reason(StrEnum):
    """The typed reasons, in the order in which a row is tried."""

    BAD_UTF8 = "bad_utf8"
    CUT_OFF = "cut_off"
    LINE_TOO_LONG = "line_too_long"
    EMPTY_ARCHIVE = "empty_archive"
    BAD_JSON = "bad_json"
    NOT_AN_OBJECT = "not_an_object"
    WRONG_COLUMNS = "wrong_columns"
    UNKNOWN_TYPE = "unknown_type"
    FORGOTTEN = "forgotten"
    EXCLUDED_USER_AGENT = "excluded_user_agent"
    EXCLUDED_EMAIL_DOMAIN = "excluded_email_domain"
    EXCLUDED_ACCOUNT = "excluded_account"
    EXCLUDED_USER = "excluded_user"
    EXCLUDED_NAME = "excluded_name"
    MISSING_EVENT_NAME = "missing_event_name"
    MISSING_TIMESTAMP = "missing_timestamp"
    BAD_TIMESTAMP = "bad_timestamp"
    FUTURE_TIMESTAMP = "future_timestamp"
    MISSING_IDENTITY = "missing_identity"
    BAD_QUANTITY = "bad_quantity"
    BAD_DURATION = "bad_duration"


WORDS = {
    Reason.BAD_UTF8: "bytes that are not UTF-8; send UTF-8",
    Reason.CUT_OFF: "the compressed file ends early or is damaged; deliver it again whole",
    Reason.LINE_TOO_LONG: "more than 32 MB without the end of a line; one event per line is expected",
    Reason.EMPTY_ARCHIVE: "an archive without a file of the input's format",
    Reason.BAD_JSON: "not JSON; one JSON object per line is expected",
    Reason.NOT_AN_OBJECT: "JSON, but no object; one JSON object per line is expected",
    Reason.WRONG_COLUMNS: "not the 131 values between tabs of a Snowplow enriched event",
    Reason.UNKNOWN_TYPE: "type is none of track, identify, group, page, screen, alias",
    Reason.FORGOTTEN: "a person who was forgotten; nothing of the row is kept",
    Reason.EXCLUDED_USER_AGENT: "a bot, by the mapping's exclude.user_agents",
    Reason.EXCLUDED_EMAIL_DOMAIN: "a colleague, by the mapping's exclude.email_domains",
    Reason.EXCLUDED_ACCOUNT: "a test account, by the mapping's exclude.accounts",
    Reason.EXCLUDED_USER: "a test user, by the mapping's exclude.users",
    Reason.EXCLUDED_NAME: "an event that is no use, by the mapping's exclude.names",
    Reason.MISSING_EVENT_NAME: "no event name; a track call states it as `event`, a select as `name`",
    Reason.MISSING_TIMESTAMP: "no time; a call states it as `timestamp`, a select as `ts`",
    Reason.BAD_TIMESTAMP: "a time that is none, or one before 1971 (a clock that was never set); send ISO 8601, or say how it is written (`time_formats`)",
    Reason.FUTURE_TIMESTAMP: "a time more than a day after the row was received or landed; check the sender's clock",
    Reason.MISSING_IDENTITY: "neither account nor user nor anonymous id, or not the ids this call is about",
    Reason.BAD_QUANTITY: "a quantity that is no number from 0 up",
    Reason.BAD_DURATION: "a duration that is no number from 0 up",
}
"""What is wrong and what is expected; the row's own value follows in its detail."""
