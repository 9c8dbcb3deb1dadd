"""The known days whose usage changes when it becomes known who is whose, though no event lands on them.

A table of users that comes later, a merge of accounts, a history of identity calls: events that lie in the lake
already come to count, or count to another account or person.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from usage_pipeline.events import catalogue, identity
from usage_pipeline.lake import Lake

_IDS = ("account_id", "user_id", "anonymous_id", "known_day")


def days(lake: Lake, old: ir.Table, new: ir.Table, *, rolled_up: date | None) -> list[date]:
    """The days on which an event counts by `new` links as it did not by `old`, or no longer does, in order.

    Of events that state an account those after `rolled_up`, the newest day that was rolled up, are left out: they
    count on their own day, which is to be rolled up anyway.
    """
    changed = _unlike(old.drop("evidence"), new.drop("evidence"))
    found = lake.backend.to_pyarrow(changed.select("id", "id_kind").distinct())
    if not found.num_rows:
        return []
    ids = ibis.memtable(found)
    accounts = _of_kind(ids, "account")
    # Whoever belongs to an account that is now part of another.
    merged = old.select("id", "id_kind", "account_id").union(new.select("id", "id_kind", "account_id"))
    ids = ids.union(merged.filter(merged["account_id"].isin(accounts["id"])).select("id", "id_kind"))
    events = lake.read(catalogue.EVENT)
    concerned = events.filter(
        events["user_id"].isin(_of_kind(ids, "user")["id"])
        | events["anonymous_id"].isin(_of_kind(ids, "anonymous")["id"])
        | events["account_id"].isin(accounts["id"])
    )
    is_homeless = concerned["account_id"].isnull()
    concerned = concerned.filter(
        is_homeless if rolled_up is None else is_homeless | (concerned["known_day"] <= ibis.literal(rolled_up))
    )
    # Nothing else of an event decides where it counts, so that one stands for all with these.
    alike = concerned.select(*_IDS).distinct()
    alike = alike.mutate(**{f"own_{name}": alike[name] for name in _IDS})
    touched = _unlike(identity.resolve(alike, old), identity.resolve(alike, new)).select("known_day").distinct()
    return sorted(lake.backend.to_pyarrow(touched)["known_day"].to_pylist())


def _of_kind(ids: ir.Table, kind: str) -> ir.Table:
    return ids.filter(ids["id_kind"] == kind)


def _unlike(one: ir.Table, other: ir.Table) -> ir.Table:
    """The rows that only one of the two has."""
    return one.difference(other).union(other.difference(one))
