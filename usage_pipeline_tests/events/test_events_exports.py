"""Each tool's export as it comes: the same story, the same events."""

import errno
import io
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from export_samples import (
    FORMATS,
    IDENTITY,
    ONE,
    amplitude,
    archive,
    land_export,
    mapping,
    mixpanel,
    posthog,
    sample,
    segment,
    snowplow,
)
from landing_builders import a_lake, deliver, events, rejected, rows, text

from usage_pipeline.errors import Rejected, Unavailable
from usage_pipeline.events import catalogue, columnar

SUFFIX = dict.fromkeys(FORMATS, ".jsonl") | {"snowplow": ".tsv"}


def landed(tmp_path, kind, content, *, file=None, **keys):
    deliver(tmp_path / "in", content, file=file or f"events{SUFFIX[kind]}", history=True)
    lake = a_lake(tmp_path)
    return land_export(tmp_path / "in", lake, mapping(kind, **keys)), lake


@pytest.mark.parametrize("kind", FORMATS)
def test_an_event_of_each_export_is_the_same_event(tmp_path, kind):
    account, lake = landed(tmp_path, kind, text(ONE[kind](7)))
    assert (account.received, account.accepted) == (1, 1)
    (event,) = events(lake)
    assert event["ts"] == datetime(2026, 5, 3, 12, 7)
    assert event["received_at"] == event["known_at"] == datetime(2026, 5, 3, 12, 7, 0, 900_000)
    assert (event["account_id"], event["user_id"], event["anonymous_id"]) == ("a1", "u1", "dev-1")
    assert event["name"] == ("report_made" if kind == "snowplow" else "Report Made")
    assert (event["feature"], event["quantity"], event["duration_ms"]) == ("reports", Decimal(3), 2500)
    assert event["session_id"] == ("9000001/1777809600000" if kind == "amplitude" else "s1")
    assert '"tone":"warm"' in event["properties"]
    assert "reports" not in event["properties"]


CALLS = {
    "segment": [("identify", "u1", "dev-1", None, None), ("group", "u1", "dev-1", None, "a1"), ("alias", "u1", "dev-1", "old-1", None)],
    "amplitude": [("identify", "u1", "dev-1", None, None), ("group", "u1", "dev-1", None, "a1"), ("account", None, None, None, "a1")],
    "mixpanel": [("identify", "u1", "dev-1", None, None), ("alias", "u1", None, "old-1", None), ("alias", "u1", None, "dev-9", None)],
    "posthog": [
        ("identify", "u1", "dev-1", None, None),
        ("group", "u1", "dev-1", None, "a1"),
        ("alias", "u1", "dev-1", "old-1", None),
        ("account", None, None, None, "a1"),
    ],
    "snowplow": [],
}  # fmt: skip


@pytest.mark.parametrize("kind", FORMATS)
def test_each_export_says_who_is_who(tmp_path, kind):
    account, lake = landed(tmp_path, kind, sample(kind))
    assert (account.received, account.rejected, account.duplicates) == (len(IDENTITY[kind]) + 2, 0, 0)
    names = ("kind", "user_id", "anonymous_id", "previous_id", "account_id")
    assert [tuple(call[name] for name in names) for call in rows(lake, catalogue.IDENTITY_CALL)] == CALLS[kind]
    first, *others = events(lake)
    assert (first["user_id"], first["anonymous_id"], first["account_id"]) == (None, "dev-1", None)
    assert [event["account_id"] for event in others] == ["a1", "a1"]


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_exported_twice_counts_once(tmp_path, kind):
    account, _ = landed(tmp_path, kind, text(ONE[kind](1), ONE[kind](2), ONE[kind](1)))
    assert (account.received, account.accepted, account.duplicates) == (3, 2, 1)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_mapping_says_where_fields_lie_and_the_first_that_states_anything_wins(tmp_path, kind):
    root = {"amplitude": "event_properties", "snowplow": "unstruct_event"}.get(kind, "properties")
    own = {"org": "a7", "area": "", "part": "maps", "n": "4", "took": 1.5, "visit": 9, "who": "w1"}
    line = {
        "segment": lambda: segment(1, properties=own),
        "amplitude": lambda: amplitude(1, event_properties=own),
        "mixpanel": lambda: mixpanel(1, **own),
        "posthog": lambda: posthog(1, own),
        "snowplow": lambda: snowplow(1, own=own),
    }[kind]()
    places = {
        name: f"{root}.{key}"
        for name, key in {"user": "who", "quantity": "n", "duration": "took", "session": "visit"}.items()
    }
    _, lake = landed(
        tmp_path, kind, text(line), account=[f"{root}.organisation", f"/{root}/org"],
        feature=[f"{root}.area", f"{root}.part"], duration_unit="min", **places,
    )  # fmt: skip
    (event,) = events(lake)
    assert (event["account_id"], event["user_id"], event["feature"]) == ("a7", "w1", "maps")
    assert (event["quantity"], event["duration_ms"], event["session_id"]) == (Decimal(4), 90_000, "9")


@pytest.mark.parametrize("kind", FORMATS)
def test_an_event_without_a_feature_may_be_the_use_of_its_own_name(tmp_path, kind):
    bare = {
        "segment": lambda: segment(1, properties={}),
        "amplitude": lambda: amplitude(1, event_properties={}),
        "mixpanel": lambda: mixpanel(1, feature=None),
        "posthog": lambda: posthog(1, {"feature": None}),
        "snowplow": lambda: snowplow(1, own={}),
    }[kind]()
    _, lake = landed(tmp_path, kind, text(bare, ONE[kind](2)), feature_is_name=True)
    assert [event["feature"] for event in events(lake)] == [events(lake)[0]["name"], "reports"]


