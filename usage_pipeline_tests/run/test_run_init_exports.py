"""`init` on exports of the known tools."""

import own_files
import pytest
from own_files import begin, land, mapping, part


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "exports"


def test_a_segment_export_is_known_by_its_lines_whatever_its_files_are_called(tmp_path, folder, lake):
    own_files.write_segment(folder)
    own_files.write_accounts(folder)
    begun = begin(folder, tmp_path)
    assert begun.is_ready
    (events,) = mapping(begun).events
    assert (events.format, events.files) == ("segment", "calls-*.jsonl.gz")
    landed = land(begun, folder, lake)
    assert (landed.batches, landed.received, landed.accepted) == (3, 120, 120)
    assert "100% of 12 are in accounts.csv" in part(begun, "events").joins[0]


def test_refused_lines_of_an_export_are_told_in_words(tmp_path, folder):
    own_files.write_segment(folder, files=1)
    (folder / "calls-009.jsonl").write_text(
        own_files.segment_line(900) + "\n" + own_files.segment_line(901, timestamp="soon") + "\n"
    )
    begun = begin(folder, tmp_path)
    assert (begun.trial.received, begun.trial.accepted, begun.trial.rejected) == (42, 41, 1)
    assert begun.trial.reasons == {"bad_timestamp": 1}
    assert "calls-009.jsonl, line 2: a time that is none" in begun.trial.examples[0]


def test_the_account_of_an_amplitude_export_is_found_by_what_it_holds(tmp_path, folder, lake):
    own_files.write_amplitude(folder)
    own_files.write_accounts(folder)
    begun = begin(folder, tmp_path)
    (events,) = mapping(begun).events
    assert (events.format, events.files) == ("amplitude", "export.zip")
    assert events.account == ("groups.workspace",)
    assert events.feature == ("event_properties.module",)
    landed = land(begun, folder, lake)
    assert (landed.received, landed.accepted, landed.rejected) == (100, 100, 0)
    assert begun.trial.of_known_accounts == 100


def test_an_export_that_names_no_account_asks_for_the_place(tmp_path, folder):
    own_files.write_amplitude(folder, group="colour_of_the_day")
    begun = begin(folder, tmp_path)
    assert not begun.is_ready
    assert "where do the events" in part(begun, "events").questions[0]
    assert "# account: " in begun.mapping.read_text()
