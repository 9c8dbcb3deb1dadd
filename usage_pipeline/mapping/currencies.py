"""In which minor units money is counted: the one rule for selects that are ready and for what CRMs hold."""

WITHOUT = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
)
THREE = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
# ISO 4217, list one: the currencies without two decimals.
_DECIMALS = dict.fromkeys(WITHOUT, 0) | dict.fromkeys(THREE, 3)


def decimals(currency: str | None) -> int:
    """Decimals of an amount in the currency; two where none is stated."""
    return _DECIMALS.get((currency or "").upper(), 2)


def units_sql(currency: str) -> str:
    """SQL for how many minor units one whole unit of the currency has, of SQL that gives its code."""
    zero, three = [", ".join(f"'{code}'" for code in codes) for codes in (WITHOUT, THREE)]
    return f"CASE WHEN upper({currency}) IN ({zero}) THEN 1 WHEN upper({currency}) IN ({three}) THEN 1000 ELSE 100 END"
