"""Record ids: fifteen characters that tell the object, and three that make them safe to compare in any case."""

from usage_pipeline.sandbox.store import Store

PREFIXES = {
    "Account": "001", "Contact": "003", "Opportunity": "006", "Contract": "800", "User": "005", "Profile": "00e", "Organization": "00D", "Task": "00T",
    "CustomField": "00N", "PermissionSet": "0PS", "PermissionSetAssignment": "0Pa", "FieldPermissions": "01k", "Job": "750",
}  # fmt: skip

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def new(store: Store, kind: str) -> str:
    """The next id of an object."""
    number, digits = store.number(f"sf_{kind}"), ""
    while number:
        number, rest = divmod(number, 62)
        digits = _DIGITS[rest] + digits
    return full(PREFIXES[kind] + "Qy" + digits.rjust(10, "0"))


def full(short: str) -> str:
    """The 18-character form of a 15-character id: each last letter says which of five are upper-case."""
    check = ""
    for start in (0, 5, 10):
        bits = sum(1 << at for at, letter in enumerate(short[start : start + 5]) if "A" <= letter <= "Z")
        check += _CHECK[bits]
    return short[:15] + check


def known(given: str) -> str | None:
    """An id in its 18-character form; None for what cannot be one."""
    if len(given) == 15 and given.isalnum():
        return full(given)
    return given if len(given) == 18 and given.isalnum() else None


def kind_of(record_id: str) -> str | None:
    """The object an id belongs to, by its first three characters."""
    return next((kind for kind, prefix in PREFIXES.items() if record_id.startswith(prefix)), None)
