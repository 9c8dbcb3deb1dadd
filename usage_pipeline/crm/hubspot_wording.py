"""A task of ours in HubSpot's words, and back."""

import html
import re
from datetime import UTC, datetime
from typing import Any

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.client import NOTE_MARK, TaskOpening, TaskState, TaskStatus, TaskText
from usage_pipeline.crm.contract import CONTRACT

KEY = CONTRACT.task_key
# A property of HubSpot's own, unique on other engagements; on tasks where the portal defines it (CRM_APIS 2.6).
OWN_KEY = "hs_unique_id"
READ = (
    "hs_task_subject",
    "hs_task_body",
    "hs_task_status",
    "hs_task_priority",
    "hs_task_completion_date",
    "hs_lastmodifieddate",
    KEY,
    OWN_KEY,
)
STATUSES = {"COMPLETED": TaskStatus.DONE, "DEFERRED": TaskStatus.DISMISSED}


def properties(text: TaskText) -> dict[str, str]:
    """Bodies are HTML there."""
    return {
        "hs_task_subject": text.subject.strip(),
        "hs_task_body": html.escape(text.body.strip()).replace("\n", "<br>"),
        "hs_task_priority": text.priority.upper(),
    }


def new(row: TaskOpening) -> dict[str, str]:
    """A task that nobody has begun."""
    said = properties(row.text) | {
        # Noon, so that it is the same day in nearly every time zone.
        "hs_timestamp": f"{row.due_on.isoformat()}T12:00:00.000Z",
        "hs_task_status": "NOT_STARTED",
        # The vendor's name for a plain task, as opposed to a call or an e-mail.
        "hs_task_type": "TODO",
    }
    return said | ({"hubspot_owner_id": row.owner_id} if row.owner_id else {})


def noted(body: str, note: str) -> str | None:
    """A person's body with our note below it; None where an earlier one is there."""
    if NOTE_MARK in body:
        return None
    return f"{body}<br><br>{NOTE_MARK} {html.escape(note)}"


def state(task: dict[str, Any]) -> TaskState:
    """A task as HubSpot answers it."""
    there = task["properties"]
    said = there.get("hs_task_status") or "NOT_STARTED"
    status = STATUSES.get(said, TaskStatus.OPEN)
    closed = there.get("hs_task_completion_date") or there.get("hs_lastmodifieddate")
    return TaskState(
        CrmId(str(task["id"])),
        there.get(KEY) or there.get(OWN_KEY),
        status,
        TaskText(
            there.get("hs_task_subject") or "",
            words(there.get("hs_task_body") or ""),
            (there.get("hs_task_priority") or "").lower(),
        ),
        closed_at=_moment(closed) if status is not TaskStatus.OPEN and closed else None,
        is_begun=said != "NOT_STARTED",
    )


def words(body: str) -> str:
    """A task's body as plain text."""
    return html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"<br\s*/?>|</p>", "\n", body))).strip()


def _moment(text: str) -> datetime:
    """ISO with Z, or milliseconds since 1970."""
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, tz=UTC).replace(tzinfo=None)
    return datetime.fromisoformat(text).replace(tzinfo=None)
