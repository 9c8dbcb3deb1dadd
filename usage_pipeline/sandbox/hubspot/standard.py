"""What every HubSpot portal has before anyone adds to it: object types and their own properties."""

from typing import Any

TYPE_IDS = {"contacts": "0-1", "companies": "0-2", "deals": "0-3", "tasks": "0-27", "notes": "0-46"}

SINGULAR = {"contacts": "CONTACT", "companies": "COMPANY", "deals": "DEAL", "tasks": "TASK", "notes": "NOTE"}

_NAMES = {
    **{name: name for name in TYPE_IDS},
    **{number: name for name, number in TYPE_IDS.items()},
    **{single.lower(): name for name, single in SINGULAR.items()},
}


def object_type(spelling: str) -> str | None:
    """`companies` for companies, COMPANY or 0-2; None for a type that this portal does not have."""
    return _NAMES.get(spelling.lower())


CREATED = {
    "contacts": "createdate",
    "companies": "createdate",
    "deals": "createdate",
    "tasks": "hs_createdate",
    "notes": "hs_createdate",
}
MODIFIED = {
    "contacts": "lastmodifieddate",
    "companies": "hs_lastmodifieddate",
    "deals": "hs_lastmodifieddate",
    "tasks": "hs_lastmodifieddate",
    "notes": "hs_lastmodifieddate",
}
REQUIRED = {"contacts": (), "companies": (), "deals": (), "tasks": ("hs_timestamp",), "notes": ("hs_timestamp",)}
"""Properties without which nothing can be created."""

SHOWN = {
    "contacts": ("firstname", "lastname", "email"),
    "companies": ("name", "domain"),
    "deals": ("dealname", "dealstage", "pipeline", "amount", "closedate"),
    "tasks": (),
    "notes": (),
}
"""Properties answered when none are asked for, besides the dates and the id."""

GROUPS = {
    "contacts": ("contactinformation", "Contact information"),
    "companies": ("companyinformation", "Company information"),
    "deals": ("dealinformation", "Deal information"),
    "tasks": ("taskinformation", "Task information"),
    "notes": ("noteinformation", "Note information"),
}

_LIFECYCLE = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
_INDUSTRIES = (
    "ACCOUNTING", "AUTOMOTIVE", "BANKING", "BIOTECHNOLOGY", "COMPUTER_SOFTWARE", "CONSTRUCTION", "EDUCATION_MANAGEMENT",
    "FINANCIAL_SERVICES", "HOSPITAL_HEALTH_CARE", "HOSPITALITY", "INFORMATION_TECHNOLOGY_AND_SERVICES", "INSURANCE",
    "LOGISTICS_AND_SUPPLY_CHAIN", "MACHINERY", "MANAGEMENT_CONSULTING", "MARKETING_AND_ADVERTISING", "MEDIA_PRODUCTION",
    "REAL_ESTATE", "RETAIL", "TELECOMMUNICATIONS", "UTILITIES",
)  # fmt: skip

# The stages of a new portal's pipeline, which `pipelines` describes.
_STAGES = (
    "appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent",
    "closedwon", "closedlost",
)  # fmt: skip

# name, label, type, fieldType, options; a trailing "ro" is a value HubSpot sets itself
_COMMON: tuple[tuple[Any, ...], ...] = (
    ("hubspot_owner_id", "Owner", "enumeration", "select"),
    ("hs_object_id", "Record ID", "number", "number", "ro"),
    ("hs_merged_object_ids", "Merged record IDs", "enumeration", "checkbox", "ro"),
    ("hs_updated_by_user_id", "Updated by user ID", "number", "number", "ro"),
    ("hs_object_source_label", "Record source", "string", "text", "ro"),
)

