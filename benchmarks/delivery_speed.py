"""How fast changed companies arrive at a HubSpot that takes 190 calls in ten seconds.

Alone, beside another client, and where each answer comes late.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks import delivery_calls, delivery_ledger
from benchmarks import delivery_world as world
from benchmarks.delivery_sandbox import ROOT, Sandbox, account, running
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import applying
from usage_pipeline.sync.plans import Plan

LIMIT, WINDOW_S, ROWS_PER_CALL = 190, 10.0, 100
CEILING = LIMIT / WINDOW_S * ROWS_PER_CALL
# A live portal takes 0.1 to 0.4 s for a batch.
LATE_S = 0.3
WRITE, OTHERS = "POST /crm/objects/{version}/companies/batch/update", "GET /crm/objects/{version}/companies"


def measured(folder: Path, rows: int) -> dict[str, dict]:
    """The three deliveries, each of all companies changed, into one sandbox."""
    with running(folder) as sandbox:
        sandbox.post("settings", hubspot_burst_limit=LIMIT)
        ids = sandbox.fill(rows, ["hubspot"])["hubspot"]
        client = sandbox.client("hubspot")
        client.provision(CONTRACT)
        url = f"sqlite:///{folder}/ledger.sqlite"
        accounts = [account(number) for number in range(rows)]
        delivery_ledger.remember(
            url, client.instance().key, world.fields(accounts, 0, world.morning(0)), ids, world.morning(0)
        )
        alone = _delivered(sandbox, url, ids, 1)
        with _another_client(sandbox):
            beside = _delivered(sandbox, url, ids, 2)
        sandbox.post("faults", kind="slow_answer", crm="hubspot", seconds=LATE_S, times=None)
        late = _delivered(sandbox, url, ids, 3)
    return {"alone": alone, "beside_another": beside, "late_answers": late}


def _delivered(sandbox: Sandbox, url: str, ids: list[str], number: int) -> dict:
    """Plan and apply a morning on which everything has changed, by a client that knows nothing yet."""
    # What went before weighs on no window of this one.
    time.sleep(WINDOW_S)
    client = sandbox.client("hubspot")
    ledger = Ledger(url)
    accounts = [account(place) for place in range(len(ids))]
    wants = world.fields(accounts, number, world.morning(number))
    sandbox.count_anew()
    started = time.monotonic()
    made = world.plan(client, ledger, wants, ids, world.morning(number))
    planned = time.monotonic()
    batches: list[float] = []
    processor = time.process_time()
    done = applying.apply(
        made, client, ledger, now=world.now, progress=lambda _: batches.append(time.monotonic() - planned)
    )
    seconds = time.monotonic() - planned
    ledger.close()
    calls = sandbox.get("calls")["hubspot"]["routes"]
    by_route = {f"{one['method']} {one['route']}": one for one in calls}
    state = sandbox.get("state", crm="hubspot")["hubspot"]["companies"]
    writes, others = by_route[WRITE], by_route.get(OTHERS, {"calls": 0, "refused": 0})
    return delivery_calls.told(sandbox, "hubspot") | {
        "rows": len(ids),
        "changes": len(made.fields),
        "records_written": done.records_written,
        "changes_lost": _lost(made, state),
        "plan_seconds": round(planned - started, 2),
        "apply_seconds": round(seconds, 2),
        "first_batch_after_seconds": round(batches[0], 2),
        "processor_seconds": round(time.process_time() - processor, 2),
        "rows_per_second": round(len(ids) / seconds, 1),
        "answer_ms": round(_answer_ms(sandbox), 1),
        "share_of_ceiling": round(len(ids) / seconds / CEILING, 4),
        "write_calls": writes["calls"],
        "write_calls_refused": writes["refused"],
        "share_refused": round(writes["refused"] / writes["calls"], 5),
        "calls_of_others": others["calls"],
        "calls_of_others_refused": others["refused"],
    }


def _answer_ms(sandbox: Sandbox) -> float:
    """What the sandbox took for the newest full batches."""
    newest = sandbox.get("log", crm="hubspot", limit="20000")[-400:]
    return mean(one["ms"] for one in newest if one["path"].endswith("/companies/batch/update"))


def _lost(made: Plan, state: Sequence[Mapping[str, Any]]) -> int:
    """Changes of the plan that the sandbox does not hold."""
    held = {one["id"]: one["fields"] for one in state}
    return sum(
        CONTRACT.field(change.field).canonical(held.get(change.crm_id, {}).get(change.field)) != change.new
        for change in made.fields
    )


@contextlib.contextmanager
def _another_client(sandbox: Sandbox) -> Iterator[None]:
    program = [sys.executable, "-m", "benchmarks.delivery_other", sandbox.url, str(LIMIT // 2)]
    with subprocess.Popen(program, cwd=ROOT) as process:  # noqa: S603 - our own arguments
        try:
            yield
        finally:
            process.terminate()
