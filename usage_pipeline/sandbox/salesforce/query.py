"""Queries: a SOQL tree over the organisation's records, in pages (CRM_APIS 4.4)."""

import json
import secrets
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from usage_pipeline.sandbox.exchange import Call, Reply
from usage_pipeline.sandbox.salesforce import access, conditions, records, refusals, schema, soql
from usage_pipeline.sandbox.salesforce.records import Record
from usage_pipeline.sandbox.salesforce.schema import Field
from usage_pipeline.sandbox.store import Store

Row = TypeVar("Row")

PAGE, SMALLEST_PAGE = 2_000, 200

_POLYMORPHIC = {"What": "Account", "Who": "Contact"}


class Binder:
    """Finds the field behind a path such as `Owner.Email`, and its value in a record."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store = store
        self._kind = kind
        self._seen: dict[str, Record | None] = {}

    def bind(self, path: str) -> tuple[str, Field]:
        """The path in the organisation's spelling and its field.

        Raises:
            Refusal: 400 INVALID_FIELD, also for a field that is hidden.
        """
        kind, spelled = self._kind, []
        *parents, last = path.split(".")
        if parents and parents[0].lower() == kind.lower():
            parents = parents[1:]
        for parent in parents:
            field = _relationship(self._store, kind, parent)
            if field is None or field.relationship is None:
                raise _no_field(parent, kind, relation=True)
            spelled.append(field.relationship)
            kind = field.refers_to[0]
        if parents and last.lower() == "type" and spelled[-1] in _POLYMORPHIC:
            return ".".join([*spelled, "Type"]), Field("Type", "Type", "string")
        found = access.visible(self._store, kind).get(last.lower())
        if found is None:
            raise _no_field(last, kind)
        return ".".join([*spelled, found.name]), found

    def value(self, record: Record | None, path: str) -> Any:
        first, _, rest = path.partition(".")
        if record is None:
            return None
        if not rest:
            return (
                record.kind
                if first == "Type" and path == "Type" and "type" not in _fields(self._store, record)
                else record.value(first)
            )
        return self.value(self.parent(record, first), rest)

    def parent(self, record: Record, relationship: str) -> Record | None:
        """The record that a relationship leads to; read once per query."""
        field = _relationship(self._store, record.kind, relationship)
        target = record.value(field.name) if field else None
        if target is None:
            return None
        if target not in self._seen:
            self._seen[target] = records.find(self._store, target)
        return self._seen[target]


def _fields(store: Store, record: Record) -> dict[str, Field]:
    return schema.fields(store, record.kind)


def _relationship(store: Store, kind: str, name: str) -> Field | None:
    fields = access.visible(store, kind).values()
    return next((each for each in fields if (each.relationship or "").lower() == name.lower()), None)


def _no_field(name: str, kind: str, *, relation: bool = False) -> Exception:
    if relation:
        message = f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name."
    else:
        message = (
            f"No such column '{name}' on entity '{kind}'. If you are attempting to use a custom field, be sure to append the "
            "'__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names."
        )
    return refusals.refused(400, "INVALID_FIELD", message)


def query(store: Store, call: Call, version: str) -> Reply:
    return _start(store, call, version, deleted=False)


def query_all(store: Store, call: Call, version: str) -> Reply:
    return _start(store, call, version, deleted=True)


def _start(store: Store, call: Call, version: str, *, deleted: bool) -> Reply:
    text = call.query.get("q", "")
    tree = soql.parse(text)
    kind = schema.object_name(tree.object)
    if kind is None:
        raise refusals.refused(
            400, "INVALID_TYPE", f"sObject type '{tree.object}' is not supported. {_where_to_look()}"
        )
    binder = Binder(store, kind)
    found = _matching(store, tree, kind, binder, deleted=deleted)
    if not tree.paths:
        return Reply(200, {"totalSize": len(found), "done": True, "records": []})
    paths = selected(store, tree, kind, binder)
    size = page_size(call)
    locator = "01g" + secrets.token_hex(6).upper()
    if len(found) > size:
        store.run(
            "INSERT INTO sf_cursor VALUES (?, ?, ?)",
            locator,
            json.dumps([kind, paths]),
            json.dumps([each.id for each in found]),
        )
    return _page(version, [_shown(binder, version, each, paths) for each in found[:size]], len(found), locator, size)


def more(store: Store, call: Call, version: str, locator: str) -> Reply:
    """The next page: the locator names the query and where to go on."""
    name, _, start = locator.partition("-")
    row = store.row("SELECT query, ids FROM sf_cursor WHERE locator = ?", name)
    if row is None or not start.isdecimal():
        raise refusals.refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    kind, paths = json.loads(row["query"])
    all_ids, size, binder = json.loads(row["ids"]), page_size(call), Binder(store, kind)
    wanted = all_ids[int(start) : int(start) + size]
    found = [records.find(store, each) for each in wanted]
    shown = [_shown(binder, version, each, paths) for each in found if each is not None]
    return _page(version, shown, len(all_ids), name, int(start) + size)


def _page(version: str, shown: list[dict[str, Any]], total: int, locator: str, reached: int) -> Reply:
    body: dict[str, Any] = {"totalSize": total, "done": reached >= total, "records": shown}
    if reached < total:
        body["nextRecordsUrl"] = f"/services/data/v{version}/query/{locator}-{reached}"
    return Reply(200, body)


def page_size(call: Call) -> int:
    """2,000, or what `Sforce-Query-Options: batchSize=` asks for."""
    given = call.headers.get("sforce-query-options", "").lower().replace(" ", "").removeprefix("batchsize=")
    return min(PAGE, max(SMALLEST_PAGE, int(given))) if given.isdecimal() else PAGE


def _where_to_look() -> str:
    return (
        "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
        "Please reference your WSDL or the describe call for the appropriate names."
    )


def _matching(store: Store, tree: soql.Query, kind: str, binder: Binder, *, deleted: bool) -> list[Record]:
    now = store.now()
    holds = conditions.test(tree.where, binder.bind, now) if tree.where else None
    clause, given = _narrowed(tree.where, binder, kind, now)
    rows = store.db.execute(
        f"SELECT r.* FROM sf_record r WHERE r.object = ? AND r.deleted <= ? {clause} ORDER BY r.id",
        (kind, int(deleted), *given),
    )
    found: Iterable[Record] = (Record.of(row) for row in rows)
    if holds is not None:
        test = holds
        found = (each for each in found if test(lambda path, record=each: binder.value(record, path)))  # type: ignore[misc]
    return ordered(list(found), tree, lambda record, path: binder.value(record, binder.bind(path)[0]))


def ordered(rows: list[Row], tree: soql.Query, value: Callable[[Row, str], Any]) -> list[Row]:
    """Rows in the query's order, cut to its LIMIT and OFFSET; nulls come first unless told."""
    for order in reversed(tree.order):
        known = [row for row in rows if value(row, order.path) is not None]
        unknown = [row for row in rows if value(row, order.path) is None]
        known.sort(key=lambda row: _sortable(value(row, order.path)), reverse=order.descending)
        rows = known + unknown if order.nulls_last else unknown + known
    end = None if tree.limit is None else tree.offset + tree.limit
    return rows[tree.offset : end]


