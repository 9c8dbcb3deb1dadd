"""What each rollup counts, and what it must not count twice."""

from datetime import datetime

import ibis
import pytest
from usage_rows import accounts, day, event, events, table

from usage_pipeline.sources.catalogue import ACCOUNT
from usage_pipeline.usage import catalogue, rollups


@pytest.fixture
def rolled(backend):
    """Rows of a rollup as dictionaries, without the columns that a test does not speak of."""

    def rows(expr: ibis.Table, *names: str) -> list[dict]:
        return backend.to_pyarrow(expr.select(*names).order_by(*names)).to_pylist()

    return rows


def parts(*rows, zones: ibis.Table | None = None) -> ibis.Table:
    return rollups.user_feature_day(events(*rows), rollups.zones(accounts() if zones is None else zones))


def test_events_of_one_person_feature_and_day_are_one_row(rolled):
    made = parts(
        event("2026-03-02T10:00", duration_ms=2000),
        event("2026-03-02T10:05", duration_ms=500),
        event("2026-03-02T10:06", feature=None, name="login"),
    )
    assert rolled(made, "feature", "events", "duration_ms", "known_day") == [
        {"feature": "board", "events": 2, "duration_ms": 2500, "known_day": day("2026-03-02")},
        {"feature": None, "events": 1, "duration_ms": 0, "known_day": day("2026-03-02")},
    ]


def test_a_pause_of_more_than_half_an_hour_begins_a_session(rolled):
    made = parts(*(event(f"2026-03-02T{clock}") for clock in ("10:00", "10:30", "11:00:01")))
    assert rolled(made, "sessions") == [{"sessions": 2}]


def test_a_stated_session_counts_once_with_its_first_event_however_long_the_pause(rolled):
    made = parts(
        event("2026-03-02T10:00", session_id="s", feature="board"),
        event("2026-03-02T15:00", session_id="s", feature="chart"),
    )
    assert rolled(made, "feature", "sessions") == [
        {"feature": "board", "sessions": 1},
        {"feature": "chart", "sessions": 0},
    ]


def test_of_events_at_once_the_one_that_states_its_session_begins_it_and_no_other(rolled):
    made = parts(
        event("2026-03-02T10:00", feature="board"),
        event("2026-03-02T10:00", feature="map", session_id="s"),
        event("2026-03-02T10:00", feature="chart", session_id="s"),
    )
    assert rolled(made, "feature", "sessions") == [
        {"feature": "board", "sessions": 0},
        {"feature": "chart", "sessions": 1},
        {"feature": "map", "sessions": 0},
    ]


def test_what_happens_to_an_account_is_no_use_of_it():
    made = events(event("2026-03-02T10:00"), event("2026-03-03T10:00", name="Invoice Due", user_id=None, feature=None))
    kept = rollups.user_feature_day(made, rollups.zones(accounts()), non_interaction=["Invoice Due"])
    assert [row["day"].isoformat() for row in kept.to_pyarrow().to_pylist()] == ["2026-03-02"]
    assert sorted(row["name"] for row in rollups.event_day(made).to_pyarrow().to_pylist())[0] == "Invoice Due"


def test_two_people_at_once_are_two_sessions(rolled):
    made = parts(event("2026-03-02T10:00"), event("2026-03-02T10:01", user_id="bob"))
    assert sum(row["sessions"] for row in rolled(made, "sessions")) == 2


@pytest.mark.parametrize(
    ("zone", "working", "evening", "weekend"),
    [
        # Friday 2026-03-06, 23:30 UTC
        ("UTC", 0, 1, 0),
        ("America/New_York", 0, 1, 0),  # 18:30, Friday
        ("America/Los_Angeles", 1, 0, 0),  # 15:30, Friday
        ("Europe/Berlin", 0, 0, 1),  # 00:30, Saturday
        ("+05:30", 0, 0, 1),  # 05:00, Saturday
        ("-0800", 1, 0, 0),  # 15:30, Friday
        ("Nowhere/At_all", 0, 1, 0),
        ("America/Los_Angeles ", 1, 0, 0),
        (" America/Los_Angeles\r\n", 1, 0, 0),
        ("\t-0800", 1, 0, 0),
        (" ", 0, 1, 0),
        (None, 0, 1, 0),
    ],
)
def test_hours_are_those_of_the_accounts_own_clock(rolled, zone, working, evening, weekend):
    made = parts(event("2026-03-06T23:30"), zones=accounts(acme=zone))
    assert rolled(made, "working_events", "evening_events", "weekend_events") == [
        {"working_events": working, "evening_events": evening, "weekend_events": weekend}
    ]


