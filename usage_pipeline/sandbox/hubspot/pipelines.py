"""The portal's one pipeline of deals, as every new portal has it.

Its stages and their probabilities are those of a new portal's "Sales Pipeline" (HubSpot's guides of deals and of
pipelines: developers.hubspot.com/docs/api-reference/latest/crm/pipelines/guide): `metadata` holds texts, `isClosed`
and `probability`, of which 1.0 is won.
"""

from typing import Any

from usage_pipeline.sandbox.exchange import Reply
from usage_pipeline.sandbox.hubspot import refusals
from usage_pipeline.sandbox.hubspot.asked import Asked, kind_of
from usage_pipeline.sandbox.store import Store, moment

_STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)
STAGES = tuple(name for name, _, _ in _STAGES)
DEFAULT = "default"


def list_all(store: Store, asked: Asked, kind: str) -> Reply:  # noqa: ARG001 - every handler is given both
    if kind_of(kind) != "deals":
        raise refusals.invalid(f"{kind} have no pipelines here")
    made = moment(0)
    stages: list[dict[str, Any]] = [
        {
            "id": name,
            "label": label,
            "displayOrder": place,
            "metadata": {"isClosed": str(probability in {"1.0", "0.0"}).lower(), "probability": probability},
            "createdAt": made,
            "updatedAt": made,
            "archived": False,
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        }
        for place, (name, label, probability) in enumerate(_STAGES)
    ]
    pipeline = {
        "id": DEFAULT,
        "label": "Sales Pipeline",
        "displayOrder": 0,
        "stages": stages,
        "createdAt": made,
        "updatedAt": made,
        "archived": False,
    }
    return Reply(200, {"results": [pipeline]})