def _sortable(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _narrowed(where: soql.Condition | None, binder: Binder, kind: str, now: int) -> tuple[str, list[Any]]:
    """SQL for those parts of an AND that an index answers: ids, keys and modification times."""
    parts = where.parts if isinstance(where, soql.Both) and where.word == "AND" else (where,)
    clauses: list[str] = []
    given: list[Any] = []
    for part in parts:
        if not isinstance(part, soql.Comparison) or "." in part.path or part.operator not in ("=", "IN", ">", ">="):
            continue
        _, field = binder.bind(part.path)
        literals = part.value if isinstance(part.value, tuple) else (part.value,)
        wanted = [conditions.comparable(field, each, now) for each in literals]
        if any(each is None for each in wanted):
            continue
        marks = ", ".join("?" * len(wanted))
        if part.operator in ("=", "IN") and field.name == "Id":
            clauses.append(f"AND r.id IN ({marks})")
            given += wanted
        elif part.operator in ("=", "IN") and field.is_key:
            clauses.append(f"AND r.id IN (SELECT id FROM sf_key WHERE object = ? AND field = ? AND value IN ({marks}))")
            given += [kind, field.name, *wanted]
        elif part.operator in (">", ">=") and field.name in ("SystemModstamp", "LastModifiedDate"):
            clauses.append("AND r.modified >= ?")
            given.append(conditions.milliseconds(wanted[0]))
    return " ".join(clauses), given


def selected(store: Store, tree: soql.Query, kind: str, binder: Binder) -> list[str]:
    """The selected paths in the organisation's spelling."""
    paths: list[str] = []
    for path in tree.paths:
        if not path.startswith("FIELDS("):
            paths.append(binder.bind(path)[0])
            continue
        if tree.limit is None or tree.limit > 200:
            raise refusals.malformed_query("The SOQL FIELDS function must have a LIMIT of at most 200")
        which = path[7:-1]
        paths += [
            field.name
            for field in access.visible(store, kind).values()
            if which == "ALL" or field.custom == (which == "CUSTOM")
        ]
    if len(set(paths)) < len(paths):
        twice = next(each for each in paths if paths.count(each) > 1)
        raise refusals.malformed_query(f"duplicate field selected: {twice}")
    return paths


def _shown(binder: Binder, version: str, record: Record, paths: list[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "attributes": {"type": record.kind, "url": f"/services/data/v{version}/sobjects/{record.kind}/{record.id}"}
    }
    nested: dict[str, list[str]] = {}
    for path in paths:
        first, _, rest = path.partition(".")
        if rest:
            nested.setdefault(first, []).append(rest)
            shown.setdefault(first, None)
        else:
            shown[first] = binder.value(record, first)
    for relationship, below in nested.items():
        parent = binder.parent(record, relationship)
        shown[relationship] = None if parent is None else _shown(binder, version, parent, below)
    return shown
