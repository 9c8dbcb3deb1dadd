"""Objects and fields of the organisation: Salesforce's own, and those people added."""

import json
from dataclasses import dataclass, replace
from typing import Any

from usage_pipeline.sandbox.store import Store


@dataclass(frozen=True)
class Field:
    """One field of one object, as describe tells it."""

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    unique: bool = False
    external_id: bool = False
    id_lookup: bool = False
    case_sensitive: bool = False
    choices: tuple[str, ...] = ()
    restricted: bool = False
    default: Any = None
    refers_to: tuple[str, ...] = ()
    relationship: str | None = None
    custom: bool = False
    required: bool = False
    """Custom and required everywhere: such a field has no field-level security."""
    help: str | None = None

    @property
    def filterable(self) -> bool:
        """Long text cannot be asked for in a WHERE."""
        return not (self.type == "textarea" and self.length > 255)

    @property
    def is_key(self) -> bool:
        """Whether records can be found by it without a scan."""
        return self.external_id or self.unique or self.id_lookup


LABELS = {
    "Account": "Account",
    "Contact": "Contact",
    "Opportunity": "Opportunity",
    "Contract": "Contract",
    "Task": "Task",
    "User": "User",
    "Profile": "Profile",
    "Organization": "Organization",
    "PermissionSet": "Permission Set",
    "PermissionSetAssignment": "Permission Set Assignment",
    "FieldPermissions": "Field Permissions",
}
_NAMES = {name.lower(): name for name in LABELS}

HOLDERS = {"Task": "Activity"}
"""Custom fields of a task are defined on Activity (CRM_APIS 4.4)."""


def object_name(spelling: str) -> str | None:
    """An object's own spelling; None for one that this organisation does not have."""
    return _NAMES.get(spelling.lower())


def _read_only(name: str, label: str, kind: str, **more: Any) -> Field:
    return Field(name, label, kind, createable=False, updateable=False, **more)


def _reference(name: str, label: str, relationship: str, *targets: str, **more: Any) -> Field:
    return Field(name, label, "reference", 18, relationship=relationship, refers_to=targets, **more)


_SYSTEM = (
    _read_only("Id", "Record ID", "id", length=18, nillable=False, id_lookup=True),
    _read_only("IsDeleted", "Deleted", "boolean", nillable=False),
    _read_only("CreatedDate", "Created Date", "datetime", nillable=False),
    replace(_reference("CreatedById", "Created By ID", "CreatedBy", "User"), createable=False, updateable=False),
    _read_only("LastModifiedDate", "Last Modified Date", "datetime", nillable=False),
    replace(
        _reference("LastModifiedById", "Last Modified By ID", "LastModifiedBy", "User"),
        createable=False,
        updateable=False,
    ),
    _read_only("SystemModstamp", "System Modstamp", "datetime", nillable=False),
)

_INDUSTRIES = (
    "Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications", "Construction", "Consulting",
    "Education", "Electronics", "Energy", "Engineering", "Entertainment", "Environmental", "Finance", "Food & Beverage",
    "Government", "Healthcare", "Hospitality", "Insurance", "Machinery", "Manufacturing", "Media", "Not For Profit",
    "Recreation", "Retail", "Shipping", "Technology", "Telecommunications", "Transportation", "Utilities", "Other",
)  # fmt: skip

