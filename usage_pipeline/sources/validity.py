"""Rows that change: which of them was in force, by what was known."""

from datetime import datetime

import ibis
import ibis.expr.types as ir


def newest(rows: ir.Table, key: str, before: datetime | None = None) -> ir.Table:
    """One row per `key`: the latest `valid_from`, of those the latest `known_at`.

    With `before` only what was known, and in force, before that moment.
    """
    if before is not None:
        rows = rows.filter(rows.known_at < before, rows.valid_from < before)
    order = [ibis.desc(rows.valid_from), ibis.desc(rows.known_at)]
    ranked = rows.mutate(age=ibis.row_number().over(group_by=key, order_by=order))
    return ranked.filter(ranked.age == 0).drop("age")
