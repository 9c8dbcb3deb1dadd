"""A CRM for an input that has none: the sandbox gets its accounts and three owners."""

from typing import Any

import pandas as pd

from usage_pipeline.defs.place import Opened
from usage_pipeline.run.sandboxed import Sandbox
from usage_pipeline.sources import catalogue, crm

OWNERS = [
    {"email": "csm.north@example.com", "first_name": "North", "last_name": "Desk", "role": "csm"},
    {"email": "csm.south@example.com", "first_name": "South", "last_name": "Desk", "role": "csm"},
    {"email": "sales@example.com", "first_name": "Sales", "last_name": "Desk", "role": "sales"},
]


def stock(opened: Opened, sandbox: Sandbox) -> str:
    """One company per account, spread over the owners in the order of their ids; what is there already stays."""
    accounts = opened.frame(opened.lake.read(catalogue.ACCOUNT)).sort_values(["account_id", "valid_from"])
    newest = accounts.drop_duplicates("account_id", keep="last")
    held = _held(opened)
    companies = []
    for number, account in enumerate(newest.to_dict("records")):
        lacking = [name for name, keys in held.items() if account["account_id"] not in keys]
        if lacking:
            companies.append(
                {
                    "name": _text(account["name"]) or account["account_id"],
                    "domain": _text(account["domain"]),
                    "account_key": account["account_id"],
                    "owner_email": OWNERS[number % len(OWNERS)]["email"],
                    "only": lacking[0] if len(lacking) == 1 else None,
                }
            )
    if not companies:
        return f"all {len(newest):,} companies are there"
    sandbox.stock({"owners": OWNERS, "companies": companies})
    return f"{len(companies):,} companies, {len(OWNERS)} owners"


def _held(opened: Opened) -> dict[str, set[str | None]]:
    """The account keys of each CRM that the sandbox plays; a real one is never stocked."""
    settings = opened.settings
    real = {"hubspot": settings.hubspot_url, "salesforce": settings.salesforce_url}
    return {
        name: {record.account_key for record in crm.read(client, opened.company)}
        for name, client in opened.crms().items()
        if not real[name]
    }


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)
