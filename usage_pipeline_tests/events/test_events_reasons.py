"""Each reason for which a row is refused, and the rows around it that are not."""

import gzip

import pytest
from landing_builders import LANDED, a_lake, deliver, events, land, rejected, text, track

from usage_pipeline.events.reasons import Reason

REFUSED = {
    Reason.BAD_UTF8: b'{"type": "track", "event": "\xff"}\n',
    Reason.BAD_JSON: text('{"type": "track",'),
    Reason.NOT_AN_OBJECT: text("[1, 2]"),
    Reason.UNKNOWN_TYPE: text(track(2, type="trick")),
    Reason.MISSING_EVENT_NAME: text(track(2, event="")),
    Reason.MISSING_TIMESTAMP: text(track(2, timestamp=None)),
    Reason.BAD_TIMESTAMP: text(track(2, timestamp="last Tuesday")),
    Reason.FUTURE_TIMESTAMP: text(track(2, timestamp="2026-05-05T03:00:00Z")),
    Reason.MISSING_IDENTITY: text(track(2, userId=None, context=None)),
    Reason.BAD_QUANTITY: text(track(2, properties={"quantity": "some"})),
    Reason.BAD_DURATION: text(track(2, properties={"duration": -1})),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_bad_row_is_refused_with_its_reason_line_and_text_and_its_neighbours_are_not(tmp_path, reason):
    deliver(tmp_path / "in", text(track(1)) + b"\n" + REFUSED[reason] + text(track(3)))
    lake = a_lake(tmp_path)
    found = land(tmp_path / "in", lake)
    assert (found.received, found.accepted, found.duplicates, found.rejected) == (3, 2, 0, 1)
    (row,) = rejected(lake)
    assert (row["reason"], row["line"]) == (reason, 3)
    assert row["raw"] == REFUSED[reason].decode("utf-8", "backslashreplace").rstrip("\n")
    assert row["detail"]
    assert [event["line"] for event in events(lake)] == [1, 4]


def test_what_came_before_a_cut_in_a_gzip_is_kept(tmp_path):
    packed = gzip.compress(text(*(track(number, userId=f"u{number * 7919}") for number in range(2000))))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "events.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    lake = a_lake(tmp_path)
    found = land(folder, lake)
    (row,) = rejected(lake)
    assert row["reason"] == Reason.CUT_OFF
    assert 100 < found.accepted < 2000
    assert row["line"] == found.accepted + 1 == found.received


def test_a_fast_clock_within_a_day_is_no_reason(tmp_path):
    deliver(tmp_path / "in", text(track(timestamp="2026-05-04T20:00:00Z")))
    lake = a_lake(tmp_path)
    assert land(tmp_path / "in", lake).accepted == 1
    assert events(lake)[0]["known_at"] > LANDED


@pytest.mark.parametrize(
    "call",
    [
        {"type": "identify", "anonymousId": None, "userId": None},
        {"type": "group", "groupId": None},
        {"type": "alias", "previousId": None},
    ],
)
def test_a_call_about_ids_needs_the_ids_it_is_about(tmp_path, call):
    deliver(tmp_path / "in", text(track(**call)))
    lake = a_lake(tmp_path)
    land(tmp_path / "in", lake)
    assert [row["reason"] for row in rejected(lake)] == [Reason.MISSING_IDENTITY]
