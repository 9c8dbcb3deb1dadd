"""How fast the data engine is, how much memory it takes and how it grows: `make bench-engine`.

Landing beside DuckDB only parsing the same lines, rollups beside Polars and pandas, a day added to short
and long histories, features of many mornings and of many accounts. Writes `results/engine.json`,
`docs/bench-engine.md` and its plot. Exit code 1 if a goal is missed. `--full` adds 100 million events and
100,000 accounts (an hour, 30 GB of scratch); what it found is kept by later runs without it.
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

from benchmarks import (
    engine_child,
    engine_days,
    engine_events,
    engine_features,
    engine_landing,
    engine_plot,
    engine_rollups,
    engine_table,
    engine_world,
)
from benchmarks.engine_child import ROOT
from benchmarks.engine_events import Events
from benchmarks.engine_goals import GOALS
from benchmarks.verdict import verdict

RESULTS = ROOT / "benchmarks" / "results" / "engine.json"
PAGE = ROOT / "docs" / "bench-engine.md"
PLOT = ROOT / "docs" / "images" / "bench-engine.png"
PEERS = ROOT / ".venv" / "peers"
PACKAGES = ("deltalake", "duckdb", "ibis-framework", "numpy", "pandas", "pyarrow")

EVENTS, DAYS, ACCOUNTS = 5_000_000, 30, 3_000
FULL = Events(100_000_000, 365, 10_000)
HISTORIES, EVENTS_A_DAY = (30, 365, 1_095), 10_000
MANY_ACCOUNTS, ONE_MORNING, FULL_ACCOUNTS = 10_000, (2_500, 5_000, 10_000), 100_000
RUNS = 3
# Of the package's own setting; the goal of 100 million events says 2 GB.
MEMORY, FULL_MEMORY = "1GB", "2GB"


def main() -> int:
    options = _options()
    scale = options.scale
    started, load = time.monotonic(), round(os.getloadavg()[0], 1)
    options.scratch.mkdir(parents=True, exist_ok=True)
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results = _measured(options)
    if options.full:
        results["full"] = _full(options) | {"load_at_start": load, "machine": machine(options.peers)}
    elif scale == 1 and "full" in kept:
        results["full"] = kept["full"]
    # Other work on the same cores slows ours: what was going on is told with the figures.
    results |= {"load_at_start": load, "machine": machine(options.peers), "seconds": round(time.monotonic() - started)}
    print()
    print(engine_table.goals(results))
    if scale == 1:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(engine_table.document(results), encoding="utf-8")
        engine_plot.draw(results, PLOT)
    else:
        print(f"\na trial, {scale} times smaller than the goals' sizes; nothing is written")
    return verdict((goal.missed(results) for goal in GOALS), else_say="every goal that was measured is met")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--scratch",
        type=Path,
        default=Path(tempfile.gettempdir()) / "usage-bench-engine",
        help="where inputs are made, and used again if they are there (%(default)s)",
    )
    parser.add_argument("--peers", type=Path, default=PEERS, help="environment in which polars is (%(default)s)")
    parser.add_argument("--runs", type=int, default=RUNS, help="how often each figure is measured (%(default)s)")
    parser.add_argument("--full", action="store_true", help="100 million events and 100,000 accounts too")
    parser.add_argument(
        "--scale", type=int, default=1, help="a trial with so many times fewer rows; nothing is written (%(default)s)"
    )
    return parser.parse_args()


def _step(words: str, measure: Callable[[], Any]) -> Any:
    started = time.monotonic()
    print(f"{words} ...", end=" ", flush=True)
    found = measure()
    print(f"{time.monotonic() - started:.0f} s", flush=True)
    return found


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    scale, scratch, runs = options.scale, options.scratch, options.runs
    wanted = Events(EVENTS // scale, max(DAYS // scale, 2), max(ACCOUNTS // scale, 100))
    found: dict[str, Any] = {"events": wanted.events, "days_of_events": wanted.days, "runs": runs}
    files = _step(f"{wanted.events:,} events as gzip JSON lines", lambda: engine_events.made(wanted, scratch))
    home = scratch / "home"
    found["landing"] = _step(
        "landing them to rollups, and DuckDB parsing them",
        lambda: engine_landing.measured(files, home, runs, MEMORY),
    )
    found["rollups"] = _step(
        "rollups alone, Polars' and pandas'",
        lambda: engine_rollups.measured(home, scratch / "rollups", options.peers, runs, MEMORY),
    )
    histories = tuple(max(days // scale, 2) for days in HISTORIES)
    found["days"] = _step(
        f"a day after {', '.join(map(str, histories))} days",
        lambda: engine_days.measured(scratch, histories, EVENTS_A_DAY // scale, 1_000 // scale, runs),
    )
    many = MANY_ACCOUNTS // scale
    found["features"] = _step(
        f"features of {engine_features.MORNINGS} mornings x {many:,} accounts, and of one morning",
        lambda: engine_features.measured(scratch, many, tuple(n // scale for n in ONE_MORNING), runs, MEMORY),
    )
    found["definitions"] = _step("opening the definitions", lambda: [_opened() for _ in range(runs + 1)][1:])
    return found


def _full(options: argparse.Namespace) -> dict[str, Any]:
    """Once each: an hour is enough."""
    scratch = options.scratch
    wanted = Events(FULL.events // options.scale, max(FULL.days // options.scale, 2), FULL.accounts // options.scale)
    files = _step(f"{wanted.events:,} events as gzip JSON lines", lambda: engine_events.made(wanted, scratch))
    both = _step(
        "landing them to rollups, and DuckDB parsing them",
        lambda: engine_landing.measured(files, scratch / "home", 1, FULL_MEMORY),
    )
    (ours,), (parse,) = both["ours"], both["parse"]
    accounts = FULL_ACCOUNTS // options.scale
    world = _step(
        f"rollups of {accounts:,} accounts",
        lambda: engine_world.made(accounts, engine_features.ONE_MORNING_DAYS, scratch),
    )
    one = _step(
        "features of one morning of them",
        lambda: engine_child.run(
            "features:one", root=str(world), to=str(scratch / "features"), memory_limit=FULL_MEMORY
        ),
    )
    return {
        "landing": ours | {"minutes": ours["seconds"] / 60, "events": wanted.events, "parse_seconds": parse["seconds"]},
        "accounts": accounts,
        "one_morning": [one],
    }


def _opened() -> dict[str, float]:
    """From nothing to every asset, check, job, schedule and sensor of the project."""
    program = [sys.executable, "-c", "from usage_pipeline.definitions import defs; defs().get_repository_def()"]
    started = time.monotonic()
    subprocess.run(program, cwd=ROOT, check=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""})  # noqa: S603
    return {"seconds": round(time.monotonic() - started, 2)}


def machine(peers: Path) -> dict[str, object]:
    """What it ran on, as far as figures and seconds depend on it."""
    asked = [str(peers / "bin" / "python"), "-c", "from importlib.metadata import version; print(version('polars'))"]
    polars = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in PACKAGES},
        "polars": polars,
    }


if __name__ == "__main__":
    sys.exit(main())
