"""What a company's CRM holds before the pipeline ever calls: identity, people, companies."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from usage_pipeline.sandbox.hubspot import definitions, owners, standard
from usage_pipeline.sandbox.hubspot import records as hubspot_records
from usage_pipeline.sandbox.salesforce import api as salesforce
from usage_pipeline.sandbox.salesforce import records as salesforce_records
from usage_pipeline.sandbox.salesforce import schema, tooling
from usage_pipeline.sandbox.salesforce import writing as salesforce_writing
from usage_pipeline.sandbox.store import Store

CRMS = ("hubspot", "salesforce")


def prepare(store: Store) -> None:
    """Give a new state file its identity: one portal, one organisation, never those of another file."""
    if store.setting("portal_id") is None:
        store.set("portal_id", 10_000_000 + secrets.randbelow(80_000_000))
    salesforce.prepare(store)


@dataclass(frozen=True)
class _Owner:
    hubspot: int
    salesforce: str


def fill(store: Store, given: dict[str, Any]) -> dict[str, Any]:
    """Add owners and companies to both CRMs, as their administrators would have; gives the new ids in order.

    Raises:
        ValueError: for a company without a name or with an owner that nobody knows, and for another shape.
    """
    _check_shape(given)
    names = given.get("account_key_property") or {}
    for crm in CRMS:
        if names.get(crm):
            store.set(f"{crm}_account_key", names[crm])
    companies = given.get("companies") or []
    if any(company.get("account_key") for company in companies):
        _define_account_key(store)
    people = {person["email"]: _owner(store, person) for person in given.get("owners") or []}
    made = [_company(store, company, people) for company in companies]
    return {
        "owners": len(people),
        "companies": {crm: sum(crm in ids for ids in made) for crm in CRMS},
        "ids": made,
    }


def _check_shape(given: dict[str, Any]) -> None:
    for name, rows in (("owners", given.get("owners")), ("companies", given.get("companies"))):
        if not isinstance(rows or [], list) or not all(isinstance(row, dict) for row in rows or []):
            raise ValueError(f"{name} must be a list of objects")
        for row in rows or []:
            odd = [key for key, value in row.items() if not isinstance(value, str | int | float | bool | None)]
            if odd:
                raise ValueError(f"{odd[0]} of {name} must be text")
    if not all(isinstance(person.get("email"), str) and person["email"] for person in given.get("owners") or []):
        raise ValueError("an owner needs an email")
    names = given.get("account_key_property") or {}
    if not isinstance(names, dict) or not all(isinstance(name, str | None) for name in names.values()):
        raise ValueError('account_key_property is {"hubspot": "name", "salesforce": "Name__c"}')


def _owner(store: Store, person: dict[str, Any]) -> _Owner:
    email = person["email"]
    first, last = person.get("first_name") or "", person.get("last_name") or email.partition("@")[0]
    user = _salesforce_user(store, email)
    if user is None:
        fields = {"Username": email, "Email": email, "FirstName": first, "LastName": last, "Title": person.get("role")}
        user = salesforce_writing.create(store, "User", fields, admin=True).id
    return _Owner(owners.add(store, email, first, last), user)


def _known_owner(store: Store, email: str) -> _Owner:
    row = store.row("SELECT id FROM hs_owner WHERE email = ? AND NOT archived", email)
    user = _salesforce_user(store, email)
    if row is None or user is None:
        raise ValueError(f"owner {email} is unknown: name that person in owners")
    return _Owner(row["id"], user)


def _salesforce_user(store: Store, email: str) -> str | None:
    found = salesforce_records.by_key(store, "User", schema.fields(store, "User")["username"], email)
    return found[0].id if found else None


def _company(store: Store, company: dict[str, Any], people: dict[str, _Owner]) -> dict[str, str]:
    if not company.get("name"):
        raise ValueError(f"a company needs a name: {company}")
    email = company.get("owner_email")
    if email and email not in people:
        people[email] = _known_owner(store, email)
    owner = people[email] if email else None
    made = {}
    for crm in CRMS:
        if company.get("only") in (None, crm):
            made[crm] = (
                _in_hubspot(store, company, owner) if crm == "hubspot" else _in_salesforce(store, company, owner)
            )
    return made


def _in_hubspot(store: Store, company: dict[str, Any], owner: _Owner | None) -> str:
    properties = {name: company.get(name) for name in ("name", "domain", "phone", "city")}
    properties["industry"] = _industry(store, company.get("industry"))
    properties["hubspot_owner_id"] = owner.hubspot if owner else None
    properties[store.setting("hubspot_account_key")] = company.get("account_key")
    given = {name: value for name, value in properties.items() if value is not None}
    return str(hubspot_records.create(store, "companies", given, user=1).id)


def _industry(store: Store, industry: str | None) -> str | None:
    """The option's value; an industry that HubSpot does not list is added, as an administrator can."""
    if not industry:
        return None
    value = industry.upper().replace("&", "AND").replace(" ", "_")
    definition = definitions.all_of(store, "companies")["industry"]
    if value not in {option["value"] for option in definition["options"]}:
        option = {"label": industry, "value": value, "displayOrder": len(definition["options"]), "hidden": False}
        changed = {**definition, "options": [*definition["options"], option]}
        store.run("INSERT OR REPLACE INTO hs_property VALUES ('companies', 'industry', ?, 0)", json.dumps(changed))
        store.cache.pop(("properties", "companies"), None)
    return value


def _in_salesforce(store: Store, company: dict[str, Any], owner: _Owner | None) -> str:
    fields = {
        "Name": company["name"],
        "Website": company.get("domain"),
        "Phone": company.get("phone"),
        "BillingCity": company.get("city"),
        "Industry": company.get("industry"),
        "OwnerId": owner.salesforce if owner else None,
        store.setting("salesforce_account_key"): company.get("account_key"),
    }
    given = {name: value for name, value in fields.items() if value is not None}
    return salesforce_writing.create(store, "Account", given, admin=True).id


def _define_account_key(store: Store) -> None:
    """The customer's own field for the product's account id, in both CRMs; not unique, since theirs are not."""
    name = store.setting("hubspot_account_key")
    if name not in definitions.all_of(store, "companies"):
        definition = {"name": name, "label": "Product account ID", "type": "string", "fieldType": "text"}
        definitions.create(store, "companies", {**definition, "groupName": standard.GROUPS["companies"][0]})
    field = store.setting("salesforce_account_key")
    if field.lower() not in schema.fields(store, "Account"):
        metadata = {"label": "Product account ID", "type": "Text", "length": 80, "externalId": True, "unique": False}
        tooling.add_field(store, f"Account.{field}", metadata)
        _show(store, f"Account.{field}")


def _show(store: Store, field: str) -> None:
    """A permission set of the administrators shows their field to the integration user."""
    known = schema.fields(store, "PermissionSet")["name"]
    found = salesforce_records.by_key(store, "PermissionSet", known, "CRM_Administration")
    if found:
        permission_set = found[0].id
    else:
        named = {"Name": "CRM_Administration", "Label": "CRM administration"}
        permission_set = salesforce_writing.create(store, "PermissionSet", named).id
        assigned = {"PermissionSetId": permission_set, "AssigneeId": store.setting("salesforce_user")}
        salesforce_writing.create(store, "PermissionSetAssignment", assigned)
    shown = {"SobjectType": field.partition(".")[0], "Field": field, "PermissionsRead": True, "PermissionsEdit": True}
    salesforce_writing.create(store, "FieldPermissions", {"ParentId": permission_set, **shown})
