"""Which CRM record is an account's: by key, by recorded link, by domain; never by guessing."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from usage_pipeline.accounts import AccountId, CrmId, domain_of
from usage_pipeline.crm.client import Record


@dataclass(frozen=True)
class Match:
    """What was found for one account; `record` only where matched."""

    account_id: AccountId
    state: Literal["matched", "unmatched", "ambiguous"]
    matched_by: Literal["key", "link", "domain"] | None = None
    record: Record | None = None
    detail: str = ""


def match(
    accounts: Iterable[tuple[AccountId, str | None]], records: Sequence[Record], recorded: Mapping[AccountId, CrmId]
) -> list[Match]:
    """One match per (account id, domain); `recorded` are the links found on earlier readings.

    A record that two accounts claim is ambiguous for both.
    """
    by_id = {record.crm_id: record for record in records}
    by_key: dict[str, list[Record]] = defaultdict(list)
    by_domain: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.account_key:
            by_key[record.account_key].append(record)
        domain = domain_of(record.domain)
        if domain:
            by_domain[domain].append(record)

    def of(account_id: AccountId, domain: str | None) -> Match:
        keyed = by_key.get(account_id, [])
        if keyed:
            return _single(account_id, "key", keyed, f"the account key {account_id}")
        link = recorded.get(account_id)
        if link in by_id and not by_id[link].account_key:
            return Match(account_id, "matched", "link", by_id[link])
        known = domain_of(domain)
        if known is None:
            return Match(account_id, "unmatched", detail="no record has its key, and it has no company domain")
        found = by_domain.get(known, [])
        if len(found) == 1 and found[0].account_key:
            return Match(
                account_id, "unmatched", detail=f"the record of {known} belongs to the account {found[0].account_key}"
            )
        if not found:
            return Match(account_id, "unmatched", detail=f"no record has its key or the domain {known}")
        return _single(account_id, "domain", found, f"the domain {known}")

    return _without_double_claims([of(account_id, domain) for account_id, domain in accounts])


def _single(account_id: AccountId, how: Literal["key", "domain"], found: list[Record], what: str) -> Match:
    if len(found) == 1:
        return Match(account_id, "matched", how, found[0])
    ids = ", ".join(sorted(record.crm_id for record in found))
    return Match(account_id, "ambiguous", detail=f"{len(found)} records have {what}: {ids}")


def _without_double_claims(matches: list[Match]) -> list[Match]:
    claims = Counter(found.record.crm_id for found in matches if found.record)
    return [
        replace(
            found,
            state="ambiguous",
            matched_by=None,
            record=None,
            detail=f"{claims[found.record.crm_id]} accounts claim the record {found.record.crm_id}",
        )
        if found.record and claims[found.record.crm_id] > 1
        else found
        for found in matches
    ]
