"""An OpenAPI document of what the sandbox answers, in words of our own: for people, and for tools that fuzz.

The vendors' own files are not free to copy; this one knows only what is served here.
"""

from typing import Any

_TEXT: dict[str, Any] = {"type": "string"}
_COUNT: dict[str, Any] = {"type": "integer"}
_FLAG: dict[str, Any] = {"type": "boolean"}
_VALUE: dict[str, Any] = {"type": ["string", "number", "boolean", "null"]}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(needed: str = "", **known: Any) -> dict[str, Any]:
    return {"type": "object", "properties": known, "required": needed.split()}


_PROPERTIES = {"type": "object", "additionalProperties": _VALUE}
_END = _object("id", id=_TEXT)
_TYPES = _list(_object(associationCategory=_TEXT, associationTypeId=_COUNT))
_NEW = _object("properties", properties=_PROPERTIES, objectWriteTraceId=_TEXT, associations=_list(_object(to=_END, types=_TYPES)))  # fmt: skip
_ROW = _object("id properties", id=_TEXT, idProperty=_TEXT, properties=_PROPERTIES, objectWriteTraceId=_TEXT)
_LINK = _object("from to", **{"from": _END, "to": _END, "types": _TYPES})
_FILTER = _object("propertyName operator", propertyName=_TEXT, operator=_TEXT, value=_TEXT, values=_list(_TEXT))
_OPTION = _object("label value", label=_TEXT, value=_TEXT, displayOrder=_COUNT, hidden=_FLAG)
_PROPERTY = _object(
    "name label type fieldType groupName", name=_TEXT, label=_TEXT, type=_TEXT, fieldType=_TEXT, groupName=_TEXT,
    description=_TEXT, options=_list(_OPTION), hasUniqueValue=_FLAG,
)  # fmt: skip
_RECORD = _object("attributes", attributes=_object("type", type=_TEXT), Id=_TEXT, Name=_TEXT, What=_object())

_BODIES: dict[str, dict[str, Any]] = {
    "record": _NEW,
    "creates": _object("inputs", inputs=_list(_NEW)),
    "rows": _object("inputs", inputs=_list(_ROW)),
    "ids": _object("inputs", inputs=_list(_END), properties=_list(_TEXT), idProperty=_TEXT),
    "search": _object(
        filterGroups=_list(_object(filters=_list(_FILTER))), sorts=_list(_object()), limit=_COUNT, after=_TEXT
    ),
    "links": _object("inputs", inputs=_list(_LINK)),
    "partings": _object("inputs", inputs=_list(_object("from to", **{"from": _END, "to": _list(_END)}))),
    "types": _TYPES,
    "property": _PROPERTY,
    "properties": _object("inputs", inputs=_list(_PROPERTY)),
    "names": _object("inputs", inputs=_list(_object("name", name=_TEXT)), archived=_FLAG),
    "group": _object("name label", name=_TEXT, label=_TEXT, displayOrder=_COUNT),
    "list": _object("name objectTypeId processingType", name=_TEXT, objectTypeId=_TEXT, processingType=_TEXT),
    "members": _list(_TEXT),
    "changes": _object(recordIdsToAdd=_list(_TEXT), recordIdsToRemove=_list(_TEXT)),
    "fields": {"type": "object", "additionalProperties": _VALUE},
    "collection": _object("records", records=_list(_RECORD), allOrNone=_FLAG),
    "wanted": _object("ids fields", ids=_list(_TEXT), fields=_list(_TEXT)),
    "field": _object("FullName Metadata", FullName=_TEXT, Metadata=_object("type", type=_TEXT, label=_TEXT, length=_COUNT)),
    "job": _object("object operation", object=_TEXT, operation=_TEXT, externalIdFieldName=_TEXT, contentType=_TEXT),
    "state": _object("state", state={"enum": ["UploadComplete", "Aborted"]}),
}  # fmt: skip

