"""What the answer to a message means, whoever gave it."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from usage_pipeline.crm.calling import Wait
from usage_pipeline.crm.rejections import BudgetSpent, Cause, Refused, Rejection

# A delivery waits so long for one message; who asks for more gets the rest at the next delivery.
LONGEST_WAIT_S = 60.0
# Request Timeout, Too Early, Too Many Requests: said before the message was taken in.
NOT_BEGUN = frozenset({408, 425, 429})


def waiting(response: requests.Response, host: str, now: Callable[[], datetime]) -> Wait | None:
    """After how long to ask again; None where the answer is no passing failure.

    `BudgetSpent` where the other side asks for more patience than a delivery has.
    """
    status = response.status_code
    if status not in NOT_BEGUN and status < 500:
        return None
    seconds = retry_after(response, now)
    if seconds is not None and seconds > LONGEST_WAIT_S:
        raise BudgetSpent(f"{host} answered {status} and asks to wait {seconds:,.0f} s")
    return Wait(f"{host} answered {status}", seconds, may_have_happened=status not in NOT_BEGUN)


def retry_after(response: requests.Response, now: Callable[[], datetime]) -> float | None:
    """Seconds that the other side asks to wait, given as a number or as a date (RFC 9110, 10.2.3)."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return max(0.0, (until - now()).total_seconds())


def refused(status: int, detail: str, setting: str) -> Refused:
    """The typed rejection of a status that waiting does not change."""
    cause, fix, concerns_all = _MEANINGS.get(
        status,
        (Cause.SCHEMA, "see what the receiver has against this message; it is sent again by the next delivery", False),
    )
    if 300 <= status < 400:
        cause, fix, concerns_all = Cause.IDENTITY, "set {setting} to where it leads: redirects are not followed", True
    return Refused(Rejection(cause, detail, fix.format(setting=setting)), status=status, concerns_all=concerns_all)


_PERMISSION = (Cause.PERMISSION, "see whether {setting} and the secret are still the ones the receiver knows", True)
_ADDRESS = (Cause.IDENTITY, "nobody takes messages there: set {setting} to where they are wanted", True)
_MEANINGS = {401: _PERMISSION, 403: _PERMISSION, 404: _ADDRESS, 405: _ADDRESS, 410: _ADDRESS}