def test_amplitudes_archive_is_one_file_whose_refused_rows_name_the_file_within(tmp_path):
    files = {
        "123/123_2026-05-03_12#1.json.gz": text(amplitude(1), amplitude(2)),
        "__MACOSX/123/._123_2026-05-03_12#1.json.gz": b"\x00\x05",
        "read me.txt": b"about this export\n",
        "123/123_2026-05-03_13#1.json.gz": text(amplitude(3), "", "{broken", amplitude(2)),
    }
    account, lake = landed(tmp_path, "amplitude", archive(files), file="events.zip")
    assert (account.received, account.accepted, account.duplicates, account.rejected) == (5, 3, 1, 1)
    (row,) = rejected(lake)
    assert (row["file"], row["line"], row["reason"]) == ("day/events.zip", 5, "bad_json")
    assert row["detail"].endswith("(line 3 of 123/123_2026-05-03_13#1.json.gz)")


def test_one_amplitude_insert_id_of_two_devices_is_two_events(tmp_path):
    account, _ = landed(tmp_path, "amplitude", text(amplitude(1), amplitude(1, device_id="dev-2")))
    assert account.accepted == 2


def test_an_amplitude_event_outside_any_session_has_none(tmp_path):
    _, lake = landed(tmp_path, "amplitude", text(amplitude(1, session_id=-1)))
    assert events(lake)[0]["session_id"] is None


@pytest.mark.parametrize("kind", ["amplitude", "mixpanel", "posthog"])
def test_an_export_as_parquet_is_the_same_export(tmp_path, kind):
    import json

    objects = [json.loads(line) for line in sample(kind).splitlines()]
    as_text = [
        {name: json.dumps(value) if isinstance(value, dict) else value for name, value in row.items()}
        for row in objects
    ]
    (tmp_path / "parquet" / "in" / "day").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(as_text), tmp_path / "parquet" / "in" / "day" / "events.parquet")
    lake = a_lake(tmp_path / "parquet")
    account = land_export(tmp_path / "parquet" / "in", lake, mapping(kind))
    other, plain = landed(tmp_path, kind, sample(kind))
    assert (account.accepted, account.rejected) == (other.accepted, 0)
    names = ("ts", "account_id", "user_id", "anonymous_id", "name", "feature", "quantity", "duration_ms", "session_id")
    assert [[row[name] for name in names] for row in events(lake)] == [
        [row[name] for name in names] for row in events(plain)
    ]


def test_a_damaged_parquet_file_is_a_refused_row(tmp_path):
    account, lake = landed(tmp_path, "posthog", b"PAR1 and then nothing", file="events.parquet")
    assert (account.received, account.rejected) == (1, 1)
    assert rejected(lake)[0]["reason"] == "cut_off"


def test_a_disk_that_fails_is_not_taken_for_a_damaged_parquet_file(tmp_path, monkeypatch):
    class Failing(pq.ParquetFile):
        def iter_batches(self, *_, **__):
            raise OSError(errno.EIO, "Input/output error")

    content = io.BytesIO()
    pq.write_table(pa.table({"uuid": ["1"], "event": ["opened"]}), content)
    monkeypatch.setattr(columnar.pq, "ParquetFile", Failing)
    with pytest.raises(Unavailable, match="Input/output error"):
        landed(tmp_path, "posthog", content.getvalue(), file="events.parquet")


def test_a_snowplow_line_of_other_than_131_values_is_refused(tmp_path):
    account, lake = landed(tmp_path, "snowplow", text(snowplow(1), snowplow(2)[:-1], snowplow(3) + "\t"))
    assert (account.accepted, account.rejected) == (1, 2)
    assert {row["reason"] for row in rejected(lake)} == {"wrong_columns"}


def test_a_structured_snowplow_event_is_named_by_its_action(tmp_path):
    struct = snowplow(
        1, event="struct", event_name="event", unstruct_event="", se_category="reports", se_action="Export"
    )
    _, lake = landed(tmp_path, "snowplow", text(struct))
    (event,) = events(lake)
    assert (event["name"], event["feature"]) == ("Export", "reports")


def test_a_place_that_is_no_snowplow_column_is_refused_with_the_fix(tmp_path):
    with pytest.raises(Rejected, match=r"'colour'(?s:.*)contexts\.NAME\.KEY"):
        landed(tmp_path, "snowplow", text(snowplow(1)), feature="colour")


def test_a_posthog_group_of_another_type_is_no_account(tmp_path):
    line = posthog(
        1,
        {"$group_type": "project", "$group_key": "p1", "$groups": {}},
        event="$groupidentify",
        distinct_id="$project_p1",
    )
    account, lake = landed(tmp_path, "posthog", text(line))
    assert account.accepted == 1
    assert [(call["kind"], call["user_id"], call["account_id"]) for call in rows(lake, catalogue.IDENTITY_CALL)] == [
        ("identify", None, None)
    ]


def test_a_rudderstack_call_is_a_segment_call(tmp_path):
    extra = {"channel": "web", "rudderId": "r-1", "request_ip": "192.0.2.1", "integrations": {"All": True}}
    call = segment(1, timestamp=None, context={"sessionId": 1777809600, "traits": {"accountId": "a1"}}, **extra)
    _, lake = landed(tmp_path, "segment", text(call))
    (event,) = events(lake)
    # The device was 0.4 s behind: it sent at .500 what arrived at .900.
    assert event["ts"] == datetime(2026, 5, 3, 12, 1, 0, 400_000)
    assert (event["session_id"], event["account_id"]) == ("1777809600", "a1")
