from datetime import date

import pytest

from usage_pipeline.errors import Rejected
from usage_pipeline.home import Home, put, replaced
from usage_pipeline.settings import Settings


def mapping(tmp_path, name):
    file = tmp_path / f"{name}.yaml"
    file.write_text(f"company: {name}\nevents: [{{format: segment}}]\n")
    return file


@pytest.fixture
def home(tmp_path):
    return Home(Settings(home=tmp_path / "home"))


def test_an_empty_home_says_what_to_run(home):
    with pytest.raises(Rejected, match="USAGE_HOME"):
        home.company()


def test_a_home_that_holds_another_company_is_refused(tmp_path, home):
    home.claim(mapping(tmp_path, "acme"), tmp_path / "in", "in")
    with pytest.raises(Rejected, match=r"holds acme .* not globex(.|\n)*USAGE_HOME"):
        home.claim(mapping(tmp_path, "globex"), tmp_path / "in", "in")
    assert home.company().company == "acme"


def test_claiming_again_keeps_what_was_learned_and_takes_over_an_edited_mapping(tmp_path, home):
    file = mapping(tmp_path, "acme")
    home.claim(file, tmp_path / "in", "in")
    home.begin_partitions(date(2024, 7, 1))
    file.write_text(file.read_text() + "premium_features: [reports]\n")
    home.claim(file, tmp_path / "in", "in")
    assert home.holding().first_known_day == "2024-07-01"
    assert home.company().premium_features == ("reports",)


def test_partitions_begin_earlier_when_earlier_days_become_known_never_later(tmp_path, home):
    home.claim(mapping(tmp_path, "acme"), tmp_path / "in", "in")
    assert home.begin_partitions(date(2024, 7, 1))
    assert not home.begin_partitions(date(2025, 1, 1))
    assert home.begin_partitions(date(2024, 1, 1))
    assert home.holding().first_known_day == "2024-01-01"


def test_a_file_that_two_write_at_once_is_one_of_theirs_and_whole(tmp_path):
    target = tmp_path / "home.json"
    with replaced(target) as first:
        first.write_text("first")
        put(target, "second")
        assert target.read_text() == "second"
    assert target.read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_of_which_the_writing_broke_off_is_as_it_was(tmp_path):
    target = tmp_path / "home.json"
    put(target, "before")

    def broken():
        with replaced(target) as aside:
            aside.write_text("ha")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        broken()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]
