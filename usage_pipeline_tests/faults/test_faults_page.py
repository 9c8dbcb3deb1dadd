"""The printed table speaks of every fault there is and of every way of writing."""

from faults_matrix import rows
from faults_world import WAYS

from benchmarks import print_faults


def test_the_page_of_faults_has_a_line_for_every_kind():
    text = print_faults.PAGE.read_text(encoding="utf-8")
    lines = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| `")]
    assert sorted(lines) == sorted(print_faults._shown(row.title) for row in rows())


def test_every_way_of_writing_is_a_column():
    assert list(print_faults.WAYS) == list(WAYS)
