"""Both CRMs row by row, archived and merged records included: what a check compares with a ledger."""

import json
from typing import Any

from usage_pipeline.sandbox import people
from usage_pipeline.sandbox.store import Store, moment

OURS = "usage_"
"""How the names of the pipeline's own fields begin, in any case."""

_CLOSED = {word: status for status, words in people.FINISHED.items() for word in words}


def of(store: Store, crm: str) -> dict[str, list[dict[str, Any]]]:
    """`companies` and `tasks` of a CRM in the order they were made, fields under the CRM's own names."""
    if crm == "hubspot":
        return {"companies": _hubspot_companies(store), "tasks": _hubspot_tasks(store)}
    return {"companies": _salesforce_companies(store), "tasks": _salesforce_tasks(store)}


def _ours(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name.lower().startswith(OURS)}


def _task_key(values: dict[str, Any]) -> Any:
    names = (name for name in values if name.lower().removesuffix("__c").endswith("task_key"))
    return values.get(next(names, ""))


def _hubspot_companies(store: Store) -> list[dict[str, Any]]:
    key = store.setting("hubspot_account_key")
    rows = store.rows(
        "SELECT o.*, m.into_id FROM hs_object o LEFT JOIN hs_merged m USING (id) WHERE o.type = 'companies' ORDER BY o.id"
    )
    return [
        {
            "id": str(row["id"]),
            "name": (values := json.loads(row["properties"])).get("name"),
            "account_key": values.get(key),
            "archived": bool(row["archived"]),
            "merged_into": str(row["into_id"]) if row["into_id"] else None,
            "fields": _ours(values),
            "modified": moment(row["modified"]),
        }
        for row in rows
    ]


def _hubspot_tasks(store: Store) -> list[dict[str, Any]]:
    rows = store.rows(
        "SELECT t.*, min(a.to_id) AS company FROM hs_object t "
        "LEFT JOIN hs_association a ON a.from_id = t.id AND a.to_type = 'companies' "
        "WHERE t.type = 'tasks' GROUP BY t.id ORDER BY t.id"
    )
    return [
        {
            "id": str(row["id"]),
            "key": _task_key(values := json.loads(row["properties"])),
            "company_id": str(row["company"]) if row["company"] else None,
            "subject": values.get("hs_task_subject"),
            "status": values.get("hs_task_status"),
            "state": _CLOSED.get(values.get("hs_task_status", ""), "open"),
            "owner": values.get("hubspot_owner_id"),
            "archived": bool(row["archived"]),
        }
        for row in rows
    ]


def _salesforce_companies(store: Store) -> list[dict[str, Any]]:
    key = store.setting("salesforce_account_key")
    return [
        {
            "id": row["id"],
            "name": (values := json.loads(row["fields"])).get("Name"),
            "account_key": values.get(key),
            "archived": bool(row["deleted"]),
            "merged_into": values.get("MasterRecordId"),
            "fields": _ours(values),
            "modified": moment(row["modified"]),
        }
        for row in store.rows("SELECT * FROM sf_record WHERE object = 'Account' ORDER BY id")
    ]


def _salesforce_tasks(store: Store) -> list[dict[str, Any]]:
    return [
        {
            "id": row["id"],
            "key": _task_key(values := json.loads(row["fields"])),
            "company_id": values.get("WhatId"),
            "subject": values.get("Subject"),
            "status": values.get("Status"),
            "state": _CLOSED.get(values.get("Status", ""), "open"),
            "owner": values.get("OwnerId"),
            "archived": bool(row["deleted"]),
        }
        for row in store.rows("SELECT * FROM sf_record WHERE object = 'Task' ORDER BY id")
    ]
