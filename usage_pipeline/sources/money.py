"""Amounts as people and CRMs write them, in minor units of their currency."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from usage_pipeline.errors import Rejected
from usage_pipeline.mapping import currencies


def minor(amount: str | None, currency: str | None) -> int | None:
    """Whole units (`1234.5`) as minor ones (123450); two decimals where no currency is stated."""
    if amount is None or not amount.strip():
        return None
    try:
        units = Decimal(amount.strip()).scaleb(currencies.decimals(currency))
        return int(units.to_integral_value(ROUND_HALF_UP))
    except (InvalidOperation, OverflowError, ValueError) as broken:
        raise Rejected(
            f"{amount!r} is no amount of money", fix="name a field that holds a number in the mapping's crm section"
        ) from broken
