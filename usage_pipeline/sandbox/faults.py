"""What goes wrong on demand and on a schedule.

`POST /_sandbox/faults` arms a fault, a JSON object:

    kind      what happens: a name that `GET /_sandbox/faults/kinds` lists with its words and parameters
    schedule  instead of kind: {"seed": 7, "rate": 0.1, "kinds": [...]} strikes a tenth of the calls, each with
              one of these kinds that fits it; the seed and the number of the call decide, so that two runs that
              make the same calls are struck alike
    crm       hubspot or salesforce; without, both
    match     a pattern searched in "METHOD /path" and in "METHOD /route" as `GET /_sandbox/calls` spells it;
              without, every call
    after     skip the first so many matching calls (0)
    times     strike so often, then rest (1; a schedule: without end); null: without end

It answers {"id": 3}. Calls are counted per CRM, and a call that the kind does not fit is no matching call.
`GET /_sandbox/faults` tells what is armed, with the calls seen and strikes left, and what has struck, with the
number of the call in the API log. `DELETE /_sandbox/faults` disarms all, `DELETE /_sandbox/faults/3` one.
`POST /_sandbox/faults/mend` undoes what strikes did to the CRM's state, as an administrator would: fields,
permissions, owners and records come back. Records that were merged or deleted for good do not.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from usage_pipeline.sandbox import traffic
from usage_pipeline.sandbox.exchange import Call, Reply
from usage_pipeline.sandbox.kinds import KINDS
from usage_pipeline.sandbox.mishaps import Blow, Kind, Outcome, drawn
from usage_pipeline.sandbox.store import Store

_COMMON = ("kind", "schedule", "crm", "match", "after", "times")
ENDLESS = -1


def arm(store: Store, fault: dict[str, Any]) -> int:
    """Arm a fault and give its number.

    Raises:
        ValueError: for one that could never strike.
    """
    schedule = fault.get("schedule")
    if schedule is None:
        fault = {"kind": "status", **fault}
    _check(fault, [fault["kind"]] if schedule is None else _kinds_of(schedule))
    times = fault.get("times", 1 if schedule is None else None)
    number = store.number("fault")
    store.run(
        "INSERT INTO armed VALUES (?, ?, ?, '{}', 0)", number, json.dumps(fault), ENDLESS if times is None else times
    )
    store.cache.pop("armed", None)
    return number


def _kinds_of(schedule: Any) -> list[Any]:
    if not isinstance(schedule, dict) or not isinstance(schedule.get("kinds"), list) or not schedule["kinds"]:
        raise ValueError('a schedule is {"seed": 7, "rate": 0.1, "kinds": ["drop", ...]}')
    rate = schedule.get("rate", 0.1)
    if not isinstance(rate, int | float) or not 0 < rate <= 1:
        raise ValueError(f"rate must lie above 0 and up to 1, not {rate!r}")
    return list(schedule["kinds"])


def _check(fault: dict[str, Any], names: list[Any]) -> None:
    crm = fault.get("crm")
    if crm not in (None, *KINDS):
        raise ValueError(f"crm {crm!r} is none of {', '.join(KINDS)}")
    known = {name: kind for each in KINDS for name, kind in KINDS[each].items() if crm in (None, each)}
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise ValueError(f"kind {name!r} is none of {', '.join(known)}")
    # A parameter that another kind takes does no harm: tests try one fault after another with the same words.
    taken = {*_COMMON, "seed", *(each for kinds in KINDS.values() for kind in kinds.values() for each in kind.takes)}
    if set(fault) - taken:
        unknown = ", ".join(sorted(set(fault) - taken))
        raise ValueError(f"{unknown} means nothing to a fault; there are {', '.join(sorted(taken))}")
    for name, least in (("times", 1), ("after", 0)):
        number = fault.get(name)
        if number is not None and (not isinstance(number, int) or number < least):
            raise ValueError(f"{name} must be a whole number from {least} on")
    if "status" in fault and not (isinstance(fault["status"], int) and 400 <= fault["status"] <= 599):
        raise ValueError("status must lie between 400 and 599")
    if not isinstance(fault.get("seconds", 0), int | float) or not 0 <= fault.get("seconds", 0) <= 600:
        raise ValueError("seconds must lie between 0 and 600")
    try:
        re.compile(fault.get("match") or "")
    except (re.error, TypeError) as problem:
        raise ValueError(f"match is no regular expression: {problem}") from problem


def strike(
    store: Store, crm: str, call: Call, carry_out: Callable[[Call], Reply]
) -> tuple[traffic.Struck | None, Outcome]:
    """Carry a call out, with the first armed fault that is due in its way."""
    found: tuple[int, Kind, Blow] | None = None
    for number, fault, seen in _armed(store):
        candidates = _candidates(store, crm, call, fault, number, carry_out)
        if not candidates:
            continue
        seen[crm] = seen.get(crm, 0) + 1
        store.run("UPDATE armed SET seen = ? WHERE id = ?", json.dumps(seen), number)
        if found is None:
            due = _due(fault, seen[crm], candidates)
            found = (number, *due) if due else None
    if found is None:
        return None, Outcome(carry_out(call))
    number, kind, blow = found
    outcome = kind.strike(blow)
    store.run("UPDATE armed SET remaining = remaining - (remaining > 0), struck = struck + 1 WHERE id = ?", number)
    store.cache.pop("armed", None)
    return traffic.Struck(number, kind.name, outcome.detail), outcome


def _armed(store: Store) -> list[tuple[int, dict[str, Any], dict[str, int]]]:
    """Faults with strikes left, each with the matching calls seen so far per CRM."""
    armed: list[tuple[int, dict[str, Any], dict[str, int]]] | None = store.cache.get("armed")
    if armed is None:
        rows = store.rows("SELECT id, fault, seen FROM armed WHERE remaining != 0 ORDER BY id")
        armed = [(row["id"], json.loads(row["fault"]), json.loads(row["seen"])) for row in rows]
        store.cache["armed"] = armed
    return armed


def _candidates(
    store: Store, crm: str, call: Call, fault: dict[str, Any], number: int, carry_out: Callable[[Call], Reply]
) -> list[tuple[Kind, Blow]]:
    """The kinds of an armed fault that could strike this call."""
    if fault.get("crm") not in (None, crm) or not _matches(fault.get("match") or "", call):
        return []
    names = fault["schedule"]["kinds"] if "schedule" in fault else [fault["kind"]]
    seed = fault["schedule"].get("seed", number) if "schedule" in fault else fault.get("seed", number)
    blow = Blow(store, crm, call, fault, f"{seed}:{crm}", carry_out)
    kinds = [KINDS[crm][name] for name in names if name in KINDS[crm]]
    return [(kind, blow) for kind in kinds if kind.fits(blow)]


def _matches(pattern: str, call: Call) -> bool:
    spellings = (call.path, traffic.route(call.path))
    return any(re.search(pattern, f"{call.method} {path}") for path in spellings)


def _due(fault: dict[str, Any], at: int, candidates: list[tuple[Kind, Blow]]) -> tuple[Kind, Blow] | None:
    """What strikes the call with this number among the matching ones."""
    if at <= (fault.get("after") or 0):
        return None
    kind, blow = candidates[0]
    seed = f"{blow.seed}:{at}"
    if "schedule" in fault:
        if drawn(seed, "whether") >= fault["schedule"].get("rate", 0.1):
            return None
        kind, blow = candidates[int(drawn(seed, "which") * len(candidates))]
    return kind, replace(blow, seed=seed)


def armed(store: Store) -> list[dict[str, Any]]:
    """What is armed or was, oldest first, with what is left of it."""
    rows = store.rows("SELECT * FROM armed ORDER BY id")
    return [
        {
            "id": row["id"],
            **json.loads(row["fault"]),
            "seen": json.loads(row["seen"]),
            "struck": row["struck"],
            "left": None if row["remaining"] == ENDLESS else row["remaining"],
        }
        for row in rows
    ]


def struck(store: Store) -> list[dict[str, Any]]:
    """What has struck, oldest first: the fault, and the call that it met."""
    met = traffic.entries(store, struck=True, limit=traffic.KEPT)
    told = ("crm", "method", "path", "status", "at")
    return [{**each["fault"], "call": each["id"], **{name: each[name] for name in told}} for each in met]


def disarm(store: Store, number: int | None = None) -> int:
    """Disarm one fault or all; gives how many there were."""
    gone = store.run("DELETE FROM armed WHERE ? IS NULL OR id = ?", number, number)
    store.cache.pop("armed", None)
    return gone
