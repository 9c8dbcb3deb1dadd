"""An apply killed with SIGKILL at every write, before and after the CRM carries it out, and run again."""

import json
import multiprocessing
import os
import signal
import sys
import threading
from datetime import UTC, datetime

import pytest
import requests
from crm_sandbox import running
from sync_builders import MORNING, decision, frame, values

from usage_pipeline.company import Company, Events
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sources import crm as crm_source
from usage_pipeline.sync import applying, preparing, wanted

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL"),
]
ACCOUNTS = ("a1", "a2", "a3", "a4", "a5")
COMPANY = Company(company="test", events=(Events(format="segment"),))
WHEN = ("before", "meanwhile", "after")
FORK = multiprocessing.get_context("fork")


def now():
    return datetime.now(UTC).replace(tzinfo=None)


def deliver(sandbox, name, ledger_url):
    """What the terminal does: read, plan, apply."""
    ledger = Ledger(ledger_url)
    crm = sandbox.client(name)
    crm.rows_per_call, crm.rows_at_once = 2, lambda _rows: 2
    accounts = frame(*({"account_id": account, "name": None, "domain": None} for account in ACCOUNTS))
    links = crm_source.links(crm, accounts, ledger, COMPANY, now())
    made = preparing.plan(
        crm,
        ledger,
        values(**{account: {"usage_cohort": "New"} for account in ACCOUNTS}),
        wanted.tasks(frame(*(decision(account) for account in ACCOUNTS[:3]))),
        links,
        as_of=MORNING,
        created_at=now(),
    )
    return applying.apply(made, crm, ledger, now=now, pause=lambda _: None)


def killed_at(sandbox, name, ledger_url, nth, when):
    """The delivery, in a process that kills itself at its nth write."""
    send, writes, counting = requests.Session.request, [], threading.Lock()

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def request(session, method, url, **how):
        is_write = any(part in url for part in ("batch/update", "batch/upsert", "batch/create", "composite"))
        with counting:
            writes.extend([url] if is_write else [])
            is_it = is_write and len(writes) == nth
        if is_it and when == "before":
            die()
        if is_it and when == "meanwhile":
            threading.Timer(0.003, die).start()
        answer = send(session, method, url, **how)
        if is_it and when in {"after", "meanwhile"}:
            die()
        return answer

    # Of every session: each sender has one of its own. The process ends with it.
    requests.Session.request = request
    deliver(sandbox, name, ledger_url)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        yield sandbox


def sent_values(sandbox, name):
    """Every company that was sent its cohort, as often as it was."""
    mark = "companies/batch/update" if name == "hubspot" else "/composite/sobjects"
    rows = [row for row in sandbox.get("log", crm=name, limit=10_000) if row["path"].endswith(mark)]
    bodies = [json.loads(row["request"]) for row in rows]
    return [one.get("id") or one["Id"] for body in bodies for one in body.get("inputs") or body["records"]]


POINTS = [
    *((name, "allowed", nth, when) for name in ("hubspot", "salesforce") for nth in (1, 3, 4, 5) for when in WHEN),
    # without a unique key a task is created, and a lost answer is looked for on the company
    *(("hubspot", "blocked", nth, when) for nth in (4, 5) for when in WHEN),
]


@pytest.mark.parametrize(("name", "unique", "nth", "when"), POINTS)
def test_a_killed_apply_run_again_delivers_every_change_once_and_no_task_twice(
    sandbox, tmp_path, name, unique, nth, when
):
    sandbox.stock(*((f"Company {account}", account, None) for account in ACCOUNTS))
    sandbox.post("settings", tasks_unique_property=unique)
    ledger_url = f"sqlite:///{tmp_path}/ledger.sqlite"
    preparing.provision(sandbox.client(name), Ledger(ledger_url))
    process = FORK.Process(target=killed_at, args=(sandbox, name, ledger_url, nth, when))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL

    done = deliver(sandbox, name, ledger_url)
    assert (done.failed, done.quarantined) == (0, 0)
    tasks = sandbox.tasks(name)
    assert sorted(task["account_key"] for task in tasks) == list(ACCOUNTS[:3])
    assert len({task["task_key"] for task in tasks}) == 3
    sent = sent_values(sandbox, name)
    assert sorted(set(sent)) == sorted(sent)
    assert len(sent) == len(ACCOUNTS)
    records = sandbox.client(name).records(
        "product_account_id" if name == "hubspot" else "Product_Account_Id__c", CONTRACT
    )
    assert {record.fields["usage_cohort"] for record in records} == {"New"}

    again = deliver(sandbox, name, ledger_url)
    assert again.is_nothing
    assert sent_values(sandbox, name) == sent
    assert len(sandbox.tasks(name)) == 3
