"""A company whose mornings are delivered to one CRM, with a clock that nobody waits for."""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from unittest import mock

import requests
from sync_builders import decision, frame, values

from usage_pipeline.company import Company, Events
from usage_pipeline.crm import calling, salesforce
from usage_pipeline.errors import Problem
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sources import crm as crm_source
from usage_pipeline.sync import applying, preparing, wanted

COMPANY = Company(company="test", events=(Events(format="segment"),))
FIRST = date(2026, 5, 4)
PLAY = "red_churn_risk"
# So few that every delivery takes several calls, and a fault strikes in the middle.
ROWS_PER_CALL, ROWS_PER_JOB = 2, 3
# An answer that takes longer than this is lost. A real client waits a minute; the sandbox really is slow.
PATIENCE_S = 0.5


@dataclass(frozen=True)
class Way:
    """A CRM and how it is written to."""

    crm: str
    what: str
    """fields, tasks, or both"""
    unique: str = "allowed"
    """Whether the portal takes a unique key on tasks (mode A), or has it blocked (mode B)."""
    by_bulk: bool = False


WAYS = {
    "hubspot-fields": Way("hubspot", "fields"),
    "hubspot-tasks": Way("hubspot", "tasks"),
    "hubspot-tasks-keyless": Way("hubspot", "tasks", unique="blocked"),
    "salesforce-fields": Way("salesforce", "fields"),
    "salesforce-bulk": Way("salesforce", "fields", by_bulk=True),
    "salesforce-tasks": Way("salesforce", "tasks"),
}


WHOLE = {
    "hubspot": Way("hubspot", "both"),
    "hubspot-keyless": Way("hubspot", "both", unique="blocked"),
    "salesforce": Way("salesforce", "both"),
    "salesforce-bulk": Way("salesforce", "both", by_bulk=True),
}
"""The same with fields and tasks in one delivery."""


@dataclass(frozen=True)
class Wanted:
    """What the CRM should say: a cohort per account, and per open task (account, day it began) its body."""

    cohorts: dict[str, str]
    tasks: dict[tuple[str, date], str]

    def decisions(self):
        return [decision(account, play=PLAY, body=body, since=since) for (account, since), body in self.tasks.items()]


def task_key(account, since):
    return wanted.task_key(account, PLAY, f"{account}:{PLAY}:{since}")


class Clock:
    """Time that passes where somebody sleeps, and a millisecond with every look at it."""

    def __init__(self):
        self.at = datetime(2026, 5, 4, 6)

    def now(self):
        self.at += timedelta(milliseconds=1)
        return self.at

    def sleep(self, seconds):
        self.at += timedelta(seconds=seconds)

    def seconds(self):
        return (self.now() - datetime(2026, 1, 1)).total_seconds()

    def turn_to(self, morning):
        self.at = max(self.at, datetime(morning.year, morning.month, morning.day, 6))


@dataclass
class World:
    """One CRM, one ledger, and a delivery each morning."""

    sandbox: object
    way: Way
    ledger_url: str
    clock: Clock = field(default_factory=Clock)
    morning: date = FIRST
    rows_per_call: int = ROWS_PER_CALL
    duplicates_archived: int = 0

    @property
    def account_key(self):
        return {"hubspot": COMPANY.crm.hubspot_account_key, "salesforce": COMPANY.crm.salesforce_account_key}[
            self.way.crm
        ]

    def client(self):
        """A client as a new process has it."""
        session = requests.Session()
        session.trust_env = False  # no proxy stands before loopback, and looking for one takes a tenth of the time
        timed = {"session": session} | ({"clock": self.clock.seconds} if self.way.crm == "hubspot" else {})
        crm = self.sandbox.client(self.way.crm, sleep=self.clock.sleep, **timed)
        crm.rows_per_call = self.rows_per_call
        if not self.way.by_bulk:
            crm.rows_at_once = lambda _rows: self.rows_per_call
        return crm

    def found(self, accounts):
        """The companies in a fresh CRM, with the fields that are written."""
        self.sandbox.stock(*((f"Company {account}", account, None) for account in accounts))
        self.sandbox.post("settings", tasks_unique_property=self.way.unique)
        with self.ledger() as ledger:
            preparing.provision(self.client(), ledger)

    @contextmanager
    def ledger(self):
        ledger = Ledger(self.ledger_url)
        try:
            yield ledger
        finally:
            ledger.close()

    def deliver(self, asked, crm=None):
        """The next morning: what people did is taken in, the records are read, a plan is made and applied."""
        self.morning += timedelta(days=1)
        self.clock.turn_to(self.morning)
        crm = crm or self.client()
        with self.ledger() as ledger, small_and_impatient(by_bulk=self.way.by_bulk):
            try:
                return self._delivered(asked, crm, ledger)
            finally:
                self.duplicates_archived += getattr(crm, "duplicates_archived", 0)

    def _delivered(self, asked, crm, ledger):
        crm_source.past_actions(ledger, {crm.name: crm}, self.morning)
        records = crm_source.read(crm, COMPANY)
        accounts = frame(*({"account_id": account, "name": None, "domain": None} for account in asked.cohorts))
        links = crm_source.links(crm, accounts, ledger, COMPANY, self.clock.now(), records=records)
        made = preparing.plan(
            crm,
            ledger,
            values(**{account: {"usage_cohort": cohort} for account, cohort in asked.cohorts.items()}),
            wanted.tasks(frame(*asked.decisions(), columns=decision())),
            links,
            as_of=self.morning,
            created_at=self.clock.now(),
            present=crm_source.present(records),
            first_tasks_per_owner=None,
        )
        preparing.provision(crm, ledger)
        return applying.apply(made, crm, ledger, now=self.clock.now, pause=self.clock.sleep)

    def try_to_deliver(self, asked):
        """What was done, or the problem that a person would read."""
        try:
            return self.deliver(asked)
        except Problem as problem:
            return problem


@contextmanager
def small_and_impatient(*, by_bulk):
    """A client that waits a moment for an answer instead of a minute; Bulk jobs of a few rows."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(calling, "TIMEOUT_S", (5.0, PATIENCE_S)))
        if by_bulk:
            for name, value in (("ROWS_PER_COLLECTION", 1), ("MOST_BY_COLLECTIONS", 2), ("ROWS_PER_JOB", ROWS_PER_JOB)):
                stack.enter_context(mock.patch.object(salesforce, name, value))
        yield
