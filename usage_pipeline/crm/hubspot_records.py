"""Records of one kind in HubSpot, companies or contacts: read, written, created, found by a key."""

from collections.abc import Mapping, Sequence
from typing import Any

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm import hubspot_properties
from usage_pipeline.crm.batches import one_result_each
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import Fate, FieldWrite, Finding, Provisioned, RecordNew, RowResult
from usage_pipeline.crm.contract import Contract
from usage_pipeline.crm.hubspot_answers import results_by_row
from usage_pipeline.crm.hubspot_portal import Portal, no_answer
from usage_pipeline.crm.rejections import Refused
from usage_pipeline.errors import Rejected

EMAIL = "email"


class Records:
    """The records of one kind in one portal."""

    def __init__(self, portal: Portal, kind: str) -> None:
        self._portal = portal
        self._kind = kind
        self._unique: dict[str, bool] = {}

    def findings(self, contract: Contract) -> list[Finding]:
        return hubspot_properties.findings(self._portal, contract, self._kind)

    def provision(self, contract: Contract) -> Provisioned:
        return hubspot_properties.provision(self._portal, contract, self._kind)

    def values(self, ids: Sequence[CrmId], contract: Contract) -> dict[CrmId, Mapping[str, str | None]]:
        """Our fields as they are now; a record that is gone is missing."""
        found = self._portal.read(self._kind, ids, [field.name for field in contract.fields])
        return {CrmId(str(record["id"])): our_values(record["properties"], contract) for record in found}

    def fates(self, ids: Sequence[CrmId]) -> dict[CrmId, Fate]:
        """What became of records that no listing shows: merged into another, archived, or nowhere."""
        heirs = self._portal.heirs(self._kind, ids)
        gone = [one for one in ids if one not in heirs]
        archived = {str(record["id"]) for record in self._portal.read(self._kind, gone, [], is_archived=True)}
        found = {CrmId(one): Fate("merged", CrmId(heir)) for one, heir in heirs.items() if heir != one}
        return found | {one: Fate("archived" if one in archived else "missing") for one in gone}

    def write(self, batch: Sequence[FieldWrite], contract: Contract) -> list[RowResult]:
        """Set our fields of existing records, at most 100."""

        def send(rows: Sequence[FieldWrite]) -> list[RowResult]:
            inputs = [
                {
                    "id": row.crm_id,
                    "properties": _sent(row.values, contract),
                    "objectWriteTraceId": row.key,
                }
                for row in rows
            ]
            path = self._portal.objects(self._kind, "/batch/update")
            answer = self._portal.post(path, Class.IDEMPOTENT, {"inputs": inputs})
            return results_by_row(rows, answer, ids={row.crm_id: row.key for row in rows})

        return one_result_each(batch, send)

    def is_unique(self, name: str) -> bool:
        """Whether no two records can hold the same value of a property; asked once."""
        if name not in self._unique:
            try:
                found = self._portal.get(self._portal.property(self._kind, name))
            except Refused as refused:
                if refused.status != 404:
                    raise
                raise Rejected(
                    f"HubSpot has no property {name} on {self._kind}",
                    fix="create it there, or name the right one in the mapping's crm section",
                ) from refused
            if found.get("name") != name:
                raise no_answer(f"what the property {name} is", "another or none")
            self._unique[name] = bool(found.get("hasUniqueValue"))
        return self._unique[name]

    def find(self, keys: Sequence[str], by: str) -> dict[str, list[CrmId]]:
        """The records that hold these values of a property; by listing where it is not unique, never by search."""
        if self.is_unique(by):
            records = self._portal.read(self._kind, keys, [by], by=by)
        else:
            records = list(self._portal.pages(self._portal.objects(self._kind), limit="100", properties=by))
        spelled = {_spelled(key, by): key for key in keys}
        found: dict[str, list[CrmId]] = {}
        for record in records:
            key = spelled.get(_spelled(record["properties"].get(by) or "", by))
            if key is not None:
                found.setdefault(key, []).append(CrmId(str(record["id"])))
        return found

    def create(self, batch: Sequence[RecordNew], by: str, contract: Contract) -> list[RowResult]:
        """Companies with their key and fields; one that has the key already gets the fields alone."""
        if not self.is_unique(by):
            return one_result_each(batch, lambda rows: self._create(rows, by, contract))
        # Somebody may have created it since it was missed: their name for it stays.
        there = self.find([row.account_key for row in batch], by)
        return one_result_each(batch, lambda rows: self._upsert(rows, by, there, contract))

    def _create(self, rows: Sequence[RecordNew], by: str, contract: Contract) -> list[RowResult]:
        inputs = [
            {"properties": _new(row, contract) | {by: row.account_key}, "objectWriteTraceId": row.key} for row in rows
        ]
        answer = self._portal.post(self._portal.objects(self._kind, "/batch/create"), Class.UNSAFE, {"inputs": inputs})
        return results_by_row(rows, answer, by=by, values={row.account_key: row.key for row in rows})

    def _upsert(
        self, rows: Sequence[RecordNew], by: str, there: Mapping[str, object], contract: Contract
    ) -> list[RowResult]:
        inputs = [
            {
                "id": row.account_key,
                "idProperty": by,
                "properties": _sent(row.values, contract) if row.account_key in there else _new(row, contract),
                "objectWriteTraceId": row.key,
            }
            for row in rows
        ]
        answer = self._portal.post(
            self._portal.objects(self._kind, "/batch/upsert"), Class.IDEMPOTENT, {"inputs": inputs}
        )
        return results_by_row(rows, answer, by=by, values={row.account_key: row.key for row in rows})


def our_values(properties: Mapping[str, Any], contract: Contract) -> dict[str, str | None]:
    """Our fields among a record's properties, as text; one that the portal lacks is missing."""
    return {
        field.name: field.canonical(properties[field.name]) for field in contract.fields if field.name in properties
    }


def _sent(values: Mapping[str, str | None], contract: Contract) -> dict[str, str]:
    # None would be ignored; the empty text empties.
    return {contract.field(name).name: value or "" for name, value in values.items()}


def _new(row: RecordNew, contract: Contract) -> dict[str, str]:
    named = {"name": row.name} | ({"domain": row.domain} if row.domain else {})
    return named | {name: value for name, value in _sent(row.values, contract).items() if value}


def _spelled(key: str, by: str) -> str:
    """HubSpot keeps an e-mail address in lower case."""
    return key.strip().lower() if by == EMAIL else key
