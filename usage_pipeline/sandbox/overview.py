"""Companies and tasks of both CRMs in one shape, as a person sees them."""

import html
import json
import re
from dataclasses import dataclass
from typing import Any

from usage_pipeline.sandbox import people
from usage_pipeline.sandbox.hubspot import definitions, standard
from usage_pipeline.sandbox.hubspot import records as hubspot_records
from usage_pipeline.sandbox.salesforce import records as salesforce_records
from usage_pipeline.sandbox.salesforce import schema
from usage_pipeline.sandbox.store import Store, moment

CLOSED = {word: status for status, words in people.FINISHED.items() for word in words}
"""What each CRM calls a task that nobody has to do any more."""


@dataclass(frozen=True)
class Column:
    """A custom field of companies: `key` is the name both CRMs share, `usage_churn_risk` for Usage_Churn_Risk__c."""

    key: str
    name: str
    label: str
    type: str


@dataclass(frozen=True)
class Company:
    """One company or account."""

    crm: str
    id: str
    name: str
    domain: str | None
    owner: str | None
    account_key: str | None
    modified: str
    values: dict[str, Any]
    """Custom field values by key."""
    facts: dict[str, Any]
    """Standard fields that have a value, by label."""


def columns(store: Store, crm: str) -> list[Column]:
    """The custom fields that companies have in this CRM, in the order they were made."""
    if crm == "hubspot":
        known = definitions.all_of(store, "companies").values()
        return [
            Column(each["name"], each["name"], each["label"], each["type"])
            for each in known
            if not each["hubspotDefined"]
        ]
    fields = schema.fields(store, "Account").values()
    return [Column(_key(each.name), each.name, each.label, each.type) for each in fields if each.custom]


def _key(name: str) -> str:
    return name.lower().removesuffix("__c")


_SOURCES = {
    "hubspot": ("hs_object", "properties", "type = 'companies' AND NOT archived", "$.name", "$.domain"),
    "salesforce": ("sf_record", "fields", "object = 'Account' AND NOT deleted", "$.Name", "$.Website"),
}


def companies(
    store: Store,
    crm: str,
    *,
    where: dict[str, str] | None = None,
    words: str = "",
    order: str = "",
    limit: int = 100,
    offset: int = 0,
) -> tuple[int, list[Company]]:
    """How many companies match, and one page of them; `where` filters by key, `order` sorts the highest first."""
    table, stored, live, name, domain = _SOURCES[crm]
    named = {column.key: f"$.{column.name}" for column in columns(store, crm)}
    clauses, given = [live], []
    for key, value in (where or {}).items():
        clauses.append(f"json_extract({stored}, ?) = ?")
        given += [named.get(key, "$.none"), value]
    if words:
        clauses.append(f"(json_extract({stored}, ?) LIKE ? OR json_extract({stored}, ?) LIKE ?)")
        given += [name, f"%{words}%", domain, f"%{words}%"]
    condition = " AND ".join(clauses)
    total = store.row(f"SELECT count(*) FROM {table} WHERE {condition}", *given)
    ranked = "1"
    if order in named:
        # HubSpot keeps numbers as text.
        ranked, given = f"CAST(json_extract({stored}, ?) AS REAL) DESC", [*given, named[order]]
    rows = store.rows(
        f"SELECT * FROM {table} WHERE {condition} ORDER BY {ranked}, json_extract({stored}, '{name}') COLLATE NOCASE, id LIMIT ? OFFSET ?",
        *given,
        limit,
        offset,
    )
    seen = columns(store, crm)
    return int(total[0]) if total else 0, [_company(store, crm, row, seen) for row in rows]


def choices(store: Store, crm: str, key: str) -> list[str]:
    """The values that companies have under a key."""
    table, stored, live, *_ = _SOURCES[crm]
    name = next((column.name for column in columns(store, crm) if column.key == key), None)
    if name is None:
        return []
    rows = store.rows(
        f"SELECT DISTINCT json_extract({stored}, ?) AS value FROM {table} WHERE {live} ORDER BY 1", f"$.{name}"
    )
    return [str(row["value"]) for row in rows if row["value"] not in (None, "")]


def company(store: Store, crm: str, company_id: str) -> Company | None:
    """One company that is not archived or deleted."""
    table, _, live, *_ = _SOURCES[crm]
    row = store.row(f"SELECT * FROM {table} WHERE {live} AND id = ?", company_id)
    return _company(store, crm, row, columns(store, crm)) if row else None


def _company(store: Store, crm: str, row: Any, seen: list[Column]) -> Company:
    account_key = store.setting(f"{crm}_account_key")
    if crm == "hubspot":
        record = hubspot_records.Record.of(row)
        known, given = definitions.all_of(store, "companies"), dict(record.properties)
        owner, name, domain = (
            _hubspot_owner(store, given.get("hubspot_owner_id")),
            given.get("name"),
            given.get("domain"),
        )
        facts = {
            known[each]["label"]: value
            for each, value in given.items()
            if each in known and known[each]["hubspotDefined"]
        }
    else:
        account = salesforce_records.Record.of(row)
        fields, given = schema.fields(store, "Account"), dict(account.fields)
        owner, name, domain = _salesforce_owner(store, given.get("OwnerId")), given.get("Name"), given.get("Website")
        facts = {fields[each.lower()].label: value for each, value in given.items() if not fields[each.lower()].custom}
    return Company(
        crm=crm,
        id=str(row["id"]),
        name=name or "(no name)",
        domain=domain,
        owner=owner,
        account_key=given.get(account_key),
        modified=moment(row["modified"]),
        values={column.key: given.get(column.name) for column in seen},
        facts=facts,
    )


