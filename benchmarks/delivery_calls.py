"""How many calls our own delivery makes, by the sandbox's log."""

import re
import time
from pathlib import Path

import pandas as pd

from benchmarks import delivery_world as world
from benchmarks.delivery_sandbox import Sandbox, account, running
from usage_pipeline.crm.client import Crm
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import applying

CRMS = ("hubspot", "salesforce")
# A thousand tasks on a thousand accounts in one morning is what the circuit breaker is there for.
OVERRIDE = "a benchmark"
_POLL = re.compile(r"^/services/data/\{version\}/jobs/ingest/\{id\}$")

Figures = dict


def of(sandbox: Sandbox, crm: str, ids: list[str], folder: Path) -> dict[str, Figures]:
    """Changed fields, the same again, new tasks, the same again; each apply's calls and what it left undone."""
    accounts = [account(number) for number in range(len(ids))]
    client = sandbox.client(crm)
    client.provision(CONTRACT)
    ledger = Ledger(f"sqlite:///{folder}/{crm}.sqlite")
    before, after = (world.fields(accounts, seed, world.morning(seed)) for seed in (0, 1))
    acts = world.tasks(accounts, world.morning(1))
    found: dict[str, Figures] = {}

    def deliver(name: str, wants: pd.DataFrame, number: int, acts: pd.DataFrame | None = None) -> None:
        sandbox.count_anew()
        made = world.plan(client, ledger, wants, ids, world.morning(number), acts)
        started = time.monotonic()
        done = applying.apply(made, client, ledger, now=world.now, override=OVERRIDE)
        seconds = time.monotonic() - started
        state = sandbox.get("state", crm=crm)[crm]
        found[name] = told(sandbox, crm) | {
            "seconds": round(seconds, 2),
            "records_written": done.records_written,
            "tasks_opened": done.tasks_opened,
            "rows_that_differ": world.rows_that_differ(state["companies"], wants, ids, crm)
            + (0 if acts is None else len(set(acts["task_key"]) ^ {task["key"] for task in state["tasks"]})),
        }

    deliver("first", before, 0)
    deliver("fields", after, 1)
    deliver("fields_again", after, 1)
    deliver("tasks", after, 1, acts)
    deliver("tasks_again", after, 1, acts)
    ledger.close()
    return found


def of_bulk(folder: Path, rows: int) -> Figures:
    """One delivery of so many changed accounts to Salesforce."""
    with running(folder) as sandbox:
        ids = sandbox.fill(rows, ["salesforce"])["salesforce"]
        client: Crm = sandbox.client("salesforce")
        client.provision(CONTRACT)
        ledger = Ledger(f"sqlite:///{folder}/ledger.sqlite")
        wants = world.fields([account(number) for number in range(rows)], 0, world.morning(0))
        sandbox.count_anew()
        made = world.plan(client, ledger, wants, ids, world.morning(0))
        done = applying.apply(made, client, ledger, now=world.now)
        ledger.close()
        state = sandbox.get("state", crm="salesforce")["salesforce"]
        return told(sandbox, "salesforce") | {
            "rows": rows,
            "records_written": done.records_written,
            "rows_that_differ": world.rows_that_differ(state["companies"], wants, ids, "salesforce"),
        }


def told(sandbox: Sandbox, crm: str) -> Figures:
    """What the sandbox has counted since it was told to count anew; polls of Bulk jobs are none of the reads."""
    counted = sandbox.get("calls")[crm]
    polls = sum(one["calls"] for one in counted["routes"] if one["method"] == "GET" and _POLL.match(one["route"]))
    return {
        "writes": counted["writes"],
        "reads": counted["reads"] - polls,
        "polls": polls,
        "logins": counted["logins"],
        "refused": counted["refused"],
        "routes": {f"{one['method']} {one['route']}": one["calls"] for one in counted["routes"]},
    }
