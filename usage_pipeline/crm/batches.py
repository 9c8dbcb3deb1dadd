"""Rows sent together: one refused row must not lose the others."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from usage_pipeline.crm.client import RowResult
from usage_pipeline.crm.rejections import BudgetSpent, Cause, OutcomeUnknown, Refused, Rejection
from usage_pipeline.errors import Unavailable


class Keyed(Protocol):
    """A row with our own id."""

    @property
    def key(self) -> str: ...


Row = TypeVar("Row", bound=Keyed)
Item = TypeVar("Item")


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def one_result_each(rows: Sequence[Row], send: Callable[[Sequence[Row]], list[RowResult]]) -> list[RowResult]:
    """What `send` says of each row; a request refused as a whole is halved until the guilty row stands alone."""
    try:
        return send(rows) if rows else []
    except BudgetSpent as spent:
        return [failed(row, Rejection.of(Cause.BUDGET, spent.cause)) for row in rows]
    except OutcomeUnknown as unknown:
        return [RowResult(row.key, "unknown", rejection=Rejection.of(Cause.TRANSIENT, unknown.cause)) for row in rows]
    except Unavailable as away:
        return [failed(row, Rejection.of(Cause.TRANSIENT, away.cause)) for row in rows]
    except Refused as refused:
        if len(rows) == 1 or refused.concerns_all:
            return [failed(row, refused.rejection) for row in rows]
        middle = len(rows) // 2
        return one_result_each(rows[:middle], send) + one_result_each(rows[middle:], send)


def failed(row: Keyed, rejection: Rejection) -> RowResult:
    return RowResult(row.key, "failed", rejection=rejection)


def unanswered(row: Keyed) -> RowResult:
    """A success that does not mention the row is no success: somebody has to look."""
    return RowResult(
        row.key, "unknown", rejection=Rejection.of(Cause.TRANSIENT, "the CRM answered without a result for this row")
    )
