"""Times as people and clocks write them, in UTC; clocks that are wrong, set right."""

from datetime import datetime, timedelta

import pytest
from export_samples import FORMATS, ONE, amplitude, land_export, mapping, mixpanel, posthog, segment, snowplow
from landing_builders import a_lake, deliver, events, rejected, text
from pydantic import ValidationError

from usage_pipeline.company import Clock, Company, Events
from usage_pipeline.errors import Rejected
from usage_pipeline.events import ingest

MOMENT = datetime(2026, 5, 3, 10, 0, 0, 123_456)
SECONDS = (MOMENT - datetime(1970, 1, 1)) / timedelta(seconds=1)


def landed(tmp_path, kind, *content, **keys):
    deliver(tmp_path / "in", text(*content), file="events.tsv" if kind == "snowplow" else "events.jsonl")
    lake = a_lake(tmp_path)
    land_export(tmp_path / "in", lake, mapping(kind, **keys))
    return lake


READ = {
    "2026-05-03T10:00:00.123456Z": 1,
    "2026-05-03T12:00:00.123456+02:00": 1,
    "2026-05-03T12:00:00.123456+0200": 1,
    "2026-05-03 10:00:00.123456": 1,
    "2026-05-03 12:00:00.123456 Europe/Berlin": 1,
    f"{SECONDS:.6f}": 1,
    f"{SECONDS:.0f}": 1_000_000,
    int(SECONDS * 1_000): 1_000,
    int(SECONDS * 1_000_000): 1,
    f"{int(SECONDS * 1_000_000)}000": 1,
    f"{SECONDS / 1e9:.15f}e9": 1,
}
"""How the moment may be written, and how exact that is in microseconds."""
GUESSED = ("03/05/2026", "03.05.2026 10:00", "20260503", "1", "-5", "nan", "1e300", "0", "3 May")


def test_a_time_that_needs_no_guessing_is_read(tmp_path):
    content = [segment(number, timestamp=written, receivedAt=None) for number, written in enumerate(READ)]
    found = [event["ts"] for event in events(landed(tmp_path, "segment", *content))]
    assert len(found) == len(READ)
    for (written, precision), ts in zip(READ.items(), found, strict=True):
        assert abs(ts - MOMENT) <= timedelta(microseconds=precision), written


def test_a_time_that_would_have_to_be_guessed_is_refused(tmp_path):
    content = [segment(number, timestamp=written) for number, written in enumerate(GUESSED)]
    refused = rejected(landed(tmp_path, "segment", *content))
    assert [row["reason"] for row in refused] == ["bad_timestamp"] * len(GUESSED)
    for written, row in zip(GUESSED, refused, strict=True):
        assert written in row["detail"]


@pytest.mark.parametrize(("order", "month"), [("%d/%m/%Y %H:%M", 5), ("%m/%d/%Y %H:%M", 3)])
def test_the_mapping_says_whether_the_day_comes_first(tmp_path, order, month):
    day = 3 if month == 5 else 5
    lake = landed(
        tmp_path, "segment", segment(1, timestamp="03/05/2026 10:00", receivedAt=None), segment(2), time_formats=order
    )
    assert [event["ts"] for event in events(lake)] == [datetime(2026, month, day, 10), datetime(2026, 5, 3, 12, 2)]


def test_a_written_time_without_a_zone_is_in_the_inputs_zone(tmp_path):
    keys = {"time_formats": ["%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M %z"], "time_zone": "Europe/Berlin"}
    content = [segment(1, timestamp="03.05.2026 10:00"), segment(2, timestamp="03.05.2026 10:00 +00:00")]
    assert [event["ts"].hour for event in events(landed(tmp_path, "segment", *content, **keys))] == [8, 10]


def test_a_time_format_that_is_none_is_refused_with_the_fix(tmp_path):
    with pytest.raises(Rejected, match=r"'%Q'(?s:.*)strptime"):
        landed(tmp_path, "segment", segment(1), time_formats="%Q")


@pytest.mark.parametrize("kind", ["amplitude", "posthog", "snowplow"])
def test_what_a_tool_writes_in_utc_is_not_read_in_the_companys_zone(tmp_path, kind):
    one = {
        "amplitude": lambda: amplitude(1),
        "posthog": lambda: posthog(1, timestamp="2026-05-03 12:01:00", created_at="2026-05-03 12:01:00.9"),
        "snowplow": lambda: snowplow(1),
    }[kind]()
    deliver(tmp_path / "in", text(one), file="events.tsv" if kind == "snowplow" else "events.jsonl")
    lake = a_lake(tmp_path)
    berlin = Clock(time_zone="Europe/Berlin")
    land_export(tmp_path / "in", lake, Company(company="acme", clock=berlin, events=(Events(format=kind),)))
    assert events(lake)[0]["ts"] == datetime(2026, 5, 3, 12, 1)


def test_an_old_mixpanel_project_counts_the_seconds_of_its_own_zone(tmp_path):
    lake = landed(tmp_path, "mixpanel", mixpanel(1), time_zone="America/Los_Angeles")
    (event,) = events(lake)
    # Seven hours behind in May: its noon is 19:00 UTC. When it was processed is UTC all the same.
    assert event["ts"] == datetime(2026, 5, 3, 19, 1)
    assert event["received_at"] == datetime(2026, 5, 3, 12, 1, 0, 900_000)


