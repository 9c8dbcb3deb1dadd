"""Two records become one, as a person merges duplicates: each CRM keeps its ids in its own way."""

import json

from usage_pipeline.sandbox.hubspot import definitions
from usage_pipeline.sandbox.hubspot import records as hubspot_records
from usage_pipeline.sandbox.salesforce import records as salesforce_records
from usage_pipeline.sandbox.salesforce import schema
from usage_pipeline.sandbox.salesforce import writing as salesforce_writing
from usage_pipeline.sandbox.store import Store


def hubspot(store: Store, primary: hubspot_records.Record, other: hubspot_records.Record) -> hubspot_records.Record:
    """A third record with an id of its own, to which both old ids lead from now on.

    So it is for companies and contacts since 2024, says HubSpot's changelog ("Updated merge functionality
    for contacts and companies"): the primary's values win, associations of both come along.
    """
    known = definitions.all_of(store, primary.kind)
    values = {
        name: value
        for name, value in {**other.properties, **primary.properties}.items()
        if name in known and not known[name]["modificationMetadata"]["readOnlyValue"]
    }
    for each in (primary, other):
        hubspot_records.archive(store, each)
    made = hubspot_records.create(store, primary.kind, values, user=1)
    for each in (primary, other):
        store.run("UPDATE OR REPLACE hs_association SET from_id = ? WHERE from_id = ?", made.id, each.id)
        store.run("UPDATE OR REPLACE hs_association SET to_id = ? WHERE to_id = ?", made.id, each.id)
        store.run("UPDATE hs_merged SET into_id = ? WHERE into_id = ?", made.id, each.id)
        store.run("INSERT OR REPLACE INTO hs_merged VALUES (?, ?)", each.id, made.id)
    return made


def salesforce(store: Store, winner: salesforce_records.Record, loser: salesforce_records.Record) -> None:
    """The winner stays and takes what it lacked; the loser is deleted and names its master; children move over."""
    known = schema.fields(store, winner.kind)
    lacking = {
        name: value
        for name, value in loser.fields.items()
        if winner.fields.get(name) is None and name.lower() in known and known[name.lower()].updateable
    }
    salesforce_writing.delete(store, loser)
    fields = json.dumps({**loser.fields, "MasterRecordId": winner.id})
    store.run("UPDATE sf_record SET fields = ? WHERE id = ?", fields, loser.id)
    if lacking:
        salesforce_writing.change(store, winner, lacking, admin=True)
    for name in ("WhatId", "WhoId", "AccountId", "ParentId"):
        store.run(
            f"UPDATE sf_record SET fields = json_set(fields, '$.{name}', ?), modified = ? "
            f"WHERE json_extract(fields, '$.{name}') = ? AND NOT deleted",
            winner.id,
            store.now(),
            loser.id,
        )
