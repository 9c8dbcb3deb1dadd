"""The daily checks: what is usual, what is a holiday, and what is an alarm."""

from datetime import date, datetime, timedelta

import pandas as pd
import pytest
from landing_builders import deliver, land, text, track

from usage_pipeline.company import Quality
from usage_pipeline.events import carried, catalogue, history, plots, quality
from usage_pipeline.sources import catalogue as sources

TODAY = date(2026, 5, 4)
FIRST = TODAY - timedelta(days=120)


def days(change=None, names=None, last=TODAY, **columns):
    """Four months of 1,000 events a day, 200 on weekends; `change` has the events of some days."""
    every = [FIRST + timedelta(days=number) for number in range((last - FIRST).days + 1)]
    events = {day: 200 if day.weekday() >= 5 else 1000 + day.day for day in every} | (change or {})
    volume = pd.DataFrame(
        {"day": every, "events": [events[day] for day in every]}
        | {"joined": [events[day] for day in every], "sessions": 50, "active": 50}
        | columns
    )
    rows = [
        {"day": day, "name": name, "events": 500, "last_ts": datetime.combine(day, datetime.max.time())}
        | {f"without_{what}": 0 for what in history.LACKING}
        for day in every
        for name in (names or {}).get(day, ("opened", "saved"))
    ]
    landed = pd.DataFrame({"day": every, "received": 1000, "duplicates": 10})
    landed["landed_at"] = [datetime.combine(day, datetime.max.time()) for day in every]
    return history.Days(volume, pd.DataFrame(rows), landed)


def found(check, made, day=TODAY, **limits):
    rows = history.measure(made, (day, day), Quality(**limits))
    return [row for row in rows if row.check == check]


def volume(change, day=TODAY, **more):
    (row,) = found("volume", days(change), day, **more)
    return row


def test_a_usual_day_passes_in_every_check():
    assert {row.check for row in history.measure(days(), (TODAY, TODAY), Quality())} == set(history.CHECKS)
    assert all(row.passed for row in history.measure(days(), (TODAY, TODAY), Quality()))


def test_a_weekend_is_compared_with_weekends():
    assert volume({}, TODAY - timedelta(days=1)).usual == 200


def test_one_holiday_is_no_alarm():
    row = volume({TODAY: 150})
    assert row.passed
    assert "holiday" in row.words


def test_a_third_low_day_in_a_row_is_an_alarm():
    friday = date(2026, 5, 1)
    low = {friday - timedelta(days=number): 400 for number in range(3)}
    assert not volume(low, friday).passed
    assert volume(low, friday - timedelta(days=1)).passed


def test_a_sender_that_is_down_is_an_alarm_at_once():
    assert not volume({TODAY: 5}).passed


def test_twice_the_usual_is_an_alarm():
    assert not volume({TODAY: 2100}).passed


def test_one_outage_weeks_ago_does_not_move_what_is_usual():
    usual = volume({}).usual
    assert volume({TODAY - timedelta(weeks=3): 0}).usual == pytest.approx(usual, rel=0.01)


def test_the_quiet_days_between_the_years_are_no_alarm():
    every = [date(2025, 12, 23) + timedelta(days=number) for number in range(10)]
    rows = [
        row
        for row in history.measure(_winter(dict.fromkeys(every, 150)), (every[0], every[-1]), Quality())
        if row.check == "volume"
    ]
    assert len(rows) == 10
    assert all(row.passed for row in rows)


def _winter(change):
    every = [date(2025, 9, 1) + timedelta(days=number) for number in range(140)]
    events = dict.fromkeys(every, 1000) | change
    made = days()
    frame = pd.DataFrame({"day": every, "events": list(events.values()), "joined": 1, "sessions": 1, "active": 1})
    return history.Days(frame, made.names, made.landed)


def test_a_company_may_allow_fewer_quiet_days():
    assert not volume({TODAY: 150}, quiet_days=0).passed


def test_a_product_of_few_events_is_not_compared():
    made = days(dict.fromkeys(days().volume["day"], 10))
    (row,) = found("volume", made)
    assert row.passed


def test_a_new_event_name_and_a_vanished_one_are_told():
    names = {TODAY: ("opened", "exported")}
    names |= {TODAY - timedelta(days=number): ("opened",) for number in range(1, 5)}
    (row,) = found("event_names", days(names=names))
    assert not row.passed
    assert row.words == "not seen in the weeks before: exported; not seen for 4 days: saved"


def test_a_field_that_is_suddenly_empty_is_told_with_its_usual_share():
    made = days()
    made.names.loc[made.names["day"] == TODAY, "without_user"] = 450
    failed = [row for row in found("null_shares", made) if not row.passed]
    assert [(row.about, row.value, row.usual) for row in failed] == [("user", 0.9, 0.0)]


def test_half_a_session_per_active_person_is_told():
    (row,) = found("daily_active", days(sessions=25))
    assert (row.passed, row.value) == (False, 0.5)


def test_events_of_unknown_accounts_are_told():
    (row,) = found("thin_join", days(joined=300))
    assert not row.passed


def test_files_that_bring_old_events_alone_are_told():
    made = days()
    made.landed["landed_at"] = made.landed["landed_at"] + timedelta(hours=60)
    (row,) = found("freshness", made)
    assert (row.passed, round(row.value)) == (False, 60)


def test_a_file_of_copies_is_told():
    made = days()
    made.landed["duplicates"] = 400
    (row,) = found("duplicated_share", made)
    assert not row.passed


# -- in the lake -----------------------------------------------------------------------------


def landed(tmp_path, lake, name, first, count):
    calls = [
        track(f"{name}-{day}-{number}", timestamp=f"{first + timedelta(days=day)}T{10 + number:02d}:00:00Z")
        for day in range(count)
        for number in range(13)
    ]
    landed_at = datetime.combine(first + timedelta(days=count), datetime.min.time())
    deliver(tmp_path / "landing", text(*calls), name=name, landed_at=landed_at, history=True)
    land(tmp_path / "landing", lake)
    carried.carry_tally(lake)
    carried.carry_profile(lake)
    accounts = sources.ACCOUNT.empty()
    return history.extend(lake, accounts, Quality())


def test_only_new_days_are_measured(tmp_path, lake):
    assert landed(tmp_path, lake, "1", date(2026, 3, 1), 30) == 30
    assert history.extend(lake, sources.ACCOUNT.empty(), Quality()) == 0
    assert landed(tmp_path, lake, "2", date(2026, 3, 31), 1) == 1
    assert len(lake.partitions(catalogue.FINDING_HISTORY)) >= 31


def test_the_newest_findings_say_why_plays_stop(tmp_path, lake):
    landed(tmp_path, lake, "1", date(2026, 3, 1), 30)
    rows = history.newest(lake)
    assert quality.failure(quality.of_history(rows)) is None
    last = history.of_last_day(rows, "volume")
    rows.loc[last.index, ["passed", "words"]] = [False, "no events"]
    assert quality.failure(quality.of_history(rows)) == f"{last['day'].iloc[0]}: no events"


def test_a_history_is_drawn(tmp_path, lake):
    landed(tmp_path, lake, "1", date(2026, 3, 1), 30)
    assert all(plots.picture(history.newest(lake), check).startswith(b"\x89PNG") for check in history.CHECKS)
