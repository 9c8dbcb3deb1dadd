"""One batch of operations of one kind, sent: one end per operation."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.batches import unanswered
from usage_pipeline.crm.client import Crm, FieldWrite, RecordNew, RowResult
from usage_pipeline.crm.contract import Contract
from usage_pipeline.crm.rejections import Refused, rejection_of
from usage_pipeline.errors import Unavailable
from usage_pipeline.ledger.operations import Operation, Settled
from usage_pipeline.sync import settling
from usage_pipeline.sync.plans import MOVES_PER_CALL

ORDER = ("record_create", "fields", "contact_fields", "list_move", "task_withdraw", "task_update", "task_open")
# Rows that are known by their operation; a task by its own key.
BY_OPERATION = ("record_create", "fields", "contact_fields")
# Written over as often as one likes, and no record in two of them: several may be on their way.
SIDE_BY_SIDE = ("fields", "contact_fields")
# What would be there twice if it were sent twice without looking.
MAKING = ("record_create", "task_open")
Sender = Callable[[Sequence[Operation]], list[Settled]]


def rows_at_once(crm: Crm, kind: str, rows: int) -> int:
    """How many of so many waiting operations of a kind go in one batch."""
    if kind == "list_move":
        return MOVES_PER_CALL
    return crm.rows_at_once(rows) if kind == "fields" else crm.rows_per_call


def send(kind: str, batch: Sequence[Operation], crm: Crm, contract: Contract, again: Collection[str]) -> list[Settled]:
    """Send a batch; what was sent before and failed is looked for before it is made `again`."""
    senders: dict[str, Sender] = {
        "record_create": lambda some: _create(some, crm, contract, again),
        "fields": lambda some: _matched(some, crm.write_fields(_writes(some), contract)),
        "contact_fields": lambda some: _write_contacts(some, crm, contract),
        "list_move": lambda some: _move(some, crm),
        "task_withdraw": lambda some: _matched(some, crm.change_tasks([settling.change(one) for one in some])),
        "task_update": lambda some: _matched(some, crm.change_tasks([settling.change(one) for one in some])),
        "task_open": lambda some: _open(some, crm, again),
    }
    try:
        return senders[kind](batch)
    except (Unavailable, Refused) as away:
        # Only the reading before a write ends here: what a write met is in its rows.
        return [Settled(one, "failed", rejection=rejection_of(away)) for one in batch]


def _writes(batch: Sequence[Operation]) -> list[FieldWrite]:
    return [FieldWrite(one.id, CrmId(one.crm_id or ""), one.payload) for one in batch]


def _write_contacts(batch: Sequence[Operation], crm: Crm, contract: Contract) -> list[Settled]:
    if crm.contacts is None:
        return settling.not_any_more(batch, "contacts are not written any more")
    return _matched(batch, crm.contacts.write(_writes(batch), contract.of_contacts))


def _open(batch: Sequence[Operation], crm: Crm, again: Collection[str]) -> list[Settled]:
    found = crm.find_tasks([settling.opening(one) for one in batch if one.key in again]) if again else {}
    there = [
        Settled(one, "ok", crm_id=found[one.key].task_id, task=found[one.key]) for one in batch if one.key in found
    ]
    absent = [one for one in batch if one.key not in found]
    return there + (_matched(absent, crm.open_tasks([settling.opening(one) for one in absent])) if absent else [])


def _create(batch: Sequence[Operation], crm: Crm, contract: Contract, again: Collection[str]) -> list[Settled]:
    """Records that are not there; one that an earlier try made after all gets our fields."""
    account_key = batch[0].payload["account_key"]
    there = crm.find_records([one.key for one in batch if one.key in again], account_key) if again else {}
    found = [replace(one, crm_id=there[one.key][0]) for one in batch if len(there.get(one.key, ())) == 1]
    absent = [one for one in batch if one.key not in there]
    ends = [settling.twice(one, there[one.key]) for one in batch if len(there.get(one.key, ())) > 1]
    if found:
        writes = [FieldWrite(one.id, CrmId(one.crm_id or ""), one.payload["fields"]) for one in found]
        ends += _matched(found, crm.write_fields(writes, contract))
    if absent:
        new = [
            RecordNew(one.id, one.key, one.payload["name"], one.payload["domain"], one.payload["fields"])
            for one in absent
        ]
        ends += _matched(absent, crm.create_records(new, account_key, contract))
    return ends


def _move(batch: Sequence[Operation], crm: Crm) -> list[Settled]:
    """Companies onto and off their lists; a list that does not exist is created."""
    if crm.lists is None:
        return settling.not_any_more(batch, "lists are not kept any more")
    ends = []
    for name in sorted({one.payload["list"] for one in batch}):
        mine = [one for one in batch if one.payload["list"] == name]
        add = [CrmId(one.crm_id or "") for one in mine if one.payload["joins"]]
        remove = [CrmId(one.crm_id or "") for one in mine if not one.payload["joins"]]
        told = {result.key: result for result in crm.lists.change_members(crm.lists.ensure_list(name), add, remove)}
        for one in mine:
            result = told[str(one.crm_id)]
            ends.append(Settled(one, result.outcome, crm_id=one.crm_id, rejection=result.rejection))
    return ends


def _matched(batch: Sequence[Operation], results: Sequence[RowResult]) -> list[Settled]:
    by_key = {result.key: result for result in results}

    def end(one: Operation) -> Settled:
        result = by_key.get(one.id if one.kind in BY_OPERATION else one.key)
        if result is None:
            return Settled(one, "unknown", rejection=unanswered(one).rejection)
        return Settled(one, result.outcome, crm_id=result.crm_id, rejection=result.rejection)

    return [end(one) for one in batch]
