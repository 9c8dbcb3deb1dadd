"""The page of what hurts elsewhere names a test for each of its lines, and each of those tests exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sufferings.md").read_text(encoding="utf-8")
TESTS = ROOT / "usage_pipeline_tests"
# Tests that were written for this page, and for no other reason.
WRITTEN_FOR_IT = ("crm/test_crm_sufferings.py", "sync/test_sync_sufferings.py")


def names_in(*files):
    return {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)}


def test_every_test_that_the_page_names_exists():
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 50
    assert sorted(named - names_in(*TESTS.rglob("test_*.py"))) == []


def test_every_suffering_says_what_goes_wrong_how_it_ends_and_by_which_test():
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| what goes")]
    assert len(lines) > 30
    for line in lines:
        wrong, end, tests = (cell.strip() for cell in line.strip("|").split("|"))
        assert wrong.endswith("."), line
        assert end.endswith("."), line
        assert re.fullmatch(r"`test_\w+`(, `test_\w+`)*", tests), line


def test_every_test_that_was_written_for_the_page_stands_on_it():
    written = names_in(*(TESTS / file for file in WRITTEN_FOR_IT))
    assert sorted(name for name in written if f"`{name}`" not in PAGE) == []