_OWN: dict[str, tuple[Field, ...]] = {
    "Account": (
        Field("Name", "Account Name", "string", 255, nillable=False),
        Field("Type", "Account Type", "picklist", 255, choices=("Prospect", "Customer - Direct", "Customer - Channel", "Other")),
        replace(
            _reference("MasterRecordId", "Master Record ID", "MasterRecord", "Account"), createable=False, updateable=False
        ),
        _reference("ParentId", "Parent Account ID", "Parent", "Account"),
        Field("BillingCity", "Billing City", "string", 40),
        Field("BillingCountry", "Billing Country", "string", 80),
        Field("Phone", "Account Phone", "phone", 40),
        Field("Website", "Website", "url", 255),
        Field("AccountNumber", "Account Number", "string", 40),
        # Standard picklists take values that are not on their list.
        Field("Industry", "Industry", "picklist", 255, choices=_INDUSTRIES),
        Field("AnnualRevenue", "Annual Revenue", "currency", precision=18),
        Field("NumberOfEmployees", "Employees", "int", precision=8),
        Field("Description", "Account Description", "textarea", 32_000),
        _reference("OwnerId", "Owner ID", "Owner", "User", nillable=False),
    ),
    "Contact": (
        _reference("AccountId", "Account ID", "Account", "Account"),
        Field("FirstName", "First Name", "string", 40),
        Field("LastName", "Last Name", "string", 80, nillable=False),
        _read_only("Name", "Full Name", "string", length=121),
        Field("Email", "Email", "email", 80, id_lookup=True),
        Field("Phone", "Business Phone", "phone", 40),
        Field("Title", "Title", "string", 128),
        _reference("OwnerId", "Owner ID", "Owner", "User", nillable=False),
    ),
    # developer.salesforce.com, Object Reference: Opportunity and Contract.
    "Opportunity": (
        _reference("AccountId", "Account ID", "Account", "Account"),
        Field("Name", "Name", "string", 120, nillable=False),
        Field("StageName", "Stage", "picklist", 255, nillable=False, choices=(
            "Prospecting", "Qualification", "Needs Analysis", "Value Proposition", "Id. Decision Makers",
            "Perception Analysis", "Proposal/Price Quote", "Negotiation/Review", "Closed Won", "Closed Lost")),
        Field("Amount", "Amount", "currency", precision=18, scale=2),
        Field("CloseDate", "Close Date", "date", nillable=False),
        Field("Type", "Opportunity Type", "picklist", 255, choices=("Existing Business", "New Business")),
        _reference("OwnerId", "Owner ID", "Owner", "User", nillable=False),
        _read_only("IsClosed", "Closed", "boolean", nillable=False),
        _read_only("IsWon", "Won", "boolean", nillable=False),
    ),
    "Contract": (
        _reference("AccountId", "Account ID", "Account", "Account", nillable=False),
        _read_only("ContractNumber", "Contract Number", "string", length=30),
        Field("Status", "Status", "picklist", 40, nillable=False, default="Draft",
              choices=("Draft", "In Approval Process", "Activated")),
        Field("StartDate", "Contract Start Date", "date"),
        # Reckoned from start and term, unless an organisation lets people state it.
        _read_only("EndDate", "Contract End Date", "date"),
        Field("ContractTerm", "Contract Term", "int", precision=9),
        _reference("OwnerId", "Owner ID", "Owner", "User", nillable=False),
    ),
    "Task": (
        _reference("WhoId", "Name ID", "Who", "Contact"),
        _reference("WhatId", "Related To ID", "What", "Account"),
        Field("Subject", "Subject", "combobox", 255),
        Field("ActivityDate", "Due Date Only", "date"),
        Field("Status", "Status", "picklist", 255, nillable=False, default="Not Started",
              choices=("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred")),
        Field("Priority", "Priority", "picklist", 255, nillable=False, default="Normal", choices=("High", "Normal", "Low")),
        _reference("OwnerId", "Assigned To ID", "Owner", "User", nillable=False),
        Field("Description", "Description", "textarea", 32_000),
        Field("ReminderDateTime", "Reminder Date/Time", "datetime"),
        Field("IsReminderSet", "Reminder Set", "boolean", nillable=False, default=False),
        Field("TaskSubtype", "Task Subtype", "picklist", 40, updateable=False, default="Task", choices=("Task", "Email", "Call")),
        _read_only("IsClosed", "Closed", "boolean", nillable=False),
        _read_only("CompletedDateTime", "Completed Date", "datetime"),
        replace(_reference("AccountId", "Account ID", "Account", "Account"), createable=False, updateable=False),
    ),
    "User": (
        Field("Username", "Username", "string", 80, nillable=False, unique=True, id_lookup=True),
        Field("Email", "Email", "email", 128, nillable=False, id_lookup=True),
        Field("FirstName", "First Name", "string", 40),
        Field("LastName", "Last Name", "string", 80, nillable=False),
        _read_only("Name", "Full Name", "string", length=121),
        Field("Title", "Title", "string", 80),
        Field("IsActive", "Active", "boolean", nillable=False, default=True),
        Field("UserType", "User Type", "picklist", 40, choices=("Standard",), default="Standard", updateable=False),
        _reference("ProfileId", "Profile ID", "Profile", "Profile"),
    ),
    "Profile": (Field("Name", "Name", "string", 255, nillable=False),),
    "Organization": (
        Field("Name", "Name", "string", 80, nillable=False),
        Field("OrganizationType", "Edition", "picklist", 40),
        Field("IsSandbox", "Is Sandbox", "boolean", nillable=False, default=False),
        Field("InstanceName", "Instance Name", "string", 5),
    ),
    "PermissionSet": (
        Field("Name", "Permission Set Name", "string", 80, nillable=False, unique=True),
        Field("Label", "Permission Set Label", "string", 80, nillable=False),
        Field("Description", "Description", "string", 255),
        Field("IsOwnedByProfile", "Is Owned By Profile", "boolean", nillable=False, default=False, createable=False, updateable=False),
        _reference("ProfileId", "Profile ID", "Profile", "Profile", createable=False, updateable=False),
    ),
    "PermissionSetAssignment": (
        _reference("PermissionSetId", "PermissionSet ID", "PermissionSet", "PermissionSet", nillable=False, updateable=False),
        _reference("AssigneeId", "Assignee ID", "Assignee", "User", nillable=False, updateable=False),
    ),
    "FieldPermissions": (
        _reference("ParentId", "Parent ID", "Parent", "PermissionSet", nillable=False, updateable=False),
        Field("SobjectType", "Sobject Type Name", "picklist", 40, nillable=False, updateable=False),
        Field("Field", "Field Name", "picklist", 255, nillable=False, updateable=False),
        Field("PermissionsRead", "Read Field", "boolean", nillable=False, default=False),
        Field("PermissionsEdit", "Edit Field", "boolean", nillable=False, default=False),
    ),
}  # fmt: skip

