"""Runs the matrix of faults and prints it: `python -m benchmarks.print_faults` (about five minutes).

Ends with 1 where a cell is not as it must be; the table then shows it as ✗.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MATRIX = ROOT / "usage_pipeline_tests" / "faults" / "test_faults_matrix.py"
PAGE = ROOT / "docs" / "faults.md"
WAYS = {
    "hubspot-fields": "HubSpot: fields",
    "hubspot-tasks": "tasks, unique key",
    "hubspot-tasks-keyless": "tasks, no unique key",
    "salesforce-fields": "Salesforce: fields",
    "salesforce-bulk": "fields by Bulk",
    "salesforce-tasks": "tasks",
}
HEAD = """# Faults

What is left of a fault once it is over. Six accounts, two rows per call; a delivery is struck at the first, at a
middle and at the last call that carries the effect (or looks for it) and that the fault can meet. Then the fault is
disarmed, and what people would mend is mended: a scope is granted again, an owner is active again, a field or a record
in the bin is restored; what was merged or deleted for good stays so. Then deliveries follow, one each morning, until
nothing is to be sent, at most three. Every cell has been held against both sides: the CRM says what was wanted of
every record that still exists, no task is there twice, none is missing, none is open that nobody wants; and what the
ledger has confirmed is what the CRM holds, row by row.

A cell says how many further deliveries had something to send, at worst of the three strikes: **0**, the struck
delivery itself did everything; **1**, the next one did the rest; **✗**, the proof fails. Empty: no call of that kind
can meet the fault.

HubSpot without a unique key on tasks: a task is created twice only where the network itself delivers one request
twice (`duplicate_delivery`). The next delivery finds both on the company, archives the younger one that nobody has
touched, and counts it.

Beyond this table, `make test-all` strikes deliveries with random schedules of faults (100 seeds) and kills their
process at random moments (10); `make soak` does 1,000 and 100. What each fault does is listed by
`GET /_sandbox/faults/kinds`.

*Printed by `python -m benchmarks.print_faults`; do not edit by hand.*
"""


class Struck:
    """What the matrix's tests record, as pytest reports it."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            for name, told in report.user_properties:
                if name == "struck":
                    title, way, further = told
                    self.found.setdefault(title, {})[way] = "✗" if report.failed else str(further)


def page(found: Mapping[str, Mapping[str, str]]) -> str:
    """docs/faults.md."""
    lines = ["| fault | " + " | ".join(WAYS.values()) + " |", "|---" * (len(WAYS) + 1) + "|"]
    for title, row in found.items():
        lines.append(f"| {_shown(title)} | " + " | ".join(row.get(way, "") for way in WAYS) + " |")
    return f"{HEAD}\n" + "\n".join(lines) + "\n"


def _shown(title: str) -> str:
    name, comma, rest = title.partition(",")
    return f"`{name}`{comma}{rest}"


def main() -> int:
    struck = Struck()
    ended = pytest.main([str(MATRIX), "-p", "no:cacheprovider"], plugins=[struck])
    PAGE.write_text(page(struck.found), encoding="utf-8")
    print(f"docs/{PAGE.name}: {len(struck.found)} kinds of faults")
    return int(ended)


if __name__ == "__main__":
    sys.exit(main())