def test_a_device_whose_clock_was_wrong_is_set_right_by_when_it_sent(tmp_path):
    # The device is an hour and ten seconds ahead; it waited twenty seconds before it sent.
    skewed = {
        "originalTimestamp": "2026-05-03T11:00:10Z",
        "sentAt": "2026-05-03T11:00:30Z",
        "receivedAt": "2026-05-03T10:00:20Z",
    }
    lake = landed(tmp_path, "segment", segment(1, timestamp=None, **skewed))
    assert events(lake)[0]["ts"] == datetime(2026, 5, 3, 10, 0, 0)


@pytest.mark.parametrize("lacking", ["sentAt", "receivedAt"])
def test_without_both_sides_of_the_sending_the_devices_time_stands(tmp_path, lacking):
    lake = landed(tmp_path, "segment", segment(1, **{"timestamp": None, lacking: "" if lacking == "sentAt" else None}))
    assert events(lake)[0]["ts"] == datetime(2026, 5, 3, 12, 1)


def test_what_segment_has_set_right_is_not_set_right_again(tmp_path):
    lake = landed(tmp_path, "segment", segment(1, originalTimestamp="2026-05-03T03:00:00Z"))
    assert events(lake)[0]["ts"] == datetime(2026, 5, 3, 12, 1)


@pytest.mark.parametrize("kind", ["amplitude", "snowplow"])
def test_an_amplitude_or_snowplow_time_that_is_missing_is_worked_out_the_same_way(tmp_path, kind):
    line = {
        "amplitude": lambda: amplitude(
            1,
            event_time=None,
            client_event_time="2026-05-03 11:00:10.000000",
            client_upload_time="2026-05-03 11:00:30.000000",
            server_received_time="2026-05-03 10:00:20.000000",
        ),
        "snowplow": lambda: snowplow(
            1,
            derived_tstamp="",
            dvce_created_tstamp="2026-05-03 11:00:10.000",
            dvce_sent_tstamp="2026-05-03 11:00:30.000",
            collector_tstamp="2026-05-03 10:00:20.000",
        ),
    }[kind]()
    assert events(landed(tmp_path, kind, line))[0]["ts"] == datetime(2026, 5, 3, 10)


def test_the_true_time_of_a_snowplow_event_goes_before_the_derived_one(tmp_path):
    lake = landed(tmp_path, "snowplow", snowplow(1, true_tstamp="2026-05-03 09:00:00.000"))
    assert events(lake)[0]["ts"] == datetime(2026, 5, 3, 9)


def test_a_broken_correction_leaves_the_devices_own_time(tmp_path):
    lake = landed(tmp_path, "segment", segment(1, timestamp=None, sentAt="0001-01-01T00:00:00Z", receivedAt="when?"))
    assert rejected(lake)[0]["reason"] == "bad_timestamp"
    assert "2026-05-03T12:01:00.000Z" in rejected(lake)[0]["detail"]


TIMES = {
    "segment": lambda stated: segment(1, timestamp=stated),
    "amplitude": lambda stated: amplitude(1, event_time=stated),
    "mixpanel": lambda stated: mixpanel(1, time=stated),
    "posthog": lambda stated: posthog(1, timestamp=stated),
    "snowplow": lambda stated: snowplow(1, derived_tstamp=stated),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_time_to_come_and_one_from_before_any_clock_was_set_are_refused(tmp_path, kind):
    lake = landed(tmp_path, kind, TIMES[kind]("2031-01-01 00:00:00"), TIMES[kind]("1970-01-01 00:00:05"), ONE[kind](3))
    assert [row["reason"] for row in rejected(lake)] == ["future_timestamp", "bad_timestamp"]
    assert len(events(lake)) == 1


def test_a_select_may_state_its_times_in_a_format_of_the_mapping(tmp_path):
    deliver(tmp_path / "in", b"who,happened\nu1,03/05/2026\n", file="usage.csv")
    sql = "SELECT who AS user_id, happened AS ts, 'used' AS name FROM usage"
    of = Company(company="acme", events=(Events(format="select", select=sql, time_formats="%m/%d/%Y"),))
    lake = a_lake(tmp_path)
    ingest.ingest(tmp_path / "in", of, lake, now=datetime(2026, 5, 4), progress=lambda *_: None)
    assert events(lake)[0]["ts"] == datetime(2026, 3, 5)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"duration": "properties.took"}, "duration_unit"),
        ({"duration_unit": "s"}, "duration_unit"),
        ({"format": "select", "select": "SELECT 1", "account": "x"}, "account beside format: select"),
        ({"format": "select"}, "needs its SQL"),
        ({"exclude": {"countries": ["de"]}}, "user_agents"),
    ],
)
def test_a_key_that_would_do_nothing_is_a_mistake(keys, words):
    with pytest.raises(ValidationError, match=words):
        Events(**({"format": "segment"} | keys))
