"""All kinds of faults there are, per CRM."""

from typing import Any

from usage_pipeline.sandbox.hubspot import mishaps as hubspot
from usage_pipeline.sandbox.mishaps import NETWORK, Kind
from usage_pipeline.sandbox.salesforce import mishaps as salesforce

KINDS: dict[str, dict[str, Kind]] = {
    "hubspot": {kind.name: kind for kind in (*NETWORK, *hubspot.KINDS)},
    "salesforce": {kind.name: kind for kind in (*NETWORK, *salesforce.KINDS)},
}


def described() -> list[dict[str, Any]]:
    """Every kind with the CRMs that know it, what it does in each, and the parameters it takes."""
    names = list(dict.fromkeys(name for known in KINDS.values() for name in known))
    found = []
    for name in names:
        of = {crm: known[name] for crm, known in KINDS.items() if name in known}
        takes = sorted({each for kind in of.values() for each in kind.takes})
        found.append(
            {"name": name, "crms": list(of), "says": {crm: kind.says for crm, kind in of.items()}, "takes": takes}
        )
    return found
