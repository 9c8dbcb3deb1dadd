"""Keeping accounts out of scoring and delivery, from a terminal."""

from datetime import date
from typing import Any

from usage_pipeline.defs.place import Opened
from usage_pipeline.errors import Rejected
from usage_pipeline.ledger import suppressing
from usage_pipeline.sources import catalogue as sources


def suppress(place: Opened, account: str, *, until: date | None, reason: str | None, asked_by: str) -> None:
    """Keep the account out from the next morning on; `Rejected` where nobody knows it."""
    accounts = place.lake.read(sources.ACCOUNT)
    known = place.lake.backend.to_pyarrow(accounts.filter(accounts.account_id == account).count()).as_py()
    if not known:
        raise Rejected(
            f"there is no account {account}", fix="give the product's account id, as in the table sources/account"
        )
    with suppressing.opened(place.settings.ledger) as engine:
        suppressing.suppress(engine, account, until=until, reason=reason, asked_by=asked_by, at=place.now())


def lift(place: Opened, account: str) -> bool:
    """Let the account in again; False where it was not out."""
    with suppressing.opened(place.settings.ledger) as engine:
        return suppressing.lift(engine, account)


def listed(place: Opened) -> list[dict[str, Any]]:
    """Every suppression, by account."""
    with suppressing.opened(place.settings.ledger) as engine:
        return suppressing.listed(engine)
