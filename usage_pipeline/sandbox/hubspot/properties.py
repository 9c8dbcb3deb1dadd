"""The properties API: definitions and groups, one by one and in batches (CRM_APIS 2.3)."""

from usage_pipeline.sandbox.exchange import Refusal, Reply
from usage_pipeline.sandbox.hubspot import answers, batches, definitions, refusals, shapes
from usage_pipeline.sandbox.hubspot.asked import Asked, kind_of
from usage_pipeline.sandbox.store import Store


def list_all(store: Store, asked: Asked, kind: str) -> Reply:
    found = (definitions.archived if asked.flag("archived") else definitions.all_of)(store, kind_of(kind))
    return Reply(200, {"results": list(found.values())})


def read(store: Store, asked: Asked, kind: str, name: str) -> Reply:  # noqa: ARG001
    kind = kind_of(kind)
    definition = definitions.all_of(store, kind).get(name)
    if definition is None:
        raise definitions.missing(kind, name)
    return Reply(200, definition)


def create(store: Store, asked: Asked, kind: str) -> Reply:
    return Reply(201, definitions.create(store, kind_of(kind), asked.object()))


def change(store: Store, asked: Asked, kind: str, name: str) -> Reply:
    return Reply(200, definitions.change(store, kind_of(kind), name, asked.object()))


def archive(store: Store, asked: Asked, kind: str, name: str) -> Reply:  # noqa: ARG001
    definitions.archive(store, kind_of(kind), name)
    return Reply(204)


def batch_create(store: Store, asked: Asked, kind: str) -> Reply:
    """Each definition stands alone: those that exist already are named among the errors."""
    kind = kind_of(kind)
    done, errors = [], []
    for given in asked.inputs(batches.MOST):
        try:
            with store.attempt():
                done.append(definitions.create(store, kind, given))
        except Refusal as refusal:
            named = {"context": {"name": [str(given.get("name"))]}, "errors": [], "links": {}}
            errors.append({**refusal.reply.body, **named})
    return answers.batch(store, asked, done, errors, status=200 if asked.is_2026_09 else 201)


def batch_read(store: Store, asked: Asked, kind: str) -> Reply:
    kind = kind_of(kind)
    known = definitions.all_of(store, kind)
    names = [shapes.text(each, "name") or "" for each in asked.inputs(batches.MOST)]
    missing = [name for name in names if name not in known]
    errors = []
    if missing:
        message = f"Properties {', '.join(missing)} do not exist"
        errors.append(refusals.body(message, "OBJECT_NOT_FOUND", context={"name": missing}, errors=[], links={}))
    return answers.batch(store, asked, [known[name] for name in names if name in known], errors, status=200)


def list_groups(store: Store, asked: Asked, kind: str) -> Reply:  # noqa: ARG001
    return Reply(200, {"results": list(definitions.groups(store, kind_of(kind)).values())})


def read_group(store: Store, asked: Asked, kind: str, name: str) -> Reply:  # noqa: ARG001
    group = definitions.groups(store, kind_of(kind)).get(name)
    if group is None:
        raise refusals.refused(404, f'Property group "{name}" does not exist', "OBJECT_NOT_FOUND")
    return Reply(200, group)


def create_group(store: Store, asked: Asked, kind: str) -> Reply:
    return Reply(201, definitions.create_group(store, kind_of(kind), asked.object()))
