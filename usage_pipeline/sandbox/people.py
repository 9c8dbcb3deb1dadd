"""What a person does in a CRM's own pages: finish a task, edit a company. It is not an API call, and looks like none."""

from typing import Any

from usage_pipeline.sandbox import merging
from usage_pipeline.sandbox.hubspot import records as hubspot_records
from usage_pipeline.sandbox.salesforce import records as salesforce_records
from usage_pipeline.sandbox.salesforce import writing as salesforce_writing
from usage_pipeline.sandbox.store import Store

FINISHED = {"done": ("COMPLETED", "Completed"), "dismissed": ("DEFERRED", "Deferred")}


def finish(store: Store, crm: str, task_id: str, status: str, answer: str) -> None:
    """The owner of a task ends it and writes down what came of it.

    Raises:
        LookupError: for a task that is not there.
        ValueError: for a status other than done and dismissed.
    """
    if status not in FINISHED:
        raise ValueError(f"status must be one of {', '.join(FINISHED)}, not {status!r}")
    hubspot_status, salesforce_status = FINISHED[status]
    if crm == "hubspot":
        task = _hubspot(store, "tasks", task_id)
        changes = {"hs_task_status": hubspot_status}
        if answer:
            changes["hs_task_body"] = answered(task.properties.get("hs_task_body", ""), answer)
        hubspot_records.change(store, task, changes, user=_user(store, task.properties.get("hubspot_owner_id")))
        return
    record = _salesforce(store, "Task", task_id)
    fields = {"Status": salesforce_status}
    if answer:
        fields["Description"] = answered(record.value("Description") or "", answer)
    salesforce_writing.change(store, record, fields, user=record.value("OwnerId"), admin=True)


def answered(body: str, answer: str) -> str:
    """The body with the answer below it."""
    return f"{body}\n\nAnswer: {answer}".lstrip()


def edit(store: Store, crm: str, company_id: str, properties: dict[str, Any]) -> None:
    """Someone changes a company by hand.

    Raises:
        LookupError: for a company that is not there.
    """
    if crm == "hubspot":
        company = _hubspot(store, "companies", company_id)
        user = _user(store, company.properties.get("hubspot_owner_id"))
        hubspot_records.change(
            store, company, {name: "" if value is None else value for name, value in properties.items()}, user=user
        )
        return
    account = _salesforce(store, "Account", company_id)
    salesforce_writing.change(store, account, properties, user=account.value("OwnerId"), admin=True)


def remove(store: Store, crm: str, company_id: str) -> None:
    """Someone deletes a company."""
    if crm == "hubspot":
        hubspot_records.archive(store, _hubspot(store, "companies", company_id))
    else:
        salesforce_writing.delete(store, _salesforce(store, "Account", company_id))


def merge(store: Store, crm: str, company_id: str, *, into: str) -> str:
    """Someone merges a company into another; gives the id of what both are now.

    Raises:
        LookupError: for a company that is not there.
        ValueError: for a company and itself.
    """
    if company_id == into:
        raise ValueError(f"{company_id} cannot be merged with itself")
    if crm == "hubspot":
        primary, other = (_hubspot(store, "companies", each) for each in (into, company_id))
        return str(merging.hubspot(store, primary, other).id)
    winner, loser = (_salesforce(store, "Account", each) for each in (into, company_id))
    merging.salesforce(store, winner, loser)
    return winner.id


def activate(store: Store, email: str, *, active: bool) -> None:
    """An administrator lets a person in or shuts one out, in both CRMs.

    Raises:
        LookupError: for a person that neither CRM knows.
    """
    found = store.run("UPDATE hs_owner SET archived = ? WHERE email = ?", not active, email)
    found += store.run(
        "UPDATE sf_record SET fields = json_set(fields, '$.IsActive', json(?)) "
        "WHERE object = 'User' AND lower(json_extract(fields, '$.Email')) = lower(?)",
        "true" if active else "false",
        email,
    )
    if not found:
        raise LookupError(f"nobody has the address {email}")


def _hubspot(store: Store, kind: str, record_id: str) -> hubspot_records.Record:
    record = hubspot_records.find(store, kind, record_id)
    if record is None:
        raise LookupError(f"HubSpot has no {kind} {record_id}")
    return record


def _salesforce(store: Store, kind: str, record_id: str) -> salesforce_records.Record:
    record = salesforce_records.find(store, record_id)
    if record is None or record.kind != kind or record.deleted:
        raise LookupError(f"Salesforce has no {kind} {record_id}")
    return record


def _user(store: Store, owner: str | None) -> int:
    """The HubSpot user behind an owner; the portal's administrator where there is none."""
    row = store.row("SELECT user_id FROM hs_owner WHERE id = ?", owner) if owner else None
    return int(row["user_id"]) if row else 1
