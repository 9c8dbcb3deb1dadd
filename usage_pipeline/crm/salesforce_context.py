"""Salesforce: users, opportunities and the fields that hold the terms of a contract.

What changed since the last read is asked for by SystemModstamp, which also moves when Salesforce
itself changes a record; what was deleted is only seen by `queryAll`.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.client import Owner
from usage_pipeline.crm.context import Contract, Contracts, Deal, Deals, Holder
from usage_pipeline.crm.rejections import Refused
from usage_pipeline.crm.salesforce_org import Org
from usage_pipeline.errors import Rejected

_OF_OPPORTUNITY = (
    *("Id", "AccountId", "Name", "Type", "StageName", "Amount", "CloseDate", "OwnerId", "IsClosed", "IsWon"),
    *("CreatedDate", "SystemModstamp", "CurrencyIsoCode"),
)


class Context:
    """Of one organisation, as our user sees it."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def owners(self) -> list[Owner]:
        users = self._org.query("SELECT Id, Name, Email, IsActive FROM User")
        return [
            Owner(user["Id"], user.get("Email"), user.get("Name") or "", bool(user.get("IsActive", True)))
            for user in users
        ]

    def deals(self, since: datetime | None, opened: Collection[str] = ()) -> Deals:  # noqa: ARG002 - an opportunity
        # that changes its account changes, too.
        fields = self._visible("Opportunity", "set `deals: false` in the mapping's crm section")
        wanted = [name for name in _OF_OPPORTUNITY if name in fields]
        return Deals(
            tuple(_deal(record) for record in self._changed("Opportunity", wanted, since)),
            self._gone("Opportunity", since),
        )

    def contracts(self, terms: Mapping[str, str], since: datetime | None, *, of: Holder = "Contract") -> Contracts:
        fields = self._visible(of, "take `salesforce_terms` out of the mapping's crm section")
        unknown = sorted(set(terms.values()) - set(fields))
        if unknown:
            raise Rejected(
                f"Salesforce's {of} has no field {', '.join(unknown)} that our user sees",
                fix="mend crm.salesforce_terms of the mapping, or show the field to the integration user",
            )
        account = "Id" if of == "Account" else "AccountId"
        wanted = list(dict.fromkeys(["Id", account, "SystemModstamp", *terms.values()]))
        wanted += ["CurrencyIsoCode"] if "CurrencyIsoCode" in fields else []
        return Contracts(
            tuple(
                Contract(
                    record["Id"],
                    CrmId(record[account]) if record.get(account) else None,
                    {name: _text(record.get(field)) for name, field in terms.items()},
                    record.get("CurrencyIsoCode"),
                    moment(record["SystemModstamp"]),
                )
                for record in self._changed(of, wanted, since)
            ),
            self._gone(of, since),
        )

    def _visible(self, sobject: str, otherwise: str) -> dict[str, dict[str, Any]]:
        try:
            return self._org.fields(sobject)
        except Refused as refused:
            if refused.status not in {403, 404}:
                raise
            raise Rejected(
                f"Salesforce does not show {sobject} to our user: {refused.cause}",
                fix=f"grant the integration user Read on {sobject}, or {otherwise}",
            ) from refused

    def _changed(self, sobject: str, fields: list[str], since: datetime | None) -> Iterator[dict[str, Any]]:
        where = "" if since is None else f" WHERE SystemModstamp >= {_literal(since)}"
        return self._org.query(f"SELECT {', '.join(fields)} FROM {sobject}{where}")

    def _gone(self, sobject: str, since: datetime | None) -> frozenset[str]:
        if since is None:
            return frozenset()
        soql = f"SELECT Id FROM {sobject} WHERE IsDeleted = true AND SystemModstamp >= {_literal(since)}"
        return frozenset(record["Id"] for record in self._org.query(soql, with_deleted=True))


def _deal(record: Mapping[str, Any]) -> Deal:
    return Deal(
        id=record["Id"],
        crm_id=CrmId(record["AccountId"]) if record.get("AccountId") else None,
        name=record.get("Name"),
        pipeline=record.get("Type"),
        stage=record.get("StageName"),
        is_closed=record.get("IsClosed"),
        is_won=record.get("IsWon"),
        amount=_text(record.get("Amount")),
        currency=record.get("CurrencyIsoCode"),
        closes_on=date.fromisoformat(record["CloseDate"]) if record.get("CloseDate") else None,
        owner_id=record.get("OwnerId"),
        created_at=moment(record["CreatedDate"]) if record.get("CreatedDate") else None,
        modified_at=moment(record["SystemModstamp"]),
    )


def moment(text: str) -> datetime:
    """2026-11-21T00:00:00.000+0000 as naive UTC."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def _literal(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None or value == "" else str(value)
