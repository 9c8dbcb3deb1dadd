"""Search: filters over records as the index knows them, which may lag behind (CRM_APIS 2.2)."""

from dataclasses import dataclass
from typing import Any

from usage_pipeline.sandbox.exchange import Reply
from usage_pipeline.sandbox.hubspot import definitions, records, refusals, shapes, standard, values
from usage_pipeline.sandbox.hubspot.asked import Asked, kind_of
from usage_pipeline.sandbox.store import Store

MOST_HITS, MOST_LIMIT, MOST_CHARACTERS = 10_000, 200, 3_000
MOST_GROUPS, MOST_IN_GROUP, MOST_FILTERS = 5, 6, 18

_COMPARE = {"EQ": "=", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}


@dataclass(frozen=True)
class _Clause:
    sql: str
    values: tuple[Any, ...]


def search(store: Store, asked: Asked, kind: str) -> Reply:
    kind, given = kind_of(kind), asked.object()
    if len(asked.call.body) > MOST_CHARACTERS:
        raise refusals.invalid(f"The search body is longer than {MOST_CHARACTERS} characters")
    limit, after = _paging(given)
    wanted = shapes.texts(given, "properties")
    clause = _where(store, kind, shapes.many(given, "filterGroups"))
    source, seen = _source(store, kind)
    total = store.row(f"{source} SELECT count(*) FROM seen WHERE {clause.sql}", *seen, *clause.values)
    hits = store.rows(
        f"{source} SELECT * FROM seen WHERE {clause.sql} ORDER BY {_order(store, kind, given)} LIMIT ? OFFSET ?",
        *seen,
        *clause.values,
        limit,
        after,
    )
    # A record archived since it was indexed is still counted, but no longer shown.
    results = [records.shown(store, records.Record.of(row), wanted) for row in hits if not row["archived"]]
    count = int(total[0]) if total else 0
    body: dict[str, Any] = {"total": count, "results": results}
    if after + limit < count:
        body["paging"] = {"next": {"after": str(after + limit), "link": "?after=" + str(after + limit)}}
    return Reply(200, body)


def _paging(given: dict[str, Any]) -> tuple[int, int]:
    limit, after = shapes.whole(given, "limit", 10), shapes.whole(given, "after", 0)
    if not 1 <= limit <= MOST_LIMIT:
        raise refusals.invalid(f"limit must lie between 1 and {MOST_LIMIT}, not {limit}")
    if after + limit > MOST_HITS:
        raise refusals.invalid(f"A search reaches {MOST_HITS} results at most; narrow it by its filters")
    return limit, after


def _source(store: Store, kind: str) -> tuple[str, tuple[Any, ...]]:
    now = store.now()
    if not store.row("SELECT 1 FROM hs_unindexed WHERE until > ?", now):
        return "WITH seen AS (SELECT * FROM hs_object WHERE type = ? AND NOT archived)", (kind,)
    source = (
        "WITH seen AS (SELECT * FROM hs_object WHERE type = ? AND NOT archived AND id NOT IN "
        "(SELECT id FROM hs_unindexed WHERE until > ?) UNION ALL "
        "SELECT u.id, u.type, u.properties, u.created, u.modified, o.archived FROM hs_unindexed u JOIN hs_object o USING (id) "
        "WHERE u.type = ? AND u.until > ? AND u.properties IS NOT NULL)"
    )
    return source, (kind, now, kind, now)


def _where(store: Store, kind: str, groups: list[dict[str, Any]]) -> _Clause:
    sizes = [len(shapes.many(group, "filters")) for group in groups]
    if len(groups) > MOST_GROUPS or any(size > MOST_IN_GROUP for size in sizes) or sum(sizes) > MOST_FILTERS:
        raise refusals.invalid(
            f"A search holds at most {MOST_GROUPS} filterGroups of {MOST_IN_GROUP} filters, {MOST_FILTERS} filters in all"
        )
    either, given = [], []
    for group in groups:
        clauses = [_filter(store, kind, each) for each in shapes.many(group, "filters")]
        either.append("(" + " AND ".join(clause.sql for clause in clauses or [_Clause("1", ())]) + ")")
        given += [value for clause in clauses for value in clause.values]
    return _Clause(" OR ".join(either) or "1", tuple(given))


