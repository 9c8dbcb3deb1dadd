"""Looking for valid events first finds what judging every row finds, whatever the rows are."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from export_mutations import mutated, seeded
from export_samples import FORMATS, ONE, mapping, sample
from landing_builders import LANDED, a_lake, deliver, events, land, text, track

from usage_pipeline.company import Clock
from usage_pipeline.events import catalogue, formats, ingest, judging, lines
from usage_pipeline.events.cleaning import Origin
from usage_pipeline.events.judging import Judge
from usage_pipeline.events.seen import Seen
from usage_pipeline.sources import landing, querying

LINES_AT_ONCE = 7


def told(part):
    return {name: sorted(map(repr, getattr(part, name).to_pylist())) for name in ("events", "calls", "rejected")}


@pytest.mark.parametrize("kind", FORMATS)
def test_finding_valid_events_first_gives_what_judging_every_row_gives(tmp_path, monkeypatch, kind):
    dice = seeded(kind, "judging")
    # Most blocks are sound, so that both ways are gone.
    sound = [ONE[kind](minute % 60).encode() for minute in range(600)] + sample(kind).splitlines()
    mixed = [line for line in mutated(sound, 300, dice).split(b"\n") if b"\x00" not in line]
    content = b"\n".join(line for pair in zip(sound * 2, mixed, strict=False) for line in pair) + b"\n"
    deliver(tmp_path / "in", content, file="events.tsv" if kind == "snowplow" else "events.jsonl")
    company = mapping(kind)
    (batch,) = ingest.batches(landing.deliveries(tmp_path / "in", now=LANDED), company)
    (file,) = batch.files.values()
    origin = Origin(batch.source, batch.digest, batch.landed_at, batch.history, Clock(history=True))
    stated, trusting = (formats.rows(batch.events, trusting=each) for each in (False, True))
    (block,) = lines.blocks(file.path)
    with querying.connection() as one, querying.connection() as other:
        careful = Judge(one, batch, origin, stated=stated)
        quick = Judge(other, batch, origin, stated=stated, trusting=trusting)
        for start in range(0, block.sound.num_rows, LINES_AT_ONCE):
            rows = block.sound.slice(start, LINES_AT_ONCE)
            monkeypatch.setattr(judging, "_FEW_ROWS", LINES_AT_ONCE + 1)
            every = careful.judged(rows, 1)
            monkeypatch.setattr(judging, "_FEW_ROWS", 0)
            assert told(quick.judged(rows, 1)) == told(every)


def test_a_line_that_only_looks_like_an_object_costs_no_other_line(tmp_path, monkeypatch):
    monkeypatch.setattr(judging, "_FEW_ROWS", 0)
    broken = ['{"type": "track"}}', '{"a" 1}', '{"type":"track"} {"type":"track"}']
    deliver(tmp_path / "in", text(*map(track, range(50)), *broken, *map(track, range(50, 60))))
    lake = a_lake(tmp_path)
    account = land(tmp_path / "in", lake)
    assert (account.accepted, account.rejected) == (60, 3)
    assert [event["line"] for event in events(lake)] == [*range(1, 51), *range(54, 64)]


def old(number):
    return track(number, timestamp="2025-06-01T10:00:00Z")


def on(day):
    return datetime.combine(day, datetime.min.time())


def test_a_copy_is_found_in_the_lake_and_among_what_is_on_its_way(tmp_path):
    lake = a_lake(tmp_path)
    counts = []
    for name, day, calls in (
        ("a", date(2026, 1, 10), (old(1), old(2))),
        ("b", date(2026, 2, 8), (old(2), old(3), old(3))),
        # Beyond the reach of copies it is another event.
        ("c", date(2026, 2, 28), (old(1), old(3))),
    ):
        deliver(tmp_path / "in", text(*calls), name=name, landed_at=on(day))
        account = land(tmp_path / "in", lake)
        counts.append((account.accepted, account.duplicates))
    assert counts == [(2, 0), (1, 2), (1, 1)]


def test_ids_of_other_eras_are_not_found_and_those_that_were_let_go_are_read_again(tmp_path, monkeypatch):
    lake = a_lake(tmp_path)
    days = [date(2025, 7, 1) + timedelta(days=70 * n) for n in range(4)]
    for n, day in enumerate(days):
        deliver(tmp_path / "in", text(old(n)), name=f"d{n}", landed_at=on(day))
    land(tmp_path / "in", lake)
    stored = lake.backend.to_pyarrow(lake.read(catalogue.EVENT).order_by("known_day"))
    monkeypatch.setattr("usage_pipeline.events.seen._MOST_KEYS", 1)
    seen = Seen(lake)
    keys, known = seen.keys(stored, is_event=True)
    for _ in range(2):
        is_copied, held_on = seen.several(keys, known)
        assert is_copied.all()
        assert held_on == days
    others = {
        "a call of that id": seen.keys(stored, is_event=False),
        "the id in another era": (keys, np.roll(known, 1)),
        "another id": (keys + np.uint64(1 << 20), known),
    }
    assert {what: seen.several(*rows)[0].any() for what, rows in others.items()} == dict.fromkeys(others, False)
