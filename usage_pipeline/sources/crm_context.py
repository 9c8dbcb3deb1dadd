"""Owners, deals and contracts as the CRMs have them, kept with what was known when.

Each read asks for what changed since the last one and adds a version of what says something else;
a morning sees the newest version known before it. What was never read was never known: a deal of
last year is known from the first read on.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from usage_pipeline import frames, lake
from usage_pipeline.company import Company
from usage_pipeline.crm.client import Crm
from usage_pipeline.crm.context import Contract, Deal
from usage_pipeline.errors import Rejected
from usage_pipeline.sources import catalogue, money

# Search lags by half a minute (CRM_APIS 2.2), and the CRM's clock is not ours: asked for again, seen as the same.
OVERLAP = timedelta(minutes=10)
_TIMES = frozenset({"valid_from", "known_at", "modified_at"})
Row = dict[str, Any]


def owners(crm: Crm, kept: pa.Table, now: datetime) -> pa.Table:
    """CRM_OWNER of one CRM: the versions in `kept`, and those that are new now."""
    said = [
        {"owner_id": one.id, "email": one.email, "name": one.name, "is_active": one.is_active}
        for one in crm.context.owners()
    ]
    return _Kept(catalogue.CRM_OWNER, "owner_id", crm, kept).with_what_is_new(said, now)


def deals(crm: Crm, links: pd.DataFrame, kept: pa.Table, now: datetime) -> pa.Table:
    """DEAL of one CRM: the versions in `kept`, and those that are new now; `links` is CRM_LINK."""
    before = _Kept(catalogue.DEAL, "deal_id", crm, kept)
    accounts = _accounts(links, before.instance)
    emails = {one.id: one.email for one in crm.context.owners()}
    opened = [one for one, row in before.newest.items() if not row["is_closed"] and not row["is_gone"]]
    read = crm.context.deals(before.since, opened)
    said = {deal.id: _deal(deal, emails) for deal in read.changed}
    for deal, company in read.companies.items():
        said.setdefault(deal, before.newest[deal] | {"crm_id": company})
    return before.with_what_is_new(_matched(before.and_gone(said, read.gone), accounts), now)


def contracts(crm: Crm, links: pd.DataFrame, company: Company, kept: pa.Table, now: datetime) -> pa.Table:
    """CRM_CONTRACT of one CRM, as `deals`; only `kept` where the mapping names no field that holds terms."""
    before = _Kept(catalogue.CRM_CONTRACT, "contract_id", crm, kept)
    terms = {"hubspot": company.crm.hubspot_terms, "salesforce": company.crm.salesforce_terms}[crm.name].named
    if not terms:
        return before.rows
    read = crm.context.contracts(terms, before.since, of=company.crm.salesforce_terms_of)
    said = {one.id: _contract(one) for one in read.changed}
    accounts = _accounts(links, before.instance)
    return before.with_what_is_new(_matched(before.and_gone(said, read.gone), accounts), now)


class _Kept:
    """The versions of one CRM instance's records that the lake holds."""

    def __init__(self, table: lake.Table, key: str, crm: Crm, kept: pa.Table) -> None:
        instance = crm.instance()
        self.table, self.key, self.crm, self.instance = table, key, crm.name, instance.key
        self.schema = table.schema.to_pyarrow()
        mine = pa.array([one == instance.key for one in kept["instance"].to_pylist()], pa.bool_())
        self.rows = kept.filter(mine).select(self.schema.names).cast(self.schema)
        self.newest: dict[str, Row] = {}
        for row in sorted(self.rows.to_pylist(), key=lambda row: (row["valid_from"], row["known_at"])):
            self.newest[row[key]] = row

    @property
    def since(self) -> datetime | None:
        """From when on to ask for changes; None before the first read.

        Not later than the last read began (what it found is known from then): one that took long may have seen a
        record before it was changed, and others that were changed after it.
        """
        times = [row["modified_at"] for row in self.newest.values() if row.get("modified_at") is not None]
        began = [row["known_at"] for row in self.newest.values()]
        return min(max(times), max(began)) - OVERLAP if times else None

    def and_gone(self, said: Mapping[str, Row], gone: Iterable[str]) -> list[Row]:
        """Everything known as it is said to be now: changed, gone, or as before."""
        rows = {one: row | {"is_gone": False} for one, row in said.items()}
        for one, row in self.newest.items():
            if one not in rows:
                rows[one] = row
        for one in set(gone) & set(rows):
            rows[one] = rows[one] | {"is_gone": True}
        return list(rows.values())

    def with_what_is_new(self, said: Iterable[Row], now: datetime) -> pa.Table:
        fresh = []
        for row in said:
            known = {"crm": self.crm, "instance": self.instance}
            whole = dict.fromkeys(self.schema.names) | row | known
            before = self.newest.get(row[self.key])
            if before is not None and _content(before) == _content(whole):
                continue
            # From when the CRM says; an owner, and a match, from when it was read.
            changed_at = row.get("modified_at") if before is None or _is_later(row, before) else None
            from_ = min(changed_at or now, now)
            fresh.append(whole | {"valid_from": max(from_, before["valid_from"]) if before else from_, "known_at": now})
        return pa.concat_tables([self.rows, pa.Table.from_pylist(fresh, schema=self.schema)])


