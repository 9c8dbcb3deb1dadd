"""Amounts as people and CRMs write them, in minor units of their currency."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from usage_pipeline.errors import Rejected

# ISO 4217, list one: the currencies without two decimals.
_DECIMALS = dict.fromkeys(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)


def minor(amount: str | None, currency: str | None) -> int | None:
    """Whole units (`1234.5`) as minor ones (123450); two decimals where no currency is stated."""
    if amount is None or not amount.strip():
        return None
    try:
        units = Decimal(amount.strip()).scaleb(_DECIMALS.get((currency or "").upper(), 2))
        return int(units.to_integral_value(ROUND_HALF_UP))
    except (InvalidOperation, OverflowError, ValueError) as broken:
        raise Rejected(
            f"{amount!r} is no amount of money", fix="name a field that holds a number in the mapping's crm section"
        ) from broken
