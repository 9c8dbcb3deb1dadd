"""The matrix: every kind of fault, at the first, a middle and the last call that it can meet, on every way of writing."""

from pathlib import Path

import pytest
from faults_matrix import calls, places, rows, strikes
from faults_world import WAYS

from usage_pipeline.sandbox.kinds import KINDS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
FEWEST_KINDS = 25
ROWS = rows()
CELLS = [
    pytest.param(row, name, id=f"{row.title}-{name}") for name, way in WAYS.items() for row in ROWS if row.is_of(way)
]
PAGE = Path(__file__).parents[2] / "docs" / "faults.md"


def struck_before():
    """The cells in which a fault struck something when docs/faults.md was printed."""
    table = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    found = set()
    for line in table:
        fault, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        found |= {(fault.replace("`", ""), name) for name, cell in zip(WAYS, cells, strict=True) if cell}
    return found


BEFORE = struck_before()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ledgers")


@pytest.mark.parametrize(("row", "name"), CELLS)
def test_after_a_fault_the_crm_holds_once_what_was_wanted_and_the_ledger_agrees(
    sandbox, folder, record_property, row, name
):
    where = places(calls(sandbox, name, folder)[row.title])
    if not where:
        assert (row.title, name) not in BEFORE, (
            "docs/faults.md has a cell for it: this fault used to strike a call here"
        )
        pytest.skip("no call of this delivery is such that the fault could strike it")
    found = list(strikes(sandbox, name, folder, row, where))
    record_property("struck", [row.title, name, max(one.further for one in found)])
    assert [f"{one.place}: {wrong} (met: {one.met})" for one in found for wrong in one.wrong] == []


@pytest.mark.parametrize("crm", KINDS)
def test_every_kind_of_fault_meets_fields_or_tasks_of_its_crm(sandbox, folder, crm):
    met = {
        row.kind
        for name, way in WAYS.items()
        if way.crm == crm
        for row in ROWS
        if row.is_of(way) and calls(sandbox, name, folder)[row.title]
    }
    assert met == set(KINDS[crm])
    assert len(met) >= FEWEST_KINDS
