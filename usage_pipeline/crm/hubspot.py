"""HubSpot: what it answers of `client.Crm`; companies, contacts, tasks and lists have modules of their own."""

import time
from collections.abc import Callable, Mapping, Sequence

import requests

from usage_pipeline.accounts import CrmId, domain_of
from usage_pipeline.crm.calling import Calls, Class, is_on_this_machine
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
from usage_pipeline.crm.hubspot_auth import Refresh
from usage_pipeline.crm.hubspot_context import Context
from usage_pipeline.crm.hubspot_lists import Lists
from usage_pipeline.crm.hubspot_portal import COMPANY, CONTACT, GRACE_S, ROWS_PER_BATCH, Portal, no_answer
from usage_pipeline.crm.hubspot_records import Records, our_values
from usage_pipeline.crm.hubspot_tasks import Tasks

# 19 calls a second, the ceiling of a private app, at 0.4 s for a slow answer; the pacer keeps to the limit anyway.
SENDERS = 8
TEST_ACCOUNTS = frozenset({"SANDBOX", "DEVELOPER_TEST", "APP_DEVELOPER"})


class HubSpot:
    """One portal.

    Needs the scopes crm.objects.{companies,contacts}.{read,write} (tasks ride on contacts),
    crm.schemas.{companies,contacts}.{read,write} and crm.objects.owners.read; lists need crm.lists.{read,write}.
    """

    name = "hubspot"
    rows_per_call = ROWS_PER_BATCH
    senders = SENDERS

    def __init__(
        self,
        base_url: str,
        credentials: str | Refresh,
        version: str = "2026-03",
        *,
        has_contacts: bool = False,
        has_lists: bool = False,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._portal = Portal(base_url, credentials, version, session=session, sleep=sleep, clock=clock)
        self._companies = Records(self._portal, COMPANY)
        self.contacts = Records(self._portal, CONTACT) if has_contacts else None
        """Found by `find(addresses, "email")`."""
        self.lists = Lists(self._portal) if has_lists else None
        self._tasks = Tasks(self._portal)
        self.context = Context(self._portal)
        """Deals and terms; needs crm.objects.deals.read."""
        self._owners: list[Owner] | None = None
        self._instance: Instance | None = None

    @property
    def calls(self) -> Calls:
        return self._portal.caller.calls

    def calls_left(self) -> int | None:
        return self._portal.pacer.calls_left

    @property
    def settle_after_s(self) -> float:
        return self._tasks.settle_after_s

    @property
    def duplicates_archived(self) -> int:
        """Tasks that were there twice and were found so by `find_tasks`; only without a unique key."""
        return self._tasks.duplicates_archived

    @property
    def opening_class(self) -> Class:
        return self._tasks.opening_class

    def instance(self) -> Instance:
        """Asked once per client."""
        if self._instance is None:
            details = self._portal.get(self._portal.account_info())
            if not details.get("portalId"):
                raise no_answer("whose portal this is", "no portal id")
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
                    our_values(properties, contract),
                )
            )
        return records

    def field_values(self, ids: Sequence[CrmId], contract: Contract) -> dict[CrmId, Mapping[str, str | None]]:
        return self._companies.values(ids, contract)

    def fates(self, ids: Sequence[CrmId]) -> dict[CrmId, Fate]:
        return self._companies.fates(ids)

    def findings(self, contract: Contract) -> list[Finding]:
        of_contacts = self.contacts.findings(contract.of_contacts) if self.contacts else []
        return self._companies.findings(contract) + of_contacts

    def provision(self, contract: Contract) -> Provisioned:
        done = self._companies.provision(contract)
        if self.contacts is None:
            return done
        more = self.contacts.provision(contract.of_contacts)
        return Provisioned(done.created + more.created, done.notes + more.notes)

    def rows_at_once(self, rows: int) -> int:  # noqa: ARG002 - a batch is as large for few as for many
        return ROWS_PER_BATCH

    def write_fields(self, batch: Sequence[FieldWrite], contract: Contract) -> list[RowResult]:
        return self._companies.write(batch, contract)

    def creating_class(self, account_key: str) -> Class:
        return Class.IDEMPOTENT if self._companies.is_unique(account_key) else Class.UNSAFE

    def creating_settles_after_s(self, account_key: str) -> float:
        return 0.0 if self._companies.is_unique(account_key) else GRACE_S

    def create_records(self, batch: Sequence[RecordNew], account_key: str, contract: Contract) -> list[RowResult]:
        return self._companies.create(batch, account_key, contract)

    def find_records(self, keys: Sequence[str], account_key: str) -> dict[str, list[CrmId]]:
        return self._companies.find(keys, account_key)

    def open_tasks(self, batch: Sequence[TaskOpening]) -> list[RowResult]:
        return self._tasks.open(batch)

    def find_tasks(self, batch: Sequence[TaskOpening]) -> dict[str, TaskState]:
        return self._tasks.find(batch)

    def change_tasks(self, batch: Sequence[TaskChange]) -> list[RowResult]:
        return self._tasks.change(batch)

    def task_states(self, ids: Sequence[CrmId]) -> dict[CrmId, TaskState]:
        return self._tasks.states(ids)
