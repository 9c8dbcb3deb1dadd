"""The field contract against the CRMs: what is missing, what differs, and creating what is missing."""

from usage_pipeline.crm.client import Finding, Provisioned
from usage_pipeline.defs.place import Opened
from usage_pipeline.plays import playbook
from usage_pipeline.run import delivering
from usage_pipeline.sync import preparing


def findings(place: Opened, only: str | None) -> dict[str, list[Finding]]:
    """Per CRM, every difference between the contract and what is there; nothing is changed."""
    with delivering.crms(place, only) as clients:
        return {name: crm.findings(place.contract) for name, crm in clients.items()}


def set_up(place: Opened, only: str | None) -> dict[str, Provisioned]:
    """Create what the CRMs lack of the contract."""
    with delivering.crms(place, only) as clients:
        return {name: preparing.provision(crm, place.ledger, place.contract) for name, crm in clients.items()}


def valid(place: Opened) -> list[str]:
    """What was read and is sound: the mapping, the plays, the contract; raises `Rejected` for what is not."""
    company = place.company
    plays = {play.name for play in playbook.shipped()}
    return [
        f"mapping of {company.company}: {len(company.tables)} tables, {len(company.outcomes)} outcomes",
        f"plays: {len(plays)} in the book, {', '.join(company.plays.enabled) or 'none'} act",
        f"field contract: {len(place.contract.fields)} fields",
    ]
