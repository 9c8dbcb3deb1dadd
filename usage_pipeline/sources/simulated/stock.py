"""The CRM as it would really be: the companies and owners with which the sandbox is stocked.

Of the accounts, known and stated shares are missing, doubled, renamed without the product's
key but with the right domain, or without a domain; the others are as they should be.
"""

from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np

from usage_pipeline.sources.simulated import customers, draws, product
from usage_pipeline.sources.simulated.activity import EPOCH
from usage_pipeline.sources.simulated.company import Company
from usage_pipeline.sources.simulated.draws import Purpose

MISSING, DOUBLED, RENAMED, WITHOUT_DOMAIN = 0.02, 0.01, 0.02, 0.02


class State(StrEnum):
    """How an account stands in the CRM."""

    SOUND = "sound"
    MISSING = "missing"
    DOUBLED = "doubled"
    RENAMED = "renamed"
    WITHOUT_DOMAIN = "without_domain"


def states(company: Company) -> list[State]:
    """How each account stands in the CRM, by its position."""
    chance = draws.uniform(company.seed, 0, Purpose.CRM, draws.keys(company.accounts["number"]))
    edges = np.cumsum([MISSING, DOUBLED, RENAMED, WITHOUT_DOMAIN])
    kinds = (State.MISSING, State.DOUBLED, State.RENAMED, State.WITHOUT_DOMAIN, State.SOUND)
    return [kinds[place] for place in np.searchsorted(edges, chance, side="right").tolist()]


def stock(company: Company, since: date | None = None) -> dict[str, Any]:
    """The body of `POST /_sandbox/stock`: all owners, and the companies of every account so far.

    With `since` only those of accounts that signed up on that day or later: what sales has
    entered in the meantime.
    """
    first = -1 if since is None else (since - EPOCH).days
    owners = [
        {"email": email, "first_name": given, "last_name": family, "role": role}
        for email, given, family, role in product.OWNERS
    ]
    companies = []
    for account, state in zip(company.accounts, states(company), strict=True):
        if account["created"] >= first:
            companies += _records(account, state)
    return {"owners": owners, "companies": companies}


def _records(account: np.void, state: State) -> list[dict[str, Any]]:
    number, industry = int(account["number"]), int(account["industry"])
    record: dict[str, Any] = {
        "name": customers.name(number, industry),
        "domain": customers.domain(number, industry),
        "account_key": customers.account_id(number),
        "owner_email": product.CSMS[account["owner"]],
        "industry": product.INDUSTRIES[industry].name,
    }
    match state:
        case State.MISSING:
            return []
        case State.DOUBLED:
            # Entered twice by two people: both hold the key, so nobody can say which is meant.
            return [record, {**record, "name": record["name"].upper()}]
        case State.RENAMED:
            return [{**record, "name": f"{record['name'].partition(' ')[0]} Group", "account_key": None}]
        case State.WITHOUT_DOMAIN:
            return [{**record, "domain": None}]
        case _:
            return [record]
