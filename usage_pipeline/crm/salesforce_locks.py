"""Rows that somebody else holds locked are sent again: writing a record locks its account, too."""

import random
from collections.abc import Callable, Sequence

from usage_pipeline.crm.batches import Row, one_result_each
from usage_pipeline.crm.client import RowResult
from usage_pipeline.crm.salesforce_errors import is_lock

LOCK_ATTEMPTS = 4


def one_result_each_in_order(
    rows: Sequence[Row],
    send: Callable[[Sequence[Row]], list[RowResult]],
    *,
    parent: Callable[[Row], str],
    sleep: Callable[[float], None],
) -> list[RowResult]:
    """What `send` says of each row, in the order of `rows`.

    The rows of one account stand together, since two requests that touch it lock each other out.
    Locked rows alone are repeated, after a pause that grows and that two clients do not share.
    """
    waiting: Sequence[Row] = sorted(rows, key=parent)
    results: dict[str, RowResult] = {}
    for attempt in range(LOCK_ATTEMPTS):
        if attempt:
            sleep(2.0**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries, guards nothing
        results |= {result.key: result for result in one_result_each(waiting, send)}
        waiting = [row for row in waiting if is_lock(results[row.key].rejection)]
        if not waiting:
            break
    return [results[row.key] for row in rows]
