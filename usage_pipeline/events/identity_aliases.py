"""Ids that were given up by alias once and again: which person each is, from when that was known.

Followed in this process and not by the engine: SQL would need to be recursive, which Spark's is not, and those
renamed more than once are few.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from usage_pipeline.sources import merges

# What is in force until further notice.
_NEVER = datetime(9999, 12, 31)
_SCHEMA = pa.schema(
    [
        ("given_up", pa.string()),
        ("person", pa.string()),
        ("renamed_at", pa.timestamp("us")),
        ("renamed_until", pa.timestamp("us")),
        ("renamed_said_at", pa.timestamp("us")),
        ("renamed_by", pa.string()),
    ]
)


def of_people(aliases: ir.Table, people: ir.Table) -> ir.Table | None:
    """Of the persons whom `people` names in `user_id`, those who were renamed: one row per change; None: there are none.

    `aliases` are rows as of `people`: `id` was given up for `user_id`.
    """
    persons = people.select(person="user_id").distinct()
    concerned = aliases.semi_join(persons, aliases["id"] == persons["person"])
    found = followed(concerned.select("id", "user_id", "known_at", "said_at", "evidence").to_pyarrow())
    if not found.num_rows:
        return None
    rows = ibis.memtable(found)
    return rows.mutate(
        **{name: rows[name].cast("timestamp") for name in ("renamed_at", "renamed_said_at")},
        renamed_until=rows["renamed_until"].cast("timestamp").fill_null(ibis.literal(_NEVER)),
    )


def followed(aliases: pa.Table) -> pa.Table:
    """Per id that was given up the person at the end of what was known by then, a row for each time that it changes.

    A into B, then B into C: from then on A is C too. An alias that closes a circle leads no further than around it.
    """
    into: dict[str, str] = {}
    behind: dict[str, set[str]] = {}
    last: dict[str, dict[str, Any]] = {}
    rows: list[dict[str, Any]] = []
    for alias in sorted(aliases.to_pylist(), key=_order):
        old, new = alias["id"], alias["user_id"]
        if into.get(old) == new:
            continue
        behind.get(into.get(old, ""), set()).discard(old)
        into[old] = new
        behind.setdefault(new, set()).add(old)
        for one in sorted(_led_to(old, behind)):
            end = merges.end(one, into)
            before = last.get(one)
            if before is not None and before["person"] == end:
                continue
            if before is not None:
                before["renamed_until"] = alias["known_at"]
            last[one] = {
                "given_up": one,
                "person": end,
                "renamed_at": alias["known_at"],
                "renamed_said_at": alias["said_at"],
                "renamed_by": alias["evidence"],
            }
            rows.append(last[one])
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _order(alias: Mapping[str, Any]) -> tuple[Any, ...]:
    said = alias["said_at"] or datetime.min
    return alias["known_at"], said, alias["id"], alias["user_id"], alias["evidence"]


def _led_to(person: str, behind: Mapping[str, set[str]]) -> set[str]:
    """The id and all that were given up for it, whatever came between."""
    found, coming = {person}, [person]
    while coming:
        fresh = behind.get(coming.pop(), set()) - found
        found |= fresh
        coming += fresh
    return found


def onward(people: ir.Table, renamed: ir.Table) -> ir.Table:
    """`people` and, of those whose person was renamed, that they are the new one from then on."""
    met = people.join(renamed, people["user_id"] == renamed["given_up"])
    further = met.mutate(
        user_id=met["person"],
        known_at=ibis.greatest(met["known_at"], met["renamed_at"]).cast("timestamp"),
        said_at=ibis.greatest(met["said_at"], met["renamed_said_at"]).cast("timestamp"),
        evidence=met["evidence"] + ", renamed by " + met["renamed_by"],
    )
    # What was over before the two met was never so of this id.
    in_time = further.filter(further["known_at"] < further["renamed_until"])
    return people.union(in_time.select(*people.columns))


def by_then(found: ir.Table, renamed: ir.Table) -> ir.Table:
    """`found` with whom the `user_id` was by its `known_at` known to be."""
    # What comes out of a join takes no condition on its own columns until it is a table again.
    found = found.view()
    beside = found.left_join(
        renamed,
        [
            found["user_id"] == renamed["given_up"],
            found["known_at"] >= renamed["renamed_at"],
            found["known_at"] < renamed["renamed_until"],
        ],
    )
    return beside.mutate(user_id=ibis.coalesce(beside["person"], beside["user_id"])).select(*found.columns)
