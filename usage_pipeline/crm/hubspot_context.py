"""HubSpot: owners, deals and the terms that a company's properties hold.

Everything is read by listing the first time, and then what changed by search, in the order of
its change, at most 200 hits at a time (CRM_APIS 1.3).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm import hubspot_associations
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import Owner
from usage_pipeline.crm.context import Contract, Contracts, Deal, Deals, Holder
from usage_pipeline.crm.hubspot_portal import COMPANY, DEAL, Portal
from usage_pipeline.crm.rejections import Refused
from usage_pipeline.errors import Rejected, Unavailable

MODIFIED, ID = "hs_lastmodifieddate", "hs_object_id"
PER_PAGE = 200
# The association that HubSpot calls primary (CRM_APIS 2.5).
PRIMARY = 5
_OF_DEAL = (
    "dealname",
    "pipeline",
    "dealstage",
    "amount",
    "deal_currency_code",
    "closedate",
    "hubspot_owner_id",
    "createdate",
    MODIFIED,
)


class Context:
    """Of one portal. Needs the scope crm.objects.deals.read besides those of the client."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def owners(self) -> list[Owner]:
        """Also of those who were deactivated: a deal keeps its owner."""
        found = [
            one
            for archived in ("false", "true")
            for one in self._portal.pages(self._portal.owners(), limit="100", archived=archived)
        ]
        return [
            Owner(
                str(one["id"]),
                one.get("email"),
                f"{one.get('firstName') or ''} {one.get('lastName') or ''}".strip(),
                not one.get("archived"),
            )
            for one in found
        ]

    def deals(self, since: datetime | None, opened: Collection[str] = ()) -> Deals:
        try:
            return self._deals(since, opened)
        except Refused as refused:
            if refused.status != 403:
                raise
            raise Rejected(
                f"deals: {refused.cause}",
                fix="grant the integration crm.objects.deals.read, or set `deals: false` in the mapping's crm section",
            ) from refused

    def _deals(self, since: datetime | None, opened: Collection[str]) -> Deals:
        stages, pipelines = self._stages()
        currency = self._portal.get(self._portal.account_info()).get("companyCurrency")
        records = {str(record["id"]): record for record in self._records(DEAL, _OF_DEAL, since)}
        companies = self._companies(sorted({*records, *opened}))

        def deal(record: Mapping[str, Any]) -> Deal:
            said = record["properties"]
            stage = stages.get((said.get("pipeline"), said.get("dealstage")), {})
            about = stage.get("metadata") or {}
            closed = None if not about else str(about.get("isClosed")).lower() == "true"
            return Deal(
                id=str(record["id"]),
                crm_id=companies[str(record["id"])],
                name=said.get("dealname"),
                pipeline=pipelines.get(said.get("pipeline"), said.get("pipeline")),
                stage=stage.get("label") or said.get("dealstage"),
                is_closed=closed,
                is_won=None if closed is None else closed and float(about.get("probability") or 0) == 1,
                amount=said.get("amount") or None,
                currency=said.get("deal_currency_code") or currency,
                closes_on=_day(said.get("closedate")),
                owner_id=said.get("hubspot_owner_id") or None,
                created_at=_moment(said.get("createdate")),
                modified_at=_modified(record),
            )

        kept = {one: companies[one] for one in opened if one not in records}
        # One that was merged into another is in no listing, archived or not: its id leads to the other.
        heirs = self._portal.heirs(DEAL, sorted(opened))
        away = {one for one in opened if heirs.get(one) != one}
        return Deals(tuple(deal(record) for record in records.values()), self._gone(DEAL, since) | away, kept)

    def contracts(self, terms: Mapping[str, str], since: datetime | None, *, of: Holder = "Contract") -> Contracts:  # noqa: ARG002 - one place
        """A company's own properties hold its terms."""
        wanted = [*terms.values(), MODIFIED]
        currency = self._portal.get(self._portal.account_info()).get("companyCurrency")
        found = {str(record["id"]): record for record in self._records(COMPANY, wanted, since)}
        return Contracts(
            tuple(
                Contract(
                    one,
                    CrmId(one),
                    {name: record["properties"].get(property_) or None for name, property_ in terms.items()},
                    currency,
                    _modified(record),
                )
                for one, record in found.items()
            ),
            self._gone(COMPANY, since),
        )

    def _stages(self) -> tuple[dict[tuple[str, str], dict[str, Any]], dict[str, str]]:
        """Each stage by pipeline and id, and the pipelines' names."""
        found = self._portal.listing(self._portal.pipelines(DEAL))
        stages = {(pipeline["id"], stage["id"]): stage for pipeline in found for stage in pipeline.get("stages") or []}
        return stages, {pipeline["id"]: pipeline.get("label") or pipeline["id"] for pipeline in found}

    def _records(self, kind: str, properties: Sequence[str], since: datetime | None) -> Iterator[dict[str, Any]]:
        if since is None:
            return self._portal.pages(self._portal.objects(kind), limit="100", properties=",".join(properties))
        return self._changed(kind, properties, since)

    def _changed(self, kind: str, properties: Sequence[str], since: datetime) -> Iterator[dict[str, Any]]:
        """What was changed at `since` or later; what shares its moment with the end of a page comes twice.

        No page is asked for by its offset: whatever is changed meanwhile moves to the end, and by an offset another
        one would fall between two pages.
        """
        begin = since
        while True:
            from_then_on = [_filter(MODIFIED, "GTE", _milliseconds(begin))]
            found, is_last = self._search(kind, properties, from_then_on, MODIFIED)
            yield from found
            if is_last:
                return
            last = _modified(found[-1])
            if last <= begin:
                yield from self._changed_at(kind, properties, begin)
                last = begin + timedelta(milliseconds=1)
            begin = last

    def _changed_at(self, kind: str, properties: Sequence[str], at: datetime) -> Iterator[dict[str, Any]]:
        """What was changed at one moment (an import changes thousands), by id."""
        last, is_last = "0", False
        while not is_last:
            behind = [_filter(MODIFIED, "EQ", _milliseconds(at)), _filter(ID, "GT", last)]
            found, is_last = self._search(kind, properties, behind, ID)
            yield from found
            last = str(found[-1]["id"]) if found else last

    def _search(
        self, kind: str, properties: Sequence[str], filters: Sequence[Mapping[str, str]], by: str
    ) -> tuple[list[dict[str, Any]], bool]:
        """The first hits, and whether they are all."""
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": by, "direction": "ASCENDING"}],
            "properties": list(properties),
            "limit": PER_PAGE,
            "after": "0",
        }
        answer = self._portal.post(self._portal.objects(kind, "/search"), Class.SAFE, body)
        found = answer.get("results")
        is_last = not ((answer.get("paging") or {}).get("next") or {}).get("after")
        if not isinstance(found, list) or not (found or is_last):
            raise Unavailable(f"HubSpot answered the search of {kind} without results", fix="run again")
        return found, is_last

    def _gone(self, kind: str, since: datetime | None) -> frozenset[str]:
        """The archived ones, which a search does not show; of no interest to whoever has seen none."""
        if since is None:
            return frozenset()
        listing = self._portal.pages(self._portal.objects(kind), limit="100", archived="true", properties=MODIFIED)
        return frozenset(str(record["id"]) for record in listing)

    def _companies(self, deals: Sequence[str]) -> dict[str, CrmId | None]:
        found: dict[str, CrmId | None] = dict.fromkeys(deals)
        for deal, joined in hubspot_associations.joined(self._portal, DEAL, COMPANY, deals):
            primary = sorted(one for one, types in joined.items() if PRIMARY in types)
            only = sorted(joined) if len(joined) == 1 else []
            found[deal] = CrmId((primary or only)[0]) if primary or only else None
        return found


def _filter(name: str, operator: str, value: str) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": value}


def _milliseconds(at: datetime) -> str:
    return str(round(at.replace(tzinfo=UTC).timestamp() * 1000))


def _modified(record: Mapping[str, Any]) -> datetime:
    # The property first: by it a search sorts.
    at = _moment(record["properties"].get(MODIFIED) or record.get("updatedAt"))
    if at is None:
        raise Unavailable(f"HubSpot does not say when {record.get('id')} was changed", fix="run again")
    return at


def _moment(text: str | None) -> datetime | None:
    return None if not text else datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def _day(text: str | None) -> date | None:
    at = _moment(text)
    return None if at is None else at.date()
