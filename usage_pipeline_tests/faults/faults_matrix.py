"""Every kind of fault against every way of writing: what is struck, and what must be true afterwards."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

from faults_proof import differences
from faults_world import FIRST, WAYS, WHOLE, Wanted, World

from usage_pipeline.errors import Problem
from usage_pipeline.sandbox.kinds import KINDS

ACCOUNTS = tuple(f"a{number}" for number in range(1, 7))
PLACES = ("first", "middle", "last")
COHORTS = ("New", "Risk-Inactive")
# The calls that carry an effect, or look whether it is there.
CARRIES = {
    "hubspot-fields": "companies/batch/",
    "hubspot-tasks": "/tasks/",
    "hubspot-tasks-keyless": "/tasks/",
    "salesforce-fields": "/composite/sobjects",
    "salesforce-bulk": "/jobs/ingest",
    "salesforce-tasks": "/composite/sobjects",
}
FURTHER = 3
"""Deliveries after the fault until one has nothing to send."""


@dataclass(frozen=True)
class Row:
    """A kind of fault, and what is particular about it here."""

    title: str
    kind: str
    given: dict = field(default_factory=dict)
    only: str = ""
    """Where it means something for fields alone, or tasks alone."""
    crms: tuple = ("hubspot", "salesforce")
    is_mended: bool = True
    """Whether an administrator undoes it before the next delivery."""

    def is_of(self, way):
        """Whether the fault means anything for this way of writing."""
        return way.crm in self.crms and self.kind in KINDS[way.crm] and self.only in {"", way.what}


COMPANY = {"hubspot": "companies", "salesforce": "Account"}
PARTICULAR = {
    "slow_answer": {"seconds": 0.7},  # longer than the client waits
    "record_archived": {"object": "company"},
    "record_deleted": {"object": "company"},
    "record_merged": {"object": "company"},
}
TASKS_OF_PEOPLE = (
    Row("record_archived, a task", "record_archived", {"object": "task"}, only="tasks", is_mended=False),
    Row("record_deleted, a task", "record_deleted", {"object": "task"}, only="tasks"),
)
# HubSpot keeps an archived property's name: a person restores it, and the pipeline says so.
MADE_ANEW = (Row("field_deleted, made anew", "field_deleted", is_mended=False, crms=("salesforce",)),)


def rows():
    """The rows of the table, in the order of the sandbox's list."""
    names = list(dict.fromkeys(name for known in KINDS.values() for name in known))
    return [*(Row(name, name, PARTICULAR.get(name, {})) for name in names), *TASKS_OF_PEOPLE, *MADE_ANEW]


def asked_on(way, number):
    """What is wanted of the delivery with this number: other fields than before, or tasks to reword, withdraw and open.

    Every delivery after the first makes the same calls.
    """
    cohorts = dict.fromkeys(ACCOUNTS, COHORTS[number % 2 if way.what != "tasks" else 0])
    if way.what == "fields":
        return Wanted(cohorts, {})
    opened = [(account, FIRST + timedelta(days=day)) for day in range(number + 1) for account in ACCOUNTS[1:5]]
    kept = opened[number:]  # one is withdrawn each time
    return Wanted(cohorts, dict.fromkeys(kept, "Use fell.") | {("a6", FIRST): f"Use fell by {number} tenths."})


def begun(sandbox, name, folder, *, nothing_first=False):
    """A CRM that one delivery has reached, and the next is about to change; or one that none has reached."""
    world = World(sandbox, (WAYS | WHOLE)[name], f"sqlite:///{folder}/ledger-{next(_NUMBERS)}.sqlite")
    world.found(ACCOUNTS)
    if not nothing_first:
        world.deliver(asked_on(world.way, 0))
    return world


_NUMBERS = iter(range(10**9))


def armed(row, name, *, after_calls=0, everywhere=False):
    """The fault as the sandbox is told it."""
    crm = WAYS[name].crm
    thing = {"company": COMPANY[crm], "task": {"hubspot": "tasks", "salesforce": "Task"}[crm]}
    given = {key: thing.get(value, value) if key == "object" else value for key, value in row.given.items()}
    where = {} if everywhere else {"match": CARRIES[name]}
    return {"kind": row.kind, "crm": crm, "after": after_calls, "times": 1, "seed": 7} | where | given


@cache
def calls(sandbox, name, folder, *, everywhere=False):
    """How many calls of a delivery without faults each row's fault could strike."""
    world = begun(sandbox, name, folder)
    meant = [row for row in rows() if row.is_of(world.way)]
    for row in meant:
        sandbox.post("faults", **armed(row, name, after_calls=10**6, everywhere=everywhere))
    world.deliver(asked_on(world.way, 1))
    seen = [fault["seen"].get(world.way.crm, 0) for fault in sandbox.get("faults")["armed"]]
    sandbox.delete("faults")
    return {row.title: count for row, count in zip(meant, seen, strict=True)}


def places(count):
    """The first, a middle and the last of so many calls."""
    return dict(zip(PLACES, (0, count // 2, count - 1), strict=True)) if count else {}


@dataclass(frozen=True)
class Strike:
    """What came of one strike."""

    place: str
    met: str
    """What the struck delivery said."""
    further: int
    """Deliveries after it that still had something to send."""
    duplicates_archived: int
    wrong: tuple[str, ...]


def strikes(sandbox, name, folder, row, where, *, everywhere=False):
    """One strike after the other on the same CRM, unless the fault leaves it another than it was."""
    world, number = None, 0
    for place, at in where.items():
        if world is None:
            world, number = begun(sandbox, name, folder), 0
        number += 1
        told = _struck(world, armed(row, name, after_calls=at, everywhere=everywhere), row, asked_on(world.way, number))
        yield Strike(place, *told)
        # Without a unique key every open task is looked for each time: the calls grow with the tasks.
        if told[-1] or row.kind.startswith("record_") or world.way.unique == "blocked":
            world = None


def _struck(world, fault, row, asked):
    """A delivery under the fault, the fault over, deliveries until nothing is to be sent, and the proof."""
    archived = world.duplicates_archived
    since = len(world.sandbox.get("faults")["struck"])
    world.sandbox.post("faults", **fault)
    met = world.try_to_deliver(asked)
    hit = len(world.sandbox.get("faults")["struck"]) > since
    world.sandbox.delete("faults")
    if row.is_mended:
        world.sandbox.post("faults/mend")
    left, last = settled(world, asked)
    wrong = [] if hit else ["the fault never struck"]
    wrong += (
        [] if last.is_nothing else [f"{FURTHER} deliveries later there is still something to send: {last.in_short}"]
    )
    wrong += differences(world, asked)
    told = f"{type(met).__name__}: {met}" if isinstance(met, Problem) else met.in_short
    return told, left, world.duplicates_archived - archived, tuple(wrong)


def settled(world, asked):
    """Deliveries until one has nothing to send, at most so many; how many had, and what the last one did."""
    done = [world.deliver(asked)]
    while not done[-1].is_nothing and len(done) < FURTHER:
        done.append(world.deliver(asked))
    return sum(not one.is_nothing for one in done), done[-1]