_HUBSPOT = """
GET owners | GET owners/{owner} | GET account-info/details
GET objects/{kind} | POST objects/{kind} record | POST objects/{kind}/search search
GET objects/{kind}/{record} | PATCH objects/{kind}/{record} record | DELETE objects/{kind}/{record}
POST objects/{kind}/batch/read ids | POST objects/{kind}/batch/create creates | POST objects/{kind}/batch/update rows
POST objects/{kind}/batch/upsert rows | POST objects/{kind}/batch/archive ids
GET objects/{kind}/{record}/associations/{to_kind}
PUT objects/{kind}/{record}/associations/{to_kind}/{to_id} types
DELETE objects/{kind}/{record}/associations/{to_kind}/{to_id}
PUT objects/{kind}/{record}/associations/default/{to_kind}/{to_id}
GET associations/{kind}/{to_kind}/labels | POST associations/{kind}/{to_kind}/batch/create links
POST associations/{kind}/{to_kind}/batch/associate/default links
POST associations/{kind}/{to_kind}/batch/read ids | POST associations/{kind}/{to_kind}/batch/archive partings
GET properties/{kind} | POST properties/{kind} property | GET properties/{kind}/groups
POST properties/{kind}/groups group | GET properties/{kind}/groups/{name}
POST properties/{kind}/batch/create properties | POST properties/{kind}/batch/read names
GET properties/{kind}/{name} | PATCH properties/{kind}/{name} property | DELETE properties/{kind}/{name}
POST lists list | GET lists/{number} | DELETE lists/{number} | GET lists/{number}/memberships
GET pipelines/{kind} | GET lists/object-type-id/{kind}/name/{name} | PUT lists/{number}/memberships/add members
PUT lists/{number}/memberships/remove members | PUT lists/{number}/memberships/add-and-remove changes
"""
_SALESFORCE = """
GET | GET limits | GET query | GET queryall | GET query/{locator} | GET queryall/{locator} | GET sobjects
GET sobjects/{kind} | POST sobjects/{kind} fields | GET sobjects/{kind}/describe
GET sobjects/{kind}/{record} | PATCH sobjects/{kind}/{record} fields | DELETE sobjects/{kind}/{record}
GET sobjects/{kind}/{field}/{value} | PATCH sobjects/{kind}/{field}/{value} fields
DELETE sobjects/{kind}/{field}/{value}
POST composite/sobjects collection | PATCH composite/sobjects collection | DELETE composite/sobjects
GET composite/sobjects/{kind} | POST composite/sobjects/{kind} wanted
PATCH composite/sobjects/{kind}/{field} collection
GET tooling/query | POST tooling/sobjects/customfield field | GET tooling/sobjects/customfield/{record}
PATCH tooling/sobjects/customfield/{record} field
POST jobs/ingest job | GET jobs/ingest | GET jobs/ingest/{job} | PATCH jobs/ingest/{job} state
DELETE jobs/ingest/{job} | PUT jobs/ingest/{job}/batches csv | GET jobs/ingest/{job}/successfulresults
GET jobs/ingest/{job}/failedresults | GET jobs/ingest/{job}/unprocessedrecords
"""

_CHOICES = {
    "hubspot": {"kind": ["companies", "contacts", "tasks", "notes"], "to_kind": ["companies", "contacts", "tasks"]},
    "salesforce": {"kind": ["Account", "Contact", "Task", "User", "FieldPermissions"]},
}
_QUERY = {
    "hubspot": ("limit", "after", "archived", "properties", "associations", "idProperty", "email"),
    "salesforce": ("q", "ids", "fields", "allOrNone", "updateOnly"),
}


def routes(crm: str) -> list[tuple[str, str, str | None]]:
    """(method, path below the version, name of its body) of everything that a CRM answers."""
    lines = {"hubspot": _HUBSPOT, "salesforce": _SALESFORCE}[crm].strip().replace("\n", " | ").split(" | ")
    found: list[tuple[str, str, str | None]] = []
    for line in lines:
        method, path, body = [*line.split(), "", ""][:3]
        found.append((method, path, body or None))
    return found


def document() -> dict[str, Any]:
    """The OpenAPI document, at the newest version of each CRM's paths that it serves by default."""
    paths: dict[str, Any] = {}
    for crm in ("hubspot", "salesforce"):
        for method, path, body in routes(crm):
            paths.setdefault(_full(crm, path), {})[method.lower()] = _operation(crm, path, method, body)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sandbox CRM", "version": "1", "description": __doc__},
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


def _full(crm: str, path: str) -> str:
    if crm == "salesforce":
        return f"/services/data/v68.0/{path}".rstrip("/")
    resource, _, rest = path.partition("/")
    place = "" if resource == "account-info" else "/crm"
    return f"{place}/{resource}/2026-03/{rest}".rstrip("/")


def _operation(crm: str, path: str, method: str, body: str | None) -> dict[str, Any]:
    named = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    told: dict[str, Any] = {
        "parameters": [_in_path(crm, name) for name in named],
        "responses": {"default": {"description": "An answer or a refusal in the vendor's shape"}},
    }
    if method in ("GET", "DELETE"):
        told["parameters"] += [{"name": name, "in": "query", "schema": _TEXT} for name in _QUERY[crm]]
    if body == "csv":
        told["requestBody"] = {"required": True, "content": {"text/csv": {"schema": _TEXT}}}
    elif body:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": _BODIES[body]}}}
    return told


def _in_path(crm: str, name: str) -> dict[str, Any]:
    choices = _CHOICES[crm].get(name)
    schema = {"enum": choices} if choices else {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}
