"""How good the models are on ten simulated companies: `make bench-sim`.

Each seed is a company of 5,000 accounts that lives for two years and goes through the stages
`usage`, `features`, `labels` and `models` as any company does (what is left out, and why:
`simulated_rows`, `simulated_table`). Figures are those of judged mornings alone. Each seed is
written to `results/simulated.json` when it is done, so that an interrupted run goes on where it
stopped; a run that was finished is measured anew. Exit code 1 if a goal is missed.
"""

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import platform
import sys
import time
from pathlib import Path

import pyarrow as pa

from benchmarks import code_mark, simulated_goals, simulated_rows, simulated_seed, simulated_table
from benchmarks.simulated_seed import Task
from benchmarks.verdict import verdict

SEEDS, ACCOUNTS, WORKERS = 10, 5_000, 2
ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "simulated.json"
TABLE = ROOT / "docs" / "bench-simulated.md"
PACKAGES = ("duckdb", "ibis-framework", "numpy", "pandas", "scikit-learn", "xgboost")
# What the figures are made by: a change in any of these makes kept seeds another code's.
_CODE = (
    *("company.py", "mapping", "engine", "periods.py", "events/catalogue.py"),
    *("sources/catalogue.py", "sources/reading.py", "sources/simulated", "usage", "features", "labels", "models"),
)


def main() -> int:
    options = _options()
    asked = [Task(seed, options.accounts) for seed in range(1, options.seeds + 1)]
    is_whole = (options.seeds, options.accounts) == (SEEDS, ACCOUNTS)
    marks = {"code": fingerprint(), "machine": machine()}
    done = [] if options.fresh or not is_whole else unfinished(RESULTS, marks, len(asked))
    waiting = [task for task in asked if task.seed not in {one["seed"] for one in done}]
    if done:
        print(f"going on after {len(done)} seeds that an interrupted run has measured; --fresh starts over")
    if not is_whole:
        print(f"a trial: the benchmark is {SEEDS} seeds of {ACCOUNTS:,} accounts; nothing is written")
    for measured in _measured(waiting, options.workers):
        done = sorted([*done, measured | marks], key=lambda one: one["seed"])
        if is_whole:
            keep(done, RESULTS)
    print()
    print(simulated_table.of_seeds(done))
    if is_whole:
        TABLE.write_text(simulated_table.document(done), encoding="utf-8")
    return verdict(goal.missed(done) for goal in simulated_goals.GOALS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulated", description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many companies, seeds 1, 2, ... (%(default)s)")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, help="accounts of each (%(default)s)")
    parser.add_argument("--workers", type=int, default=WORKERS, help="companies at a time, 2.4 GB each (%(default)s)")
    parser.add_argument("--fresh", action="store_true", help="measure every seed, also those of an interrupted run")
    return parser.parse_args()


def _measured(waiting: list[Task], workers: int):
    """The figures of each seed as it is done, in any order."""
    # One thread each: the workers are what runs side by side.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    started = time.monotonic()
    # A new process per seed, so that none starts with another's memory.
    pool = multiprocessing.get_context("spawn").Pool(
        workers, initializer=pa.set_cpu_count, initargs=(1,), maxtasksperchild=1
    )
    with pool:
        for count, one in enumerate(pool.imap_unordered(simulated_seed.figures, waiting), start=1):
            passed = time.monotonic() - started
            print(
                f"seed {one['seed']}: {one['seconds']:.0f} s, average precision {one['average_precision']:.3f}, "
                f"the rule's {one['rule_average_precision']:.3f}, the ceiling {one['ceiling_average_precision']:.3f} "
                f"({count} of {len(waiting)}, about {passed / max(count, workers) * (len(waiting) - count) / 60:.0f} minutes to go)",
                flush=True,
            )
            yield one


def keep(done: list[dict], path: Path) -> None:
    """One object per seed, written aside and put in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
    aside.replace(path)


def unfinished(path: Path, marks: dict, seeds: int) -> list[dict]:
    """What an interrupted run of this code on such a machine has measured; nothing of a finished run."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    same = [one for one in kept if {name: one.get(name) for name in marks} == marks]
    return same if len(same) < seeds else []


def fingerprint() -> str:
    """Hash of the code that the figures come from."""
    return code_mark.of(_CODE, [Path(module.__file__) for module in (simulated_rows, simulated_seed)])


def machine() -> dict[str, object]:
    """What it ran on, as far as figures and seconds depend on it."""
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in PACKAGES},
    }


if __name__ == "__main__":
    sys.exit(main())
