"""Which CRM record is an account's: by key, by recorded link, by domain; never by guessing.

Each state has one rule:

| state | what was found | what is done |
|---|---|---|
| matched | one record, by key, link, merge or domain | it gets fields and tasks |
| unmatched | none, and there never was one | counted; created where the mapping says `upsert` or `create_only` |
| ambiguous | several, or one that several accounts claim | nothing, until a person settles it |
| merged | its record is part of another account's now | nothing, until a person settles it |
| archived, deleted | a person took its record away | nothing, and none is created in its place; restored, it is matched again |
| missing | its record is nowhere to be seen | the same |
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from usage_pipeline.accounts import AccountId, CrmId, domain_of
from usage_pipeline.crm.client import Fate, Record

By = Literal["key", "link", "merge", "domain"]
State = Literal["matched", "unmatched", "ambiguous", "merged", "archived", "deleted", "missing"]
GONE: tuple[State, ...] = ("merged", "archived", "deleted", "missing")
"""States of an account that had a record once."""
_FATES = {
    "archived": "the record {0} was archived: restore it there, or `state forget` the account to match anew",
    "deleted": "the record {0} lies in the recycle bin: restore it there, or `state forget` the account to match anew",
    "missing": "the record {0} is not to be seen any more: it was deleted for good, or our user may not see it; "
    "`state forget` the account to match anew",
}


@dataclass(frozen=True)
class Match:
    """What was found for one account; `record` only where matched."""

    account_id: AccountId
    state: State
    matched_by: By | None = None
    record: Record | None = None
    detail: str = ""


def lost(records: Sequence[Record], recorded: Mapping[AccountId, CrmId]) -> list[CrmId]:
    """Recorded links whose record is not among the records: what became of them is worth asking."""
    there = {record.crm_id for record in records}
    return sorted({crm_id for crm_id in recorded.values() if crm_id not in there})


def match(
    accounts: Iterable[tuple[AccountId, str | None]],
    records: Sequence[Record],
    recorded: Mapping[AccountId, CrmId],
    fates: Mapping[CrmId, Fate],
) -> list[Match]:
    """One match per (account id, domain).

    `recorded` are the links found on earlier readings, and `fates` what became of those that are `lost`.
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
        fate = fates.get(link) if link else None
        heir = fate.into if fate and fate.into else link
        if heir in by_id and not by_id[heir].account_key:
            return Match(account_id, "matched", "link" if heir == link else "merge", by_id[heir])
        found = _by_domain(account_id, domain_of(domain), by_domain)
        if found.state != "unmatched" or not link or link in by_id:
            return found
        return _gone(account_id, link, fate, by_id)

    return _without_double_claims([of(account_id, domain) for account_id, domain in accounts])


def _by_domain(account_id: AccountId, domain: str | None, by_domain: Mapping[str, list[Record]]) -> Match:
    if domain is None:
        return Match(account_id, "unmatched", detail="no record has its key, and it has no company domain")
    found = by_domain.get(domain, [])
    if len(found) == 1 and found[0].account_key:
        told = f"the record of {domain} belongs to the account {found[0].account_key}"
        return Match(account_id, "unmatched", detail=told)
    if not found:
        return Match(account_id, "unmatched", detail=f"no record has its key or the domain {domain}")
    return _single(account_id, "domain", found, f"the domain {domain}")


def _gone(account_id: AccountId, link: CrmId, fate: Fate | None, by_id: Mapping[CrmId, Record]) -> Match:
    """An account whose record is not there any more, and that no other record is known to be."""
    if fate is None:
        told = f"the record {link} is there and was not listed, as if it were changing just now: read again"
        return Match(account_id, "missing", detail=told)
    if fate.state != "merged":
        return Match(account_id, fate.state, detail=_FATES[fate.state].format(link))
    heir = by_id.get(fate.into) if fate.into else None
    whose = f", which belongs to the account {heir.account_key}" if heir else ", which was not listed"
    return Match(account_id, "merged", detail=f"the record {link} was merged into {fate.into}{whose}")


def _single(account_id: AccountId, how: By, found: list[Record], what: str) -> Match:
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