def _hubspot_owner(store: Store, owner: str | None) -> str | None:
    row = store.row("SELECT email FROM hs_owner WHERE id = ?", owner) if owner else None
    return row["email"] if row else None


def _salesforce_owner(store: Store, user: str | None) -> str | None:
    record = salesforce_records.find(store, user) if user else None
    return record.value("Email") if record else None


@dataclass(frozen=True)
class Task:
    """One task of either CRM."""

    crm: str
    id: str
    subject: str
    body: str
    status: str
    """open, done or dismissed"""
    crm_status: str
    priority: str | None
    due: str | None
    owner_email: str | None
    company_id: str | None
    company_name: str | None
    account_key: str | None
    task_key: str | None
    created_at: str

    @property
    def plain_body(self) -> str:
        """The body without markup: HubSpot's may be HTML."""
        text = re.sub(r"<\s*(?:br|/p|/li|/div|/h\d)[^>]*>", "\n", self.body, flags=re.IGNORECASE)
        return html.unescape(re.sub(r"<[a-zA-Z/][^>]*>", "", text)).strip()


def tasks(
    store: Store, *, status: str | None = None, crm: str | None = None, company_id: str | None = None
) -> list[Task]:
    """Tasks of both CRMs, oldest first."""
    found = []
    if crm in (None, "hubspot"):
        found += _hubspot_tasks(store, company_id)
    if crm in (None, "salesforce"):
        found += _salesforce_tasks(store, company_id)
    return [task for task in found if status in (None, task.status)]


def _hubspot_tasks(store: Store, company_id: str | None) -> list[Task]:
    rows = store.rows(
        "SELECT t.*, c.id AS company_id, c.properties AS company FROM hs_object t "
        "LEFT JOIN hs_association a ON a.from_id = t.id AND a.to_type = 'companies' "
        "LEFT JOIN hs_object c ON c.id = a.to_id AND NOT c.archived "
        "WHERE t.type = 'tasks' AND NOT t.archived AND (? IS NULL OR a.to_id = ?) GROUP BY t.id ORDER BY t.id",
        company_id,
        company_id,
    )
    key = _task_key(
        [each["name"] for each in definitions.all_of(store, "tasks").values() if not each["hubspotDefined"]]
    )
    found = []
    for row in rows:
        task, of = hubspot_records.Record.of(row).properties, json.loads(row["company"] or "{}")
        status = task.get("hs_task_status", "NOT_STARTED")
        found.append(
            Task(
                crm="hubspot",
                id=str(row["id"]),
                subject=task.get("hs_task_subject", ""),
                body=task.get("hs_task_body", ""),
                status=CLOSED.get(status, "open"),
                crm_status=status,
                priority=task.get("hs_task_priority"),
                due=task.get("hs_timestamp"),
                owner_email=_hubspot_owner(store, task.get("hubspot_owner_id")),
                company_id=str(row["company_id"]) if row["company_id"] else None,
                company_name=of.get("name"),
                account_key=of.get(store.setting("hubspot_account_key")),
                task_key=task.get(key) if key else None,
                created_at=moment(row["created"]),
            )
        )
    return found


def _salesforce_tasks(store: Store, company_id: str | None) -> list[Task]:
    rows = store.rows(
        "SELECT * FROM sf_record WHERE object = 'Task' AND NOT deleted AND (? IS NULL OR json_extract(fields, '$.WhatId') = ?) ORDER BY id",
        company_id,
        company_id,
    )
    key = _task_key([field.name for field in schema.fields(store, "Task").values() if field.custom])
    found = []
    for row in rows:
        task = salesforce_records.Record.of(row)
        of = salesforce_records.find(store, task.value("WhatId")) if task.value("WhatId") else None
        found.append(
            Task(
                crm="salesforce",
                id=task.id,
                subject=task.value("Subject") or "",
                body=task.value("Description") or "",
                status=CLOSED.get(task.value("Status"), "open"),
                crm_status=task.value("Status"),
                priority=task.value("Priority"),
                due=task.value("ActivityDate"),
                owner_email=_salesforce_owner(store, task.value("OwnerId")),
                company_id=task.value("WhatId"),
                company_name=of.value("Name") if of else None,
                account_key=of.value(store.setting("salesforce_account_key")) if of else None,
                task_key=task.value(key) if key else None,
                created_at=moment(task.created),
            )
        )
    return found


def _task_key(names: list[str]) -> str | None:
    """The property that makes a task the pipeline's own: its name ends in `task_key`."""
    return next((name for name in names if _key(name).endswith("task_key")), None)


def counts(store: Store) -> dict[str, dict[str, int]]:
    """Records per CRM, as the start page and `health` tell them."""
    hubspot = dict(store.db.execute("SELECT type, count(*) FROM hs_object WHERE NOT archived GROUP BY type").fetchall())
    salesforce = dict(
        store.db.execute("SELECT object, count(*) FROM sf_record WHERE NOT deleted GROUP BY object").fetchall()
    )
    requests = dict(store.db.execute("SELECT crm, sum(calls) FROM called GROUP BY crm").fetchall())
    owners = store.row("SELECT count(*) FROM hs_owner WHERE NOT archived")
    return {
        "hubspot": {kind: hubspot.get(kind, 0) for kind in standard.TYPE_IDS}
        | {"owners": owners[0] if owners else 0, "requests": requests.get("hubspot", 0)},
        "salesforce": {
            "companies": salesforce.get("Account", 0),
            "contacts": salesforce.get("Contact", 0),
            "tasks": salesforce.get("Task", 0),
            "owners": salesforce.get("User", 1) - 1,
            "requests": requests.get("salesforce", 0),
        },
    }