def _filter(store: Store, kind: str, given: dict[str, Any]) -> _Clause:
    name, operator = shapes.text(given, "propertyName"), shapes.text(given, "operator")
    definition = definitions.all_of(store, kind).get(name or "")
    if definition is None:
        raise refusals.invalid(f"There was a problem with the request: property {name} does not exist")
    column = _column(kind, definition)

    def value(key: str = "value") -> Any:
        return _comparable(kind, definition, shapes.text(given, key) or "")

    match operator:
        case "EQ" | "LT" | "LTE" | "GT" | "GTE":
            return _Clause(f"{column} {_COMPARE[operator]} ?", (value(),))
        case "NEQ":
            return _Clause(f"{column} IS NOT ?", (value(),))
        case "BETWEEN":
            return _Clause(f"{column} BETWEEN ? AND ?", (value(), value("highValue")))
        case "IN" | "NOT_IN":
            listed = tuple(_comparable(kind, definition, each) for each in shapes.texts(given, "values"))
            clause = f"{column} IN ({', '.join('?' * len(listed))})"
            return _Clause(clause if operator == "IN" else f"NOT coalesce({clause}, 0)", listed)
        case "HAS_PROPERTY" | "NOT_HAS_PROPERTY":
            return _Clause(f"{column} IS {'NOT ' if operator == 'HAS_PROPERTY' else ''}NULL", ())
        case "CONTAINS_TOKEN" | "NOT_CONTAINS_TOKEN":
            pattern = "%" + (shapes.text(given, "value") or "").replace("*", "%") + "%"
            return _Clause(f"coalesce({column} LIKE ?, 0) = {int(operator == 'CONTAINS_TOKEN')}", (pattern,))
    raise refusals.invalid(f"Invalid input JSON: {operator} is no search operator")


def _column(kind: str, definition: dict[str, Any]) -> str:
    name = definition["name"]
    own = {"hs_object_id": "id", standard.CREATED[kind]: "created", standard.MODIFIED[kind]: "modified"}
    if name in own:
        return own[name]
    stored = f"json_extract(properties, '$.{name}')"
    if definition["type"] == "number":
        return f"CAST({stored} AS REAL)"
    return f"lower({stored})" if definition["type"] == "string" else stored


def _comparable(kind: str, definition: dict[str, Any], written: str) -> Any:
    own_dates = (standard.CREATED[kind], standard.MODIFIED[kind])
    try:
        if definition["name"] in own_dates:
            return values.milliseconds(written)
        if definition["name"] == "hs_object_id":
            return int(written) if shapes.fits(written) else -1
        if definition["type"] == "number":
            return float(written)
        if definition["type"] in ("date", "datetime"):
            return values.kept(definition, written, None)
    except (ValueError, values.NotValid):
        raise refusals.invalid(f"There was a problem with the request: {written} is no {definition['type']}") from None
    return written.lower() if definition["type"] == "string" else written


def _order(store: Store, kind: str, given: dict[str, Any]) -> str:
    sorts = given.get("sorts") or []
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise refusals.invalid("A search takes one sort")
    if not sorts:
        return "id"
    first = sorts[0] if isinstance(sorts[0], dict) else {"propertyName": str(sorts[0])}
    name = shapes.text(first, "propertyName") or ""
    definition = definitions.all_of(store, kind).get(name)
    if definition is None:
        raise refusals.invalid(f"There was a problem with the request: property {name} does not exist")
    direction = "DESC" if first.get("direction") == "DESCENDING" else "ASC"
    return f"{_column(kind, definition)} {direction}, id"
