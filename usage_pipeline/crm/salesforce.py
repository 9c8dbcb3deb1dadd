"""Salesforce: one organisation behind the questions that both CRMs answer."""

import random
import time
from collections.abc import Callable, Mapping, Sequence

import requests

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.batches import chunks, failed
from usage_pipeline.crm.calling import TIMEOUT_S, Calls, Class, is_on_this_machine
from usage_pipeline.crm.client import (
    Fate,
    FieldWrite,
    Finding,
    Instance,
    Owner,
    Provisioned,
    Record,
    RecordNew,
    RowResult,
    TaskChange,
    TaskOpening,
    TaskState,
)
from usage_pipeline.crm.contract import Contract
from usage_pipeline.crm.rejections import BudgetSpent, Cause, Rejection
from usage_pipeline.crm.salesforce_auth import Login
from usage_pipeline.crm.salesforce_bulk import ROWS_PER_JOB, Bulk
from usage_pipeline.crm.salesforce_context import Context
from usage_pipeline.crm.salesforce_errors import is_lock
from usage_pipeline.crm.salesforce_locks import LOCK_ATTEMPTS
from usage_pipeline.crm.salesforce_org import ROWS_PER_COLLECTION, Org
from usage_pipeline.crm.salesforce_records import Records
from usage_pipeline.crm.salesforce_setup import findings, provision
from usage_pipeline.crm.salesforce_tasks import Tasks
from usage_pipeline.errors import Unavailable

# Salesforce's own guideline: up to 2,000 records by Collections, more by Bulk (CRM_APIS 4.3).
MOST_BY_COLLECTIONS = 2_000


class Salesforce:
    """One organisation, as the user of a login."""

    name = "salesforce"
    rows_per_call = ROWS_PER_COLLECTION
    # Accounts under one parent lock each other out (UNABLE_TO_LOCK_ROW, CRM_APIS 3.3).
    senders = 1
    settle_after_s = 0.0
    duplicates_archived = 0
    opening_class = Class.IDEMPOTENT
    contacts = None
    lists = None

    def __init__(
        self,
        base_url: str,
        login: Login,
        version: str = "68.0",
        *,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._org = Org(base_url, login, version, session=session, sleep=sleep)
        self._records = Records(self._org)
        self._bulk = Bulk(self._org)
        self._tasks = Tasks(self._org)
        self.context = Context(self._org)
        self._owners: list[Owner] | None = None
        self._instance: Instance | None = None
        self._is_alone = False

    @property
    def calls(self) -> Calls:
        return self._org.caller.calls

    def calls_left(self) -> int | None:
        """Less than the organisation's own number: a part of the day's calls is left to others."""
        return self._org.quota.left

    def instance(self) -> Instance:
        """Asked once per client."""
        if self._instance is None:
            (found,) = self._org.query("SELECT Id, Name, IsSandbox FROM Organization")
            is_test = bool(found.get("IsSandbox")) or is_on_this_machine(self._org.caller.base_url)
            self._instance = Instance(self.name, str(found["Id"]), is_test)
        return self._instance

    def owners(self) -> list[Owner]:
        """Read once per client."""
        if self._owners is None:
            users = self._org.query("SELECT Id, Name, Email, IsActive FROM User")
            self._owners = [
                Owner(user["Id"], user.get("Email"), user.get("Name") or "", bool(user.get("IsActive", True)))
                for user in users
            ]
        return self._owners

    def records(self, account_key: str, contract: Contract) -> list[Record]:
        return self._records.all(account_key, contract, self.owners())

    def field_values(self, ids: Sequence[CrmId], contract: Contract) -> dict[CrmId, Mapping[str, str | None]]:
        return self._records.field_values(ids, contract)

    def fates(self, ids: Sequence[CrmId]) -> dict[CrmId, Fate]:
        return self._records.fates(ids)

    def findings(self, contract: Contract) -> list[Finding]:
        return findings(self._org, contract)

    def provision(self, contract: Contract) -> Provisioned:
        return provision(self._org, contract)

    def rows_at_once(self, rows: int) -> int:
        return ROWS_PER_COLLECTION if rows <= MOST_BY_COLLECTIONS else min(rows, ROWS_PER_JOB)

    def write_fields(self, batch: Sequence[FieldWrite], contract: Contract) -> list[RowResult]:
        """By Collections, or by a Bulk job where there are more rows than one call takes."""
        try:
            self._be_alone()
        except Unavailable as away:
            cause = Cause.BUDGET if isinstance(away, BudgetSpent) else Cause.TRANSIENT
            return [failed(row, Rejection.of(cause, away.cause)) for row in batch]
        if len(batch) <= ROWS_PER_COLLECTION:
            return self._records.write(batch, contract)
        results = {result.key: result for result in self._bulk.update(batch, contract)}
        # Its job may still be running: what is written next must not be overtaken.
        self._is_alone = all(result.outcome != "unknown" for result in results.values())
        for attempt in range(1, LOCK_ATTEMPTS):
            locked = [row for row in batch if is_lock(results[row.key].rejection)]
            if not locked:
                break
            self._org.caller.sleep(2.0**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries
            by_job = len(locked) > MOST_BY_COLLECTIONS
            write = self._bulk.update if by_job else self._records.write
            for some in chunks(locked, ROWS_PER_JOB if by_job else ROWS_PER_COLLECTION):
                results |= {result.key: result for result in write(some, contract)}
        return [results[row.key] for row in batch]

    def creating_class(self, account_key: str) -> Class:
        return self._records.creating_class(account_key)

    def creating_settles_after_s(self, account_key: str) -> float:
        return 0.0 if self._records.creating_class(account_key) is Class.IDEMPOTENT else sum(TIMEOUT_S)

    def create_records(self, batch: Sequence[RecordNew], account_key: str, contract: Contract) -> list[RowResult]:
        return self._records.create(batch, account_key, contract)

    def find_records(self, keys: Sequence[str], account_key: str) -> dict[str, list[CrmId]]:
        return self._records.find(keys, account_key)

    def open_tasks(self, batch: Sequence[TaskOpening]) -> list[RowResult]:
        return self._tasks.open(batch)

    def find_tasks(self, batch: Sequence[TaskOpening]) -> dict[str, TaskState]:
        return self._tasks.find(batch)

    def change_tasks(self, batch: Sequence[TaskChange]) -> list[RowResult]:
        return self._tasks.change(batch)

    def task_states(self, ids: Sequence[CrmId]) -> dict[CrmId, TaskState]:
        return self._tasks.states(ids)

    def _be_alone(self) -> None:
        """Before the first write of a client, and after a job whose end nobody saw."""
        if not self._is_alone:
            self._bulk.wait_for_earlier()
            self._is_alone = True