_OWN: dict[str, tuple[tuple[Any, ...], ...]] = {
    "companies": (
        ("name", "Company name", "string", "text"),
        ("domain", "Company Domain Name", "string", "text"),
        ("website", "Website URL", "string", "text"),
        ("phone", "Phone Number", "string", "phonenumber"),
        ("city", "City", "string", "text"),
        ("country", "Country/Region", "string", "text"),
        ("industry", "Industry", "enumeration", "select", _INDUSTRIES),
        ("numberofemployees", "Number of Employees", "number", "number"),
        ("annualrevenue", "Annual Revenue", "number", "number"),
        ("description", "Description", "string", "textarea"),
        ("lifecyclestage", "Lifecycle Stage", "enumeration", "radio", _LIFECYCLE),
        ("createdate", "Create Date", "datetime", "date", "ro"),
        ("hs_lastmodifieddate", "Last Modified Date", "datetime", "date", "ro"),
    ),
    "contacts": (
        ("email", "Email", "string", "text"),
        ("firstname", "First Name", "string", "text"),
        ("lastname", "Last Name", "string", "text"),
        ("phone", "Phone Number", "string", "phonenumber"),
        ("company", "Company Name", "string", "text"),
        ("jobtitle", "Job Title", "string", "text"),
        ("lifecyclestage", "Lifecycle Stage", "enumeration", "radio", _LIFECYCLE),
        ("createdate", "Create Date", "datetime", "date", "ro"),
        ("lastmodifieddate", "Last Modified Date", "datetime", "date", "ro"),
    ),
    "deals": (
        ("dealname", "Deal Name", "string", "text"),
        ("dealstage", "Deal Stage", "enumeration", "radio", _STAGES),
        ("pipeline", "Pipeline", "enumeration", "select", ("default",)),
        ("amount", "Amount", "number", "number"),
        ("deal_currency_code", "Currency", "enumeration", "select", ("USD", "EUR", "GBP", "JPY")),
        ("closedate", "Close Date", "datetime", "date"),
        ("dealtype", "Deal Type", "enumeration", "radio", ("newbusiness", "existingbusiness")),
        ("createdate", "Create Date", "datetime", "date", "ro"),
        ("hs_lastmodifieddate", "Last Modified Date", "datetime", "date", "ro"),
    ),
    "tasks": (
        ("hs_timestamp", "Due date", "datetime", "date"),
        ("hs_task_subject", "Task Title", "string", "text"),
        ("hs_task_body", "Task Notes", "string", "html"),
        ("hs_task_status", "Task Status", "enumeration", "select", ("NOT_STARTED", "IN_PROGRESS", "WAITING", "COMPLETED", "DEFERRED")),
        ("hs_task_priority", "Priority", "enumeration", "select", ("NONE", "LOW", "MEDIUM", "HIGH")),
        # A to-do, a call or an e-mail: the vendor's own values.
        ("hs_task_type", "Task Type", "enumeration", "select", ("TODO", "CALL", "EMAIL")),
        ("hs_task_reminders", "Reminder", "string", "text"),
        ("hs_queue_membership_ids", "Queues", "string", "text"),
        ("hs_task_completion_date", "Completed at", "datetime", "date", "ro"),
        ("hs_createdate", "Create date", "datetime", "date", "ro"),
        ("hs_lastmodifieddate", "Last modified at", "datetime", "date", "ro"),
    ),
    "notes": (
        ("hs_timestamp", "Activity date", "datetime", "date"),
        ("hs_note_body", "Note body", "string", "html"),
        ("hs_createdate", "Create date", "datetime", "date", "ro"),
        ("hs_lastmodifieddate", "Last modified at", "datetime", "date", "ro"),
    ),
}  # fmt: skip


def _definition(group: str, given: tuple[Any, ...]) -> dict[str, Any]:
    name, label, kind, field_type, *rest = given
    read_only = "ro" in rest
    options = next((extra for extra in rest if isinstance(extra, tuple)), ())
    return {
        "name": name,
        "label": label,
        "type": kind,
        "fieldType": field_type,
        "description": "",
        "groupName": group,
        "options": [
            {"label": _spoken(value), "value": value, "displayOrder": at, "hidden": False}
            for at, value in enumerate(options)
        ],
        "displayOrder": -1,
        # A contact's email is the one native unique property here (CRM_APIS 0.2).
        "hasUniqueValue": name == "email",
        "hidden": False,
        "formField": not read_only,
        "hubspotDefined": True,
        "externalOptions": name == "hubspot_owner_id",
        "referencedObjectType": "OWNER" if name == "hubspot_owner_id" else None,
        "calculated": False,
        "archived": False,
        "modificationMetadata": {
            "archivable": False,
            "readOnlyDefinition": True,
            "readOnlyOptions": not options,
            "readOnlyValue": read_only,
        },
    }


def _spoken(value: str) -> str:
    return value.replace("_", " ").capitalize()


UNIQUE_ID: dict[str, Any] = {
    **_definition("taskinformation", ("hs_unique_id", "Unique ID", "string", "text")),
    "hasUniqueValue": True,
}
"""A property of tasks that some portals may have: it is seen on meetings, calls and notes (CRM_APIS 2.6)."""

PROPERTIES: dict[str, dict[str, dict[str, Any]]] = {
    kind: {given[0]: _definition(GROUPS[kind][0], given) for given in (*own, *_COMMON)} for kind, own in _OWN.items()
}
"""HubSpot's own property definitions, by object type and name."""
