"""Salesforce: accounts, users, our fields on them; tasks are in `salesforce_tasks`."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests

from usage_pipeline.accounts import CrmId, domain_of
from usage_pipeline.crm.batches import chunks, one_result_each
from usage_pipeline.crm.calling import Calls, Class, is_on_this_machine
from usage_pipeline.crm.client import (
    FieldWrite,
    Instance,
    Owner,
    Provisioned,
    Record,
    RowResult,
    TaskChange,
    TaskOpening,
    TaskState,
)
from usage_pipeline.crm.contract import Contract, Field, Kind
from usage_pipeline.crm.rejections import Cause
from usage_pipeline.crm.salesforce_fields import provision
from usage_pipeline.crm.salesforce_org import ROWS_PER_COLLECTION, Org, listed
from usage_pipeline.crm.salesforce_tasks import Tasks

LOCK_ATTEMPTS = 3


class Salesforce:
    """One organisation, as the run-as user of an External Client App (client credentials)."""

    name = "salesforce"
    rows_per_call = ROWS_PER_COLLECTION
    settle_after_s = 0.0
    opening_class = Class.IDEMPOTENT

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        version: str = "68.0",
        *,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._org = Org(base_url, client_id, client_secret, version, session=session, sleep=sleep)
        self._tasks = Tasks(self._org)
        self._owners: list[Owner] | None = None
        self._instance: Instance | None = None

    @property
    def calls(self) -> Calls:
        return self._org.caller.calls

    def instance(self) -> Instance:
        """Asked once per client."""
        if self._instance is None:
            found = next(self._org.query("SELECT Id, Name, IsSandbox FROM Organization"))
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
        emails = {owner.id: owner.email for owner in self.owners()}
        visible = self._visible_fields()
        ours = [field for field in contract.fields if field.salesforce in visible]
        columns = ["Id", "Name", "Website", "OwnerId", *(field.salesforce for field in ours)]
        if account_key in visible:
            columns.append(account_key)
        return [
            Record(
                CrmId(account["Id"]),
                account.get(account_key) or None,
                domain_of(account.get("Website")),
                account.get("Name"),
                account.get("OwnerId"),
                emails.get(account["OwnerId"]) if account.get("OwnerId") else None,
                {field.name: field.canonical(account.get(field.salesforce)) for field in ours},
            )
            for account in self._org.query(f"SELECT {', '.join(columns)} FROM Account")
        ]

    def field_values(self, ids: Sequence[CrmId], contract: Contract) -> dict[CrmId, Mapping[str, str | None]]:
        columns = ", ".join(["Id", *(field.salesforce for field in contract.fields)])
        return {
            CrmId(account["Id"]): {
                field.name: field.canonical(account.get(field.salesforce)) for field in contract.fields
            }
            for some in chunks(ids, ROWS_PER_COLLECTION)
            for account in self._org.query(f"SELECT {columns} FROM Account WHERE Id IN {listed(some)}")
        }

    def provision(self, contract: Contract) -> Provisioned:
        return provision(self._org, contract)

    def write_fields(self, batch: Sequence[FieldWrite], contract: Contract) -> list[RowResult]:
        """Rows that somebody else holds locked are tried again, in order of their record."""

        def send(rows: Sequence[FieldWrite]) -> list[RowResult]:
            records = [
                {"attributes": {"type": "Account"}, "Id": row.crm_id}
                | {
                    contract.field(name).salesforce: typed(contract.field(name), value)
                    for name, value in row.values.items()
                }
                for row in rows
            ]
            return self._org.collection("PATCH", "/composite/sobjects", rows, records)

        waiting: Sequence[FieldWrite] = sorted(batch, key=lambda row: row.crm_id)
        results: dict[str, RowResult] = {}
        for attempt in range(LOCK_ATTEMPTS):
            if attempt:
                self._org.caller.sleep(2.0**attempt)
            results |= {result.key: result for result in one_result_each(waiting, send)}
            waiting = [row for row in waiting if _was_locked(results[row.key])]
            if not waiting:
                break
        return [results[row.key] for row in batch]

    def open_tasks(self, batch: Sequence[TaskOpening]) -> list[RowResult]:
        return self._tasks.open(batch)

    def find_tasks(self, batch: Sequence[TaskOpening]) -> dict[str, TaskState]:
        return self._tasks.find(batch)

    def change_tasks(self, batch: Sequence[TaskChange]) -> list[RowResult]:
        return self._tasks.change(batch)

    def task_states(self, ids: Sequence[CrmId]) -> dict[CrmId, TaskState]:
        return self._tasks.states(ids)

    def _visible_fields(self) -> set[str]:
        return {found["name"] for found in self._org.get("/sobjects/Account/describe")["fields"]}


def typed(field: Field, value: str | None) -> Any:
    """A field's text as Salesforce wants it in JSON."""
    return float(value) if value is not None and field.kind is Kind.NUMBER else value


def _was_locked(result: RowResult) -> bool:
    return bool(
        result.rejection
        and result.rejection.cause is Cause.TRANSIENT
        and "UNABLE_TO_LOCK_ROW" in result.rejection.detail
    )