_TYPES = {
    "Text": "string", "TextArea": "textarea", "LongTextArea": "textarea", "Html": "textarea", "Number": "double",
    "Percent": "percent", "Currency": "currency", "Checkbox": "boolean", "Date": "date", "DateTime": "datetime",
    "Picklist": "picklist", "MultiselectPicklist": "multipicklist", "Url": "url", "Email": "email", "Phone": "phone",
}  # fmt: skip
METADATA_TYPES = frozenset(_TYPES)
"""Types that a custom field may be made with."""

_LENGTHS = {
    "TextArea": 255,
    "Url": 255,
    "Email": 80,
    "Phone": 40,
    "Picklist": 255,
    "MultiselectPicklist": 4_099,
    "LongTextArea": 32_768,
}


def of_metadata(name: str, metadata: dict[str, Any]) -> Field:
    """A custom field from the metadata it was made with."""
    made_as = metadata["type"]
    value_set = metadata.get("valueSet") or {}
    values = (value_set.get("valueSetDefinition") or {}).get("value") or []
    return Field(
        name=name,
        label=metadata.get("label") or name,
        type=_TYPES[made_as],
        length=int(metadata.get("length") or _LENGTHS.get(made_as, 0)),
        precision=int(metadata.get("precision") or 0),
        scale=int(metadata.get("scale") or 0),
        nillable=made_as != "Checkbox" and not metadata.get("required"),
        unique=bool(metadata.get("unique")),
        external_id=bool(metadata.get("externalId")),
        id_lookup=bool(metadata.get("externalId")),
        case_sensitive=bool(metadata.get("caseSensitive")),
        choices=tuple(str(each.get("valueName") or each.get("fullName") or each.get("label")) for each in values),
        restricted=bool(value_set.get("restricted")),
        default=str(metadata.get("defaultValue")).lower() == "true" if made_as == "Checkbox" else None,
        custom=True,
        required=bool(metadata.get("required")),
        help=metadata.get("inlineHelpText"),
    )


def fields(store: Store, kind: str) -> dict[str, Field]:
    """All fields of an object by lower-case name, whether or not anyone may see them."""
    found: dict[str, Field] | None = store.cache.get(("fields", kind))
    if found is None:
        found = {each.name.lower(): each for each in (*_SYSTEM, *_OWN[kind])}
        rows = store.rows("SELECT name, metadata FROM sf_field WHERE object = ? ORDER BY id", HOLDERS.get(kind, kind))
        for row in rows:
            found[row["name"].lower()] = of_metadata(row["name"], json.loads(row["metadata"]))
        store.cache["fields", kind] = found
    return found
