"""Associations that a read does not see yet: the vendor promises nothing of reading after writing (CRM_APIS 8.5).

The lag is counted in reads, so that tests need no time to pass.
"""

from typing import Any

from usage_pipeline.sandbox.store import Store

# Kept among the settings, as the clock is: it belongs to the state and is no choice of anybody.
_WAITING = "hubspot_associations_unseen"


def hide(store: Store, first: int, second: int) -> None:
    """A new association stays out of sight for the next reads."""
    reads = store.setting("hubspot_association_lag")
    is_new = not store.row("SELECT 1 FROM hs_association WHERE from_id = ? AND to_id = ?", first, second)
    if reads and is_new:
        store.set(_WAITING, [*_waiting(store), [first, second, reads]])


def read_begins(store: Store) -> None:
    """One more read; what has been hidden from enough of them is seen."""
    waiting = _waiting(store)
    if waiting:
        store.set(_WAITING, [[first, second, left - 1] for first, second, left in waiting if left >= 0])


def unseen(store: Store, record: int) -> set[int]:
    """Records whose association with this one is not seen yet."""
    pairs = [(first, second) for first, second, left in _waiting(store) if left >= 0]
    return {other for pair in pairs if record in pair for other in pair if other != record}


def _waiting(store: Store) -> list[Any]:
    waiting: list[Any] = store.setting(_WAITING) or []
    return waiting
