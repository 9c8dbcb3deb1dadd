"""A CRM for an input that has none: the sandbox gets its accounts and three owners."""

from typing import Any

from usage_pipeline.lake import Lake
from usage_pipeline.run.sandboxed import Sandbox
from usage_pipeline.sources import catalogue

OWNERS = [
    {"email": "csm.north@example.com", "first_name": "North", "last_name": "Desk", "role": "csm"},
    {"email": "csm.south@example.com", "first_name": "South", "last_name": "Desk", "role": "csm"},
    {"email": "sales@example.com", "first_name": "Sales", "last_name": "Desk", "role": "sales"},
]


def stock(lake: Lake, sandbox: Sandbox) -> str:
    """One company per account, spread over the owners in the order of their ids; twice is as once."""
    accounts = lake.read(catalogue.ACCOUNT)
    newest = lake.backend.to_pandas(
        accounts.order_by("valid_from")
        .group_by("account_id")
        .agg(name=accounts.name.last(), domain=accounts.domain.last())
    ).sort_values("account_id")
    companies: list[dict[str, Any]] = [
        {
            "name": str(row.name_) if isinstance(row.name_, str) else str(row.account_id),
            "domain": row.domain if isinstance(row.domain, str) else None,
            "account_key": str(row.account_id),
            "owner_email": OWNERS[number % len(OWNERS)]["email"],
        }
        for number, row in enumerate(newest.rename(columns={"name": "name_"}).itertuples())
    ]
    sandbox.stock({"owners": OWNERS, "companies": companies})
    return f"{len(companies):,} companies, {len(OWNERS)} owners"
