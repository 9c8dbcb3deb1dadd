"""HubSpot: companies, owners, our properties on them; tasks are in `hubspot_tasks`."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests

from usage_pipeline.accounts import CrmId, domain_of
from usage_pipeline.crm.batches import one_result_each
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
from usage_pipeline.crm.contract import Contract
from usage_pipeline.crm.hubspot_portal import COMPANY, ROWS_PER_BATCH, Portal, results_by_row
from usage_pipeline.crm.hubspot_properties import provision
from usage_pipeline.crm.hubspot_tasks import Tasks

TEST_ACCOUNTS = frozenset({"SANDBOX", "DEVELOPER_TEST", "APP_DEVELOPER"})


class HubSpot:
    """One portal.

    Needs the scopes crm.objects.{companies,contacts}.{read,write} (tasks ride on contacts),
    crm.schemas.{companies,contacts}.{read,write} and crm.objects.owners.read.
    """

    name = "hubspot"
    rows_per_call = ROWS_PER_BATCH

    def __init__(
        self,
        base_url: str,
        token: str,
        version: str = "2026-03",
        *,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._portal = Portal(base_url, token, version, session=session, sleep=sleep)
        self._tasks = Tasks(self._portal)
        self._owners: list[Owner] | None = None
        self._instance: Instance | None = None

    @property
    def calls(self) -> Calls:
        return self._portal.caller.calls

    @property
    def settle_after_s(self) -> float:
        return self._tasks.settle_after_s

    @property
    def opening_class(self) -> Class:
        return self._tasks.opening_class

    def instance(self) -> Instance:
        """Asked once per client."""
        if self._instance is None:
            details = self._portal.get(self._portal.account_info())
            is_test = details.get("accountType") in TEST_ACCOUNTS or is_on_this_machine(self._portal.caller.base_url)
            self._instance = Instance(self.name, str(details["portalId"]), is_test)
        return self._instance

    def owners(self) -> list[Owner]:
        """Read once per client."""
        if self._owners is None:
            self._owners = [
                Owner(
                    str(owner["id"]),
                    owner.get("email"),
                    f"{owner.get('firstName') or ''} {owner.get('lastName') or ''}".strip(),
                    not owner.get("archived"),
                )
                for owner in self._portal.pages(self._portal.owners(), limit="100", archived="false")
            ]
        return self._owners

    def records(self, account_key: str, contract: Contract) -> list[Record]:
        emails = {owner.id: owner.email for owner in self.owners()}
        wanted = ["name", "domain", "hubspot_owner_id", account_key, *(field.name for field in contract.fields)]
        listing = self._portal.pages(self._portal.objects(COMPANY), limit="100", properties=",".join(wanted))
        records = []
        for company in listing:
            properties = company["properties"]
            owner = properties.get("hubspot_owner_id") or None
            records.append(
                Record(
                    CrmId(company["id"]),
                    properties.get(account_key) or None,
                    domain_of(properties.get("domain")),
                    properties.get("name"),
                    owner,
                    emails.get(owner) if owner else None,
                    _our_values(properties, contract),
                )
            )
        return records

    def field_values(self, ids: Sequence[CrmId], contract: Contract) -> dict[CrmId, Mapping[str, str | None]]:
        found = self._portal.read(COMPANY, ids, [field.name for field in contract.fields])
        return {CrmId(company["id"]): _our_values(company["properties"], contract) for company in found}

    def provision(self, contract: Contract) -> Provisioned:
        return provision(self._portal, contract)

    def write_fields(self, batch: Sequence[FieldWrite], contract: Contract) -> list[RowResult]:
        def send(rows: Sequence[FieldWrite]) -> list[RowResult]:
            inputs = [
                {
                    "id": row.crm_id,
                    # None would be ignored; the empty text empties.
                    "properties": {contract.field(name).name: value or "" for name, value in row.values.items()},
                    "objectWriteTraceId": row.key,
                }
                for row in rows
            ]
            answer = self._portal.post(
                self._portal.objects(COMPANY, "/batch/update"), Class.IDEMPOTENT, {"inputs": inputs}
            )
            return results_by_row(rows, answer, ids={row.crm_id: row.key for row in rows})

        return one_result_each(batch, send)

    def open_tasks(self, batch: Sequence[TaskOpening]) -> list[RowResult]:
        return self._tasks.open(batch)

    def find_tasks(self, batch: Sequence[TaskOpening]) -> dict[str, TaskState]:
        return self._tasks.find(batch)

    def change_tasks(self, batch: Sequence[TaskChange]) -> list[RowResult]:
        return self._tasks.change(batch)

    def task_states(self, ids: Sequence[CrmId]) -> dict[CrmId, TaskState]:
        return self._tasks.states(ids)


def _our_values(properties: Mapping[str, Any], contract: Contract) -> dict[str, str | None]:
    return {
        field.name: field.canonical(properties[field.name]) for field in contract.fields if field.name in properties
    }
