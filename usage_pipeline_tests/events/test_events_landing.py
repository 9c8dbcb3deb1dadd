"""Files become events once, whatever happens in between."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landing_builders import LANDED, a_lake, deliver, events, land, rejected, rows, segment, text, track

from usage_pipeline.company import Clock, Company, Events
from usage_pipeline.errors import Rejected
from usage_pipeline.events import catalogue, ingest, lines, parts
from usage_pipeline.events.batches import Piece
from usage_pipeline.sources import landing


def test_a_call_becomes_an_event_in_utc_with_its_units_in_one_measure(tmp_path):
    call = track(
        timestamp="2026-05-03T10:00:00.250+02:00",
        properties={"feature": "reports", "duration_minutes": 1.5, "count": 3, "session_id": "s", "colour": "red"},
    )
    deliver(tmp_path / "in", text(call), file="events.jsonl.gz")
    lake = a_lake(tmp_path)
    land(tmp_path / "in", lake)
    (event,) = events(lake)
    assert event["ts"] == datetime(2026, 5, 3, 8, 0, 0, 250000)
    assert (event["account_id"], event["user_id"], event["name"]) == ("a1", "u1", "Report Created")
    assert (event["feature"], event["duration_ms"], event["quantity"]) == ("reports", 90_000, Decimal(3))
    assert (event["session_id"], event["properties"]) == ("s", '{"colour":"red"}')


@pytest.mark.parametrize(
    ("history", "received", "known"),
    [
        (False, "2026-05-03T11:00:00Z", LANDED),
        (True, "2026-05-03T11:00:00Z", datetime(2026, 5, 3, 11)),
        (True, None, datetime(2026, 5, 3, 10) + timedelta(days=2)),
        (True, "2026-05-03T09:00:00Z", datetime(2026, 5, 3, 10)),
    ],
)
def test_an_event_is_known_from_its_landing_and_in_an_import_from_its_receipt(tmp_path, history, received, known):
    deliver(tmp_path / "in", text(track(receivedAt=received)), history=history)
    lake = a_lake(tmp_path)
    land(tmp_path / "in", lake, segment(delay_days=2))
    (event,) = events(lake)
    assert event["known_at"] == known
    assert event["known_day"] == known.date()
    assert event["received_assumed"] == (received is None)


def test_what_was_known_before_the_start_is_history_on_its_first_day(tmp_path):
    calls = [track(n, timestamp=f"2026-0{n}-03T10:00:00Z", receivedAt=f"2026-0{n}-03T11:00:00Z") for n in (1, 2, 3)]
    deliver(tmp_path / "in", text(*calls), history=True)
    lake = a_lake(tmp_path)
    land(tmp_path / "in", lake, segment().model_copy(update={"start": date(2026, 2, 9)}))
    happened = sorted((event["known_day"], event["ts"].date()) for event in events(lake))
    start = date(2026, 2, 9)
    assert happened == [(start, date(2026, 1, 3)), (start, date(2026, 2, 3)), (date(2026, 3, 3), date(2026, 3, 3))]


def test_landing_twice_adds_nothing_and_a_copy_under_another_name_neither(tmp_path):
    deliver(tmp_path / "in", text(track(1)))
    lake = a_lake(tmp_path)
    assert land(tmp_path / "in", lake).known_days == [date(2026, 5, 4)]
    deliver(tmp_path / "in", text(track(1)), name="again", file="events-2.jsonl")
    assert land(tmp_path / "in", lake) == ingest.Ingested()
    assert len(events(lake)) == 1


def test_copies_are_kept_and_counted_as_duplicates_within_a_file_and_across_files(tmp_path):
    deliver(tmp_path / "in", text(track(1), track(1), track(2)))
    deliver(tmp_path / "in", text(track(2), track(3)), name="next", landed_at=LANDED + timedelta(days=1))
    lake = a_lake(tmp_path)
    found = land(tmp_path / "in", lake)
    assert (found.received, found.accepted, found.duplicates) == (5, 3, 2)
    assert len(events(lake)) == 5


def test_a_copy_beyond_reach_is_a_new_event(tmp_path):
    deliver(tmp_path / "in", text(track(1)))
    deliver(tmp_path / "in", text(track(1), ""), name="later", landed_at=LANDED + timedelta(days=31))
    lake = a_lake(tmp_path)
    first = land(tmp_path / "in", lake)
    assert (first.accepted, first.duplicates) == (2, 0)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_run_that_was_killed_is_made_good_by_the_next(tmp_path, monkeypatch, steps):
    monkeypatch.setattr(parts, "PART_ROWS", 2)
    monkeypatch.setattr(lines, "BLOCK_BYTES", 200)
    content = text(track(1), track(1), "broken", track(2), track(3, type="identify"), track(2), track(4))
    whole, killed = a_lake(tmp_path / "whole"), a_lake(tmp_path / "killed")
    deliver(tmp_path / "in", content)
    expected = land(tmp_path / "in", whole)

    found = landing.deliveries(tmp_path / "in", now=LANDED)
    (batch,) = ingest.unlanded(found, segment(), killed)
    for number, part in enumerate(list(parts.judged(batch, segment()))[:steps]):
        ingest.land([Piece(batch, number, part)], killed)
    assert land(tmp_path / "in", killed) == expected
    for table in (catalogue.EVENT, catalogue.IDENTITY_CALL, catalogue.REJECTED, catalogue.BATCH):
        assert rows(killed, table) == rows(whole, table)


def test_a_half_landed_file_does_not_make_another_file_a_copy(tmp_path):
    deliver(tmp_path / "in", text(track(1)), name="b")
    lake = a_lake(tmp_path)
    (batch,) = ingest.unlanded(landing.deliveries(tmp_path / "in", now=LANDED), segment(), lake)
    for number, part in enumerate(parts.judged(batch, segment())):
        ingest.land([Piece(batch, number, part)], lake)
    deliver(tmp_path / "in", text(track(1), track(2)), name="a")
    found = land(tmp_path / "in", lake)
    assert (found.received, found.accepted, found.duplicates) == (3, 2, 1)


def test_calls_that_say_who_is_who_are_accepted_and_are_no_use(tmp_path):
    calls = [
        track(1, type="identify", anonymousId="an", traits={"plan": "pro"}),
        track(2, type="group", groupId="a2"),
        track(3, type="alias", previousId="old"),
        track(4, type="page", name="Pricing", event=None),
    ]
    deliver(tmp_path / "in", text(*calls))
    lake = a_lake(tmp_path)
    assert land(tmp_path / "in", lake).accepted == 4
    said = rows(lake, catalogue.IDENTITY_CALL)
    assert [(call["kind"], call["account_id"]) for call in said] == [
        ("identify", "a1"),
        ("group", "a2"),
        ("alias", "a1"),
    ]
    (page,) = events(lake)
    assert (page["name"], page["feature"], page["properties"]) == ("page", None, '{"name":"Pricing"}')


def select(sql, **clock):
    return Company(company="acme", clock=Clock(**clock), events=(Events(format="select", select=sql),))


def test_pre_counted_rows_come_through_the_mappings_sql(tmp_path):
    content = (
        b"account,day,feature,n,secs\na1,2026-05-01,export,4,2\na1,2026-05-02,export,-1,2\n,2026-05-02,export,1,2\n"
    )
    deliver(tmp_path / "in", content, file="usage.csv")
    mapping = select(
        "SELECT account AS account_id, day AS ts, 'used' AS name, feature, n AS quantity, secs * 1000 AS duration_ms FROM usage"
    )
    lake = a_lake(tmp_path)
    found = land(tmp_path / "in", lake, mapping)
    assert (found.received, found.accepted, found.rejected) == (3, 1, 2)
    (event,) = events(lake)
    assert (event["quantity"], event["duration_ms"], event["ts"]) == (Decimal(4), 2000, datetime(2026, 5, 1))
    assert [(row["line"], row["reason"]) for row in rejected(lake)] == [(2, "bad_quantity"), (3, "missing_identity")]
    assert '"n":-1' in rejected(lake)[0]["raw"].replace("quantity", "n")
    assert land(tmp_path / "in", lake, mapping) == ingest.Ingested()


def test_a_past_that_is_over_can_be_read_as_of_a_day_within_it(tmp_path):
    content = b"account,day\na1,2026-05-01\na1,2026-05-02\na1,2026-05-03\na1,soon\n"
    deliver(tmp_path / "in", content, file="usage.csv")
    mapping = select("SELECT account AS account_id, day AS ts, 'used' AS name FROM usage -- all of them")
    lake = a_lake(tmp_path)
    found = land(tmp_path / "in", lake, mapping.model_copy(update={"until": date(2026, 5, 2)}))
    assert (found.received, found.accepted, found.rejected) == (2, 1, 1)
    assert [event["ts"] for event in events(lake)] == [datetime(2026, 5, 1)]


@pytest.mark.parametrize("name", ["line", "Line"])
def test_a_select_with_a_column_of_the_name_of_a_rows_number_is_refused_with_the_fix(tmp_path, name):
    content = f"ts,name,user_id,{name}\n2026-05-03 10:00:00,x,u1,7\n".encode()
    deliver(tmp_path / "in", content, file="usage.csv")
    with pytest.raises(Rejected, match=f"has a column {name}") as refused:
        land(tmp_path / "in", a_lake(tmp_path), select("SELECT * FROM usage"))
    assert f"RENAME ({name} AS line_number)" in str(refused.value)
    mended = f"SELECT * RENAME ({name} AS line_number) FROM usage"
    assert land(tmp_path / "in", a_lake(tmp_path), select(mended)).accepted == 1


def test_a_select_without_a_required_column_is_refused_with_the_fix(tmp_path):
    deliver(tmp_path / "in", b"account,day\na1,2026-05-01\n", file="usage.csv")
    with pytest.raises(Rejected, match=r"(?s)usage\.csv.*name.*AS name"):
        land(tmp_path / "in", a_lake(tmp_path), select("SELECT account AS account_id, day AS ts FROM usage"))


def test_times_without_a_zone_are_in_the_mappings_zone(tmp_path):
    stated = ["2026-05-03T10:00:00", "2026-05-03T10:00:00Z", "2026-05-03T10:00:00-04:00"]
    deliver(tmp_path / "in", text(*(track(number, timestamp=ts) for number, ts in enumerate(stated))))
    lake = a_lake(tmp_path)
    land(tmp_path / "in", lake, segment(time_zone="Europe/Berlin"))
    assert [event["ts"].hour for event in events(lake)] == [8, 10, 14]


def test_a_landing_without_product_events_is_an_error(tmp_path):
    deliver(tmp_path / "in", b"a\n1\n", file="accounts.csv")
    with pytest.raises(Rejected, match="no delivery holds product events"):
        land(tmp_path / "in", a_lake(tmp_path))


SOUND = st.builds(lambda number: text(track(number))[:-1], st.integers(0, 5))
LINE = st.one_of(st.binary(max_size=30).filter(lambda line: b"\n" not in line), SOUND)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINE, max_size=12), st.booleans())
def test_whatever_lands_every_line_is_accounted_for(tmp_path_factory, content, ends):
    folder = tmp_path_factory.mktemp("fuzz")
    whole = b"\n".join(content) + (b"\n" if ends else b"")
    # What says that a file is packed, or how it is written, is no part of a line.
    if whole.startswith((b"\x1f\x8b", b"\xef\xbb\xbf", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PK\x05\x06")):
        whole = b"x" + whole
    deliver(folder / "in", whole)
    lake = a_lake(folder)
    found = land(folder / "in", lake)
    blank = b" \t\r\x0b\x0c"
    assert found.received == sum(1 for line in whole.split(b"\n") if line.strip(blank))
    assert found.received == found.accepted + found.duplicates + found.rejected
    assert len(events(lake)) == found.accepted + found.duplicates
    assert len(rejected(lake)) == found.rejected
