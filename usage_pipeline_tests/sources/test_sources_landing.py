"""Which deliveries lie in the landing folder, and when they came."""

from datetime import datetime

import pytest

from usage_pipeline.errors import Rejected
from usage_pipeline.run import erasing_files
from usage_pipeline.sources import landing

NOW = datetime(2026, 5, 4, 8)
LATER = datetime(2026, 5, 9, 8)


def put(folder, name, content="a\n1\n"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_each_folder_with_files_is_a_delivery_and_the_oldest_comes_first(tmp_path):
    put(tmp_path, "b/usage.csv")
    put(tmp_path, "b/manifest.json", '{"landed_at": "2026-05-02T02:00:00"}')
    put(tmp_path, "a/usage.csv")
    put(tmp_path, "a/manifest.json", '{"landed_at": "2026-05-03T04:00:00+02:00", "history": true}')
    found = landing.deliveries(tmp_path, now=NOW)
    assert [(each.name, each.landed_at, each.history) for each in found] == [
        ("b", datetime(2026, 5, 2, 2), None),
        ("a", datetime(2026, 5, 3, 2), True),
    ]


def test_what_is_still_being_written_is_left_alone(tmp_path):
    put(tmp_path, ".coming/usage.csv")
    put(tmp_path, "day/.usage.csv.part")
    put(tmp_path, "day/README.md")
    assert landing.deliveries(tmp_path, now=NOW) == []


def test_a_file_keeps_the_moment_it_was_first_seen(tmp_path):
    put(tmp_path / "in", "usage.csv")
    state = tmp_path / "state"
    landing.deliveries(tmp_path / "in", now=NOW, state=state)
    put(tmp_path / "in", "more.csv", "a\n2\n")
    (delivery,) = landing.deliveries(tmp_path / "in", now=LATER, state=state)
    assert {file.table: file.landed_at for file in delivery.files} == {"usage": NOW, "more": LATER}


def test_a_file_that_changed_is_another_file(tmp_path):
    path = put(tmp_path / "in", "usage.csv")
    state = tmp_path / "state"
    (before,) = landing.deliveries(tmp_path / "in", now=NOW, state=state)
    path.write_text("a\n1\n2\n")
    (after,) = landing.deliveries(tmp_path / "in", now=LATER, state=state)
    assert after.files[0].digest != before.files[0].digest
    assert after.files[0].landed_at == LATER


@pytest.fixture
def meanwhile(monkeypatch):
    """Something that happens once the index has been read, before the files are looked at."""
    walk = landing._folders

    def happens(what):
        def walking(folder):
            monkeypatch.setattr(landing, "_folders", walk)
            what()
            return walk(folder)

        monkeypatch.setattr(landing, "_folders", walking)

    return happens


def test_two_that_look_at_once_remember_what_both_saw(tmp_path, meanwhile):
    state = tmp_path / "state"
    put(tmp_path / "in", "usage.csv")
    put(tmp_path / "other", "more.csv")
    meanwhile(lambda: landing.deliveries(tmp_path / "other", now=NOW, state=state))
    landing.deliveries(tmp_path / "in", now=NOW, state=state)
    again = [landing.deliveries(tmp_path / name, now=LATER, state=state)[0].landed_at for name in ("in", "other")]
    assert again == [NOW, NOW]
    assert len(list(state.glob("*.new"))) == 0


def test_a_file_out_of_which_a_person_is_taken_meanwhile_stays_the_one_that_it_was(tmp_path, meanwhile):
    state = tmp_path / "state"
    put(tmp_path / "in", "usage.csv")
    ((before,),) = (one.files for one in landing.deliveries(tmp_path / "in", now=NOW, state=state))
    meanwhile(lambda: erasing_files.put_in_place(erasing_files.Found(before, 1, 0), b"a\n", state))
    for _ in range(2):
        ((after,),) = (one.files for one in landing.deliveries(tmp_path / "in", now=LATER, state=state))
        assert (after.digest, after.landed_at, after.bytes) == (before.digest, NOW, 2)
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["usage.csv"]


def test_an_index_that_cannot_be_read_says_what_to_do(tmp_path):
    put(tmp_path / "in", "usage.csv")
    put(tmp_path / "state", "landing.json", '{"/in/usage.csv": [4,')
    with pytest.raises(Rejected, match=r"landing\.json, by which landed files are known, cannot be read.*\n.*backup"):
        landing.deliveries(tmp_path / "in", now=NOW, state=tmp_path / "state")


def test_a_broken_manifest_is_named(tmp_path):
    put(tmp_path, "usage.csv")
    put(tmp_path, "manifest.json", '{"landed_at": "yesterday"}')
    with pytest.raises(Rejected, match=r"manifest\.json"):
        landing.deliveries(tmp_path, now=NOW)


@pytest.mark.parametrize(
    ("name", "table", "suffix"),
    [
        ("usage.csv", "usage", ".csv"),
        ("usage.2026.csv.zst", "usage.2026", ".csv"),
        ("123_2026-05-03_10#1.json.gz", "123_2026-05-03_10#1", ".json"),
        ("export.zip", "", ".zip"),
        ("enriched.tsv.gz", "", ".tsv"),
        ("2026.05.03-0001.gz", "", ""),
    ],
)
def test_a_name_says_which_table_a_file_is_and_how_it_is_read(tmp_path, name, table, suffix):
    put(tmp_path, f"deep/er/{name}")
    (delivery,) = landing.deliveries(tmp_path, now=NOW)
    assert [(file.table, file.suffix, delivery.name) for file in delivery.files] == [(table, suffix, "deep/er")]