def test_a_zone_counts_from_the_day_it_became_known_and_changes_no_day_before(rolled):
    changes = table(
        ACCOUNT,
        [
            {"account_id": "acme", "time_zone": zone, "valid_from": datetime(2020, 1, 1), "known_at": known_at}
            for zone, known_at in (("UTC", datetime(2026, 1, 1)), ("Asia/Tokyo", datetime(2026, 3, 3, 12)))
        ],
    )
    # 19:00 UTC is the evening in UTC, and 04:00 in Tokyo.
    made = parts(event("2026-03-02T19:00"), event("2026-03-03T19:00"), zones=changes)
    assert rolled(made, "day", "evening_events") == [
        {"day": day("2026-03-02"), "evening_events": 1},
        {"day": day("2026-03-03"), "evening_events": 0},
    ]


def test_a_late_part_of_a_persons_day_does_not_count_the_person_again(rolled):
    base = parts(event("2026-03-02T10:00"), event("2026-03-02T11:00", known="2026-03-05T00:00"))
    people = rollups.user_day(base, catalogue.USER_DAY.empty())
    account = rollups.account_day(base, people)
    assert rolled(people, "known_day", "is_first") == [
        {"known_day": day("2026-03-02"), "is_first": True},
        {"known_day": day("2026-03-05"), "is_first": False},
    ]
    assert rolled(account, "known_day", "events", "active_users") == [
        {"known_day": day("2026-03-02"), "events": 1, "active_users": 1},
        {"known_day": day("2026-03-05"), "events": 1, "active_users": 0},
    ]


def test_an_event_without_a_person_counts_for_the_account_and_for_nobody(rolled):
    base = parts(event("2026-03-02T10:00", user_id=None))
    assert rolled(rollups.user_day(base, catalogue.USER_DAY.empty()), "user_id") == []
    features = rollups.feature_day(base, catalogue.FEATURE_DAY.empty())
    assert rolled(features, "events", "users") == [{"events": 1, "users": 0}]
    account = rollups.account_day(base, rollups.user_day(base, catalogue.USER_DAY.empty()))
    assert rolled(account, "uses", "active_users") == [{"uses": 1, "active_users": 0}]


def test_a_first_use_is_told_again_only_when_an_earlier_one_comes_to_light(rolled):
    base = parts(
        event("2026-03-05T10:00"),
        event("2026-03-06T10:00"),
        event("2026-03-02T10:00", known="2026-03-07T00:00"),
        event("2026-03-05T12:00", user_id=None, feature=None),
        event("2026-03-06T12:00", user_id=None, feature=None),
    )
    found = rollups.first_use(base, catalogue.FIRST_USE.empty())
    assert rolled(found, "user_id", "first_day", "known_day") == [
        {"user_id": "ann", "first_day": day("2026-03-02"), "known_day": day("2026-03-07")},
        {"user_id": "ann", "first_day": day("2026-03-05"), "known_day": day("2026-03-05")},
        {"user_id": None, "first_day": day("2026-03-05"), "known_day": day("2026-03-05")},
    ]


def test_the_last_use_only_advances(rolled):
    base = parts(event("2026-03-05T10:00"), event("2026-03-02T10:00", known="2026-03-06T00:00"))
    found = rollups.last_use(base, catalogue.LAST_USE.empty())
    assert rolled(found, "last_day", "known_day") == [{"last_day": day("2026-03-05"), "known_day": day("2026-03-05")}]


def test_only_late_days_look_back():
    assert rollups.reach(day("2026-03-05"), day("2026-03-05")) is None
    assert rollups.reach(None, day("2026-03-05")) is None
    assert rollups.reach(day("2026-03-02"), day("2026-03-05")) == (day("2026-03-02"), day("2026-03-04"))
