"""Accounts in Salesforce: read, found by their key, written and created up to 200 at a time."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from usage_pipeline.accounts import CrmId, domain_of
from usage_pipeline.crm.batches import failed, one_result_each
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import Fate, FieldWrite, Owner, Record, RecordNew, RowResult
from usage_pipeline.crm.contract import Contract, Field, Kind
from usage_pipeline.crm.rejections import Cause, Rejection
from usage_pipeline.crm.salesforce_locks import one_result_each_in_order
from usage_pipeline.crm.salesforce_org import Org, lists

ACCOUNT = {"attributes": {"type": "Account"}}


class Records:
    """The accounts of one organisation."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def all(self, account_key: str, contract: Contract, owners: Sequence[Owner]) -> list[Record]:
        """Every account with what our user sees of it."""
        emails = {owner.id: owner.email for owner in owners}
        visible = self._org.fields("Account")
        ours = [field for field in contract.fields if field.salesforce in visible]
        columns = ["Id", "Name", "Website", "OwnerId", *(field.salesforce for field in ours)]
        if account_key in visible and account_key not in columns:
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
            for some in lists(ids)
            for account in self._org.query(f"SELECT {columns} FROM Account WHERE Id IN {some}")
        }

    def fates(self, ids: Sequence[CrmId]) -> dict[CrmId, Fate]:
        """What became of records that a query does not show: only `queryAll` sees the recycle bin."""
        told: dict[CrmId, dict[str, Any]] = {}
        asked = list(ids)
        while asked:
            found = [
                account
                for some in lists(asked)
                for account in self._org.query(
                    f"SELECT Id, IsDeleted, MasterRecordId FROM Account WHERE Id IN {some}", with_deleted=True
                )
            ]
            told |= {CrmId(account["Id"]): account for account in found}
            # A record that others were merged into may have been merged into another since.
            asked = [
                CrmId(account["MasterRecordId"])
                for account in found
                if account.get("MasterRecordId") and account["MasterRecordId"] not in told
            ]

        def fate(one: CrmId) -> Fate:
            heir = one
            while told.get(heir, {}).get("MasterRecordId"):
                heir = CrmId(told[heir]["MasterRecordId"])
            if heir not in told:
                return Fate("missing")
            if told[heir]["IsDeleted"]:
                return Fate("deleted")
            return Fate("merged", heir)

        return {one: fate(one) for one in ids if one not in told or told[one]["IsDeleted"]}

    def find(self, keys: Sequence[str], account_key: str) -> dict[str, list[CrmId]]:
        """Records by exactly this key: SOQL itself finds A1 where a1 is asked for."""
        found: dict[str, list[CrmId]] = {}
        wanted = set(keys)
        for some in lists(sorted(wanted)):
            soql = f"SELECT Id, {account_key} FROM Account WHERE {account_key} IN {some}"
            for account in self._org.query(soql):
                if account[account_key] in wanted:
                    found.setdefault(account[account_key], []).append(CrmId(account["Id"]))
        return found

    def write(self, batch: Sequence[FieldWrite], contract: Contract) -> list[RowResult]:
        """Set fields of at most 200 records."""

        def send(rows: Sequence[FieldWrite]) -> list[RowResult]:
            records = [ACCOUNT | {"Id": row.crm_id} | _values(row.values, contract) for row in rows]
            return self._org.collection("PATCH", "/composite/sobjects", rows, records)

        return one_result_each_in_order(batch, send, parent=lambda row: row.crm_id, sleep=self._org.caller.sleep)

    def creating_class(self, account_key: str) -> Class:
        """Idempotent where the organisation itself forbids a second record with this key."""
        described = self._org.fields("Account").get(account_key, {})
        is_safe = described.get("externalId") and described.get("unique")
        return Class.IDEMPOTENT if is_safe else Class.UNSAFE

    def create(self, batch: Sequence[RecordNew], account_key: str, contract: Contract) -> list[RowResult]:
        """Create what is not there; a record that somebody made meanwhile gets our fields and keeps its name."""
        there = self.find([row.account_key for row in batch], account_key)
        kind = self.creating_class(account_key)
        results: dict[str, RowResult] = {}
        for row in batch:
            if len(there.get(row.account_key, ())) > 1:
                told = f"Salesforce: {len(there[row.account_key])} accounts hold the key {row.account_key}"
                results[row.key] = failed(row, Rejection.of(Cause.IDENTITY, told))
        existing = [
            FieldWrite(row.key, there[row.account_key][0], row.values)
            for row in batch
            if row.key not in results and row.account_key in there
        ]

        def send(rows: Sequence[RecordNew]) -> list[RowResult]:
            records = [
                ACCOUNT
                | {account_key: row.account_key, "Name": row.name}
                | ({"Website": row.domain} if row.domain else {})
                | _values(row.values, contract, is_new=True)
                for row in rows
            ]
            if kind is Class.IDEMPOTENT:
                return self._org.collection("PATCH", f"/composite/sobjects/Account/{account_key}", rows, records)
            return self._org.collection("POST", "/composite/sobjects", rows, records, Class.UNSAFE)

        missing = [row for row in batch if row.key not in results and row.account_key not in there]
        made = one_result_each(missing, send) + (self.write(existing, contract) if existing else [])
        results |= {result.key: result for result in made}
        return [results[row.key] for row in batch]


def _values(values: Mapping[str, str | None], contract: Contract, *, is_new: bool = False) -> dict[str, Any]:
    """Our values as Salesforce's fields; a new record has nothing to be emptied."""
    return {
        contract.field(name).salesforce: typed(contract.field(name), value)
        for name, value in values.items()
        if not (is_new and value is None)
    }


def typed(field: Field, value: str | None) -> Any:
    """A field's text as Salesforce wants it in JSON; what is no number stays text, and is refused for its own row."""
    if value is None or field.kind is not Kind.NUMBER:
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return number if math.isfinite(number) else value
