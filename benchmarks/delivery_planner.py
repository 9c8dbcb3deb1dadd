"""How long a plan for a million accounts takes when one in a hundred has moved, and how much memory.

One process makes the inputs (Parquet files and a ledger), another measures: what making them took
weighs on nothing. `python -m benchmarks.delivery_planner make|plan FOLDER ACCOUNTS`; the second prints JSON.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import delivery_ledger
from benchmarks import delivery_world as world
from benchmarks.delivery_sandbox import ROOT, account
from usage_pipeline.crm.client import Instance
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import planning
from usage_pipeline.sync.plans import SHAPES

MOVED = 0.01
AT_ONCE = 50_000
HUBSPOT = Instance("hubspot", "1", is_sandbox=True)


def measured(folder: Path, accounts: int) -> dict:
    """The figures of a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for step in ("make", "plan"):
        program = [sys.executable, "-m", "benchmarks.delivery_planner", step, str(folder), str(accounts)]
        done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return json.loads(done.stdout)


def make(folder: Path, accounts: int) -> None:
    """What was confirmed yesterday, into a ledger; what is wanted today and the links, into Parquet files."""
    writers: dict[str, pq.ParquetWriter] = {}
    for seed, start in enumerate(range(0, accounts, AT_ONCE)):
        numbers = range(start, min(start + AT_ONCE, accounts))
        names, ids = [account(number) for number in numbers], [str(30_000_000_000 + number) for number in numbers]
        before = world.fields(names, seed, world.morning(0))
        delivery_ledger.remember(_url(folder), HUBSPOT.key, before, ids, world.morning(0))
        today = world.a_few_moved(before, MOVED, seed)
        # Every account is scored every morning: the day is another, and goes along where something is written.
        today["usage_scored_at"] = pd.array([world.morning(1).isoformat()] * len(today), dtype=world.TEXT)
        for name, frame in (("wanted", today), ("links", world.links(names, ids, HUBSPOT))):
            table = pa.Table.from_pandas(frame, preserve_index=False)
            if name not in writers:
                shape = pa.schema([(each.name, pa.string()) for each in table.schema])
                writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", shape)
            writers[name].write_table(table.cast(writers[name].schema))
    for writer in writers.values():
        writer.close()


def plan(folder: Path, accounts: int) -> dict:
    """Read the ledger and plan."""
    wants, links = (pd.read_parquet(folder / f"{name}.parquet") for name in ("wanted", "links"))
    ledger = Ledger(_url(folder))
    before = _peak_gb()
    started, processor = time.monotonic(), time.process_time()
    confirmed = ledger.records(HUBSPOT.key, [field.name for field in CONTRACT.fields])
    read = time.monotonic()
    made = planning.plan(
        wants,
        world.tasks([], world.morning(1)),
        links,
        confirmed,
        ledger.episodes(HUBSPOT.key),
        ledger.quarantine(HUBSPOT.key),
        instance=HUBSPOT,
        as_of=world.morning(1),
        sequence=ledger.sequence(HUBSPOT.key),
        created_at=world.now(),
        shape=SHAPES["hubspot"],
    )
    ended = time.monotonic()
    return {
        "accounts": accounts,
        "records_planned": made.records,
        "fields_planned": len(made.fields),
        "records_held_back": made.held_back,
        "ledger_seconds": round(read - started, 2),
        "planning_seconds": round(ended - read, 2),
        "seconds": round(ended - started, 2),
        "processor_seconds": round(time.process_time() - processor, 2),
        "inputs_gb": round(before, 3),
        "peak_gb": round(_peak_gb(), 3),
    }


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/ledger.sqlite"


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    step, where, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if step == "make":
        make(where, count)
    else:
        print(json.dumps(plan(where, count)))
