"""What a delivery costs and how fast it is, against the sandbox: `make bench-delivery`.

Counts calls beside drt and a simple-salesforce loop, measures a large delivery at HubSpot's limit, and
plans for a million accounts. Writes `results/delivery.json` and `docs/bench-delivery.md`. Exit code 1 if
a goal is missed.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import delivery_calls, delivery_peers, delivery_planner, delivery_speed, delivery_table
from benchmarks.delivery_goals import GOALS
from benchmarks.delivery_sandbox import ROOT, running
from benchmarks.verdict import verdict
from usage_pipeline.crm.contract import CONTRACT

RESULTS = ROOT / "benchmarks" / "results" / "delivery.json"
PAGE = ROOT / "docs" / "bench-delivery.md"
PEERS = ROOT / ".venv" / "peers"
PACKAGES = ("numpy", "pandas", "pyarrow", "requests", "simple-salesforce", "sqlalchemy")
COMPANIES, BULK_ROWS, FAST_ROWS, PLANNED = 1_000, 100_000, 50_000, 1_000_000


def main() -> int:
    options = _options()
    scale = options.scale
    started, load = time.monotonic(), round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory() as temporary:
        results = _measured(Path(temporary), options.peers, scale)
    # Other work on the same cores slows ours: what was going on is told with the figures.
    results |= {"load_at_start": load, "machine": machine(options.peers), "seconds": round(time.monotonic() - started)}
    print()
    print(delivery_table.goals(results))
    if scale == 1:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(delivery_table.document(results), encoding="utf-8")
    return verdict(goal.missed(results) for goal in GOALS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delivery", description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", type=Path, default=PEERS, help="environment in which drt is (%(default)s)")
    parser.add_argument(
        "--scale", type=int, default=1, help="a trial with so many times fewer rows; nothing is written (%(default)s)"
    )
    return parser.parse_args()


def _measured(folder: Path, peers: Path, scale: int) -> dict[str, Any]:
    def step(words: str, measure: Callable[[], Any]) -> Any:
        started = time.monotonic()
        print(f"{words} ...", end=" ", flush=True)
        found = measure()
        print(f"{time.monotonic() - started:.0f} s", flush=True)
        return found

    companies = COMPANIES // scale
    found: dict[str, Any] = {"rows": companies, "fields": len(CONTRACT.fields), "limit": delivery_speed.LIMIT}
    found["planner"] = step(
        f"plan for {PLANNED // scale:,} accounts",
        lambda: delivery_planner.measured(folder / "planner", PLANNED // scale),
    )
    found["speed"] = step(
        f"{FAST_ROWS // scale:,} companies at HubSpot's limit, three times",
        lambda: delivery_speed.measured(folder / "speed", FAST_ROWS // scale),
    )
    found["bulk"] = step(
        f"{BULK_ROWS // scale:,} accounts to Salesforce",
        lambda: delivery_calls.of_bulk(folder / "bulk", BULK_ROWS // scale),
    )
    with running(folder / "calls") as sandbox:
        ids = sandbox.fill(companies, delivery_calls.CRMS)
        found["ours"] = {
            crm: step(
                f"{companies:,} companies to {crm}", lambda crm=crm: delivery_calls.of(sandbox, crm, ids[crm], folder)
            )
            for crm in delivery_calls.CRMS
        }
        found["peers"] = step(
            "the same by drt and by a simple-salesforce loop",
            lambda: delivery_peers.measured(sandbox, ids, peers / "bin" / "drt", folder),
        )
    return found


def machine(peers: Path) -> dict[str, object]:
    """What it ran on, as far as figures and seconds depend on it."""
    asked = [str(peers / "bin" / "python"), "-c", "from importlib.metadata import version; print(version('drt-core'))"]
    drt = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in PACKAGES},
        "drt-core": drt,
    }


if __name__ == "__main__":
    sys.exit(main())
