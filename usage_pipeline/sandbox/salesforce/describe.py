"""Describe: what an object and its fields are, as the integration user sees them (CRM_APIS 4.4)."""

from typing import Any

from usage_pipeline.sandbox.exchange import Call, Reply
from usage_pipeline.sandbox.salesforce import access, ids, schema, sobjects
from usage_pipeline.sandbox.salesforce.schema import Field
from usage_pipeline.sandbox.store import Store

_SOAP = {
    "boolean": "xsd:boolean", "double": "xsd:double", "percent": "xsd:double", "currency": "xsd:double", "int": "xsd:int",
    "date": "xsd:date", "datetime": "xsd:dateTime", "id": "tns:ID", "reference": "tns:ID",
}  # fmt: skip


def everything(store: Store, call: Call, version: str) -> Reply:  # noqa: ARG001
    return Reply(
        200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [_brief(kind, version) for kind in schema.LABELS]}
    )


def brief(store: Store, call: Call, version: str, kind: str) -> Reply:  # noqa: ARG001
    return Reply(200, {"objectDescribe": _brief(sobjects.kind_of(kind), version), "recentItems": []})


def _brief(kind: str, version: str) -> dict[str, Any]:
    writable = kind not in ("Organization", "Profile", "User")
    base = f"/services/data/v{version}/sobjects/{kind}"
    return {
        "name": kind,
        "label": schema.LABELS[kind],
        "labelPlural": f"{schema.LABELS[kind]}s",
        "keyPrefix": ids.PREFIXES[kind],
        "custom": False,
        "createable": writable,
        "updateable": writable,
        "deletable": writable,
        "queryable": True,
        "retrieveable": True,
        "searchable": True,
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": base + "/{ID}"},
    }


def one(store: Store, call: Call, version: str, kind: str) -> Reply:  # noqa: ARG001
    kind = sobjects.kind_of(kind)
    editable = access.editable(store, kind)
    fields = [_field(each, editable) for each in access.visible(store, kind).values()]
    return Reply(200, {**_brief(kind, version), "fields": fields, "childRelationships": [], "recordTypeInfos": []})


def _field(field: Field, editable: set[str]) -> dict[str, Any]:
    may = not field.custom or field.name.lower() in editable
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "soapType": _SOAP.get(field.type, "xsd:string"),
        "length": field.length,
        "byteLength": field.length * 3,
        "precision": field.precision,
        "scale": field.scale,
        "digits": field.precision if field.type == "int" else 0,
        "custom": field.custom,
        "nillable": field.nillable,
        "createable": field.createable and may,
        "updateable": field.updateable and may,
        "unique": field.unique,
        "caseSensitive": field.case_sensitive,
        "externalId": field.external_id,
        "idLookup": field.id_lookup,
        "filterable": field.filterable,
        "sortable": field.filterable,
        "groupable": field.filterable and field.type not in ("double", "currency", "percent", "datetime"),
        "calculated": False,
        "autoNumber": False,
        "nameField": field.name == "Name",
        "defaultedOnCreate": field.default is not None,
        "defaultValue": field.default,
        "restrictedPicklist": field.restricted,
        "picklistValues": [
            {"active": True, "defaultValue": each == field.default, "label": each, "validFor": None, "value": each}
            for each in field.choices
        ],
        "referenceTo": list(field.refers_to),
        "relationshipName": field.relationship,
        "polymorphicForeignKey": field.name in ("WhatId", "WhoId"),
        "compoundFieldName": None,
        "inlineHelpText": field.help,
        "extraTypeInfo": "plaintextarea" if field.type == "textarea" else None,
    }