def _is_later(row: Row, before: Row) -> bool:
    return row.get("modified_at") is not None and row["modified_at"] != before.get("modified_at")


def _content(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _TIMES}


def _accounts(links: pd.DataFrame, instance: str) -> dict[str, str]:
    """The account of each matched record of an instance."""
    return {
        row["crm_id"]: row["account_id"]
        for row in frames.rows(links)
        if row["instance"] == instance and row["state"] in {"matched", "merged"} and row["crm_id"]
    }


def _matched(rows: Iterable[Row], accounts: Mapping[str, str]) -> list[Row]:
    return [row | {"account_id": accounts.get(row["crm_id"]) if row["crm_id"] else None} for row in rows]


def _deal(deal: Deal, emails: Mapping[str, str | None]) -> Row:
    return {
        "deal_id": deal.id,
        "crm_id": deal.crm_id,
        "name": deal.name,
        "pipeline": deal.pipeline,
        "stage": deal.stage,
        "is_closed": deal.is_closed,
        "is_won": deal.is_won,
        "amount_minor": money.minor(deal.amount, deal.currency),
        "currency": deal.currency,
        "closes_on": deal.closes_on,
        "owner_id": deal.owner_id,
        "owner_email": emails.get(deal.owner_id) if deal.owner_id else None,
        "created_at": deal.created_at,
        "modified_at": deal.modified_at,
    }


def _contract(contract: Contract) -> Row:
    said = contract.values
    return {
        "contract_id": contract.id,
        "crm_id": contract.crm_id,
        "status": said.get("status"),
        "starts_on": _day("starts_on", said.get("starts_on")),
        "renews_on": _day("renews_on", said.get("renews_on")),
        "term_months": _whole("term_months", said.get("term_months")),
        "seats": _whole("seats", said.get("seats")),
        "arr_minor": money.minor(said.get("arr"), contract.currency),
        "currency": contract.currency,
        "auto_renew": _flag("auto_renew", said.get("auto_renew")),
        "modified_at": contract.modified_at,
    }


def _day(name: str, text: str | None) -> date | None:
    try:
        return None if not text else date.fromisoformat(text[:10])
    except ValueError as broken:
        raise _no(name, text, "day") from broken


def _whole(name: str, text: str | None) -> int | None:
    try:
        return None if not text else round(float(text))
    except (ValueError, OverflowError) as broken:
        raise _no(name, text, "number") from broken


def _flag(name: str, text: str | None) -> bool | None:
    if not text:
        return None
    answer = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(text.strip().lower())
    if answer is None:
        raise _no(name, text, "yes or no")
    return answer


def _no(name: str, text: str | None, kind: str) -> Rejected:
    return Rejected(
        f"the field that the mapping names for {name} holds {text!r}, which is no {kind}",
        fix="name another field in hubspot_terms or salesforce_terms of the mapping's crm section",
    )
