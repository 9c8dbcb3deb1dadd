"""Rows that change: which of them was in force, by what was known."""

from datetime import datetime

import ibis
import ibis.expr.types as ir


def newest(rows: ir.Table, key: str, before: datetime | None = None) -> ir.Table:
    """One row per `key`: the latest `valid_from`, of those the latest `known_at`.

    Of two that are equal in both, the one whose other columns, in the table's order, are the greater: no better
    than the other, but the same in every run and every engine. With `before` only what was known, and in force,
    before that moment.
    """
    if before is not None:
        rows = rows.filter(rows.known_at < before, rows.valid_from < before)
    rest = [rows[name].desc() for name in rows.columns if name not in {key, "valid_from", "known_at"}]
    order = [rows.valid_from.desc(), rows.known_at.desc(), *rest]
    ranked = rows.mutate(age=ibis.row_number().over(group_by=key, order_by=order))
    return ranked.filter(ranked.age == 0).drop("age")
